"""Visitors by local day and hour, added up over a period. Counts add up: a day is counted once, and its figures stay.

A day, as it is kept, is plain JSON:

    {"sources": {source id: [visitors, [24 visitors by hour]]},
     "numbers": {source id: [[numbers], [how often each was given], [how often in its busiest hour]]}}

Lists stand beside each other, because a year of days is read at once. Visitors are distinct within the day, and within
the hour of the local clock in which their visits began. A number is given to a visitor once; somebody who is given it
anew, because it was taken away meanwhile, counts again.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from core.time import zone

HOURS_OF_WEEK = 168
DAY_SECONDS = 86_400
WEEK_SECONDS = 7 * DAY_SECONDS
MONDAY_SHIFT = 3 * DAY_SECONDS
"""Seconds since 1970 began on a Thursday; this much later they begin on a Monday."""
HIGH_SHARE = 0.9

Day = Mapping[str, Any]
"""A day's counts, in the form above."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Daily:
    """What came on the days of a period: on average, on nine of ten days at most, on the busiest day, in any hour."""

    total: int
    mean: float
    ninetieth: int
    busiest_day: int
    busiest_hour: int


@dataclass(slots=True)
class _Added:
    by_day: list[int] = field(default_factory=list)
    busiest_hour: int = 0


@dataclass(slots=True)
class Counts:
    """The days of a period together: by source, by source and hour of the week, by source and number."""

    _sources: dict[str, _Added] = field(default_factory=dict)
    _weeks: dict[str, list[int]] = field(default_factory=dict)
    _numbers: dict[str, dict[str, _Added]] = field(default_factory=dict)

    def add(self, day: date, counts: Day) -> None:
        """Adds a day. No day may be added twice."""
        monday = day.weekday() * 24
        for source_id, (visitors, hours) in counts["sources"].items():
            _add(self._sources, source_id, visitors, max(hours))
            week = self._weeks.setdefault(source_id, [0] * HOURS_OF_WEEK)
            for hour, came in enumerate(hours, start=monday):
                week[hour] += came
        for source_id, numbers in counts["numbers"].items():
            held = self._numbers.setdefault(source_id, {})
            for number, given, busiest in zip(*numbers, strict=True):
                _add(held, number, given, busiest)

    def by_day(self, source_id: str) -> Sequence[int]:
        """Visitors of the source on each day that had any."""
        added = self._sources.get(source_id)
        return added.by_day if added else ()

    def source(self, source_id: str, days: float) -> Daily:
        """Visitors of the source over so many days."""
        return daily(self._sources.get(source_id), days)

    def number(self, source_id: str, number: str, days: float) -> Daily:
        """Visitors who were given the number, for this source, over so many days."""
        return daily(self._numbers.get(source_id, {}).get(number), days)

    def week(self, source_id: str) -> Sequence[int]:
        """Visitors of the source by hour of the week, Monday's first, summed over the weeks."""
        return self._weeks.get(source_id) or (0,) * HOURS_OF_WEEK


def _add(held: dict[str, _Added], key: str, count: int, busiest_hour: int) -> None:
    added = held.get(key)
    if added is None:
        added = held[key] = _Added()
    added.by_day.append(count)
    if busiest_hour > added.busiest_hour:
        added.busiest_hour = busiest_hour


def daily(added: _Added | None, days: float) -> Daily:
    """The figures of what was added over `days` local days; days that brought nothing count as none."""
    by_day = added.by_day if added else ()
    total = sum(by_day)
    return Daily(
        total=total,
        mean=total / max(days, 1.0),
        ninetieth=ninetieth(by_day, days),
        busiest_day=max(by_day, default=0),
        busiest_hour=added.busiest_hour if added else 0,
    )


def ninetieth(by_day: Sequence[int], days: float) -> int:
    """What nine of ten days do not exceed (nearest rank); `by_day` may leave out days without any."""
    total = max(math.ceil(days - 1e-9), len(by_day), 1)
    rank = math.ceil(HIGH_SHARE * total - 1e-9)
    without = total - len(by_day)
    return 0 if rank <= without else sorted(by_day)[rank - without - 1]


def offsets_between(start: datetime, end: datetime, time_zone: str) -> list[tuple[int, int]]:
    """How far the local clock is ahead of UTC in [start, end]: (until, offset), both in whole seconds.

    `until` (seconds since 1970) is where an offset ends; the last one holds to the end and beyond.
    """
    place, step = zone(time_zone), DAY_SECONDS  # no clock changes twice a day
    begun, over = math.floor(start.timestamp()), math.ceil(end.timestamp())
    found: list[tuple[int, int]] = []
    at, offset = begun, _offset(begun, place)
    while at < over:
        ahead = min(at + step, over)
        if _offset(ahead, place) != offset:
            low, high = at, ahead
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(middle, place) == offset else (low, middle)
            found.append((high, offset))
            offset = _offset(high, place)
            ahead = high
        at = ahead
    return [*found, (over, offset)]


def _offset(second: int, place: Any) -> int:
    ahead = datetime.fromtimestamp(second, place).utcoffset() or timedelta()
    return round(ahead.total_seconds())


def hours_held(start: datetime, end: datetime, time_zone: str) -> list[float]:
    """How often each hour of the week comes in [start, end) on the local clock; parts of hours count in part."""
    held = [0.0] * HOURS_OF_WEEK
    at, over = start.timestamp(), end.timestamp()
    for until, offset in offsets_between(start, end, time_zone):
        stop = min(float(until), over)
        if (weeks := int(max(stop - at, 0.0) // WEEK_SECONDS)) > 0:
            held = [times + weeks for times in held]
            at += weeks * WEEK_SECONDS
        while at < stop:
            local = at + offset + MONDAY_SHIFT
            left = 3600.0 - local % 3600.0
            spent = min(left, stop - at)
            held[int(local % WEEK_SECONDS // 3600)] += spent / 3600.0
            at += spent
    return held


def per_hour(counts: Iterable[int], held: Iterable[float]) -> list[float | None]:
    """Counts by hour of the week as means of one such hour; None where the period holds no such hour."""
    return [count / times if times > 0 else None for count, times in zip(counts, held, strict=True)]
