"""While somebody holds the database's locks: calls connect, pages keep their numbers, and later all is there once."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from store import engine as engines
from store.engine import make_engine
from tests.support.office import OWN, Office
from tests.support.serving import served, wait_until


@contextmanager
def everything_locked(url: str) -> Iterator[None]:
    """Another program has begun to write and does not end."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection, connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE calls, visits, visitors IN EXCLUSIVE MODE"))
            yield
    finally:
        engine.dispose()


def test_a_locked_database_costs_no_call(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "WAIT_SECONDS", 0.3)
    with served(database_url) as server:
        office = Office.open(server.url, database_url)
        site = office.site()
        number = office.source(site)["pool"][0]
        with everything_locked(database_url):
            sid, answer = office.ring(number)
            assert (answer.status_code, "+12125559000</Number></Dial>" in answer.text) == (200, True)
            assert office.http.get(f"{server.url}/health", timeout=10).json()["status"] == "ok"
            page = office.swap(site)
            assert (page.status_code, page.json()["numbers"], page.json()["ttl"]) == (200, {}, 30)
        assert office.api("GET", "/calls", expect=200)["items"] == []
        # Whether the database is back is looked at four times a second.
        wait_until(lambda: not server.app.extensions["ringtrace"].database.reach.away, 10, "it is still away")
        assert office.swap(site).json()["numbers"][OWN]["e164"] == number
        assert office.webhook("status", {"CallSid": sid, "To": number, "CallStatus": "completed"}).status_code == 204
        _, again = office.ring(number, sid=sid)
        assert again.text == answer.text
        assert [c["provider_call_id"] for c in office.api("GET", "/calls", expect=200)["items"]] == [sid]
