"""A prior made from businesses whose truth is known lies where they lie."""

from dataclasses import replace

import numpy as np
import pytest

from matching.rules.curves import HOURS
from matching.rules.exposed import WEEK
from matching.rules.facts import StaffDecision
from matching.rules.features import DELAY, FEATURES
from matching.rules.lessons import Lessons
from matching.rules.model import LikelihoodModel
from matching.rules.shipped import _hours, make
from matching.rules.spread import Spread
from tests.matching.rules.played import hear, town
from tests.matching.rules.scenes import loose, quiet

KNOTS = len(DELAY.seconds)
LEVELS = (0.5, 1.0, 1.5)
"""How many doublings more often than the start's each business's visitors call."""


def _business(seed: int, level: float) -> Lessons:
    weights = np.asarray(quiet().weights)
    weights[:KNOTS] += level
    background = replace(quiet().background, calls_per_day={"pool": 2.0, "other": 2.0})
    true = replace(quiet(), weights=tuple(float(weight) for weight in weights), background=background)
    heard = hear(town(seed, true, days=8.0, visitors=200, phones=True), true)
    return heard.lessons(decisions={call: StaffDecision(visitor=ring.truth) for call, ring in heard.town.rings.items()})


@pytest.fixture(scope="module")
def made() -> tuple[LikelihoodModel, Spread]:
    businesses = [_business(30 + place, level) for place, level in enumerate(LEVELS)]
    return make(businesses, start=quiet(), spread=loose(), version="made", rounds=2)


def test_the_prior_lies_among_the_businesses(made: tuple[LikelihoodModel, Spread]) -> None:
    model, _ = made
    near = slice(0, 5)  # the first minutes, where most calls are
    moved = np.asarray(model.weights[near]) - np.asarray(quiet().weights[near])
    assert 0.3 < float(moved.mean()) < 1.7
    # Nobody called two times a day and number, where the start foresaw half a call: somewhere between them.
    assert 0.7 < model.background.calls_per_day["pool"] < 3.0
    assert model.background.calls_per_day["other"] == pytest.approx(model.background.calls_per_day["pool"], rel=1e-3)
    # All of them show their numbers.
    assert model.phones.withheld_visitor < quiet().phones.withheld_visitor
    assert model.phones.withheld_nobody < quiet().phones.withheld_nobody


def test_what_is_made_can_be_shipped(made: tuple[LikelihoodModel, Spread]) -> None:
    model, spread = made
    assert model.version == "made"
    assert LikelihoodModel.loads(model.dumps()) == model
    assert Spread.from_json(spread.as_json()).as_json() == spread.as_json()
    assert spread.weights.shape[0] == len(FEATURES) + 1
    assert np.linalg.eigvalsh(spread.weights @ spread.weights.T).min() > 0.0


def test_hours_that_were_never_watched_stay_as_they_were() -> None:
    """A business that was looked at from Monday to Saturday says nothing about Sundays."""
    watched = np.where(np.arange(HOURS) < 48, WEEK, 0.0)
    hours = _hours([(watched * 500.0, watched)], (0.0,) * HOURS)
    assert max(map(abs, hours)) < 1.0
