"""Visitors by source, number, day and hour: days that are over are counted once and read from then on.

A page may report what happened up to a day ago, so until a good day after its end a kept day is only used while it has
as many visits and assignments as when it was counted: these are added, never taken away. Whoever changes or adds some
in older days (an import, visits that are read again) marks them (`store.counts.forget_days`). All other days are
counted live; live and kept figures come from the same queries.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, extract, func, literal_column, or_, select

from core.time import day_start, local_day
from reports.period import Period
from reports.rules.counts import DAY_SECONDS, Counts, Day, offsets_between
from store.counts import CountedDay, hold_counts
from store.sessions import AccountSession
from store.sites import Site, TrackingNumber, TrackingSource
from store.visits import Assignment, Visit

CLOSES_AFTER = timedelta(hours=25)
"""So long after its local end nothing comes to a day: pages report what is up to a day old, clocks may err an hour."""
MOST_RUNS = 3
"""Runs of days that are counted live, each with queries of its own; beyond, what lies between them is counted, too."""

Run = tuple[date, date]
"""The first and the last of days that follow each other."""


def counts_of(session: AccountSession, site: Site, period: Period, at: datetime) -> Counts:
    """All counts of the period until `at`."""
    first = local_day(period.start, site.time_zone)
    last = local_day(period.end - timedelta(microseconds=1), site.time_zone)
    tomorrow = local_day(at, site.time_zone) + timedelta(days=1)
    if last > tomorrow:  # periods may end in a thousand years
        period = replace(period, end=day_start(tomorrow + timedelta(days=1), site.time_zone))
        last = tomorrow
    if first > last:
        return Counts()
    whole = _whole_days(period, first, last, site.time_zone)
    kept = _kept(session, site, whole, at) if whole else {}
    days: dict[date, Day] = {day: row.counts for day, row in kept.items()}
    for begins, ends in _runs(sorted(_days(first, last) - days.keys())):
        # A cut applies to the outermost days only.
        live = count_live(
            session,
            site,
            begins,
            ends,
            start=period.start if begins == first else None,
            end=period.end if ends == last else None,
        )
        days.update(live)
    counts = Counts()
    for day, counted in days.items():
        counts.add(day, counted)
    return counts


def days_to_count(session: AccountSession, site: Site, at: datetime, most: int) -> list[date]:
    """Days of the site that are over and not counted as they stand, the latest first, at most so many."""
    first = session.scalar(select(func.min(Visit.local_day)).where(Visit.site_id == site.site_id))
    last = local_day(at, site.time_zone) - timedelta(days=1)
    if first is None or first > last:
        return []
    over = _days(first, last)
    return sorted(over - _kept(session, site, over, at).keys(), reverse=True)[:most]


def count_day(session: AccountSession, site: Site, day: date, at: datetime) -> None:
    """Counts a day that is over, unless it is counted as it stands, and keeps it. Flushes.

    Whoever writes into older days waits meanwhile.
    """
    hold_counts(session, site.site_id)
    if day in _kept(session, site, {day}, at):
        return
    # What is added between this and the counting makes the day be counted again.
    visits, assignments = _size(session, site, day)
    counted = count_live(session, site, day, day).get(day, _nothing())
    row = session.get(CountedDay, (session.account_id, site.site_id, day), populate_existing=True)
    row = row or CountedDay(site_id=site.site_id, day=day)
    row.time_zone, row.counted_at, row.counts = site.time_zone, at, dict(counted)
    row.visits, row.assignments = visits, assignments
    session.add(row)
    session.flush()


def _kept(session: AccountSession, site: Site, days: Collection[date], at: datetime) -> dict[date, Row[Any]]:
    """What was counted of these days on the site's present clock and still holds."""
    rows = session.execute(
        select(CountedDay.day, CountedDay.counts, CountedDay.visits, CountedDay.assignments, CountedDay.closed).where(
            CountedDay.site_id == site.site_id,
            CountedDay.day.between(min(days), max(days)),
            or_(CountedDay.time_zone == site.time_zone, CountedDay.closed),
        )
    )
    open_from = local_day(at - CLOSES_AFTER, site.time_zone)
    return {
        row.day: row
        for row in rows
        if row.day in days
        and (row.closed or row.day < open_from or _size(session, site, row.day) == (row.visits, row.assignments))
    }


def _size(session: AccountSession, site: Site, day: date) -> tuple[int, int]:
    """How many visits of tracking sources, and assignments of the account, there are of a local day of the site."""
    visits = select(func.count()).select_from(Visit).where(*_visits(site, day, day, None, None))
    begins, ends = day_start(day, site.time_zone), day_start(day + timedelta(days=1), site.time_zone)
    assignments = (
        select(func.count())
        .select_from(Assignment)
        .where(Assignment.number.in_(_numbers(session)), Assignment.started_at >= begins, Assignment.started_at < ends)
    )
    return session.scalar(visits) or 0, session.scalar(assignments) or 0


