"""The 1:20 rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numberpool.rules.sizing import average_daily_visitors, recommended_numbers, verdict


@pytest.mark.parametrize(
    ("average", "needed"), [(200, 10), (40, 2), (0, 1), (0.1, 1), (20, 1), (20.01, 2), (199.9, 10), (200.1, 11)]
)
def test_one_number_per_twenty_daily_visitors(average: float, needed: int) -> None:
    assert recommended_numbers("online", average, 20) == needed


def test_the_ratio_is_the_sites_own() -> None:
    assert recommended_numbers("online", 200, 10) == 20


def test_an_offline_source_needs_exactly_one() -> None:
    assert recommended_numbers("offline", 5_000, 20) == 1


@pytest.mark.parametrize(
    ("numbers", "recommended", "said"),
    [
        (9, 10, "more"),
        (10, 10, "right"),
        (11, 10, "right"),
        (12, 10, "fewer"),
        (3, 2, "fewer"),
        (2, 2, "right"),
        (0, 1, "more"),
        (1, 1, "right"),
        (22, 20, "right"),
        (23, 20, "fewer"),
    ],
)
def test_the_verdict_leaves_a_tenth_of_room(numbers: int, recommended: int, said: str) -> None:
    assert verdict(numbers, recommended) == said


@given(st.integers(0, 10_000), st.integers(1, 1_000), st.integers(1, 40))
def test_a_whole_number_of_full_pools_needs_no_number_more(days: int, pools: int, ratio: int) -> None:
    days = max(days, 1)
    average = average_daily_visitors([pools * ratio] * days, float(days))
    assert recommended_numbers("online", average, ratio) == pools
    assert verdict(pools, pools) == "right"


@given(st.integers(0, 500), st.integers(1, 500))
def test_more_numbers_never_make_a_verdict_go_back(numbers: int, recommended: int) -> None:
    order = ["more", "right", "fewer"]
    assert order.index(verdict(numbers, recommended)) <= order.index(verdict(numbers + 1, recommended))


def test_days_without_visitors_count_in_the_average() -> None:
    assert average_daily_visitors([30, 30], 30.0) == 2.0


def test_a_period_shorter_than_a_day_is_no_reason_for_more_numbers() -> None:
    assert average_daily_visitors([12], 0.25) == 12
