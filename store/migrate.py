"""Brings a database to the newest revision. Safe to run twice, and by several machines at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from store.tables import metadata

_UPGRADE_LOCK = 0x52494E47  # "RING"; any number will do that nobody else in the database uses


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, with our metadata and an open connection handed to `env.py`."""
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["metadata"] = metadata
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, revision: str = "head") -> tuple[str | None, str | None]:
    """Migrates to a revision, the head unless told otherwise; returns the revision before and after.

    Raises RuntimeError where a row would point to nothing afterwards; nothing is changed then.
    """
    with engine.connect() as connection, _rows_left_alone(connection), connection.begin():
        if connection.dialect.name == "postgresql":
            # Two deployments that start together take turns, however long; SQLite's BEGIN IMMEDIATE does the same.
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})")
            connection.exec_driver_sql("SET LOCAL lock_timeout = DEFAULT")
        before = current_revision(connection)
        command.upgrade(alembic_config(connection), revision)
        if connection.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise RuntimeError(f"{len(broken)} rows point to nothing, such as one of {broken[0][0]}")
        return before, current_revision(connection)


@contextmanager
def _rows_left_alone(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by making it anew: while the old one is dropped, rows of others must not be held to it.

    The switch works outside of transactions only (https://www.sqlite.org/lang_altertable.html, section 7).
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def current_revision(connection: Connection) -> str | None:
    """The revision the database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str | None:
    """The newest revision there is."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def known_revisions() -> frozenset[str]:
    """All revisions that this program knows."""
    return frozenset(step.revision for step in ScriptDirectory.from_config(alembic_config()).walk_revisions())
