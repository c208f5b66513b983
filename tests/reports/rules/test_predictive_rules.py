"""The predictive interval: held against futures drawn from the process that drew the past."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.rules.predictive import CONFIDENCE, TalliedDay, predict, student


def period(rng: np.random.Generator, level: float, days: int, per_day: float) -> list[TalliedDay]:
    """Days whose calls have a level in common, some days busier than others."""
    made = []
    for _ in range(days):
        calls = int(rng.poisson(per_day * rng.gamma(4.0, 0.25)))
        mean = np.clip(rng.normal(level, 0.05), 0.02, 0.98)
        values = rng.beta(4.0 * mean, 4.0 * (1.0 - mean), calls)
        if calls:
            made.append(TalliedDay(calls, float(values.sum()), float((values**2).sum())))
    return made


def mean_of(days: list[TalliedDay]) -> float:
    return sum(d.total for d in days) / sum(d.calls for d in days)


@pytest.mark.parametrize(("days", "per_day"), [(14, 1.0), (14, 8.0), (30, 4.0), (5, 20.0)])
@pytest.mark.parametrize("level", [0.6, 0.85])
def test_coming_periods_lie_inside_as_often_as_claimed(days: int, per_day: float, level: float) -> None:
    rng = np.random.default_rng([days, int(per_day), int(100 * level)])
    inside = []
    for _ in range(600):
        past, coming = (period(rng, level, days, per_day) for _ in range(2))
        found = predict([past], sum(d.calls for d in coming), drift=0.0)
        inside.append(found.low <= mean_of(coming) <= found.high)
    # Three standard errors of 600 draws below the claim; above it the doubt of few calls may go.
    assert np.mean(inside) > CONFIDENCE - 3.0 * np.sqrt(CONFIDENCE * (1.0 - CONFIDENCE) / 600)
    assert np.mean(inside) < 0.985


def test_a_drift_between_periods_is_allowed_for() -> None:
    rng = np.random.default_rng(7)
    inside = []
    for _ in range(600):
        past, coming = (period(rng, float(rng.normal(0.8, 0.03)), 28, 20.0) for _ in range(2))
        found = predict([past], sum(d.calls for d in coming), drift=0.03 * np.sqrt(2.0) / 0.4)
        inside.append(found.low <= mean_of(coming) <= found.high)
    assert np.mean(inside) > 0.86


@given(st.integers(1, 400))
def test_students_quantile_falls_to_the_normal_one(freedom: int) -> None:
    assert student(freedom) > student(freedom + 1) > 1.6448


def test_students_quantiles_are_those_of_the_tables() -> None:
    """95 % quantiles as printed in every table of Student's t."""
    for freedom, printed in ((1, 6.314), (2, 2.920), (3, 2.353), (5, 2.015), (10, 1.812), (30, 1.697), (120, 1.658)):
        assert student(freedom) == pytest.approx(printed, rel=0.004)


def test_calls_that_were_all_alike_do_not_promise_that_the_next_will_be() -> None:
    found = predict([[TalliedDay(4, 4.0, 4.0), TalliedDay(4, 4.0, 4.0)]], 8)
    assert found.mean == found.high == 1.0
    assert found.low < 0.7
