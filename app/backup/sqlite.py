"""SQLite: copies of the file as of one moment, made while it is written to.

The copy goes page by page under one read transaction (https://www.sqlite.org/backup.html, https://www.sqlite.org/wal.html
section 2.2): in WAL mode that holds nobody up, and writers do not make it begin again, as they would without it.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from app.backup.files import Contents
from core.errors import Conflict, InvalidInput

PAGES = 4096
"""Pages of one step: 16 MB."""
_WAIT_SECONDS = 8.0

Step = Callable[[int, int], None]
"""Told how many pages of how many are copied."""


@contextmanager
def opened(path: Path, *, wait: float = _WAIT_SECONDS) -> Iterator[sqlite3.Connection]:
    """A connection to a file that is there; transactions begin when told to."""
    address = f"file:{quote(str(path))}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, isolation_level=None, timeout=wait)) as connection:
        yield connection


def copy(source: Path, target: Path, step: Step) -> None:
    """Copies the database into a new file without a write-ahead log."""
    with opened(source) as reading, closing(sqlite3.connect(target, isolation_level=None)) as writing:
        writing.execute("PRAGMA synchronous=OFF")  # whoever keeps the copy sees to it that it is on the disk
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reading.backup(writing, pages=PAGES, progress=lambda _status, left, total: step(total - left, total), sleep=0)
        reading.execute("COMMIT")
        writing.execute("PRAGMA journal_mode=DELETE")


def contents_of(path: Path) -> Contents:
    """What is in the file."""
    with opened(path) as connection:
        names = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            if not row[0].startswith("sqlite_")
        ]
        revision = None
        if "alembic_version" in names:
            names.remove("alembic_version")
            revision = next((row[0] for row in connection.execute("SELECT version_num FROM alembic_version")), None)
        quoted = {name: name.replace('"', '""') for name in names}
        tables = {n: connection.execute(f'SELECT count(*) FROM "{q}"').fetchone()[0] for n, q in quoted.items()}  # noqa: S608
        return Contents(kind="sqlite", revision=revision, tables=tables)


def check(path: Path) -> None:
    """Raises InvalidInput where pages of the file are damaged."""
    with opened(path) as connection:
        try:
            said = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
        except sqlite3.DatabaseError as error:
            said = [str(error)]
    if said != ["ok"]:
        raise InvalidInput({"file": f"is damaged: {'; '.join(said)}"})


@contextmanager
def to_ourselves(path: Path) -> Iterator[int | None]:
    """Holds a database that nobody else has open, its log folded into the file; a damaged one cannot be held.

    Yields how many accounts it has, None where that cannot be told.

    Raises Conflict where somebody has it open: leaving WAL mode needs that nobody else does
    (https://www.sqlite.org/wal.html, section 3).
    """
    with opened(path, wait=0.5) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise Conflict(f"{path} is in use; stop the server and whatever else has it open") from None
        except sqlite3.DatabaseError:
            pass  # damaged: that is why it is replaced
        yield _accounts(connection)


def _accounts(connection: sqlite3.Connection) -> int | None:
    try:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'accounts'").fetchone():
            return 0
        return int(connection.execute("SELECT count(*) FROM accounts").fetchone()[0])
    except sqlite3.DatabaseError:
        return None
