"""Curves over time: shares of knots, sums of exponential scales, kinds of hours."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.rules.curves import HOURS, Decay, Knots, check_hours, hour_kind
from matching.rules.features import CLICK, DELAY, FORM

KNOTS = st.builds(
    lambda seconds, offset: Knots(seconds=tuple(sorted(seconds)), offset=offset),
    st.lists(st.integers(0, 10**7).map(float), min_size=2, max_size=9, unique=True),
    st.floats(0.5, 100.0),
)
TIMES = st.lists(st.floats(-100.0, 1e9), min_size=1, max_size=20)
DECAYS = st.builds(
    lambda parts, floor: Decay(scales=tuple(p[0] for p in parts), heights=tuple(p[1] for p in parts), floor=floor),
    st.lists(st.tuples(st.floats(1.0, 1e6), st.floats(0.0, 10.0)), max_size=4),
    st.floats(1e-9, 1.0),
)


@given(knots=KNOTS, times=TIMES)
def test_a_moment_belongs_to_its_two_knots_in_shares_that_sum_to_one(knots: Knots, times: list[float]) -> None:
    shares = knots.hats(times)
    assert shares.shape == (len(times), len(knots.seconds))
    assert np.allclose(shares.sum(axis=1), 1.0, atol=1e-12)
    assert (shares >= 0.0).all()
    for time, row in zip(times, shares, strict=True):
        held = np.flatnonzero(row > 1e-9)
        assert held.max() - held.min() <= 1
        if knots.seconds[0] < time < knots.seconds[-1]:
            assert knots.seconds[held.min()] <= time * (1 + 1e-9) + 1e-6
            assert knots.seconds[held.max()] >= time * (1 - 1e-9) - 1e-6


@given(knots=KNOTS, times=TIMES, data=st.data())
def test_a_curve_is_the_broken_line_through_its_heights(knots: Knots, times: list[float], data: st.DataObject) -> None:
    size = len(knots.seconds)
    heights = np.asarray(data.draw(st.lists(st.floats(-50.0, 50.0), min_size=size, max_size=size)))
    place = np.log2(np.asarray(knots.seconds) + knots.offset)
    expected = np.interp(np.log2(np.maximum(times, 0.0) + knots.offset), place, heights)
    assert knots.hats(times) @ heights == pytest.approx(expected, abs=1e-6)
    assert knots.hats(knots.seconds) @ heights == pytest.approx(heights, abs=1e-6)


@pytest.mark.parametrize("knots", [DELAY, CLICK, FORM])
def test_what_never_happened_says_nothing(knots: Knots) -> None:
    shares = knots.hats([math.nan, 5.0, math.nan])
    assert shares.sum(axis=1).tolist() == pytest.approx([0.0, 1.0, 0.0])
    assert not knots.hats([math.nan]).any()
    assert knots.hats([]).shape == (0, len(knots.seconds))


@pytest.mark.parametrize("seconds", [(), (5.0, 2.0), (1.0, 1.0), (-1.0, 2.0)])
def test_knots_must_rise_and_not_be_negative(seconds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="knots"):
        Knots(seconds=seconds, offset=1.0)


@given(decay=DECAYS, times=st.lists(st.floats(0.0, 1e8), min_size=2, max_size=20))
def test_a_decay_never_rises_and_keeps_its_floor(decay: Decay, times: list[float]) -> None:
    values = decay.at(sorted(times))
    assert (np.diff(values) <= 1e-12).all()
    assert (values >= decay.floor).all()
    assert decay.at([-3.0]) == pytest.approx(decay.at([0.0]))
    assert decay.at([0.0])[0] == pytest.approx(sum(decay.heights) + decay.floor)


@given(decay=DECAYS, until=st.floats(0.0, 1e6))
def test_what_is_spent_is_the_integral(decay: Decay, until: float) -> None:
    # Simpson's rule on each scale, in steps that are fine where the scale is fast.
    for place, (scale, height) in enumerate(zip(decay.scales, decay.heights, strict=True)):
        edges = np.linspace(0.0, min(until, 40.0 * scale), 4_001)
        values = height * np.exp(-edges / scale)
        step = edges[1] - edges[0]
        integral = step / 3.0 * (values[0] + values[-1] + 4.0 * values[1::2].sum() + 2.0 * values[2:-1:2].sum())
        assert decay.spent([until])[0, place] == pytest.approx(integral, rel=1e-6, abs=1e-9)
    assert decay.spent([until])[0, -1] == pytest.approx(decay.floor * until)


@given(decay=DECAYS, times=TIMES, factor=st.floats(0.01, 100.0))
def test_scaling_all_parts_scales_the_decay_and_json_keeps_it(decay: Decay, times: list[float], factor: float) -> None:
    scaled = decay.scaled([factor] * (len(decay.scales) + 1))
    assert scaled.at(times) == pytest.approx(decay.at(times) * factor)
    assert Decay.from_json(decay.as_json()) == decay


def test_hours_are_a_weekdays_a_saturdays_and_a_sundays() -> None:
    kinds = [hour_kind(hour) for hour in range(168)]
    assert kinds[:24] == list(range(24))
    assert all(kinds[day * 24 : day * 24 + 24] == kinds[:24] for day in range(5))
    assert kinds[120:] == list(range(24, HOURS))
    assert set(kinds) == set(range(HOURS))


@pytest.mark.parametrize("values", [[0.0] * (HOURS - 1), [0.0] * (HOURS - 1) + [math.inf], [math.nan] * HOURS])
def test_hours_must_be_whole_and_finite(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        check_hours(values)
