"""Curves of numbers against likelihood: what they promise whatever was played."""

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reports.rules.pool_curve import (
    KNEE_GAIN,
    LEAST_CALLS,
    SHARES,
    CurvePoint,
    NoCurve,
    PoolCurve,
    Tally,
    isotonic,
    pool_curve,
    sizes_to_play,
)

shares = st.floats(0.0, 1.0)
calls = st.lists(st.tuples(st.integers(0, 9), shares), min_size=LEAST_CALLS, max_size=40)


def tally(of: list[tuple[int, float]]) -> Tally:
    made = Tally()
    for day, likelihood in of:
        made.add(f"2026-03-{day + 1:02}", likelihood, sure=likelihood >= 0.9)
    return made


@st.composite
def played(draw: st.DrawFn) -> dict[int, list[Tally]]:
    """One to five sizes, each played once to three times."""
    sizes = draw(st.lists(st.integers(1, 60), min_size=1, max_size=5, unique=True))
    draws = draw(st.integers(1, 3))
    return {size: [tally(draw(calls)) for _ in range(draws)] for size in sizes}


def curve_of(of: dict[int, list[Tally]], expected: float | None = None) -> PoolCurve:
    found = pool_curve(of, present=min(of), expected_calls=expected)
    assert isinstance(found, PoolCurve)
    return found


def flat(numbers: int, likelihood: float) -> CurvePoint:
    values = dict.fromkeys(SHARES, likelihood)
    return CurvePoint(numbers=numbers, **values)


def curve(*points: tuple[int, float]) -> PoolCurve:
    return PoolCurve(present=points[0][0], calls=100, expected_calls=100, points=tuple(flat(*p) for p in points))


@given(played())
def test_nothing_falls_with_more_numbers_and_every_interval_holds_its_point(of: dict[int, list[Tally]]) -> None:
    found = curve_of(of)
    assert [p.numbers for p in found.points] == sorted(of)
    every = [found.at(n) for n in range(found.least, found.most + 1)]
    for fewer, more in pairwise(every):
        assert all(getattr(fewer, name) <= getattr(more, name) for name in SHARES)
    for point in every:
        assert 0.0 <= point.low <= point.likelihood <= point.high <= 1.0
        assert 0.0 <= point.sure_low <= point.sure <= point.sure_high <= 1.0


@given(played(), st.integers(1, 80))
def test_a_size_lies_between_its_neighbours_and_outside_the_nearest_point_says_so(
    of: dict[int, list[Tally]], numbers: int
) -> None:
    found = curve_of(of)
    point = found.at(numbers)
    assert point.numbers == min(max(numbers, found.least), found.most)
    below = [p for p in found.points if p.numbers <= point.numbers][-1]
    above = next(p for p in found.points if p.numbers >= point.numbers)
    for name in SHARES:
        assert getattr(below, name) <= getattr(point, name) <= getattr(above, name)


@given(calls, st.integers(2, 6))
def test_more_of_the_same_days_narrow_the_interval(of: list[tuple[int, float]], times: int) -> None:
    assume(len({day for day, _ in of}) > 1)
    few = curve_of({3: [tally(of)]}).at(3)
    again = [(day + 10 * turn, likelihood) for turn in range(times) for day, likelihood in of]
    many = Tally()
    for day, likelihood in again:
        many.add(str(day), likelihood, sure=likelihood >= 0.9)
    more = curve_of({3: [many]}).at(3)
    assert more.likelihood == pytest.approx(few.likelihood)
    assert more.high - more.low <= few.high - few.low + 1e-12
    assert more.sure_high - more.sure_low <= few.sure_high - few.sure_low + 1e-12


@given(calls)
def test_fewer_calls_to_come_widen_the_interval(of: list[tuple[int, float]]) -> None:
    widths = [
        point.high - point.low
        for expected in (4 * len(of), len(of), 2)
        for point in [curve_of({3: [tally(of)]}, expected).at(3)]
    ]
    assert widths == sorted(widths)


def test_draws_that_disagree_widen_the_interval() -> None:
    low, high = ([(day, value) for day in range(10)] for value in (0.7, 0.8))
    agreeing = curve_of({3: [tally(low + high), tally(low + high)]}).at(3)
    differing = curve_of({3: [tally(low + low), tally(high + high)]}).at(3)
    assert differing.likelihood == pytest.approx(agreeing.likelihood)
    assert differing.high - differing.low > agreeing.high - agreeing.low


@given(st.lists(shares, min_size=1, max_size=12))
def test_evening_out_rises_and_keeps_the_mean_and_what_rose_already(values: list[float]) -> None:
    found = isotonic(values)
    assert found == sorted(found)
    assert sum(found) == pytest.approx(sum(values))
    assert isotonic(sorted(values)) == pytest.approx(sorted(values))


def test_neighbours_that_contradict_are_evened_out() -> None:
    assert isotonic([0.5, 0.8, 0.6, 0.9]) == pytest.approx([0.5, 0.7, 0.7, 0.9])


@pytest.mark.parametrize("few", [0, 1, LEAST_CALLS - 1])
def test_few_calls_make_no_curve_and_say_why(few: int) -> None:
    found = pool_curve({2: [tally([(1, 0.8)] * few)], 4: [tally([(1, 0.8)] * few)]}, present=2)
    assert isinstance(found, NoCurve)
    assert ("no call" if not few else f"only {few} call") in found.reason


def test_nothing_played_is_no_curve() -> None:
    assert isinstance(pool_curve({}, present=3), NoCurve)


def test_between_two_sizes_the_curve_follows_the_logarithm() -> None:
    assert curve((2, 0.6), (8, 0.8)).at(4).likelihood == pytest.approx(0.7)
    assert curve((2, 0.6), (8, 0.8)).now == flat(2, 0.6)


@given(st.lists(shares, min_size=1, max_size=6))
def test_beyond_the_knee_nothing_changes_and_before_it_something_does(values: list[float]) -> None:
    found = curve(*((2 * place + 1, value) for place, value in enumerate(sorted(values))))
    top = found.at(found.most).likelihood
    knee = found.knee
    if knee is None:
        assert top - found.at(found.most - 1).likelihood >= KNEE_GAIN
        return
    assert top - found.at(knee).likelihood < KNEE_GAIN
    assert knee == found.least or top - found.at(knee - 1).likelihood >= KNEE_GAIN


def test_a_curve_without_sizes_or_with_one_twice_is_refused() -> None:
    for points in ((), (flat(3, 0.5), flat(3, 0.6)), (flat(4, 0.5), flat(3, 0.6)), (flat(0, 0.5),)):
        with pytest.raises(ValueError, match="rising numbers"):
            PoolCurve(present=3, calls=10, expected_calls=10, points=points)


def test_half_a_number_counts_as_one_and_none_is_less_than_one() -> None:
    assert sizes_to_play(1, (0.5, 0.75, 1.0, 1.25, 1.5, 3.0)) == (1, 1, 1, 1, 2, 3)
    assert sizes_to_play(10, (0.25, 0.5, 1.25, 2.0)) == (3, 5, 13, 20)
