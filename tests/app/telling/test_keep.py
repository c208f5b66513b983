"""What is old goes, what waits stays, and the numbers go on."""

from datetime import timedelta

import pytest

from app.nightly_jobs import NIGHTLY, Night
from app.telling import keep
from app.telling.deliveries import state_of
from app.telling.tries import GONE_WORDS
from store.sessions import Database
from tests.app.telling.world import AT, Office
from tests.support.post import receiver


@pytest.fixture
def office(database: Database, database_url: str) -> Office:
    return Office.open(database, database_url)


def night(office: Office) -> str:
    return NIGHTLY["webhooks"](
        Night(
            database=office.database,
            settings=office.settings,
            account_id=office.account_id,
            at=office.at,
            stopping=lambda: False,
        )
    ).said


def test_delivered_ones_go_after_thirty_days_and_dead_ones_after_ninety(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep, "CHUNK", 2)
    with receiver() as there, receiver() as gone:
        office.endpoint(there.url)
        office.endpoint(gone.url)
        gone.status = 410
        for _ in range(5):
            office.tell()
        office.send_due()
        assert [state_of(row) for row in office.deliveries()].count("delivered") == 5
        assert [row.problem for row in office.deliveries()].count(GONE_WORDS) == 5
        office.at = AT + timedelta(days=30) - timedelta(seconds=1)
        assert night(office) == "0 old messages removed"
        office.tell()  # waits
        office.at = AT + timedelta(days=30)
        assert night(office) == "5 old messages removed"
        assert [state_of(row) for row in office.deliveries()] == ["dead"] * 5 + ["waiting"] or [
            state_of(row) for row in office.deliveries()
        ] == ["waiting"] + ["dead"] * 5
        office.at = AT + timedelta(days=90)
        assert night(office) == "5 old messages removed"
        assert [(row.number, state_of(row)) for row in office.deliveries()] == [(6, "waiting")]
        assert night(office) == "0 old messages removed"
