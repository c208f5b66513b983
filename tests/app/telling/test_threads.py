"""The threads of a serving process: woken at once, bounded, not held up by the slow, ended within a second."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from time import monotonic

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from app.telling import deliver
from app.telling.deliver import Deliveries
from app.telling.deliveries import state_of
from app.telling.outbox import CALL_ENDED, tell
from store.directory import WebhookAccount
from store.engine import make_engine
from store.sessions import Database
from tests.app.telling.world import Office, holding
from tests.support.post import Receiver, receiver
from tests.support.serving import wait_until

FAR = 3600.0
"""Looks so rare that only being woken explains that something is sent."""


@pytest.fixture
def office(database: Database, database_url: str) -> Iterator[Office]:
    yield Office.open(database, database_url)
    # Who is told to stop may have a message on its way; it is let finish before the database goes.
    wait_until(lambda: threads() == [], 10, f"{threads()} still run")


@contextmanager
def sending(office: Office, look_seconds: float = FAR) -> Iterator[Deliveries]:
    deliveries = Deliveries(office.sender, look_seconds=look_seconds)
    deliveries.start()
    try:
        yield deliveries
    finally:
        deliveries.stop()


def got(there: Receiver, count: int) -> None:
    wait_until(lambda: len(there.posts) >= count, 10, f"{len(there.posts)} of {count} messages arrived")


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("ringtrace-webhooks")]


def settled(office: Office) -> None:
    wait_until(lambda: all(state_of(row) == "delivered" for row in office.deliveries()), 10, "not all were noted")


def test_a_message_is_sent_as_soon_as_its_transaction_is_over(office: Office) -> None:
    with receiver() as there, sending(office):
        wait_until(lambda: len(threads()) == 1 + deliver.QUICK_THREADS + deliver.SLOW_THREADS, 5, "threads")
        office.endpoint(there.url)
        for count in range(1, 6):
            office.tell()
            got(there, count)
        settled(office)


def test_messages_of_other_processes_are_found_by_looking(office: Office, database_url: str) -> None:
    with receiver() as there, sending(office, 0.05):
        elsewhere = Database(make_engine(database_url))
        other = Office(elsewhere, office.settings, account_id=office.account_id)
        other.endpoint(there.url)
        other.tell()
        got(there, 1)
        settled(office)
        elsewhere.engine.dispose()


def test_two_processes_send_each_message_once_and_in_order(office: Office, database_url: str) -> None:
    elsewhere = Database(make_engine(database_url))
    other = Office(elsewhere, office.settings, account_id=office.account_id)
    with receiver() as there, sending(office, 0.05), sending(other, 0.05):
        office.endpoint(there.url)
        for one in (office, other) * 15:
            one.tell()
        got(there, 30)
        settled(office)
        ids = [headers["webhook-id"] for _, headers, _ in there.posts]
        numbers = {row.message_id: row.number for row in office.deliveries()}
        assert [numbers[one] for one in ids] == list(range(1, 31))
    wait_until(lambda: threads() == [], 10, f"{threads()} still run")
    elsewhere.engine.dispose()


def test_receivers_that_are_silent_hold_up_nobody_else(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "SLOW_SECONDS", 0.2)
    office.sender.outgoing._timeout = 0.6
    with holding() as (silent, _, taken), receiver() as there, sending(office, 0.05):
        for _ in range(6):
            office.endpoint(silent)
        office.at = datetime.now(UTC)
        office.tell()
        wait_until(lambda: len(taken) >= 6, 10, "the silent ones were not asked")
        wait_until(
            lambda: sum(row.problem is not None for row in office.deliveries()) == 6, 10, "their silence was not noted"
        )
        office.endpoint(there.url)
        # All six are slow now, and have threads of their own: the others keep nobody waiting.
        for count in range(1, 21):
            office.tell()
            began = monotonic()
            got(there, count)
            assert monotonic() - began < 5


def test_stopping_waits_for_nobody(office: Office) -> None:
    with holding() as (silent, _, taken), receiver() as there:
        with sending(office):
            office.endpoint(silent)
            office.tell()
            wait_until(lambda: len(taken) == 1, 5, "nothing was sent")
            began = monotonic()
        assert monotonic() - began < 1
        office.endpoint(there.url)
        office.tell()
        wait_until(lambda: len(threads()) <= 1, 5, f"{threads()} still run")
        assert there.posts == []


def test_a_database_that_is_away_is_waited_for(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    away = threading.Event()

    def breaks(*_: object) -> None:
        if away.is_set() and threading.current_thread().name.startswith("ringtrace-webhooks"):
            raise OperationalError("SELECT 1", None, ConnectionError("gone"))

    engine: Engine = office.database.engine
    event.listen(engine, "before_cursor_execute", breaks)
    with receiver() as there, sending(office, 0.02):
        office.endpoint(there.url)
        away.set()
        office.tell()
        wait_until(lambda: "the database does not answer" in caplog.text, 5, "nothing was said")
        assert there.posts == []
        away.clear()
        got(there, 1)
        settled(office)
    event.remove(engine, "before_cursor_execute", breaks)


def test_what_is_taken_back_wakes_nobody_for_long(office: Office) -> None:
    with receiver() as there, sending(office):
        office.endpoint(there.url)
        with suppress(RuntimeError), office.database.write() as work:
            tell(work.account(office.account_id), CALL_ENDED, "x", lambda: {"id": "x"}, at=office.at)
            raise RuntimeError
        office.tell()
        got(there, 1)
        settled(office)
        assert len(there.posts) == 1


def test_accounts_without_webhooks_are_not_looked_at(office: Office) -> None:
    asked: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    for _ in range(20):
        Office(office.database, office.settings)
    event.listen(office.database.engine, "before_cursor_execute", count)
    assert office.sender.due() == []
    looked = sum("SELECT" in statement for statement in asked)
    event.remove(office.database.engine, "before_cursor_execute", count)
    assert looked == 1
    office.endpoint("http://127.0.0.1:9")
    with office.database.read() as work:
        assert work.directory.get(WebhookAccount, office.account_id) is not None
