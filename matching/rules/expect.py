"""The E-step: who made each call, as far as a model can tell, and with what its parts had to do with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log, log2

import numpy as np

from matching.rules import phones
from matching.rules.curves import Floats
from matching.rules.facts import EarlierCall, PhoneHistory
from matching.rules.features import FEATURES
from matching.rules.habits import MAX_CALLS, MAX_CANDIDATES
from matching.rules.lessons import OTHER, SAME, CallLesson, Lessons
from matching.rules.model import LikelihoodModel

LN2 = log(2.0)


@dataclass(frozen=True, kw_only=True)
class Redial:
    """A call from a phone that rang before: seconds since, same number, and whose redialling it was (probability)."""

    since: float
    same: bool
    visitor: float
    nobody: float


@dataclass(kw_only=True)
class Expected:
    """Posteriors of all calls, flat over their rows (``starts`` as in ``Batch``).

    ``rows``: probability of each row's visitor. ``fresh``: the part of it that is a first call, made for the visit's
    sake and not a phone ringing again. ``none``: per call. ``idle``: the part of it that is the plain background.
    ``burst``: the part that a dialler's burst is. ``log_likelihood``: natural log of each call's intensity with its
    caller id.
    """

    rows: Floats
    fresh: Floats
    none: Floats
    idle: Floats
    burst: Floats
    log_likelihood: Floats
    redials: dict[int, Redial] = field(default_factory=dict)
    races: dict[str, dict[str, float]] = field(default_factory=dict)


class Batch:
    """The rows of many calls as flat arrays."""

    def __init__(self, lessons: Lessons) -> None:
        self.calls: Sequence[CallLesson] = lessons.calls
        self.decisions = lessons.decisions
        counts = np.asarray([len(c.visitors) for c in self.calls], dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        self.owner = np.repeat(np.arange(len(self.calls)), counts)
        self.features = np.concatenate(
            [c.features for c in self.calls] or [np.zeros((0, len(FEATURES)), dtype=np.float32)]
        )
        self.cells = np.concatenate([c.cells for c in self.calls] or [np.zeros(0, dtype=np.int64)])
        self.fits = np.concatenate([c.fits for c in self.calls] or [np.zeros(0, dtype=np.int8)])
        self.on_phone = np.concatenate([c.on_phone for c in self.calls] or [np.zeros(0, dtype=bool)])
        self.other_phone = np.concatenate([c.other_phone for c in self.calls] or [np.zeros(0, dtype=np.float32)])
        self.hours = np.asarray([c.hour for c in self.calls], dtype=np.int64)
        self.weights = np.asarray([lessons.weight(c.at) for c in self.calls])
        self.withheld = np.asarray([c.caller is None for c in self.calls], dtype=bool)
        self.known = np.asarray([c.known for c in self.calls], dtype=bool)

    def part(self, place: int) -> slice:
        """The rows of one call."""
        return slice(int(self.starts[place]), int(self.starts[place + 1]))


def expect(batch: Batch, model: LikelihoodModel) -> Expected:
    """Return the posteriors of a batch under a model, with what staff said taken into account."""
    rates = intensity(batch, model)
    backgrounds = [model.background_terms(c.facts) for c in batch.calls]
    idle = np.asarray([sum(v for k, v in terms.items() if k != "robocall_burst") for terms in backgrounds])
    burst = np.asarray([terms["robocall_burst"] for terms in backgrounds])
    score = rates + caller_id(batch, model)
    found = _race(batch, score, idle + burst)
    found.log_likelihood = found.log_likelihood + _of_nobody(batch, model)
    found.fresh = found.rows.copy()
    found.burst = found.none * (1.0 - np.exp2(-burst))
    found.idle = found.none - found.burst
    _phones(batch, model, rates, idle, burst, score, found)
    _hear_staff(batch, model, found)
    return found


def intensity(batch: Batch, model: LikelihoodModel) -> Floats:
    """log2 intensities of all rows."""
    weights = np.asarray(model.weights, dtype=np.float32)
    found = (batch.features @ weights).astype(np.float64)
    per_call = np.asarray([model.hours[c.hour] + model.sources.get(c.source, 0.0) for c in batch.calls])
    return np.asarray(found + per_call[batch.owner], dtype=np.float64)


def caller_id(batch: Batch, model: LikelihoodModel) -> Floats:
    """log2 of how well the caller id of a phone not met before fits each row, against nobody."""
    params = model.phones
    hidden = log2(params.withheld_visitor / params.withheld_nobody)
    shown = log2((1.0 - params.withheld_visitor) / (1.0 - params.withheld_nobody))
    found = np.where(batch.withheld, hidden, shown)[batch.owner]
    table = np.zeros((len(batch.calls), 2, 3))
    for place, call in enumerate(batch.calls):
        region = call.facts.caller_region
        if region is not None and call.caller is not None:
            for phone in (0, 1):
                for fits in (SAME, OTHER):
                    table[place, phone, fits] = phones.region_factor(
                        region, call.facts.region_share, fits == SAME, bool(phone), params
                    )
    found = found + table[batch.owner, batch.on_phone.astype(np.int64), batch.fits]
    return np.asarray(found + np.log2(1.0 - params.rho * batch.other_phone.astype(np.float64)), dtype=np.float64)


def _of_nobody(batch: Batch, model: LikelihoodModel) -> Floats:
    """Natural log of how probable each caller id is if nobody from the site calls: what ``caller_id`` is against."""
    params = model.phones
    found = np.where(batch.withheld, log(params.withheld_nobody), log(1.0 - params.withheld_nobody))
    for place, call in enumerate(batch.calls):
        region = call.facts.caller_region
        if region is not None and call.caller is not None:
            found[place] += log(phones.nobody_there(region, call.facts.region_share, params))
    return np.asarray(found, dtype=np.float64)


def _race(batch: Batch, score: Floats, nobody: Floats) -> Expected:
    """Shares of rows and nobody, call by call."""
    calls = len(batch.calls)
    top = nobody.copy()
    np.maximum.at(top, batch.owner, score)
    mass = np.exp2(score - top[batch.owner])
    total = np.exp2(nobody - top) + np.bincount(batch.owner, mass, minlength=calls)
    return Expected(
        rows=mass / total[batch.owner],
        fresh=np.zeros(0),
        none=np.exp2(nobody - top) / total,
        idle=np.zeros(0),
        burst=np.zeros(0),
        log_likelihood=(np.log2(total) + top) * LN2,
    )


def _phones(
    batch: Batch,
    model: LikelihoodModel,
    intensity: Floats,
    idle: Floats,
    burst: Floats,
    score: Floats,
    found: Expected,
) -> None:
    """Answer the calls of phones met before, each phone's calls in their order."""
    params = model.phones
    by_phone: dict[str, list[int]] = {}
    for place, call in enumerate(batch.calls):
        if call.caller is not None:
            by_phone.setdefault(call.caller, []).append(place)
    for places in by_phone.values():
        if len(places) == 1 and not batch.known[places[0]]:
            continue
        earlier: list[EarlierCall] = []
        for place in places:
            call, part = batch.calls[place], batch.part(place)
            if not call.known:
                race = score[part] - idle[place] - burst[place]
            else:
                history = PhoneHistory(calls=tuple(earlier[-MAX_CALLS:]), forms=call.forms)
                posterior = phones.owners(history, params)
                redial = phones.redials(history, call.facts, params)
                own = np.asarray([posterior.get(v, 0.0) for v in call.visitors], dtype=np.float64)
                _redial(
                    place, part, params, intensity[part], idle[place], burst[place], redial, own, earlier, found, call
                )
                race = np.logaddexp2(intensity[part], log2(redial[0])) - log2(redial[1]) - burst[place]
            top = np.argsort(-race, kind="stable")[:MAX_CANDIDATES]
            races = {call.visitors[i]: float(race[i]) for i in top}
            found.races[call.call] = races
            earlier.append(
                EarlierCall(at=call.facts.at, races=races, number=call.number, decision=batch.decisions.get(call.call))
            )


