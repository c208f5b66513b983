"""Engines: SQLite as a server would want it, PostgreSQL through psycopg 3."""

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

WAIT_SECONDS = 8.0
"""How long anybody waits for a lock of somebody else; below the 15 s in which a provider wants its answer."""


def check_url(url: str) -> str | None:
    """What is wrong with a database URL, or None."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return "is no database URL"
    if parsed.drivername == "sqlite":
        return None if parsed.database else "names no file"
    if parsed.drivername == "postgresql+psycopg":
        return None if parsed.database else "names no database"
    return "names a database that is not supported"


def make_engine(url: str, *, pool_size: int = 16) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql+psycopg://…`; it connects when first used.

    The connection that was used last is used next: its pages and prepared statements are still warm, and on SQLite a
    writer that takes another one each time reads every page again.
    """
    if make_url(url).drivername == "sqlite":
        engine = create_engine(
            url,
            connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False},
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_use_lifo=True,
            hide_parameters=True,  # callers' numbers do not belong in a log
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_use_lifo=True,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 5,
            "options": f"-c lock_timeout={int(WAIT_SECONDS * 1000)}",
            # A machine that vanished without a word is found out within seconds, not within hours.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
        },
        hide_parameters=True,
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not begin transactions by itself: `_begin_sqlite` says which kind.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "journal_size_limit=67108864",
        # The pages that busy tables and indexes end with stay in memory, and are not copied out with every megabyte.
        "cache_size=-16384",
        "wal_autocheckpoint=4000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another writer came between,
    # whatever the time-out; BEGIN IMMEDIATE waits its turn.
    writes = connection.get_execution_options().get("ringtrace_write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
