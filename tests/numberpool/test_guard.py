"""What speaks against giving a number away; calls without views."""

from datetime import datetime, timedelta

import pytest

from core.errors import NotFound
from core.ids import new_id
from numberpool.guard import call_count, calls_without_views, reasons_to_keep
from numberpool.numbers import change_number
from store.calls import Call, CallCandidate
from store.sessions import AccountSession, Database
from store.sites import TrackingSource
from tests.support.rows import START, Business

NUMBER, OTHER = "+12125550142", "+12125550143"
DAY = timedelta(days=1)


def called(
    office: Business, source: TrackingSource, at: datetime, number: str = NUMBER, visitor_id: str | None = None
) -> None:
    """A call, made by this visitor for all anybody knows."""
    session, call_id = office.session, new_id(at)
    session.add(
        Call(
            call_id=call_id,
            provider="twilio",
            provider_call_id=call_id,
            site_id=office.site.site_id,
            source_id=source.source_id,
            number=number,
            destination="+12125559000",
            started_at=at,
            local_day=at.date(),
            status="completed",
            updated_at=at,
        )
    )
    session.flush()
    if visitor_id is not None:
        visitor = session.get_one(type(office.visitor()), (session.account_id, visitor_id))
        session.add(
            CallCandidate(
                call_id=call_id,
                rank=1,
                visit_id=visitor.visit_id,
                visitor_id=visitor_id,
                likelihood=0.5,
                race=0.0,
                last_seen_at=at,
                evidence=None,
            )
        )
        session.flush()


def reasons(session: AccountSession) -> set[str]:
    return set(reasons_to_keep(session, NUMBER, START))


def test_printed_in_a_pool_or_called_lately(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER, OTHER])
        assert reasons(office.session) == {"pool"}
        change_number(office.session, NUMBER, {"status": "resting"}, START)
        assert reasons(office.session) == set()
        change_number(office.session, NUMBER, {"printed": True}, START)
        assert reasons(office.session) == {"printed"}
        change_number(office.session, NUMBER, {"printed": False}, START)
        called(office, source, START - 31 * DAY)
        called(office, source, START - DAY, OTHER)
        assert reasons(office.session) == set()
        called(office, source, START - 29 * DAY)
        assert reasons_to_keep(office.session, NUMBER, START) == {"calls": "1 call came in within the last 30 days"}
        assert call_count(office.session, NUMBER, START - 40 * DAY) == 2
        with pytest.raises(NotFound):
            reasons_to_keep(office.session, "+12125550199", START)


def test_a_call_is_without_views_where_nobody_could_have_made_it(database: Database) -> None:
    with database.write() as work:
        office, neighbour = Business.open(work), Business.open(work)
        source = office.source("google_ads", [NUMBER, OTHER])
        theirs = neighbour.source("google_ads", [NUMBER])
        visitor = office.visitor(source=source)
        called(office, source, START - 2 * DAY)
        called(office, source, START - DAY)
        called(office, source, START - DAY, visitor_id=visitor.visitor_id)
        called(office, source, START, OTHER)
        called(neighbour, theirs, START)
        assert calls_without_views(office.session, [NUMBER], START - DAY) == {NUMBER: [START - DAY]}
        assert calls_without_views(office.session, [NUMBER, OTHER], START - 9 * DAY) == {
            NUMBER: [START - 2 * DAY, START - DAY],
            OTHER: [START],
        }
        assert calls_without_views(office.session, [], START) == {}
