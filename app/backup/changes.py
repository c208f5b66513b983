"""Whether a database changed since one last looked, told without reading it."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from sqlalchemy import Engine, func, select


class Changes(Protocol):
    """Marks of one database. To be used by one thread."""

    def mark(self) -> object:
        """How it stands: two marks that are equal mean that nothing changed between them."""

    def close(self) -> None:
        """Lets go of the database."""


def changes_of(engine: Engine) -> Changes:
    """The marks of this engine's database."""
    if engine.dialect.name == "sqlite":
        return _DataVersion(Path(engine.url.database or ""))
    return _LogPosition(engine)


class _DataVersion:
    """`PRAGMA data_version` of a connection that is kept (https://www.sqlite.org/pragma.html#pragma_data_version)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._opened = 0

    def mark(self) -> object:
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(
                    f"file:{quote(str(self._path))}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
                )
                self._opened += 1  # versions of two connections do not compare
            return self._opened, self._connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            self.close()
            raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


class _LogPosition:
    """Where the server's write-ahead log has come to: it moves with every change of any of its databases."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def mark(self) -> object:
        with self._engine.connect() as connection:
            return str(connection.scalar(select(func.pg_current_wal_insert_lsn())))

    def close(self) -> None:
        """Nothing is held between two looks."""
