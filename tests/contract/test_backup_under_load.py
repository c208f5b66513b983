"""A server that makes backups by itself is killed under load; the latest backup loses no more than its pace."""

import itertools
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from app.backup.files import backups_in
from app.backup.restore import restore
from store.calls import Call
from store.engine import make_engine
from store.sessions import Database
from store.visits import Visit
from tests.app.backup.copies import given, settings_of
from tests.support.databases import Postgres
from tests.support.office import Office
from tests.support.serving import ServeProcess, wait_until

EVERY = 2
BACKUPS = 3
"""So many are waited for before the server dies."""


class _Load:
    """Pages are opened and calls come in; of each that was answered, by which moment."""

    def __init__(self, office: Office) -> None:
        self.office, self.stopping = office, threading.Event()
        self.site = office.site()
        self.number = office.source(self.site)["pool"][0]
        self.visits: list[tuple[str, datetime]] = []
        self.calls: list[tuple[str, datetime]] = []
        self.threads = [threading.Thread(target=self._open), threading.Thread(target=self._ring)]
        for thread in self.threads:
            thread.start()

    def _open(self) -> None:
        for place in itertools.count():
            try:
                answer = self.office.swap(self.site, url=f"https://example.com/{place}?gclid=Cj0abc{place}")
            except requests.RequestException:
                return
            if answer.ok and answer.json()["visit"]:
                self.visits.append((answer.json()["visit"], datetime.now(UTC)))
            if self.stopping.wait(0.01):
                return

    def _ring(self) -> None:
        http = Office(**{**self.office.__dict__, "http": requests.Session()})
        while not self.stopping.wait(0.05):
            try:
                sid, answer = http.ring(self.number)
            except requests.RequestException:
                return
            if answer.ok:
                self.calls.append((sid, datetime.now(UTC)))

    def end(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def test_what_a_kill_costs_is_younger_than_the_pace(database_url: str, tmp_path: Path, request: pytest.FixtureRequest):
    folder = tmp_path / "backups"
    # No secret key but the tests' own.
    environment = given(database_url, tmp_path, BACKUP_DIR=str(folder), BACKUP_EVERY=str(EVERY))
    server = ServeProcess(database_url, **environment)
    load = None
    try:
        server.wait()
        load = _Load(Office.open(server.url, database_url))
        before = len(backups_in(folder))
        wait_until(lambda: len(backups_in(folder)) >= before + BACKUPS, 90, "no backups were made under load")
        paces = _paces(folder)
        died = datetime.now(UTC)
        server.kill()
    finally:
        server.stop()
        if load is not None:
            load.end()
    latest = backups_in(folder)[0]
    fresh = _elsewhere(database_url, tmp_path, request)
    began = time.monotonic()
    restore(settings_of(fresh, tmp_path), latest.path, died, sure=False)
    assert time.monotonic() - began < 600
    visits, calls = _there(fresh, load.office.account_id)
    lost = [at for sid, at in load.calls if sid not in calls] + [at for v, at in load.visits if v not in visits]
    assert all(at >= latest.made_at for at in lost), "everything that was answered before the backup's moment is in it"
    assert (died - latest.made_at).total_seconds() <= max(paces) * 2 + EVERY
    assert len(load.calls) > 10
    assert len(load.visits) > 10
    assert latest.contents.tables["calls"] == len(calls)
    assert latest.contents.tables["visits"] == len(visits)
    assert len(calls) > 0


def _paces(folder: Path) -> list[float]:
    """Seconds between one backup's moment and the next one's."""
    moments = sorted(b.made_at for b in backups_in(folder))
    return [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(moments)]


def _elsewhere(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if database_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'restored.db'}"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.empty()


def _there(database_url: str, account_id: str) -> tuple[set[str], set[str]]:
    engine = make_engine(database_url)
    try:
        with Database(engine).read() as work:
            session = work.account(account_id)
            visits = set(session.scalars(select(Visit.visit_id)))
            return visits, set(session.scalars(select(Call.provider_call_id)))
    finally:
        engine.dispose()
