"""One leader among all processes that use a database: a lock that dies with the process that holds it.

PostgreSQL: an advisory lock of a session (https://www.postgresql.org/docs/current/explicit-locking.html). SQLite: a
lock on a file beside the database, since all its processes are on one machine. A leader saves work and quarrels;
what must happen once is held by a unique row besides, because a lock can be lost without a word.
"""

from contextlib import suppress
from typing import Protocol

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

LOCK_KEY = 0x52_54_4A_4F_42_53
"""The advisory lock's number: "RTJOBS". Advisory locks are a database's own."""


class Leadership(Protocol):
    """The right to do what one process does for all. Not to be shared between threads that use it at once."""

    def hold(self) -> bool:
        """Whether this process is the leader, now that it tried; an error of the database means no."""

    def release(self) -> None:
        """Lets somebody else lead."""


def leadership(engine: Engine) -> Leadership:
    """The leadership over this database; nobody leads until `hold` was asked."""
    if engine.dialect.name == "postgresql":
        return _AdvisoryLock(engine)
    return _LockedFile(f"{engine.url.database}.leader")


class _LockedFile:
    """The file stays when the lock goes: removing it would let two processes lock two files of one name."""

    def __init__(self, path: str) -> None:
        self._lock = FileLock(path, thread_local=False, fallback_to_soft=False, preserve_lock_file=True)

    def hold(self) -> bool:
        if self._lock.is_locked:
            return True
        try:
            self._lock.acquire(blocking=False)
        except (Timeout, OSError):
            return False
        return True

    def release(self) -> None:
        self._lock.release(force=True)


class _AdvisoryLock:
    """Held by a connection of its own, outside any transaction; when that connection is gone, so is the lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def hold(self) -> bool:
        try:
            if self._connection is not None:
                # Whoever still has the connection still has the lock.
                self._connection.scalar(select(1))
                return True
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except SQLAlchemyError:
            self.release()
            return False
        try:
            held = bool(connection.scalar(select(func.pg_try_advisory_lock(LOCK_KEY))))
        except SQLAlchemyError:
            held = False
        if held:
            self._connection = connection
        else:
            _drop(connection)
        return held

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _drop(connection)


def _drop(connection: Connection) -> None:
    """Ends the connection itself, and with it the lock, instead of giving it back to the pool."""
    with suppress(SQLAlchemyError):
        connection.invalidate()
    with suppress(SQLAlchemyError):
        connection.close()
