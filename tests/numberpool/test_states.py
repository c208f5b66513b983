"""Every change of a number is kept, with who did it and why."""

from datetime import timedelta

import pytest

from core.errors import InvalidInput
from numberpool.numbers import add_number, change_number
from numberpool.states import REASON_LIMIT, SYSTEM, By, changes_of, checked_reason
from store.sessions import AccountSession, Database
from tests.support.rows import START, Business

NUMBER = "+12125550142"
STAFF = By(kind="staff", user_id="f" * 32)
LATER = START + timedelta(hours=1)


def told(session: AccountSession) -> list[tuple[str | None, str, str, str | None]]:
    return [(c.from_status, c.to_status, c.by, c.reason) for c in changes_of(session, NUMBER, limit=50)]


def test_changes_of_status_and_source_are_kept_and_no_others(database: Database) -> None:
    with database.write() as work:
        office, neighbour = Business.open(work), Business.open(work)
        ads, bing = office.source("google_ads", []), office.source("bing", [])
        neighbour.source("google_ads", [NUMBER])
        session = office.session
        add_number(session, number=NUMBER, source=ads.source_id, provider="manual", at=START)
        change_number(session, NUMBER, {"status": "active", "provider": "twilio", "printed": True}, LATER)
        assert told(session) == [(None, "active", "system", None)]
        change_number(session, NUMBER, {"status": "resting"}, LATER, by=STAFF, reason="  too many calls ")
        change_number(session, NUMBER, {"source": "bing"}, LATER + timedelta(hours=1), by=SYSTEM)
        change_number(session, NUMBER, {}, LATER + timedelta(hours=2), by=STAFF, reason="looked at")
        assert told(session) == [
            ("resting", "resting", "staff", "looked at"),
            ("resting", "resting", "system", None),
            ("active", "resting", "staff", "too many calls"),
            (None, "active", "system", None),
        ]
        moved = changes_of(session, NUMBER, limit=2)[1]
        assert (moved.from_source_id, moved.to_source_id) == (ads.source_id, bing.source_id)
        first = changes_of(session, NUMBER, limit=50)[-1]
        assert changes_of(session, NUMBER, after=(first.at, first.change_id), limit=50) == []
        assert told(neighbour.session) == []


def test_a_number_that_comes_back_forgets_what_it_was(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        ads = office.source("google_ads", [NUMBER])
        session = office.session
        row = change_number(session, NUMBER, {"status": "released", "printed": True}, START)
        row.provider_sid, row.monthly_price_minor, row.price_currency, row.level = "PN1", 115, "USD", 7
        until = LATER + timedelta(days=7)
        again = add_number(
            session,
            number=NUMBER,
            source=ads.source_id,
            provider="manual",
            status="quarantined",
            at=LATER,
            quarantined_until=until,
        )
        assert (again.provider_sid, again.monthly_price_minor, again.price_currency) == (None, None, None)
        assert (again.printed, again.level, again.quarantined_until) == (False, 0, until)
        assert told(session)[0][:2] == ("released", "quarantined")
        assert change_number(session, NUMBER, {"status": "active"}, LATER).quarantined_until is None


def test_naming_a_status_calls_a_planned_release_off(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        office.source("google_ads", [NUMBER])
        row = change_number(office.session, NUMBER, {"status": "resting"}, START)
        row.release_at = LATER
        assert change_number(office.session, NUMBER, {"printed": True}, START).release_at == LATER
        assert change_number(office.session, NUMBER, {"status": "resting"}, START).release_at is None


def test_reasons_that_cannot_be_kept_are_refused() -> None:
    assert checked_reason(None) is checked_reason("  ") is None
    assert checked_reason(" a ") == "a"
    for wrong in ("x" * (REASON_LIMIT + 1), "a\x00b"):
        with pytest.raises(InvalidInput):
            checked_reason(wrong)
