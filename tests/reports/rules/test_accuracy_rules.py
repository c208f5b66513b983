"""The rules of the accuracy report."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.rules.accuracy import (
    EDGES,
    CallOutcome,
    calibration,
    call_figures,
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
