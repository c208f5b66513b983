"""Exposure against a count second by second."""

from bisect import bisect_right
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.rules.cells import DELAY_BINS, DELAY_EDGES, STATES, delay_bins_of
from matching.rules.curves import HOURS
from matching.rules.exposure import Exposure, HourGrid, Stretch

END = 4 * 3600
NEVER = float("nan")


@st.composite
def stretches(draw: st.DrawFn, size: int = 4) -> list[Stretch]:
    found: list[Stretch] = []
    for _ in range(draw(st.integers(0, size))):
        seen = draw(st.integers(-2 * 3600, END))
        end = draw(st.integers(seen, END + 3600))
        view, click, form = (draw(st.just(NEVER) | st.integers(-9_000, seen).map(float)) for _ in range(3))
        found.append((float(seen), float(end), view, click, form, draw(st.integers(0, 3))))
    return found


def _grid(start: int, end: int) -> HourGrid:
    """Hours cut at full ones, of two kinds by turns."""
    edges = [start, *(edge for edge in range(0, END + 1, 3600) if start < edge < end), end]
    kinds = [(edge // 3600) % 2 * 30 + 5 for edge in edges[:-1]]
    return HourGrid(edges=np.asarray(edges, dtype=np.float64), kinds=np.asarray(kinds, dtype=np.int64))


def _counted(given_: list[Stretch]) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]]:
    """Seconds by (delay bin, state) and by (delay bin, hour kind), one by one."""
    edges = DELAY_EDGES.tolist()
    by_state: dict[tuple[int, int], int] = defaultdict(int)
    by_hour: dict[tuple[int, int], int] = defaultdict(int)
    for seen, end, _, _, _, state in given_:
        for second in range(max(int(seen), 0), min(int(end), END)):
            place = bisect_right(edges, second - int(seen)) - 1
            by_state[place, state] += 1
            by_hour[place, (second // 3600) % 2 * 30 + 5] += 1
    return by_state, by_hour


@settings(max_examples=40, deadline=None)
@given(given_=stretches(), cuts=st.lists(st.integers(1, END - 1), unique=True, max_size=4))
def test_any_cutting_into_nights_counts_every_second_once(given_: list[Stretch], cuts: list[int]) -> None:
    found = Exposure()
    for start, end in pairwise([0, *sorted(cuts), END]):
        night = Exposure()
        night.add(given_, _grid(start, end))
        found.merge(night)
    by_state, by_hour = _counted(given_)
    told: dict[tuple[int, int], float] = defaultdict(float)
    for cell, seconds in zip(found.cells.tolist(), found.seconds.tolist(), strict=True):
        told[int(delay_bins_of(np.asarray([cell]))[0]), cell % STATES] += seconds
    assert {key: round(value, 6) for key, value in told.items() if value > 1e-9} == by_state
    hours = np.zeros((DELAY_BINS, HOURS))
    for key, value in by_hour.items():
        hours[key] = value
    assert found.hours == pytest.approx(hours, abs=1e-6)
    assert found.seconds.sum() == pytest.approx(sum(by_state.values()), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    given_=st.lists(
        st.tuples(st.floats(0.0, 1e6), st.floats(0.0, 1e7), st.integers(0, 9)).map(
            lambda one: (one[0], one[0] + one[1], one[0], NEVER, NEVER, one[2])
        ),
        max_size=12,
    ),
    first=st.floats(0.0, 2e6),
    length=st.floats(1.0, 2e5),
)
def test_the_seconds_within_the_grid_and_the_window_are_conserved(
    given_: list[Stretch], first: float, length: float
) -> None:
    edges = np.linspace(first, first + length, 6)
    found = Exposure()
    found.add(given_, HourGrid(edges=edges, kinds=np.asarray([0, 1, 2, 0, 1], dtype=np.int64)))
    window = DELAY_EDGES[-1]
    total = sum(
        max(min(end, first + length, seen + window) - max(seen, first), 0.0) for seen, end, _, _, _, _ in given_
    )
    assert found.seconds.sum() == pytest.approx(total, rel=1e-9, abs=1e-6)
    assert found.hours.sum() == pytest.approx(total, rel=1e-9, abs=1e-6)
    assert (found.seconds >= 0.0).all()
    assert (np.diff(found.cells) > 0).all()


def test_beyond_the_last_edge_nobody_is_exposed() -> None:
    found = Exposure()
    late = DELAY_EDGES[-1]
    grid = HourGrid(edges=np.asarray([late - 10.0, late + 50.0]), kinds=np.asarray([0], dtype=np.int64))
    found.add([(0.0, late + 50.0, 0.0, NEVER, NEVER, 0)], grid)
    assert found.seconds.tolist() == [10.0]


def test_older_exposure_fades_and_next_to_nothing_is_dropped() -> None:
    found = Exposure()
    found.add([(0.0, 3.0, 0.0, NEVER, NEVER, 0), (0.0, 3000.0, 0.0, NEVER, NEVER, 1)], _grid(0, 3600))
    before = found.seconds.sum()
    found.fade(0.5)
    assert found.seconds.sum() == pytest.approx(before / 2)
    assert found.hours.sum() == pytest.approx(before / 2)
    found.fade(1e-9)
    assert found.cells.size == found.seconds.size == 0


def test_nothing_to_add_changes_nothing() -> None:
    found = Exposure()
    found.add([], _grid(0, 3600))
    found.add([(100.0, 100.0, 100.0, NEVER, NEVER, 0)], _grid(0, 3600))
    found.add([(5_000.0, 6_000.0, 5_000.0, NEVER, NEVER, 0)], _grid(0, 3600))
    assert found.cells.size == 0
    assert not found.hours.any()
