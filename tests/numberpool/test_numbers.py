"""Use cases of tracking numbers, on the database itself: what happens to those who are shown a number."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from numberpool.numbers import add_number, change_number, get_number, number_in_path, release_number
from numberpool.sources import create_source
from store.sessions import AccountSession, Database
from store.sites import Site
from store.visits import Assignment, Visitor
from tests.support.rows import with_site

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
NUMBER, OTHER = "+12125550142", "+12125550143"


def with_source(session: AccountSession, site: Site, preset: str) -> str:
    """The id of a new source."""
    fields = {"site": site.site_id, "name": preset, "kind": "online", "preset": preset, "destination": "+12125559000"}
    return create_source(session, fields, AT).source_id


def shown(session: AccountSession, site: Site, source_id: str, number: str, ended_at: datetime | None = None) -> str:
    """The id of an assignment of this number to a new visitor."""
    visitor = Visitor(visitor_id=new_id(AT), site_id=site.site_id, device="desktop", first_seen_at=AT, last_seen_at=AT)
    session.add(visitor)
    session.flush()
    row = Assignment(
        assignment_id=new_id(AT),
        visitor_id=visitor.visitor_id,
        source_id=source_id,
        number=number,
        started_at=AT,
        ended_at=ended_at,
    )
    session.add(row)
    session.flush()
    return row.assignment_id


def ends(session: AccountSession) -> dict[str, datetime | None]:
    """When each assignment ended."""
    session.expire_all()
    return {row.assignment_id: row.ended_at for row in session.scalars(select(Assignment))}


@pytest.mark.parametrize(
    ("change", "ended"),
    [
        ({"status": "resting"}, True),
        ({"status": "quarantined"}, True),
        ({"status": "released"}, True),
        ({"source": "bing"}, True),
        ({"status": "active"}, False),
        ({"provider": "twilio"}, False),
        ({"source": "google_ads"}, False),
    ],
)
def test_what_is_no_longer_shown_is_no_longer_assigned(database: Database, change: dict[str, str], ended: bool) -> None:
    with database.write() as work:
        session = work.account(new_id(AT))
        site = with_site(session, AT)
        source = with_source(session, site, "google_ads")
        with_source(session, site, "bing")
        for number in (NUMBER, OTHER):
            add_number(session, number=number, source=source, provider="manual", at=AT)
        old = shown(session, site, source, NUMBER, ended_at=AT)
        open_one, untouched = shown(session, site, source, NUMBER), shown(session, site, source, OTHER)
        change_number(session, NUMBER, change, LATER)
        assert ends(session) == {old: AT, open_one: LATER if ended else None, untouched: None}


def test_another_accounts_people_are_left_alone(database: Database) -> None:
    with database.write() as work:
        sessions = [work.account(new_id(AT)) for _ in range(2)]
        kept = []
        for session in sessions:
            site = with_site(session, AT)
            source = with_source(session, site, "google_ads")
            add_number(session, number=NUMBER, source=source, provider="manual", at=AT)
            kept.append(shown(session, site, source, NUMBER))
        release_number(sessions[0], NUMBER, LATER)
        assert ends(sessions[0]) == {kept[0]: LATER}
        assert ends(sessions[1]) == {kept[1]: None}
        assert get_number(sessions[1], NUMBER)[0].status == "active"


def test_a_moved_number_begins_its_turns_anew(database: Database) -> None:
    with database.write() as work:
        session = work.account(new_id(AT))
        site = with_site(session, AT)
        source, bing = with_source(session, site, "google_ads"), with_source(session, site, "bing")
        row = add_number(session, number=NUMBER, source=source, provider="manual", at=AT)
        row.last_turn = 7
        assert change_number(session, NUMBER, {"status": "active"}, LATER).last_turn == 7
        moved = change_number(session, NUMBER, {"source": bing}, LATER)
        assert (moved.last_turn, moved.source_id, moved.status_since) == (0, bing, AT)


def test_refusals_change_nothing(database: Database) -> None:
    with database.write() as work:
        session = work.account(new_id(AT))
        site = with_site(session, AT)
        source = with_source(session, site, "google_ads")
        for number in ("+12125550100", "+12125559000"):
            with pytest.raises(InvalidInput):
                add_number(session, number=number, source=source, provider="manual", at=AT)
            with pytest.raises(NotFound):
                get_number(session, number)
        add_number(session, number=NUMBER, source=source, provider="manual", at=AT)
        with pytest.raises(Conflict):
            add_number(session, number=NUMBER, source=source, provider="twilio", at=LATER)
        row, _ = get_number(session, NUMBER)
        assert (row.provider, row.created_at) == ("manual", AT)
        with pytest.raises(NotFound):
            release_number(session, OTHER, LATER)


def test_numbers_in_paths_with_and_without_plus() -> None:
    assert number_in_path("+12125550142") == number_in_path("12125550142") == NUMBER
    for text in ("", "+", "nope", "++12125550142", "0" * 20, "+1\x00"):
        with pytest.raises(NotFound):
            number_in_path(text)
