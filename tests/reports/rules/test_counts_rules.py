"""The rules of counted days."""

import math
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.time import hour_of_week, zone
from reports.rules.counts import HOURS_OF_WEEK, Counts, hours_held, ninetieth, offsets_between, per_hour

ZONES = st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"])
MOMENTS = st.integers(0, 7 * 366 * 96).map(
    lambda quarters: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * quarters)
)


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 60))
def test_nine_of_ten_days_do_not_exceed_the_ninetieth(by_day: list[int], days: int) -> None:
    by_day = by_day[:days]
    every = sorted(by_day + [0] * (days - len(by_day)))
    found = ninetieth(by_day, days)
    assert found in every
    assert sum(1 for count in every if count <= found) >= 0.9 * days - 1e-9
    smaller = [count for count in every if count < found]
    assert len(smaller) < 0.9 * days


def test_days_without_visitors_count() -> None:
    assert ninetieth([10, 20, 30], 30) == 0
    assert ninetieth([10] * 27 + [20, 30, 40], 30) == 10
    assert ninetieth([], 30) == 0
    assert ninetieth([7], 0.2) == 7


@given(MOMENTS, st.integers(0, 400 * 24), ZONES)
def test_offsets_are_the_clocks(start: datetime, hours: int, name: str) -> None:
    end = start + timedelta(hours=hours)
    offsets = offsets_between(start, end, name)
    assert offsets[-1][0] == math.ceil(end.timestamp())
    for step in range(0, hours + 1, max(1, hours // 50)):
        at = start + timedelta(hours=step)
        offset = next((o for until, o in offsets if at.timestamp() < until), offsets[-1][1])
        assert at.astimezone(zone(name)).utcoffset() == timedelta(seconds=offset)


@given(MOMENTS, st.integers(0, 60 * 24 * 4), ZONES)
def test_the_hours_of_a_period_add_up_to_it(start: datetime, quarters: int, name: str) -> None:
    end = start + timedelta(minutes=15 * quarters)
    held = hours_held(start, end, name)
    assert math.fsum(held) == pytest.approx(quarters / 4, abs=1e-6)
    counted = [0.0] * HOURS_OF_WEEK
    for step in range(quarters):
        at = start + timedelta(minutes=15 * step)
        counted[hour_of_week(at, name)] += 0.25
    assert held == pytest.approx(counted)


def test_an_hour_that_never_came_has_no_mean() -> None:
    held = [0.0] * HOURS_OF_WEEK
    held[3] = 2.0
    assert per_hour([4] * HOURS_OF_WEEK, held)[2:5] == [None, 2.0, None]


def test_days_add_up() -> None:
    hours = [0] * 24
    hours[9], hours[10] = 2, 3
    day = {"sources": {"s": [4, hours]}, "numbers": {"s": [["+1", "+2"], [3, 1], [2, 1]]}}
    counts = Counts()
    counts.add(date(2026, 3, 9), day)  # a Monday
    counts.add(date(2026, 3, 16), day)
    counts.add(date(2026, 3, 17), {"sources": {"s": [9, [9] + [0] * 23]}, "numbers": {"s": [["+1"], [5], [5]]}})
    source = counts.source("s", 10)
    assert (source.total, source.mean, source.busiest_day, source.busiest_hour) == (17, 1.7, 9, 9)
    assert counts.by_day("s") == [4, 4, 9]
    first = counts.number("s", "+1", 10)
    assert (first.total, first.busiest_day, first.busiest_hour) == (11, 5, 5)
    assert counts.number("s", "+3", 10).total == counts.number("t", "+1", 10).total == 0
    week = counts.week("s")
    assert (week[9], week[10], week[24], sum(week)) == (4, 6, 9, 19)
    assert sum(counts.week("nobody")) == 0
