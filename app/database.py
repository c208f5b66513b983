"""Prepares the database a set of settings names."""

from pathlib import Path

from sqlalchemy.engine import make_url

from app.settings import Settings
from store.engine import make_engine
from store.migrate import upgrade


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
