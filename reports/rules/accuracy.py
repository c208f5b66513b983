"""The rules of the accuracy report: what calls say of a source, and whether likelihoods mean what they say.

Likelihoods are probabilities from 0 to 1.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

BINS = 10
EDGES: tuple[float, ...] = tuple(i / BINS for i in range(BINS + 1))
"""Bounds of the calibration's bins; each takes its lower bound, the last one both."""


class CallOutcome(NamedTuple):
    """One call as the report sees it. A tuple, because there are many.

    `likelihood` is what the model gave its best candidate, None where it said nobody; `none` what it gave nobody.
    `decided`: staff have spoken; `agreed`: they chose what the model had chosen.
    """

    source: str
    number: str
    likelihood: float | None
    none: float
    decided: bool
    agreed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CallFigures:
    """What a set of calls says. The mean and the share are over calls the model matched; None where there are none."""

    calls: int
    matches: int
    mean_likelihood: float | None
    share_above_target: float | None
    overridden: int
    agreed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Achieved:
    """What the answers to all calls came to, comparable with what a curve of numbers expects; None without calls.

    `likelihood` is the mean likelihood of the answer, a visitor or nobody; `sure` the share of calls with a sure match.
    """

    calls: int
    likelihood: float | None
    sure: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationBin:
    """Model matches with a likelihood in [`likelihood_from`, `likelihood_to`) (the last bin takes 1, too).

    `confirmed` are those that staff decided, `right` those where they agreed with the model: `right ÷ confirmed`
    should be near `confirmed_mean_likelihood`.
    """

    likelihood_from: float
    likelihood_to: float
    matches: int
    mean_likelihood: float | None
    confirmed: int
    confirmed_mean_likelihood: float | None
    right: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """The ten bins of matches, all of them together, and the calls that the model gave to nobody.

    In `nobody` the likelihood is the one of nobody.
    """

    bins: tuple[CalibrationBin, ...]
    total: CalibrationBin
    nobody: CalibrationBin


def call_figures(outcomes: Sequence[CallOutcome], target: float) -> CallFigures:
    """Sums up calls; `target` is the likelihood from which the site calls a match good enough."""
    likelihoods = [o.likelihood for o in outcomes if o.likelihood is not None]
    above = sum(1 for likelihood in likelihoods if likelihood >= target)
    return CallFigures(
        calls=len(outcomes),
        matches=len(likelihoods),
        mean_likelihood=_mean(likelihoods),
        share_above_target=above / len(likelihoods) if likelihoods else None,
        overridden=sum(1 for o in outcomes if o.decided),
        agreed=sum(1 for o in outcomes if o.decided and o.agreed),
    )


def achieved(outcomes: Sequence[CallOutcome], sure_from: float) -> Achieved:
    """Sums up the answers; from the likelihood `sure_from` on the site calls a match sure."""
    given = [o.none if o.likelihood is None else o.likelihood for o in outcomes]
    sure = sum(1 for o in outcomes if o.likelihood is not None and o.likelihood >= sure_from)
    return Achieved(calls=len(given), likelihood=_mean(given), sure=sure / len(given) if given else None)


def calibration(outcomes: Sequence[CallOutcome]) -> Calibration:
    """Sorts the model's matches by likelihood into bins and holds them against what staff said.

    Source: the reliability diagram of Murphy and Winkler (1977), equal widths.
    """
    bins, total, nobody = [_Held() for _ in range(BINS)], _Held(), _Held()
    for outcome in outcomes:
        likelihood = outcome.likelihood
        if likelihood is None:
            nobody.add(outcome.none, outcome)
            continue
        # A search, not a multiplication: 0.7 × 10 is not 7 in binary.
        bins[min(max(bisect_right(EDGES, likelihood) - 1, 0), BINS - 1)].add(likelihood, outcome)
        total.add(likelihood, outcome)
    return Calibration(
        bins=tuple(held.bin(EDGES[i], EDGES[i + 1]) for i, held in enumerate(bins)),
        total=total.bin(0.0, 1.0),
        nobody=nobody.bin(0.0, 1.0),
    )


class _Held:
    """What fell into a bin. Only what staff decided is kept whole: it is little, and calls are many."""

    __slots__ = ("decided", "likelihoods")

    def __init__(self) -> None:
        self.likelihoods: list[float] = []
        self.decided: list[tuple[float, bool]] = []

    def add(self, likelihood: float, outcome: CallOutcome) -> None:
        self.likelihoods.append(likelihood)
        if outcome.decided:
            self.decided.append((likelihood, outcome.agreed))

    def bin(self, low: float, high: float) -> CalibrationBin:
        return CalibrationBin(
            likelihood_from=low,
            likelihood_to=high,
            matches=len(self.likelihoods),
            mean_likelihood=_mean(self.likelihoods),
            confirmed=len(self.decided),
            confirmed_mean_likelihood=_mean([likelihood for likelihood, _ in self.decided]),
            right=sum(1 for _, agreed in self.decided if agreed),
        )


def _mean(values: Sequence[float]) -> float | None:
    # fsum: the mean of equal values must not leave their range by a rounding.
    return math.fsum(values) / len(values) if values else None
