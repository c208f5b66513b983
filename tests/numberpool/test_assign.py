"""The use case on both databases: sticky, even, exact under concurrency."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import select

from numberpool.assign import first_active_number
from store.sessions import Database
from store.sites import TrackingNumber
from store.visits import Assignment
from tests.support.pages import give
from tests.support.rows import START, Business

POOL = [f"+1212555{n}" for n in range(1000, 1010)]


def test_a_visitor_keeps_their_number(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", POOL)
        visitors = [office.visitor(source=source) for _ in range(25)]
        first = [give(office.session, v.visitor_id, source.source_id, START) for v in visitors]
        later = START + timedelta(days=20)
        again = [give(office.session, v.visitor_id, source.source_id, later) for v in visitors]
    assert first == again
    assert first[:10] == POOL


def test_a_number_that_left_the_pool_is_replaced_and_its_assignment_ended(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", POOL[:2])
        visitor = office.visitor(source=source)
        given = give(office.session, visitor.visitor_id, source.source_id, START)
        office.session.get_one(TrackingNumber, (office.session.account_id, given)).status = "resting"
        office.session.flush()
        later = START + timedelta(hours=1)
        other = give(office.session, visitor.visitor_id, source.source_id, later)
        rows = office.session.scalars(select(Assignment).order_by(Assignment.started_at)).all()
        assert (given, other) == (POOL[0], POOL[1])
        assert [(r.number, r.ended_at) for r in rows] == [(POOL[0], later), (POOL[1], None)]


def test_a_source_without_active_numbers_gives_none(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [])
        visitor = office.visitor(source=source)
        assert give(office.session, visitor.visitor_id, source.source_id, START) is None
        assert first_active_number(office.session, source.source_id) is None


def test_sixteen_at_once_spread_exactly_and_nobody_holds_two(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source_id = office.source("google_ads", POOL).source_id
        account_id = office.session.account_id
        visitors = [office.visitor().visitor_id for _ in range(200)]

    def come(visitor_id: str) -> str | None:
        with database.write() as work:
            return give(work.account(account_id), visitor_id, source_id, START)

    with ThreadPoolExecutor(16) as pool:
        # Each visitor comes twice, as two tabs would.
        given = list(pool.map(come, [v for v in visitors for _ in range(2)]))
    assert given[::2] == given[1::2]
    assert set(Counter(given[::2]).values()) == {20}
    with database.read() as work:
        open_rows = work.account(account_id).scalars(select(Assignment.visitor_id)).all()
    assert sorted(open_rows) == sorted(visitors)
