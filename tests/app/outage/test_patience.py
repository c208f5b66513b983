"""Nobody waits for a database that does not answer; everybody waits for one that works."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from app.outage import patience as patiences
from app.outage.patience import Patience
from app.outage.reach import Watch
from store.engine import make_engine
from store.sessions import Away, Database
from tests.support.serving import wait_until


@pytest.fixture(autouse=True)
def watched(database: Database) -> Watch:
    """Somebody watches the database."""
    watch = database.reach = Watch(database.engine)
    return watch


@pytest.fixture
def locked(sqlite_url: str) -> Iterator[sqlite3.Connection]:
    """Somebody else writes and does not end."""
    with closing(sqlite3.connect(str(make_url(sqlite_url).database), isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def test_what_is_done_in_time_is_returned(database: Database, watched: Watch) -> None:
    patience = Patience(watched)
    assert patience(lambda: 7) == 7
    with pytest.raises(KeyError, match="gone"):
        patience(lambda: {}["gone"])
    assert not database.reach.away


def test_a_slow_answer_of_a_working_database_is_waited_for(
    database: Database, watched: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patiences, "LOOK_SECONDS", 10.0)
    monkeypatch.setattr(patiences, "MOST_SECONDS", 30.0)
    patience, looked = Patience(watched), threading.Event()
    look = watched._look

    def seen() -> bool:
        found = look()
        looked.set()
        return found

    monkeypatch.setattr(watched, "_look", seen)
    assert patience(lambda: looked.wait(30), seconds=0.01) is True
    assert not database.reach.away


def test_a_locked_file_is_not_waited_for(sqlite_url: str, locked: sqlite3.Connection) -> None:
    reach = Watch(make_engine(sqlite_url))
    patience, go_on = Patience(reach), threading.Event()
    with pytest.raises(Away):
        patience(lambda: go_on.wait(30), seconds=0.01)
    assert reach.away
    ran = threading.Event()
    with pytest.raises(Away):
        patience(ran.set)
    assert not ran.is_set()
    go_on.set()
    came_back = threading.Event()
    reach.on_return.append(came_back.set)
    locked.execute("ROLLBACK")
    assert came_back.wait(30)
    assert not reach.away
    assert patience(lambda: 7) == 7


def test_a_refusal_is_looked_into(sqlite_url: str, locked: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.engine.WAIT_SECONDS", 0.01)
    database = Database(make_engine(sqlite_url))
    watch = database.reach = Watch(database.engine)
    patience = Patience(watch)

    def write() -> None:
        with database.write() as work:
            work.directory.scalar(select(func.count()))

    with pytest.raises(Exception, match="locked"):
        patience(write, seconds=30)
    assert database.reach.away
    database.engine.dispose()


def test_a_server_that_is_gone_is_refused_at_once(postgres_url: str) -> None:
    nowhere = make_url(postgres_url).set(query={}, host="127.0.0.1", port=9)
    database = Database(make_engine(nowhere.render_as_string(hide_password=False)))
    watch = database.reach = Watch(database.engine)
    assert not watch.answers(since=float("inf"), within=30)
    with pytest.raises(Away), database.read():
        pass
    database.engine.dispose()


def test_looking_changes_nothing(database: Database, watched: Watch) -> None:
    def facts() -> object:
        with database.read() as work:
            return work.directory.connection().exec_driver_sql("SELECT count(*) FROM accounts").scalar()

    before = facts()
    assert watched.answers(since=float("inf"), within=30)
    assert facts() == before
    wait_until(lambda: not database.reach.away, 10, "it is not away")


def test_a_writer_of_this_very_process_that_takes_long_is_no_outage(sqlite_url: str) -> None:
    database = Database(make_engine(sqlite_url))
    watch = database.reach = Watch(database.engine)
    with database.write():
        assert watch.answers(since=float("inf"), within=30)
        assert not watch.away
    with closing(sqlite3.connect(str(make_url(sqlite_url).database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not watch.answers(since=float("inf"), within=30)
    database.engine.dispose()
