"""Measures against values worked out by hand."""

import itertools
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.backtest.facts import Answer
from reports.backtest.outcome import (
    auc,
    calibration,
    expected,
    expected_calibration_error,
    judge,
    measures,
    wilson,
)

AT = datetime(2026, 3, 2, tzinfo=UTC)


def answer(visitor: str | None, likelihood: float, none: float, naive: str | None = None) -> Answer:
    return Answer("c", AT, "2026-03-02", "+12125550101", "email", visitor, likelihood, none, 1, naive)


def test_four_calls_by_hand():
    judged = [
        judge(answer("a", 0.7, 0.1), "a", [("a", 0.7), ("b", 0.2)]),
        judge(answer("a", 0.5, 0.2), "b", [("a", 0.5), ("b", 0.3)]),
        judge(answer("a", 0.4, 0.6), None, [("a", 0.4)]),
        judge(answer("a", 0.8, 0.2), "elsewhere", [("a", 0.8)]),
    ]
    found = measures(judged)
    assert found["calls"] == 4
    assert found["calls_by_visitors"] == 3
    assert found["log_loss"] == pytest.approx(-(math.log(0.7) + math.log(0.3) + math.log(0.6) + math.log(1e-4)) / 4)
    first, second, third = 0.3**2 + 0.2**2 + 0.1**2, 0.5**2 + 0.7**2 + 0.2**2, 0.4**2 + 0.4**2
    assert found["brier"] == pytest.approx((first + second + third + 1 + 0.8**2 + 0.2**2) / 4)
    assert found["top_1"] == pytest.approx(1 / 3)
    assert found["answer_right"] == pytest.approx(2 / 4)
    assert (found["none_recall"], found["none_precision"], found["none_auc"]) == (1.0, 1.0, 1.0)


def test_the_naive_rule_by_hand():
    calls = [("a", "a"), ("a", "b"), ("a", None), (None, None), (None, "a")]
    found = measures([judge(answer("x", 0.9, 0.1, naive), truth, (), naive=True) for naive, truth in calls])
    assert found["log_loss"] == pytest.approx(-3 * math.log(1e-4) / 5)
    assert found["brier"] == pytest.approx(3 * 2 / 5)
    assert found["top_1"] == pytest.approx(1 / 3)
    assert (found["none_recall"], found["none_precision"]) == (0.5, 0.5)


def test_nothing_known_is_none_not_zero():
    found = measures([])
    assert found["calls"] == 0
    assert {found[k] for k in ("log_loss", "brier", "top_1", "none_recall", "none_auc", "calibration_error")} == {None}
    assert expected([])["expected_accuracy"] is None


def test_what_the_model_expects():
    found = expected([answer("a", 0.95, 0.05), answer("a", 0.5, 0.3), answer("a", 0.1, 0.9), answer(None, 0.0, 1.0)])
    assert found["expected_accuracy"] == pytest.approx((0.95 + 0.5 + 0.9 + 1.0) / 4)
    assert found["mean_likelihood"] == pytest.approx((0.95 + 0.5) / 2)
    assert (found["matches"], found["share_at_least_90"]) == (2, 0.5)


def test_area_under_the_curve_counts_ties_half():
    assert auc([0.9, 0.4], [0.5, 0.4]) == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert auc([], [0.5]) is None
    assert auc([0.5], []) is None


def test_calibration_bins_hold_equal_mass():
    pairs = [(i / 100, i % 2 == 0) for i in range(32)]
    bins = calibration(list(reversed(pairs)))
    assert len(bins) == 15
    assert sum(b["calls"] for b in bins) == 32
    assert {b["calls"] for b in bins} == {2, 3}
    assert bins[0]["mean_likelihood"] == pytest.approx(0.01)
    assert (bins[0]["calls"], bins[0]["right"]) == (3, 2)
    one = [
        {"calls": 3, "mean_likelihood": 0.5, "share_right": 1.0},
        {"calls": 1, "mean_likelihood": 1.0, "share_right": 0},
    ]
    assert expected_calibration_error(one) == pytest.approx((3 * 0.5 + 1) / 4)
    assert expected_calibration_error([]) is None


def test_wilsons_interval():
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 10)[0] == pytest.approx(0.0, abs=1e-12)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60))
def test_bins_partition_and_intervals_hold_their_share(pairs: list[tuple[float, bool]]):
    bins = calibration(pairs)
    assert sum(b["calls"] for b in bins) == len(pairs)
    assert sum(b["right"] for b in bins) == sum(right for _, right in pairs)
    assert all(b["low"] - 1e-12 <= b["share_right"] <= b["high"] + 1e-12 for b in bins)
    assert all(a["likelihood_to"] <= b["likelihood_from"] for a, b in itertools.pairwise(bins))
    error = expected_calibration_error(bins)
    assert error is None or 0.0 <= error <= 1.0