def _redial(
    place: int,
    part: slice,
    params: phones.PhoneParams,
    intensity: Floats,
    idle: float,
    burst: float,
    redial: tuple[float, float],
    own: Floats,
    earlier: Sequence[EarlierCall],
    found: Expected,
    call: CallLesson,
) -> None:
    """The posterior of one call from a phone met before (the terms of phones.known_phone_factors, kept apart)."""
    none = max(1.0 - float(own.sum()), 0.0)
    rate = np.exp2(intensity)
    stranger = (1.0 - params.rho) * params.unseen
    fresh = (params.rho * own + stranger) * rate
    again = params.rho * own * redial[0]
    more = 2.0**burst
    nobody_again = params.rho * none * redial[1] * more
    nobody_fresh = stranger * 2.0**idle * more
    total = float(fresh.sum() + again.sum() + nobody_again + nobody_fresh)
    found.rows[part] = (fresh + again) / total
    # Who has called already calls again for reasons of their own: only first calls teach what visits bring about.
    found.fresh[part] = 0.0 if earlier else fresh / total
    found.none[place] = (nobody_again + nobody_fresh) / total
    found.idle[place] = nobody_fresh / more / total
    found.burst[place] = (nobody_again + nobody_fresh) * (1.0 - 1.0 / more) / total
    found.log_likelihood[place] = log(max(total, 1e-300))
    if earlier:
        last = earlier[-1]
        found.redials[place] = Redial(
            since=max((call.facts.at - last.at).total_seconds(), 0.0),
            same=last.number == call.number,
            visitor=float(again.sum()) / total,
            nobody=nobody_again / more / total,
        )


def _hear_staff(batch: Batch, model: LikelihoodModel, found: Expected) -> None:
    """Staff's word on a call moves its posterior as a witness who is right with ``phones.decision``."""
    trust = model.phones.decision
    for place, call in enumerate(batch.calls):
        said = batch.decisions.get(call.call)
        if said is None:
            continue
        part = batch.part(place)
        named = np.asarray([v == said.visitor for v in call.visitors], dtype=bool)
        before = float(found.none[place]) if said.visitor is None else float(found.rows[part][named].sum())
        if before <= 0.0:
            continue  # staff chose somebody who was no candidate: nothing to learn about candidates
        after = max(trust, before * trust / (before * trust + (1.0 - before) * (1.0 - trust)))
        up, down = after / before, (1.0 - after) / max(1.0 - before, 1e-12)
        factors = np.where(named, up, down)
        nobody = up if said.visitor is None else down
        found.rows[part] *= factors
        found.fresh[part] *= factors
        for share in (found.none, found.idle, found.burst):
            share[place] *= nobody
        if place in found.redials:
            again = found.redials[place]
            ratio = float(found.rows[part].sum()) / max(before if said.visitor is not None else 1.0 - before, 1e-12)
            found.redials[place] = Redial(
                since=again.since,
                same=again.same,
                visitor=min(again.visitor * ratio, 1.0),
                nobody=again.nobody * nobody,
            )
