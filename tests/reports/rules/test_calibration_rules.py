"""The rules of the calibration page: bins, intervals, what chance explains, and an alarm that is seldom false."""

import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.rules.calibration import (
    ENOUGH,
    FALSE_ALARMS,
    Judged,
    Proof,
    grouped,
    pooled,
    reliability,
    slip,
    tally,
    weeks,
)
from reports.rules.chance import (
    MOST_BINS,
    calibration_error,
    equal_mass_bins,
    error_by_chance,
    share_interval,
    surprise,
)

MONDAY = date(2026, 3, 2)


def judged(stated: float = 0.9, right: bool = True, **fields: Any) -> Judged:
    return Judged(
        **{
            "call_id": "c",
            "day": MONDAY,
            "proof": Proof.STAFF,
            "stated": stated,
            "right": right,
            "source_id": "s",
            "version": "v1",
            "user_id": "u",
            **fields,
        }
    )


def drawn(rng: np.random.Generator, count: int, off: float = 0.0) -> list[Judged]:
    """Answers that are right with what was stated plus `off`."""
    stated = rng.beta(4, 1, count)
    right = rng.random(count) < np.clip(stated + off, 0, 1)
    return [judged(float(p), bool(r), call_id=str(i)) for i, (p, r) in enumerate(zip(stated, right, strict=True))]


probabilities = st.floats(0, 1)
answers = st.lists(
    st.builds(
        judged,
        stated=probabilities,
        right=st.booleans(),
        call_id=st.sampled_from("abcdefgh"),
        proof=st.sampled_from(list(Proof)),
        day=st.dates(date(2026, 1, 1), date(2026, 3, 1)),
    ),
    max_size=120,
)


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    # Wilson score intervals at z = 1.645, worked out by hand from the closed form.
    [
        (0, 0, 0.0, 1.0),
        (10, 10, 0.7871, 1.0),
        (0, 10, 0.0, 0.2129),
        (50, 100, 0.4188, 0.5812),
        (81, 90, 0.8358, 0.9409),
    ],
)
def test_intervals_of_shares(right: int, of: int, low: float, high: float) -> None:
    assert share_interval(right, of) == pytest.approx((low, high), abs=2e-4)


