"""Counted days: the same figures as live ones, whatever is counted when, and whoever writes into the past."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from core.time import day_start, hour_of_week, local_day
from reports.counts import CLOSES_AFTER, count_day, counts_of, days_to_count
from reports.period import Period
from reports.rules.counts import Counts
from store.counts import CountedDay, forget_days
from store.sessions import AccountSession, Database
from store.sites import Site
from store.visits import Assignment, Visit
from tests.reports.builders import holds, visit, visits_on
from tests.support.rows import Business

ZONES = ["America/New_York", "Europe/Berlin", "Asia/Kolkata", "UTC"]
BEGIN = datetime(2026, 3, 5, tzinfo=UTC)
"""Days around two changes of the clock: New York's on March 8, Berlin's on March 29."""
AT = BEGIN + timedelta(days=28, hours=9)
NUMBERS = ["+12125560001", "+12125560002", "+12125560003"]

MINUTES = st.integers(0, 28 * 24 * 60)
VISITS = st.lists(st.tuples(MINUTES, st.integers(0, 5), st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=40)


class Office:
    """A business with two sources, whose visitors come and are given numbers."""

    def __init__(self, business: Business, numbers: list[str]) -> None:
        self.business, self.numbers = business, numbers
        self.sources = [business.source("ads", numbers[:2]), business.source("mail", numbers[2:])]
        self.visitors = visits_on(business, self.sources[0], BEGIN - timedelta(days=9), 6)
        self._held: set[tuple[str, str]] = set()

    @property
    def session(self) -> AccountSession:
        return self.business.session

    def comes(self, minute: int, who: int, where: int, number: int) -> None:
        """Somebody visits, and is given a number unless they hold one of that source."""
        at, visitor, source = BEGIN + timedelta(minutes=minute), self.visitors[who], self.sources[where]
        visit(self.business, visitor, at, source)
        if (visitor.visitor_id, source.source_id) not in self._held:
            self._held.add((visitor.visitor_id, source.source_id))
            holds(self.business, visitor, source, self.numbers[number], at)

    def count(self, days: set[date] | None = None, at: datetime = AT) -> None:
        for day in days_to_count(self.session, self.business.site, at, 1_000):
            if days is None or day in days:
                count_day(self.session, self.business.site, day, at)

    def report(self, start: datetime, end: datetime, at: datetime = AT) -> Counts:
        zone = self.business.site.time_zone
        return counts_of(self.session, self.business.site, Period(start=start, end=end, time_zone=zone), at)


_numbers = iter(range(2_000_000, 9_000_000))


def office_in(work: Any, zone: str) -> Office:
    return Office(Business.open(work, time_zone=zone), [f"+1213{next(_numbers)}" for _ in range(3)])


def figures(office: Office, counts: Counts) -> dict[str, Any]:
    """Everything the counts say."""
    told: dict[str, Any] = {}
    for source in office.sources:
        key = source.source_id
        told[source.slug] = (counts.source(key, 28), sorted(counts.by_day(key)), list(counts.week(key)))
        for number in office.numbers:
            told[f"{source.slug} {number}"] = counts.number(key, number, 28)
    return told


def by_hand(office: Office, start: datetime, end: datetime) -> dict[str, Any]:
    """The same from the rows themselves, the slow way."""
    zone = office.business.site.time_zone
    visitors: dict[tuple[str, Any], set[str]] = defaultdict(set)
    for row in office.session.scalars(select(Visit).where(Visit.started_at >= start, Visit.started_at < end)):
        if row.source_id is not None:
            visitors[row.source_id, row.local_day].add(row.visitor_id)
            hour = (row.local_day, hour_of_week(row.started_at, zone))
            visitors[row.source_id, hour].add(row.visitor_id)
    given: dict[tuple[str, str], int] = defaultdict(int)
    for held in office.session.scalars(
        select(Assignment).where(Assignment.started_at >= start, Assignment.started_at < end)
    ):
        given[held.source_id, held.number] += 1
    told: dict[str, Any] = {}
    for source in office.sources:
        days = [len(v) for (of, key), v in visitors.items() if of == source.source_id and isinstance(key, date)]
        week = [0] * 168
        for (of, key), held_by in visitors.items():
            if of == source.source_id and isinstance(key, tuple):
                week[key[1]] += len(held_by)
        told[source.slug] = (sorted(days), week)
        told |= {f"{source.slug} {n}": given[source.source_id, n] for n in office.numbers}
    return told


@settings(max_examples=12, suppress_health_check=[*HealthCheck])
@given(
    visits=VISITS,
    late=VISITS,
    zone=st.sampled_from(ZONES),
    counted=st.sets(st.integers(0, 28)),
    cut=st.tuples(st.integers(0, 60 * 24 * 6), st.integers(60 * 24 * 7, 60 * 24 * 29)),
)
def test_counted_or_not_the_figures_are_the_same(
    database: Database,
    visits: list[tuple[int, int, int, int]],
    late: list[tuple[int, int, int, int]],
    zone: str,
    counted: set[int],
    cut: tuple[int, int],
) -> None:
    with database.write() as work:
        office = office_in(work, zone)
        place = office.business.site.time_zone
        whole = (day_start(local_day(BEGIN, place), place), day_start(local_day(AT, place), place))
        inside = (BEGIN + timedelta(minutes=cut[0]), BEGIN + timedelta(minutes=cut[1]))
        for one in visits:
            office.comes(*one)
        for start, end in (whole, inside):
            live = office.report(start, end)
            office.count({local_day(BEGIN, place) + timedelta(days=i) for i in counted})
            assert figures(office, office.report(start, end)) == figures(office, live)
            told = by_hand(office, start, end)
            for source in office.sources:
                assert (sorted(live.by_day(source.source_id)), list(live.week(source.source_id))) == told[source.slug]
                for number in office.numbers:
                    assert live.number(source.source_id, number, 28).total == told[f"{source.slug} {number}"]
        # Reports that come late, within the day that they may; and an import, which says what it touched.
        for minute, who, where, number in late:
            at = BEGIN + timedelta(minutes=minute)
            office.comes(minute, who, where, number)
            if at < AT - CLOSES_AFTER + timedelta(hours=1):
                forget_days(office.session, office.business.site.site_id, [local_day(at, place)])
        after = figures(office, office.report(*whole))
        office.session.execute(
            update(CountedDay).values(time_zone="nowhere").execution_options(synchronize_session=False)
        )
        assert after == figures(office, office.report(*whole)), "all live"
        office.count()
        assert after == figures(office, office.report(*whole)), "all counted"


def test_a_page_that_reports_late_makes_an_open_day_live_again(database: Database) -> None:
    with database.write() as work:
        office = office_in(work, "UTC")
        yesterday = AT - timedelta(hours=20)
        start, end = day_start(yesterday.date(), "UTC"), day_start(AT.date(), "UTC")
        minute = int((yesterday - BEGIN).total_seconds() // 60)
        office.comes(minute, 0, 0, 0)
        office.count()
        row = office.session.get_one(
            CountedDay, (office.session.account_id, office.business.site.site_id, yesterday.date())
        )
        row.counts = {**row.counts, "sources": {office.sources[0].source_id: [77, [77] + [0] * 23]}}
        office.session.flush()
        assert office.report(start, end).by_day(office.sources[0].source_id) == [77], "what is kept is used"
        office.comes(minute + 1, 1, 0, 1)
        assert office.report(start, end).by_day(office.sources[0].source_id) == [2]
        assert days_to_count(office.session, office.business.site, AT, 5) == [yesterday.date()]
        office.count()
        assert days_to_count(office.session, office.business.site, AT, 5) == []
        assert office.report(start, end).by_day(office.sources[0].source_id) == [2]


def test_today_is_never_counted_and_the_latest_days_come_first(database: Database) -> None:
    with database.write() as work:
        office = office_in(work, "America/New_York")
        office.comes(0, 0, 0, 0)
        site = office.business.site
        due = days_to_count(office.session, site, AT, 1_000)
        assert due[0] == local_day(AT, site.time_zone) - timedelta(days=1)
        assert due == sorted(due, reverse=True)
        assert due[-1] == local_day(BEGIN - timedelta(days=9), site.time_zone), "the first visit's"
        assert days_to_count(office.session, site, AT, 3) == due[:3]
        assert days_to_count(office.session, site, BEGIN - timedelta(days=10), 5) == []


def test_a_site_that_moves_is_counted_on_its_new_clock(database: Database) -> None:
    with database.write() as work:
        office = office_in(work, "UTC")
        office.comes(600, 0, 0, 0)
        office.count()
        site = office.business.site
        before = len(days_to_count(office.session, site, AT, 1_000))
        site.time_zone = "Asia/Kolkata"
        office.session.flush()
        assert (before, len(days_to_count(office.session, site, AT, 1_000))) == (0, len(_kept(office)))
        live = office.report(BEGIN, AT)
        office.count()
        assert figures(office, office.report(BEGIN, AT)) == figures(office, live)
        assert live.week(office.sources[0].source_id)[hour_of_week(BEGIN + timedelta(hours=10), "Asia/Kolkata")] == 1


def _kept(office: Office) -> list[CountedDay]:
    return list(office.session.scalars(select(CountedDay)))


def test_another_site_and_another_account_do_not_count(database: Database) -> None:
    with database.write() as work:
        office, other = office_in(work, "UTC"), office_in(work, "UTC")
        other.comes(600, 0, 0, 0)
        values = {c.key: getattr(office.business.site, c.key) for c in Site.__table__.columns}
        second = Site(**{**values, "site_id": "f" * 32, "key": "f" * 32})
        office.session.add(second)
        office.session.flush()
        office.count()
        assert office.report(BEGIN, AT).by_day(office.sources[0].source_id) == ()
        assert days_to_count(office.session, second, AT, 10) == []
        assert office.report(BEGIN, datetime(2999, 1, 1, tzinfo=UTC)).by_day("x") == ()
        assert office.report(datetime(2998, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)).by_day("x") == ()
