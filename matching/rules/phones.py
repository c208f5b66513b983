"""Whose phone is this? The owner posterior of a phone over visitors and nobody, and what the caller id says.

The phone of one person is one piece of evidence, however often it calls: the posterior starts even from the
first call's race, later calls multiply in only what they add, and what each later call adds is measured
against the same person simply ringing again. All ratios are against nobody, logarithms are log2, rates are
calls per second.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from matching.rules.curves import Decay, Floats
from matching.rules.facts import CallFacts, EarlierCall, FormPhone, PhoneHistory

NOBODY = None
"""The key of "nobody from the site" in a posterior."""

Owners = dict[str | None, float]


@dataclass(frozen=True, kw_only=True)
class PhoneParams:
    """What the model holds about phones.

    ``rho``: probability that a person calls from their own phone. ``unseen``: probability that a phone met
    before is used by one given visitor who was no candidate when it was met (their own number under another
    cookie). ``form`` and ``decision``: how far a phone left in a form and a staff decision are trusted.
    ``redial``: intensity (calls per second) of the owner of a phone ringing again, by seconds since the phone
    was last met. ``same_region``: probability that an area code lies in the region its owner browses from;
    ``local``: share of nobody's callers who live where the visitors do; ``regions``: share of people by
    region, ``other_region`` where the table has no entry.
    """

    rho: float
    unseen: float
    form: float
    decision: float
    redial: Decay
    same_region: float
    local: float
    regions: Mapping[str, float]
    other_region: float

    def __post_init__(self) -> None:
        names = ("rho", "unseen", "form", "decision", "same_region", "local", "other_region")
        wrong = [name for name in names if not 0.0 < getattr(self, name) < 1.0]
        wrong += [f"regions.{name}" for name, share in self.regions.items() if not 0.0 < share < 1.0]
        if wrong:
            raise ValueError(f"must lie strictly between 0 and 1: {', '.join(wrong)}")

    def as_json(self) -> dict[str, Any]:
        """Return the plain values a model file holds."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return plain | {"redial": self.redial.as_json(), "regions": dict(self.regions)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PhoneParams":
        """Read what ``as_json`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            rho=float(data["rho"]),
            unseen=float(data["unseen"]),
            form=float(data["form"]),
            decision=float(data["decision"]),
            redial=Decay.from_json(data["redial"]),
            same_region=float(data["same_region"]),
            local=float(data["local"]),
            regions={str(name): float(share) for name, share in data["regions"].items()},
            other_region=float(data["other_region"]),
        )


def owners(history: PhoneHistory, params: PhoneParams) -> Owners:
    """Return P(owner of the phone = visitor), with nobody under None; sums to 1.

    Empty for a phone that is new, withheld or shared: those have no posterior. Calls and forms multiply in by
    time; staff decisions are heard last, since they were made looking at the rest, the latest of them
    outranking the earlier.
    """
    if not history.known:
        return {}
    facts: list[EarlierCall | FormPhone] = [*history.calls, *history.forms]
    posterior: Owners = {}
    left_by: list[str] = []
    for fact in sorted(facts, key=_order):
        if isinstance(fact, FormPhone):
            if fact.visitor in left_by:
                continue  # saying it twice is saying it once
            left_by.append(fact.visitor)
            posterior = _believe(posterior or {NOBODY: 1.0}, tuple(left_by), params.form)
        elif not posterior:
            posterior = _share({NOBODY: 0.0} | dict(fact.races))
        else:
            posterior = _multiply(posterior, fact.races, params.unseen)
    for call in sorted((call for call in history.calls if call.decision is not None), key=_order):
        assert call.decision is not None
        posterior = _believe(posterior, (call.decision.visitor,), params.decision)
    return posterior


def _order(fact: EarlierCall | FormPhone) -> tuple[datetime, bool, str]:
    """By time; a form of the same moment before the call; ties by visitor, so that input order never matters."""
    form = isinstance(fact, FormPhone)
    return fact.at, not form, fact.visitor if isinstance(fact, FormPhone) else ""


def _share(logs: Owners) -> Owners:
    """Turn log2 weights into probabilities (log-sum-exp)."""
    top = max(logs.values())
    weights = {owner: 2.0 ** max(log - top, -1000.0) for owner, log in logs.items()}
    total = sum(weights.values())
    return {owner: weight / total for owner, weight in weights.items()}


def _multiply(posterior: Owners, races: Mapping[str, float], unseen: float) -> Owners:
    """Multiply a later call's factors in; a visitor not met before starts from ``unseen``."""
    logs = {owner: math.log2(max(share, 1e-300)) for owner, share in posterior.items()}
    start = math.log2(unseen)
    for visitor, race in races.items():
        logs[visitor] = logs.get(visitor, start) + race
    return _share(logs)