@given(st.integers(1, 3000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share(counts: tuple[int, int]) -> None:
    right, of = counts
    low, high = share_interval(right, of)
    assert 0.0 <= low <= right / of <= high <= 1.0
    assert low < high


@given(st.lists(st.sampled_from([0.2, 0.5, 0.9, 0.91, 1.0]) | probabilities, min_size=1, max_size=400))
def test_bins_keep_order_and_equal_values_together(values: list[float]) -> None:
    stated = np.array(values)
    bins = equal_mass_bins(stated)
    assert set(bins.tolist()) == set(range(int(bins.max()) + 1))
    assert bins.max() < MOST_BINS
    order = np.argsort(stated)
    assert (np.diff(bins[order]) >= 0).all()
    for value in set(values):
        assert len(set(bins[stated == value].tolist())) == 1


def test_bins_of_distinct_values_are_about_equal() -> None:
    sizes = np.bincount(equal_mass_bins(np.random.default_rng(1).random(300)))
    assert sizes.tolist() == [25] * 12


def test_the_calibration_error_weighs_the_gaps_of_the_bins() -> None:
    stated = np.array([0.5] * 10 + [0.9] * 30)
    right = np.array([True] * 8 + [False] * 2 + [True] * 27 + [False] * 3)
    bins = np.array([0] * 10 + [1] * 30)
    assert calibration_error(stated, right, bins) == pytest.approx(0.3 * 10 / 40)


@pytest.mark.parametrize(("calls", "looks", "most"), [(60, 300, 30), (600, 200, 22), (3000, 200, 22)])
def test_percentages_that_hold_exceed_what_chance_explains_in_one_of_twenty_cases(
    calls: int, looks: int, most: int
) -> None:
    rng = np.random.default_rng(7)
    exceeded = sum(1 for _ in range(looks) if not reliability(drawn(rng, calls)).holds)
    # Binomial(looks, 0.05): above `most` with a probability below 0.1 %, and hardly ever never.
    assert 1 <= exceeded <= most


def test_percentages_that_are_off_are_found_out() -> None:
    rng = np.random.default_rng(7)
    assert reliability(drawn(rng, 400, off=-0.15)).holds is False
    assert reliability(drawn(rng, 400, off=-0.15)).tally.holds is False


def test_what_chance_explains_is_the_same_at_every_look_and_shrinks_with_calls() -> None:
    few, many = np.random.default_rng(2).beta(4, 1, 100), np.random.default_rng(2).beta(4, 1, 900)
    assert error_by_chance(few, equal_mass_bins(few)) == error_by_chance(few, equal_mass_bins(few))
    assert error_by_chance(many, equal_mass_bins(many)) < error_by_chance(few, equal_mass_bins(few))


def test_both_ways_to_draw_agree() -> None:
    stated = np.random.default_rng(3).beta(4, 1, 1000)
    more = np.append(stated, stated[:1])  # one more is drawn from the normal distribution
    drawn_each = error_by_chance(stated, equal_mass_bins(stated))
    assert error_by_chance(more, equal_mass_bins(more)) == pytest.approx(drawn_each, rel=0.06)


def test_surprise_is_the_exact_tail_doubled() -> None:
    half = np.full(10, 0.5)
    assert surprise(half, 5) == 1.0
    assert surprise(half, 0) == pytest.approx(2 / 1024)
    assert surprise(half, 9) == pytest.approx(2 * 11 / 1024)
    assert surprise(np.array([0.9, 0.6]), 0) == pytest.approx(2 * 0.1 * 0.4)
    assert surprise(np.array([]), 0) == 1.0


def test_surprise_is_continuous_where_the_normal_distribution_takes_over() -> None:
    stated = np.random.default_rng(4).beta(4, 1, 1000)
    mean = round(float(stated.sum()))
    for right in (mean - 25, mean, mean + 20):
        ahead = surprise(np.append(stated, 0.5), right)
        assert math.isclose(surprise(stated, right), ahead, rel_tol=0.35, abs_tol=0.05)


def test_a_certainty_that_was_wrong_is_no_division_by_zero() -> None:
    assert 0 < surprise(np.ones(3), 2) < 0.01
    assert surprise(np.zeros(3), 0) == pytest.approx(1.0)


def test_the_alarm_is_false_no_more_often_than_it_says_and_sees_a_slip() -> None:
    rng = np.random.default_rng(11)
    looks = 2000
    false = sum(1 for _ in range(looks) if slip(drawn(rng, 60)).alarm)
    assert 0 < false <= looks * FALSE_ALARMS + 3 * math.sqrt(looks * FALSE_ALARMS)
    seen = sum(1 for _ in range(200) if slip(drawn(rng, 120, off=-0.2)).alarm)
    assert seen > 180


def test_no_alarm_before_there_is_enough() -> None:
    wrong = [judged(0.99, right=False, call_id=str(i)) for i in range(ENOUGH - 1)]
    assert not slip(wrong).alarm
    assert slip([*wrong, judged(0.99, right=False)]).alarm
    assert not slip([]).alarm


@given(answers)
def test_counts_add_up_whatever_they_are_grouped_by(held: list[Judged]) -> None:
    whole = tally(held)
    assert whole.right + whole.wrong == whole.calls == len(held)
    parts = [w.tally for w in weeks(held)]
    assert sum(t.calls for t in parts) == len(held)
    assert sum(t.right for t in parts) == whole.right
    assert math.isclose(sum(t.promised for t in parts), whole.promised, abs_tol=1e-9)


@given(answers)
def test_bands_find_their_answers_again_by_their_bounds(drawn_answers: list[Judged]) -> None:
    held = [a for a in drawn_answers if a.proof is not Proof.SPAM]
    found = reliability(held)
    if found.bands:
        assert sum(b.tally.calls for b in found.bands) == len(held)
        for band in found.bands:
            inside = [a for a in held if band.low <= a.stated <= band.high]
            assert len(inside) == band.tally.calls, "a band's bounds find its answers again"
            assert band.tally.stated is not None
            assert band.low - 1e-9 <= band.tally.stated <= band.high + 1e-9
        assert found.error is not None
        assert 0 <= found.error <= 1
    else:
        assert len(held) < ENOUGH


@given(answers)
def test_together_every_call_counts_once_by_its_strongest_proof_and_spam_never(held: list[Judged]) -> None:
    found = pooled(held)
    assert len({a.call_id for a in found}) == len(found)
    assert {a.call_id for a in found} == {a.call_id for a in held if a.proof is not Proof.SPAM}
    decided = {a.call_id for a in held if a.proof is Proof.STAFF}
    assert all((a.proof is Proof.STAFF) == (a.call_id in decided) for a in found)


def test_weeks_begin_on_mondays() -> None:
    sunday, monday = MONDAY - timedelta(days=1), MONDAY
    found = weeks([judged(day=monday), judged(day=sunday), judged(day=monday + timedelta(days=6))])
    assert [(w.begins, w.tally.calls) for w in found] == [(MONDAY - timedelta(days=7), 1), (MONDAY, 2)]


def test_marks_of_spam_are_counted_and_judge_nothing() -> None:
    marked = [judged(0.9, right=i > 4, call_id=str(i), proof=Proof.SPAM) for i in range(40)]
    found = reliability(marked)
    assert (found.tally.calls, found.tally.right, found.bands, found.holds) == (40, 35, (), None)


def test_too_few_answers_prove_nothing() -> None:
    few = [judged(0.9, right=i > 4, call_id=str(i)) for i in range(ENOUGH - 1)]
    assert tally(few).holds is None
    assert reliability(few).holds is None
    assert (reliability(few).bands, reliability(few).error) == ((), None)
    assert reliability([*few, judged(0.9)]).bands
    nothing = tally([])
    assert (nothing.stated, nothing.share, nothing.low, nothing.high) == (None, None, 0.0, 1.0)


def test_groups_keep_their_order() -> None:
    held = [judged(version="b"), judged(version="a"), judged(version="b", right=False)]
    assert {k: [a.right for a in v] for k, v in grouped(held, lambda a: a.version).items()} == {
        "b": [True, False],
        "a": [True],
    }
