"""Whose phone is this? The owner posterior of a phone over visitors and nobody, and what the caller id says.

The phone of one person is one piece of evidence, however often it calls: the posterior starts even from the
first call's race, later calls multiply in only what they add, and what each later call adds is measured
against the same person simply ringing again. All ratios are against nobody, logarithms are log2, rates are
calls per second.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from matching.rules.curves import Decay, Floats
from matching.rules.facts import CallFacts, EarlierCall, FormPhone, PhoneHistory

NOBODY = None
"""The key of "nobody from the site" in a posterior."""

Owners = dict[str | None, float]


_SHARES = (
    "rho",
    "unseen",
    "elsewhere",
    "form",
    "decision",
    "withheld_visitor",
    "withheld_nobody",
    "other_number",
    "same_region",
    "same_region_phone",
    "moved_near",
    "local",
    "other_region",
)


@dataclass(frozen=True, kw_only=True)
class PhoneParams:
    """What the model holds about phones; all but the two decays and the table are probabilities.

    ``rho``: a person calls from their own phone. ``unseen``: a phone met before is used by one given visitor who was
    no candidate when it was met (their own number under another cookie). ``elsewhere``: a visitor rings a number
    that, as far as is known, they were never shown. ``form`` and ``decision``: how far a phone left in a form and a
    staff decision are trusted. ``withheld_visitor`` and ``withheld_nobody``: who calls withholds the number.
    ``redial_visitor`` and ``redial_nobody``: intensity (calls per second) of the owner of a phone ringing again, by
    seconds since its last call, for owners who are visitors and for others; ``other_number``: share of the latter
    that ring another number of the site. ``same_region``: an area code is kept from the region its owner browses from
    (``same_region_phone``: browsing on a phone, whose network may say another region); otherwise it is of a region
    near the site's visitors with ``moved_near``, else anywhere. ``local``: nobody's callers live where the visitors
    do. ``regions``: share of people by region, ``other_region`` where the table has no entry.
    """

    rho: float
    unseen: float
    elsewhere: float
    form: float
    decision: float
    withheld_visitor: float
    withheld_nobody: float
    redial_visitor: Decay
    redial_nobody: Decay
    other_number: float
    same_region: float
    same_region_phone: float
    moved_near: float
    local: float
    regions: Mapping[str, float]
    other_region: float

    def __post_init__(self) -> None:
        wrong = [name for name in _SHARES if not 0.0 < getattr(self, name) < 1.0]
        wrong += [f"regions.{name}" for name, share in self.regions.items() if not 0.0 < share < 1.0]
        if wrong:
            raise ValueError(f"must lie strictly between 0 and 1: {', '.join(wrong)}")

    def as_json(self) -> dict[str, Any]:
        """Return the plain values a model file holds."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in _SHARES}
        return plain | {
            "redial_visitor": self.redial_visitor.as_json(),
            "redial_nobody": self.redial_nobody.as_json(),
            "regions": dict(self.regions),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PhoneParams":
        """Read what ``as_json`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            **{name: float(data[name]) for name in _SHARES},
            redial_visitor=Decay.from_json(data["redial_visitor"]),
            redial_nobody=Decay.from_json(data["redial_nobody"]),
            regions={str(name): float(share) for name, share in data["regions"].items()},
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
    shown: dict[str, set[str]] = {}
    for fact in sorted(facts, key=_order):
        if isinstance(fact, FormPhone):
            if fact.visitor in left_by:
                continue  # saying it twice is saying it once
            left_by.append(fact.visitor)
            posterior = _believe(posterior or {NOBODY: 1.0}, tuple(left_by), params.form)
        elif not posterior:
            posterior = _share({NOBODY: 0.0} | dict(fact.races))
        else:
            away = [v for v, numbers in shown.items() if fact.number and fact.number not in numbers]
            posterior = _multiply(posterior, fact.races, params, away)
        if isinstance(fact, EarlierCall):
            for visitor in fact.races:
                shown.setdefault(visitor, set()).add(fact.number)
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


def _multiply(posterior: Owners, races: Mapping[str, float], params: PhoneParams, away: Collection[str]) -> Owners:
    """Multiply a later call's factors in; ``away`` are visitors who were never shown the number it rang.

    A visitor not met before starts from ``unseen``.
    """
    logs = {owner: math.log2(max(share, 1e-300)) for owner, share in posterior.items()}
    start, absent = math.log2(params.unseen), math.log2(params.elsewhere)
    for visitor in away:
        if visitor in logs and visitor not in races:
            logs[visitor] += absent
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


def redials(history: PhoneHistory, call: CallFacts, params: PhoneParams) -> tuple[float, float]:
    """Return the calls per second at which the phone rings again, if its owner is a visitor and if they are not.

    Only a phone that rang before rings again; of one that was only left in a form, the little that remains for ever.
    Somebody who is no visitor rings the same number they had, and others only as a dialler does.
    """
    if not history.calls:
        return params.redial_visitor.floor, params.redial_nobody.floor
    last = max(history.calls, key=lambda met: (met.at, met.number))
    since = max((call.at - last.at).total_seconds(), 0.0)
    visitor, nobody = (float(decay.at(since)[0]) for decay in (params.redial_visitor, params.redial_nobody))
    same = not call.number or not last.number or call.number == last.number
    return visitor, nobody * (1.0 - params.other_number if same else params.other_number)


def region_factors(call: CallFacts, regions: list[str | None], phones: list[bool], params: PhoneParams) -> Floats:
    """Return log2 of P(area code | visitor's region) / P(area code | nobody), one per visitor.

    ``phones`` says who browsed on a phone. 0 where the region of the caller or of the visitor is unknown.
    """
    if call.caller is None or call.caller_region is None:
        return np.zeros(len(regions))
    same = [None if region is None else region == call.caller_region for region in regions]
    if not any(known is not None for known in same):
        return np.zeros(len(regions))
    table = {
        (fits, phone): region_factor(call.caller_region, call.region_share, fits, phone, params)
        for fits in (True, False)
        for phone in (True, False)
    }
    return np.asarray(
        [0.0 if fits is None else table[fits, phone] for fits, phone in zip(same, phones, strict=True)],
        dtype=np.float64,
    )


def region_factor(region: str, near: float | None, fits: bool, phone: bool, params: PhoneParams) -> float:
    """Return log2 of P(area code of ``region`` | a visitor) / P(… | nobody).

    People keep numbers from elsewhere: an area code is of the visitor's own region with ``same_region``, otherwise of
    one near the site's visitors (whose share there is ``near``) or anybody's. Nobody's callers live where the
    visitors do with probability ``local``, and otherwise anywhere.
    """
    anywhere = params.regions.get(region, params.other_region)
    there = anywhere if near is None else min(max(near, 0.0), 1.0)
    stay = params.same_region_phone if phone else params.same_region
    moved = params.moved_near * there + (1.0 - params.moved_near) * anywhere
    return math.log2((stay * fits + (1.0 - stay) * moved) / nobody_there(region, near, params))


def nobody_there(region: str, near: float | None, params: PhoneParams) -> float:
    """Return the probability that a caller who is nobody from the site has an area code of ``region``."""
    anywhere = params.regions.get(region, params.other_region)
    there = anywhere if near is None else min(max(near, 0.0), 1.0)
    return params.local * there + (1.0 - params.local) * anywhere


def known_phone_factors(
    visitor_log: Floats,
    background_log: float,
    redial: tuple[float, float],
    own: Floats,
    params: PhoneParams,
) -> Floats:
    """Return log2 of each candidate's rate against nobody's rate, for a call from a phone met before.

    ``visitor_log`` and ``background_log`` are log2 intensities for this call, ``own`` is P(owner = candidate).
    Candidate: rho P(owner) (own intensity + redial) + (1 - rho) unseen own. Nobody: the same person rings again
    without being a candidate; that is one person's intensity (``redial``), not the whole background's, plus the
    background's chance to hit upon this phone. Visitors of earlier calls who are not candidates now are nobody.
    """
    none = max(1.0 - float(own.sum()), 0.0)
    by_visitor, by_nobody = math.log2(redial[0]), math.log2(redial[1])
    with np.errstate(divide="ignore"):
        owned = np.log2(params.rho * own) + np.logaddexp2(visitor_log, by_visitor)
        nobody = float(np.log2(params.rho * none)) + by_nobody
    stranger = math.log2((1.0 - params.rho) * params.unseen)
    above = np.logaddexp2(owned, stranger + visitor_log)
    below = float(np.logaddexp2(nobody, stranger + background_log))
    return np.asarray(above - below, dtype=np.float64)
