"""Lets a fit come to rest: how much of the calls is nobody's, and how much comes late, converges last.

Calls by people who left long ago and calls by nobody look alike, so expectation–maximisation creeps along what tells
them apart. Here the same objective is followed to its end in that plane alone: one level per range of delay and one
for nobody, all else held. The sums it needs are few, so a hundred rounds cost less than one of the full ones.
"""

from dataclasses import replace

import numpy as np

from matching.rules.cells import DELAY_EDGES, Ints, delay_bins_of
from matching.rules.curves import Floats, sums
from matching.rules.expect import Batch, Expected, caller_id, intensity
from matching.rules.exposed import Exposed, foreseen_calls
from matching.rules.features import DELAY, FEATURES
from matching.rules.lessons import Lessons
from matching.rules.model import LikelihoodModel
from matching.rules.spread import Spread

LN2 = float(np.log(2.0))
_RANGES = np.asarray([600.0, 8 * 3600.0, 3 * 86_400.0])
"""Seconds that part the ranges of delay."""
_ROUNDS = 60


def balance(
    lessons: Lessons,
    batch: Batch,
    exposed: Exposed,
    found: Expected,
    model: LikelihoodModel,
    *,
    prior: LikelihoodModel,
    spread: Spread,
) -> LikelihoodModel:
    """Return the model with the levels of its ranges of delay, and nobody's, where the objective is highest.

    ``found`` are the posteriors before; calls that staff decided on and repeat calls count as they say.
    """
    groups = len(_RANGES) + 1
    open_calls = ~batch.known & np.asarray([c.call not in batch.decisions for c in batch.calls], dtype=bool)
    mass, burst = _mass(batch, model, open_calls, groups)
    weight = batch.weights[open_calls]
    settled = ~open_calls
    counted = _settled(batch, found, settled, groups)
    by_source = np.asarray([model.sources.get(name, 0.0) for name in lessons.sources] + [0.0])
    place = np.minimum(exposed.source, len(by_source) - 1)
    rates = np.exp2(exposed.features @ np.asarray(model.weights) + by_source[place])
    spent = np.bincount(
        _range_of_bins(exposed.delay), exposed.by_row(np.asarray(model.hours)) * rates, minlength=groups
    )
    learnt = model.background
    nobody = sum(
        calls * 2.0 ** (learnt.sources.get(lessons.numbers[n][0], 0.0) + learnt.numbers.get(n, 0.0))
        for n, calls in foreseen_calls(lessons, batch, model, model).items()
    )
    volume = np.append(spent, nobody)
    moved = _follow(mass, burst, weight, counted, volume, *_belief(model, prior, spread, groups))
    by_range = _knots() @ moved[:groups]
    weights = np.asarray(model.weights)
    weights[: len(DELAY.seconds)] += by_range
    factor = float(2.0 ** moved[groups])
    return replace(
        model,
        weights=tuple(float(w) for w in weights),
        background=replace(learnt, calls_per_day={kind: rate * factor for kind, rate in learnt.calls_per_day.items()}),
    )


def _mass(batch: Batch, model: LikelihoodModel, open_calls: Ints, groups: int) -> tuple[Floats, Floats]:
    """Per open call the visitors' intensity by range against nobody's plain one, and a burst's against it."""
    terms = [model.background_terms(call.facts) for call in batch.calls]
    idle = np.asarray([sum(v for k, v in t.items() if k != "robocall_burst") for t in terms])
    burst = np.exp2(np.asarray([t["robocall_burst"] for t in terms])) - 1.0
    score = intensity(batch, model) + caller_id(batch, model) - idle[batch.owner]
    key = batch.owner * groups + _range_of_bins(delay_bins_of(batch.cells))
    mass = sums(key, np.exp2(np.minimum(score, 200.0)), len(batch.calls) * groups)
    return mass.reshape(-1, groups)[open_calls], burst[open_calls]


def _settled(batch: Batch, found: Expected, settled: Ints, groups: int) -> Floats:
    """Calls whose posteriors are held: by range of delay, and nobody's."""
    rows = settled[batch.owner]
    share = (found.fresh * batch.weights[batch.owner])[rows]
    counted = np.bincount(_range_of_bins(delay_bins_of(batch.cells[rows])), share, minlength=groups)
    return np.append(counted, float((found.idle * batch.weights)[settled].sum()))


def _belief(model: LikelihoodModel, prior: LikelihoodModel, spread: Spread, groups: int) -> tuple[Floats, Floats]:
    """Gradient at the model, and curvature, of the prior over the levels (its precision, seen in their plane)."""
    width = len(FEATURES)
    plane = np.zeros((width + 1, groups + 1))
    plane[: len(DELAY.seconds), :groups] = _knots()
    plane[width, groups] = 1.0
    apart = np.append(
        np.asarray(model.weights) - np.asarray(prior.weights),
        np.log2(model.background.rate("pool") / prior.background.rate("pool")),
    )
    covariance = spread.weights @ spread.weights.T
    precise = np.linalg.solve(covariance + 1e-6 * np.eye(width + 1), np.column_stack([plane, apart]))
    return plane.T @ precise[:, -1], plane.T @ precise[:, :-1]


def _follow(
    mass: Floats, burst: Floats, weight: Floats, counted: Floats, volume: Floats, pull: Floats, stiffness: Floats
) -> Floats:
    """EM over the levels (log2), each M-step by Newton's method."""
    moved = np.zeros(len(volume))
    for _ in range(_ROUNDS):
        factors = np.exp2(moved)
        visitors, nobody = mass * factors[:-1], np.full(len(mass), factors[-1])
        share = weight / (visitors.sum(axis=1) + nobody + burst)
        calls = counted + np.append((visitors * share[:, None]).sum(axis=0), (nobody * share).sum())
        before = moved
        for _ in range(3):
            expected = volume * np.exp2(moved)
            gradient = LN2 * (calls - expected) - pull - stiffness @ moved
            curvature = np.diag(LN2 * LN2 * np.maximum(expected, 1e-6)) + stiffness
            moved = np.clip(moved + np.clip(np.linalg.solve(curvature, gradient), -1.0, 1.0), -8.0, 8.0)
        if np.abs(moved - before).max() < 1e-5:
            break
    return moved


def _knots() -> Floats:
    """Which range each knot of the delay belongs to, one-hot, shape (knots, ranges)."""
    return np.eye(len(_RANGES) + 1)[np.searchsorted(_RANGES, np.asarray(DELAY.seconds), side="right")]


def _range_of_bins(bins: Ints) -> Ints:
    return np.asarray(np.searchsorted(_RANGES, DELAY_EDGES[bins], side="right"), dtype=np.int64)