def _believe(posterior: Owners, named: tuple[str | None, ...], trust: float) -> Owners:
    """Hear a witness who names the owner (several names: one person under several cookies).

    The witness knows more than the race, so the named hold at least ``trust``; where the race agreed already,
    the two add up by Bayes' rule. The rest keeps its proportions.
    """
    before = sum(posterior.get(owner, 0.0) for owner in named)
    agreed = before * trust / (before * trust + (1.0 - before) * (1.0 - trust))
    # Nobody is infallible: agreement upon agreement stops here, so that later calls can still be heard.
    held = min(max(trust, agreed), 1.0 - 1e-6)
    rest = {owner: share for owner, share in posterior.items() if owner not in named}
    rest = {owner: share for owner, share in rest.items() if share > 0.0} or ({} if NOBODY in named else {NOBODY: 1.0})
    total = sum(rest.values())
    if not rest:  # nobody was named and nobody else was ever thought of
        return {NOBODY: 1.0}
    shares: Owners = {owner: share / total * (1.0 - held) for owner, share in rest.items()}
    return shares | {owner: held / len(named) for owner in named}


def last_met(history: PhoneHistory, at: datetime) -> float:
    """Return the seconds from the last call or form of this phone to ``at``."""
    met = [call.at for call in history.calls] + [form.at for form in history.forms]
    return (at - max(met)).total_seconds()


def region_factors(call: CallFacts, regions: list[str | None], params: PhoneParams) -> Floats:
    """Return log2 of P(area code | visitor's region) / P(area code | nobody), one per visitor.

    0 where the region of the caller or of the visitor is unknown. People keep numbers from elsewhere, so an
    area code is the visitor's own with ``same_region`` and otherwise anybody's; nobody's callers live where
    the visitors do with probability ``local`` and otherwise anywhere.
    """
    if call.caller is None or call.caller_region is None:
        return np.zeros(len(regions))
    anywhere = params.regions.get(call.caller_region, params.other_region)
    near = anywhere if call.region_share is None else min(max(call.region_share, 0.0), 1.0)
    stay = params.same_region
    nobody = params.local * (stay * near + (1.0 - stay) * anywhere) + (1.0 - params.local) * anywhere
    same = float(np.log2((stay + (1.0 - stay) * anywhere) / nobody))
    other = float(np.log2((1.0 - stay) * anywhere / nobody))
    known = {None: 0.0, call.caller_region: same}
    return np.asarray([known.get(region, other) for region in regions], dtype=np.float64)


def known_phone_factors(
    visitor_log: Floats,
    background_log: float,
    redial: float,
    posterior: Owners,
    visitors: list[str],
    params: PhoneParams,
) -> Floats:
    """Return log2 of each candidate's rate against nobody's rate, for a call from a phone met before.

    ``visitor_log`` and ``background_log`` are log2 intensities for this call. Candidate: rho P(owner) (own
    intensity + redial) + (1 - rho) unseen own. Nobody: the same person rings again without being a candidate;
    that is one person's intensity (``redial``), not the whole background's, plus the background's chance to
    hit upon this phone. Visitors of earlier calls who are not candidates now are nobody.
    """
    own = np.asarray([posterior.get(visitor, 0.0) for visitor in visitors], dtype=np.float64)
    none = max(1.0 - float(own.sum()), 0.0) if posterior else 1.0
    # Everything as a multiple of `redial`, so that extreme intensities stay inside floating point.
    log_redial = float(np.log2(redial))
    race = np.logaddexp2(visitor_log - log_redial, 0.0)
    with np.errstate(divide="ignore"):
        owned = np.log2(params.rho * own) + race
        nobody = np.log2(params.rho * none)
    stranger = np.log2((1.0 - params.rho) * params.unseen)
    above = np.logaddexp2(owned, stranger + visitor_log - log_redial)
    below = float(np.logaddexp2(nobody, stranger + background_log - log_redial))
    return np.asarray(above - below, dtype=np.float64)
