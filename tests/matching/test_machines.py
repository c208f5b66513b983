"""Networks that make visitors up, told by what was known at a moment."""

from datetime import timedelta

from sqlalchemy import select

from core.crowds import ELSEWHERE
from matching.machines import machine_networks, machines_among
from store.sessions import AccountSession, Database
from store.visits import Visitor
from tests.support.rows import START, Business

LATER = START + timedelta(minutes=10)


def crowd(office: Business) -> None:
    """Ten lifeless visitors of one network, and people at home whose pages live."""
    for place in range(10):
        office.visitor(START + timedelta(seconds=place)).origin = "crowd"
    for place in range(ELSEWHERE):
        person = office.visitor(START + timedelta(seconds=place))
        person.origin, person.alive_at = f"home {place}", START + timedelta(minutes=1)
    office.session.flush()


def suspected(session: AccountSession, site_id: str, minutes: int) -> set[str | None]:
    visitors = session.scalars(select(Visitor)).all()
    at = START + timedelta(minutes=minutes)
    return set(machines_among(session, visitors, site_id=site_id, since=START - timedelta(days=1), at=at))


def test_a_network_whose_pages_never_live_is_a_machines_and_later_life_changes_nothing_before(
    database: Database,
) -> None:
    with database.write() as work:
        office = Business.open(work)
        crowd(office)
        session, site_id = office.session, office.site.site_id
        assert suspected(session, site_id, minutes=10) == {"crowd"}
        for visitor in session.scalars(select(Visitor).where(Visitor.origin == "crowd")):
            visitor.alive_at = START + timedelta(minutes=20)
        session.flush()
        assert suspected(session, site_id, minutes=10) == {"crowd"}
        assert suspected(session, site_id, minutes=30) == set()


def test_where_no_page_lives_nobody_is_suspected(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        for place in range(200):
            office.visitor(START + timedelta(seconds=place)).origin = "one address"
        office.session.flush()
        span = {"since": START - timedelta(days=1), "until": LATER}
        assert machine_networks(office.session, site_id=office.site.site_id, **span) == frozenset()
        assert suspected(office.session, office.site.site_id, minutes=10) == set()


def test_all_networks_of_a_site_at_once(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        crowd(office)
        span = {"since": START - timedelta(days=1), "until": LATER}
        assert machine_networks(office.session, site_id=office.site.site_id, **span) == {"crowd"}
