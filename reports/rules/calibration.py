"""The rules of the calibration page, which asks whether the percentages mean what they say.

Only what was learnt after an answer was given can judge it, and how it was learnt decides what it can judge:

- *staff* looked at the call and said who it was. They look at doubtful ones more often, which the likelihood
  has in it already, and at wrong ones more often, which it has not.
- a *form* with the caller's phone came later, so it was somebody from the site. Judged is therefore whom the model
  held likeliest among the visitors, with likelihood ÷ (1 − none): its likelihood given that a visitor called.
- *spam* was marked, so it was nobody. That is known of the calls that were nobody's and of no other, so it shows how
  often the model had seen it, but cannot judge a percentage; it is left out wherever percentages are judged.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

import numpy as np

from reports.rules.chance import (
    Flags,
    Floats,
    calibration_error,
    equal_mass_bins,
    error_by_chance,
    share_interval,
    surprise,
)

ENOUGH = 20
"""Fewer answers with a proof than this prove nothing either way."""
ALARM_WEEKS = 4
FALSE_ALARMS = 0.01
"""How often the alarm may go off though the percentages hold: in at most so many of all looks."""

Key = TypeVar("Key", bound=Hashable)


class Proof(StrEnum):
    """How it was learnt, after the answer was given, who really called; the strongest first."""

    STAFF = "staff"
    FORM = "form"
    SPAM = "spam"


JUDGING = (Proof.STAFF, Proof.FORM)
"""Kinds of proof that a percentage may be held against."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The model's first answer to a call, and what became of it.

    `stated` is the likelihood (0 to 1) of that answer, `day` the call's local day, `version` the model that gave it,
    `user_id` who decided where the proof is staff's.
    """

    call_id: str
    day: date
    proof: Proof
    stated: float
    right: bool
    source_id: str
    version: str | None
    user_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Answers together: how many of them were right, how many were promised (the sum of what was stated).

    `low` and `high` bound the share of right ones (90 % interval).
    """

    calls: int
    right: int
    promised: float
    low: float
    high: float

    @property
    def stated(self) -> float | None:
        """The mean likelihood that was stated; None where there is no answer."""
        return self.promised / self.calls if self.calls else None

    @property
    def share(self) -> float | None:
        """The share of right answers; None where there is no answer."""
        return self.right / self.calls if self.calls else None

    @property
    def wrong(self) -> int:
        """How many answers were not right."""
        return self.calls - self.right

    @property
    def holds(self) -> bool | None:
        """Whether what was stated lies in the interval of what was right; None where too few answers tell."""
        if self.calls < ENOUGH or self.stated is None:
            return None
        return self.low <= self.stated <= self.high


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """Answers stated with a likelihood from `low` to `high`, both of them stated ones."""

    low: float
    high: float
    tally: Tally


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """Answers in bands of about equal size. `error` is the expected calibration error.

    `by_chance` is what it stays below in 95 of 100 cases if the percentages hold. Without ENOUGH answers, or for
    a proof that cannot judge them, there are no bands, and both are None.
    """

    tally: Tally
    bands: tuple[Band, ...]
    error: float | None
    by_chance: float | None

    @property
    def holds(self) -> bool | None:
        """Whether the error is no more than chance explains; None where too few answers tell."""
        return None if self.error is None or self.by_chance is None else self.error <= self.by_chance


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """The answers to calls of one local week, which begins on this Monday."""

    begins: date
    tally: Tally


@dataclass(frozen=True, kw_only=True, slots=True)
class Slip:
    """The last ALARM_WEEKS weeks. `surprise`: how improbable they are if the percentages hold (0 to 1)."""

    tally: Tally
    surprise: float

    @property
    def alarm(self) -> bool:
        """Whether to be alarmed: wrongly so in at most FALSE_ALARMS of all looks."""
        return self.tally.calls >= ENOUGH and self.surprise < FALSE_ALARMS


def tally(answers: Sequence[Judged]) -> Tally:
    """Counts answers."""
    right = sum(1 for a in answers if a.right)
    low, high = share_interval(right, len(answers))
    return Tally(calls=len(answers), right=right, promised=float(_stated(answers).sum()), low=low, high=high)


def pooled(answers: Sequence[Judged]) -> tuple[Judged, ...]:
    """One answer per call, by its strongest proof, of the kinds that can judge a percentage."""
    best: dict[str, Judged] = {}
    for answer in answers:
        held = best.get(answer.call_id)
        if answer.proof in JUDGING and (held is None or JUDGING.index(answer.proof) < JUDGING.index(held.proof)):
            best[answer.call_id] = answer
    return tuple(best.values())


def reliability(answers: Sequence[Judged]) -> Reliability:
    """Holds what was stated against what was right, in bands (Murphy and Winkler 1977, with equal masses).

    Answers with a proof that cannot judge a percentage are only counted.
    """
    together = tally(answers)
    if together.calls < ENOUGH or any(a.proof not in JUDGING for a in answers):
        return Reliability(tally=together, bands=(), error=None, by_chance=None)
    stated, right = _stated(answers), _right(answers)
    bins = equal_mass_bins(stated)
    bands = []
    for place in range(int(bins.max()) + 1):
        held = [a for a, own in zip(answers, bins, strict=True) if own == place]
        values = [a.stated for a in held]
        bands.append(Band(low=min(values), high=max(values), tally=tally(held)))
    return Reliability(
        tally=together,
        bands=tuple(bands),
        error=calibration_error(stated, right, bins),
        by_chance=error_by_chance(stated, bins),
    )


def weeks(answers: Sequence[Judged]) -> tuple[Week, ...]:
    """The answers by local week, oldest first; weeks without any are left out."""
    found = grouped(answers, lambda a: a.day - timedelta(days=a.day.weekday()))
    return tuple(Week(begins=begins, tally=tally(found[begins])) for begins in sorted(found))


def slip(answers: Sequence[Judged]) -> Slip:
    """Whether these answers, those of the last weeks, are further from what was stated than chance explains."""
    together = tally(answers)
    return Slip(tally=together, surprise=surprise(_stated(answers), together.right))


def grouped(answers: Sequence[Judged], key: Callable[[Judged], Key]) -> dict[Key, list[Judged]]:
    """Answers by a key, in their order."""
    found: dict[Key, list[Judged]] = {}
    for answer in answers:
        found.setdefault(key(answer), []).append(answer)
    return found


def _stated(answers: Sequence[Judged]) -> Floats:
    return np.array([a.stated for a in answers], dtype=np.float64)


def _right(answers: Sequence[Judged]) -> Flags:
    return np.array([a.right for a in answers], dtype=np.bool_)
