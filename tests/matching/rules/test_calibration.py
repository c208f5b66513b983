"""A stated probability is the observed share, on calls drawn from the same process by other means.

The calls are drawn as Poisson processes, one per visitor and one for nobody, without using the ranking or its
columns: each visitor rings Poisson(integral of the curve) times, at moments found by inverting that integral.
"""

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product

import numpy as np
import pytest

from matching.rules.curves import Knots
from matching.rules.features import CLICK, DELAY, FEATURES
from matching.rules.model import LikelihoodModel
from matching.rules.rank import rank
from tests.matching.rules.scenes import AT, DAY, call, candidate, flat, likelihoods, textbook

SPAN = 12 * DAY
NUMBERS = 100
VISITORS = 110
SIGMAS = 4.0


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """One call: what was said and what was so."""

    none: float
    best: float
    truth_likelihood: float
    nobody: bool
    hit: bool
    entropy: float
    latest_hit: bool


@pytest.fixture(scope="module")
def model() -> LikelihoodModel:
    """The textbook with the same hour all week, withholding telling nothing, so that the draw stays simple."""
    even = flat(textbook())
    return replace(
        even,
        background=replace(even.background, calls_per_day={"pool": 1.2, "other": 1.2}),
        phones=replace(even.phones, withheld_nobody=even.phones.withheld_visitor),
    )


_GRID = np.concatenate([[0.0], np.geomspace(0.5, SPAN, 4_000)])


def _total(model: LikelihoodModel, clicked: bool, phone: bool) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Expected calls of one visitor until each moment of the grid, after a single page view."""
    weights = dict(zip(FEATURES, model.weights, strict=True))

    def line(knots: Knots, prefix: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        heights = [weights[f"{prefix}_{seconds:g}"] for seconds in knots.seconds]
        return np.interp(np.log2(_GRID + knots.offset), np.log2(np.asarray(knots.seconds) + knots.offset), heights)

    logs = line(DELAY, "delay") + (line(CLICK, "click") if clicked else 0.0)
    rate = 2.0 ** (logs + (weights["device_phone"] if phone else 0.0))
    steps = np.diff(_GRID) * (rate[1:] + rate[:-1]) / 2.0
    return np.concatenate([[0.0], np.cumsum(steps)])


@pytest.fixture(scope="module")
def predicted(model: LikelihoodModel) -> list[Predicted]:
    rng = np.random.default_rng(20260303)
    totals = {kind: _total(model, *kind) for kind in product((False, True), repeat=2)}
    found: list[Predicted] = []
    for _ in range(NUMBERS):
        seen = np.sort(rng.uniform(0.0, SPAN, VISITORS))
        mobile, clicked = rng.random(VISITORS) < 0.5, rng.random(VISITORS) < 0.02
        calls: list[tuple[float, str | None]] = []
        for visitor in range(VISITORS):
            total = totals[bool(clicked[visitor]), bool(mobile[visitor])]
            rung = rng.uniform(0.0, total[-1], rng.poisson(total[-1]))
            calls += [(seen[visitor] + late, f"v{visitor}") for late in np.interp(rung, total, _GRID).tolist()]
        ghosts = rng.poisson(model.background.rate("pool") * SPAN)
        calls += [(moment, None) for moment in rng.uniform(0.0, SPAN, ghosts)]
        for moment, truth in calls:
            if moment < SPAN:
                found.append(_predict(model, moment, truth, seen, mobile, clicked))
    return found


def _predict(
    model: LikelihoodModel,
    moment: float,
    truth: str | None,
    seen: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    mobile: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
    clicked: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
) -> Predicted:
    at = AT + timedelta(seconds=moment)
    crowd = [
        candidate(
            f"v{visitor}",
            moment - seen[visitor],
            at=at,
            device="phone" if mobile[visitor] else None,
            tel_click_seconds=moment - seen[visitor] if clicked[visitor] else None,
        )
        for visitor in np.flatnonzero(seen <= moment).tolist()
    ]
    ranking = rank(model, call(at=at, caller=None), crowd, evidence_for=0)
    stated = likelihoods(ranking)
    first = ranking.candidates[0] if ranking.candidates else None
    latest = min(crowd, key=lambda one: one.seconds_since_seen).visitor if crowd else None
    return Predicted(
        none=ranking.none,
        best=first.likelihood if first else 0.0,
        truth_likelihood=stated[truth],
        nobody=truth is None,
        hit=first is not None and first.visitor == truth,
        entropy=-sum(share * math.log(share) for share in stated.values() if share > 0.0),
        latest_hit=latest is not None and latest == truth,
    )


def _within(shares: list[float], came: list[bool]) -> None:
    """The count that came is within SIGMAS standard deviations of the sum of the stated probabilities."""
    spread = math.sqrt(sum(share * (1.0 - share) for share in shares))
    assert abs(sum(came) - sum(shares)) <= SIGMAS * spread + 1e-9, (sum(came), sum(shares), spread)


def test_enough_calls_of_both_kinds_were_drawn(predicted: list[Predicted]) -> None:
    assert len(predicted) > 1_500
    assert 0.1 < sum(one.nobody for one in predicted) / len(predicted) < 0.8


def test_stated_likelihoods_are_observed_shares(predicted: list[Predicted]) -> None:
    _within([one.best for one in predicted], [one.hit for one in predicted])
    placed = sorted(predicted, key=lambda one: one.best)
    for part in np.array_split(np.arange(len(placed)), 10):
        chosen = [placed[index] for index in part]
        _within([one.best for one in chosen], [one.hit for one in chosen])


def test_nobody_is_calibrated_too(predicted: list[Predicted]) -> None:
    placed = sorted(predicted, key=lambda one: one.none)
    for part in np.array_split(np.arange(len(placed)), 10):
        chosen = [placed[index] for index in part]
        _within([one.none for one in chosen], [one.nobody for one in chosen])


def test_the_log_loss_is_the_stated_entropy_and_beats_the_latest_visit(predicted: list[Predicted]) -> None:
    losses = np.asarray([-math.log(one.truth_likelihood) for one in predicted])
    entropies = np.asarray([one.entropy for one in predicted])
    error = float((losses - entropies).std(ddof=1)) / math.sqrt(len(predicted))
    assert abs(float((losses - entropies).mean())) <= SIGMAS * error
    floor = -math.log(1e-4)
    latest = float(np.mean([0.0 if one.latest_hit else floor for one in predicted]))
    assert float(losses.mean()) < latest / 2.0
