"""Prepares the database a set of settings names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from app.settings import Settings
from store.engine import make_engine
from store.migrate import upgrade
from store.sessions import Database


def upgrade_database(settings: Settings) -> tuple[str | None, str | None]:
    """Migrates, making the folder of an SQLite file first; returns the revision before and after."""
    url = make_url(settings.database_url)
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        Path(url.database).expanduser().absolute().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = make_engine(settings.database_url)
    try:
        return upgrade(engine)
    finally:
        engine.dispose()


@contextmanager
def closing_database(url: str) -> Iterator[Database]:
    """The database at this address for as long as a command runs; its connections are closed at the end."""
    engine = make_engine(url)
    try:
        yield Database(engine)
    finally:
        engine.dispose()
