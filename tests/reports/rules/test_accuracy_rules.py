"""The rules of the accuracy report."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.rules.accuracy import (
    EDGES,
    CallOutcome,
    average_daily_visitors,
    calibration,
    call_figures,
    recommended_numbers,
    verdict,
)


def outcome(likelihood: float | None = 0.9, **fields: Any) -> CallOutcome:
    return CallOutcome(
        **{
            "source": "s",
            "number": "+12125560001",
            "likelihood": likelihood,
            "none": 0.05,
            "decided": False,
            "agreed": False,
            **fields,
        }
    )


likelihoods = st.floats(0, 1)
outcomes = st.lists(
    st.builds(
        CallOutcome,
        source=st.just("s"),
        number=st.just("+12125560001"),
        likelihood=st.none() | likelihoods,
        none=likelihoods,
        decided=st.booleans(),
        agreed=st.booleans(),
    )
)


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


def test_figures_are_over_the_models_matches() -> None:
    figures = call_figures(
        [outcome(0.95), outcome(0.9), outcome(0.5, decided=True), outcome(None, decided=True, agreed=True)], 0.9
    )
    assert (figures.calls, figures.matches, figures.overridden, figures.agreed) == (4, 3, 2, 1)
    assert figures.mean_likelihood == pytest.approx((0.95 + 0.9 + 0.5) / 3)
    assert figures.share_above_target == pytest.approx(2 / 3)


def test_without_matches_there_is_nothing_to_divide_by() -> None:
    figures = call_figures([outcome(None)], 0.9)
    assert (figures.calls, figures.mean_likelihood, figures.share_above_target) == (1, None, None)


def test_calibration_sorts_into_ten_bins() -> None:
    found = calibration(
        [
            outcome(0.7, decided=True, agreed=True),
            outcome(0.75, decided=True),
            outcome(0.8),
            outcome(1.0, decided=True, agreed=True),
            outcome(None, none=0.6, decided=True, agreed=True),
        ]
    )
    assert [b.matches for b in found.bins] == [0, 0, 0, 0, 0, 0, 0, 2, 1, 1]
    seventh = found.bins[7]
    assert (seventh.likelihood_from, seventh.likelihood_to) == (0.7, 0.8)
    assert (seventh.confirmed, seventh.right) == (2, 1)
    assert seventh.mean_likelihood == pytest.approx(0.725)
    assert found.bins[8].confirmed_mean_likelihood is None
    assert found.bins[0].mean_likelihood is None
    assert (found.nobody.matches, found.nobody.right, found.nobody.mean_likelihood) == (1, 1, 0.6)
    assert (found.total.matches, found.total.confirmed, found.total.right) == (4, 3, 2)


@given(outcomes)
def test_every_match_is_in_exactly_the_bin_that_says_so(calls: list[CallOutcome]) -> None:
    found = calibration(calls)
    assert sum(b.matches for b in found.bins) == found.total.matches
    assert found.total.matches + found.nobody.matches == len(calls)
    assert sum(b.right for b in found.bins) == found.total.right
    for b in found.bins:
        assert b.right <= b.confirmed <= b.matches
        if b.mean_likelihood is not None:
            assert b.likelihood_from - 1e-12 <= b.mean_likelihood <= b.likelihood_to + 1e-12


@given(likelihoods)
def test_a_bin_takes_its_lower_bound(likelihood: float) -> None:
    (place,) = [i for i, b in enumerate(calibration([outcome(likelihood)]).bins) if b.matches]
    assert EDGES[place] <= likelihood
    assert likelihood < EDGES[place + 1] or likelihood == 1.0


@given(outcomes, likelihoods)
def test_shares_are_fractions(calls: list[CallOutcome], target: float) -> None:
    figures = call_figures(calls, target)
    for share in (figures.mean_likelihood, figures.share_above_target):
        assert share is None or (math.isfinite(share) and 0 <= share <= 1)
    assert figures.agreed <= figures.overridden <= figures.calls