def count_live(
    session: AccountSession,
    site: Site,
    first: date,
    last: date,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> dict[date, Day]:
    """Counts local days from the visits and assignments themselves; only what began in [start, end) where given.

    Days without any are left out. Three queries.
    """
    begins = start or day_start(first, site.time_zone)
    ends = end or day_start(last + timedelta(days=1), site.time_zone)
    found: dict[date, dict[str, Any]] = {}
    within = _visits(site, first, last, start, end)
    rows = session.execute(
        select(Visit.local_day, Visit.source_id, func.count(Visit.visitor_id.distinct()))
        .where(*within)
        .group_by(Visit.local_day, Visit.source_id)
    )
    for day, source_id, visitors in rows:
        found.setdefault(day, _nothing())["sources"][source_id] = [visitors, [0] * 24]
    # Visits carry the day of the clock they came under; the site may have moved since.
    local = local_seconds(Visit.started_at, begins - timedelta(days=2), ends + timedelta(days=2), site.time_zone)
    hour = local % literal_column(str(DAY_SECONDS)) - local % literal_column("3600")
    by_hour = session.execute(
        select(Visit.local_day, Visit.source_id, hour, func.count(Visit.visitor_id.distinct()))
        .where(*within)
        .group_by(Visit.local_day, Visit.source_id, hour)
    )
    for day, source_id, second, visitors in by_hour:
        found[day]["sources"][source_id][1][int(second) // 3600] = visitors
    _assignments(session, site, begins, ends, found)
    return {day: counts for day, counts in found.items() if first <= day <= last}


def _assignments(
    session: AccountSession, site: Site, begins: datetime, ends: datetime, found: dict[date, dict[str, Any]]
) -> None:
    sources = select(TrackingSource.source_id).where(
        TrackingSource.account_id == session.account_id, TrackingSource.site_id == site.site_id
    )
    local = local_seconds(Assignment.started_at, begins, ends, site.time_zone)
    hour = local - local % literal_column("3600")
    rows = session.execute(
        select(Assignment.source_id, Assignment.number, hour, func.count())
        .where(
            Assignment.number.in_(_numbers(session)),
            Assignment.source_id.in_(sources),
            Assignment.started_at >= begins,
            Assignment.started_at < ends,
        )
        .group_by(Assignment.source_id, Assignment.number, hour)
    )
    by_day: dict[int, dict[str, dict[str, tuple[int, int]]]] = {}
    for source_id, number, second, given in rows:
        held = by_day.setdefault(int(second) // DAY_SECONDS, {}).setdefault(source_id, {})
        before, busiest = held.get(number, (0, 0))
        held[number] = (before + given, max(busiest, given))
    for place, by_source in by_day.items():
        counts = found.setdefault(date(1970, 1, 1) + timedelta(days=place), _nothing())
        counts["numbers"] = {
            source_id: [list(held), *map(list, zip(*held.values(), strict=True))]
            for source_id, held in by_source.items()
        }


def local_seconds(column: Any, start: datetime, end: datetime, time_zone: str) -> ColumnElement[Any]:
    """SQL: what the local clock shows at `column`, as seconds since 1970 (fractions on PostgreSQL), for [start, end].

    All its numbers are in the text, none a parameter, so that it can be grouped by.
    """
    epoch = extract("epoch", column)
    *changes, (_, last) = offsets_between(start, end, time_zone)
    if not changes:
        return epoch + literal_column(str(last))
    whens: list[Any] = [(epoch < literal_column(str(until)), literal_column(str(offset))) for until, offset in changes]
    return epoch + case(*whens, else_=literal_column(str(last)))


def _visits(
    site: Site, first: date, last: date, start: datetime | None, end: datetime | None
) -> list[ColumnElement[bool]]:
    """Visits of a tracking source begun on these days: by local day, as the index has it, and by the clock if cut."""
    conditions: list[ColumnElement[bool]] = [
        Visit.site_id == site.site_id,
        Visit.source_id.is_not(None),
        Visit.local_day.between(first, last),
    ]
    if start is not None and start != day_start(first, site.time_zone):
        conditions.append(Visit.started_at >= start)
    if end is not None and end != day_start(last + timedelta(days=1), site.time_zone):
        conditions.append(Visit.started_at < end)
    return conditions


def _numbers(session: AccountSession) -> Select[str]:
    """All numbers of the account: by number the index leads to assignments, and one may have moved between sites."""
    return select(TrackingNumber.number).where(TrackingNumber.account_id == session.account_id)


def _whole_days(period: Period, first: date, last: date, time_zone: str) -> set[date]:
    """The days that lie in the period from midnight to midnight."""
    whole = _days(first, last)
    if day_start(first, time_zone) != period.start:
        whole.discard(first)
    if day_start(last + timedelta(days=1), time_zone) != period.end:
        whole.discard(last)
    return whole


def _days(first: date, last: date) -> set[date]:
    return {first + timedelta(days=i) for i in range((last - first).days + 1)}


def _runs(days: Sequence[date]) -> list[Run]:
    """Runs of neighbouring days that hold all of `days` (in order), MOST_RUNS at most; the smallest gaps are closed."""
    runs: list[Run] = []
    for day in days:
        if runs and day - runs[-1][1] == timedelta(days=1):
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    while len(runs) > MOST_RUNS:
        gaps = [later[0] - earlier[1] for earlier, later in pairwise(runs)]
        place = gaps.index(min(gaps))
        runs[place : place + 2] = [(runs[place][0], runs[place + 1][1])]
    return runs


def _nothing() -> dict[str, Any]:
    return {"sources": {}, "numbers": {}}
