"""Whether the database can be reached and written, as one process sees it.

While it can, nothing is asked. Whoever waited in vain asks `answers`; a thread then looks with a connection of its own,
and goes on looking until the database takes a write again. A look that hangs (a server that was halted answers nothing,
and no time-out of the database itself can tell) counts as no.
"""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL

from store.sessions import Reach

log = logging.getLogger("ringtrace.database")

LOOK_SECONDS = 0.25
"""Between two looks while the database is away."""
BUSY_SECONDS = 0.1
"""How long a look waits for another writer of an SQLite file."""
IDLE_SECONDS = 5.0
SILENT_SECONDS, BUSY_SILENT_SECONDS = 0.4, 1.0
"""After how long a look that has not come to an end counts as no for everybody, and not only for who waits for it."""
OURS_SECONDS = 2.5
"""For how long a writer of this very process may hold an SQLite file: its disk is slow, and nothing is wrong."""
BUSY = 1.5
"""From how many tasks that run or wait for each processor on a machine is busy, as an average of the last minute."""


def is_busy() -> bool:
    """Whether this machine has so much to do that being late says nothing."""
    return os.getloadavg()[0] > BUSY * (os.cpu_count() or 1)


class Watch(Reach):
    """What one process knows of its database; safe between threads. `away` is no promise either way, only the latest.

    `on_return` are called, in a thread of their own, whenever the database came back.
    """

    def __init__(self, engine: Engine) -> None:
        self.away = False
        self.on_return: list[Callable[[], None]] = []
        self._look = _look_of(engine.url)
        event.listen(engine, "engine_disposed", self._close)
        self._wrote = time.monotonic()
        self._holds_since: float | None = None
        self._asked = self._began = self._ended = self._looking = 0.0
        self._found = True
        self._condition = threading.Condition()
        self._runs = False

    def wrote(self) -> None:
        """A transaction that writes was committed."""
        self._wrote = time.monotonic()

    def holds(self, yes: bool) -> None:
        """This process has SQLite's one right to write, or has given it back."""
        self._holds_since = time.monotonic() if yes else None

    def _is_ours(self) -> bool:
        """Whether what keeps others from writing is a transaction of our own that has not lasted long."""
        since = self._holds_since
        return since is not None and time.monotonic() - since < OURS_SECONDS

    def prepare(self) -> None:
        """Looks once, so that the next look finds everything at hand."""
        with self._condition:
            self._asked = time.monotonic()
            self._start()
            self._condition.notify_all()

    def answers(self, *, since: float, within: float) -> bool:
        """Whether the database takes writes: something was written after `since`, or a look says so in time.

        `since` is monotonic seconds, `within` how long a look may take.
        """
        if self._wrote > since:
            return True
        asked = time.monotonic()
        with self._condition:
            self._asked = asked
            self._start()
            self._condition.notify_all()
            looked = self._condition.wait_for(lambda: self._ended and self._began >= asked, within)
            found = looked and self._found
            silent = time.monotonic() - self._looking > (BUSY_SILENT_SECONDS if is_busy() else SILENT_SECONDS)
        if found or self._wrote > asked:
            return True
        # On a machine that is very busy a look may take long; one that was refused, or hangs, is no for all.
        if looked or silent:
            self._is_away()
        return False

    def _close(self, _engine: Engine) -> None:
        if isinstance(self._look, _PostgresqlLook):
            self._look.close()

    def _is_away(self) -> None:
        if not self.away:
            self.away = True
            log.error("the database is away: calls are answered from a file, visits and events are kept in the spool")

    def _start(self) -> None:
        if not self._runs:
            self._runs = True
            threading.Thread(target=self._run, name="ringtrace-reach", daemon=True).start()

    def _run(self) -> None:
        while True:
            began = self._looking = time.monotonic()
            found = self._look() or self._is_ours()
            with self._condition:
                self._began, self._ended, self._found = began, time.monotonic(), found
                self._condition.notify_all()
                came_back = found and self.away
                if found:
                    self.away = False
                else:
                    self._is_away()
            if came_back:
                self._tell()
            with self._condition:
                if not found:
                    self._condition.wait(LOOK_SECONDS)
                elif not self._condition.wait_for(lambda: self._asked > self._began, IDLE_SECONDS):
                    self._runs = False
                    return

    def _tell(self) -> None:
        log.warning("the database is back")
        for tell in self.on_return:
            threading.Thread(target=tell, name="ringtrace-return", daemon=True).start()


def _look_of(url: URL) -> Callable[[], bool]:
    return _look_at_sqlite(url) if url.drivername == "sqlite" else _PostgresqlLook(url)


def _look_at_sqlite(url: URL) -> Callable[[], bool]:
    """Begins to write, and writes: a lock of somebody else refuses the one, a full disk the other."""

    def look() -> bool:
        try:
            with closing(sqlite3.connect(str(url.database), timeout=BUSY_SECONDS, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                connection.execute(f"PRAGMA user_version={int(version)}")
                connection.execute("COMMIT")
        except sqlite3.Error:
            return False
        return True

    return look


class _PostgresqlLook:
    """Takes a transaction's id, which a server that only reads (a standby, one that is shutting down) refuses.

    The connection is kept: a look must be quick where it matters, on a machine that has no time for a new one.
    """

    def __init__(self, url: URL) -> None:
        self._where = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: psycopg.Connection[Any] | None = None

    def __call__(self) -> bool:
        return (self._connection is not None and self._asked()) or self._asked()

    def close(self) -> None:
        """Lets go of the connection; the next look makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _asked(self) -> bool:
        try:
            connection = self._connection
            if connection is None:
                connection = self._connection = psycopg.connect(self._where, connect_timeout=2, autocommit=True)
            connection.execute("SELECT pg_current_xact_id()")
        except psycopg.Error:
            self.close()
            return False
        return True
