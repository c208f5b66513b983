"""PostgreSQL: copies by `pg_dump`, put back by `pg_restore` and `psql`, each in one transaction.

The password goes to those programs in their environment, never on a command line, which everybody on the machine reads.
"""

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, TextClause, text
from sqlalchemy.engine import URL, make_url

from app.backup.files import Contents
from app.settings import PREFIX, Settings
from core.errors import Conflict
from store.migrate import current_revision
from store.tables import metadata

NAMES = (*sorted(metadata.tables), "alembic_version")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_NAME = re.compile("[a-z_]+")
_HEAD_LINES = 60
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Where PostgreSQL's own programs are, and how they reach the database."""

    folder: Path | None
    url: URL

    def path(self, name: str) -> str:
        """A program's path. Raises Conflict where it is not there."""
        found = shutil.which(name, path=str(self.folder) if self.folder else None)
        if found is None:
            where = f"in {self.folder}" if self.folder else "on PATH"
            raise Conflict(
                f"{name} is not {where}; install PostgreSQL's client programs or name their folder in {PREFIX}PG_TOOLS"
            )
        return found

    def require(self, names: Iterable[str], server: int) -> None:
        """Raises Conflict where a program is missing or older than the server (its major version)."""
        for name in names:
            path = self.path(name)
            told = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
            version = _VERSION.search(told.stdout)
            if version is None or int(version[1]) < server:
                raise Conflict(
                    f"{path} is version {version[1] if version else 'unknown'} and the server is {server}; "
                    f"name a folder with newer programs in {PREFIX}PG_TOOLS"
                )

    @property
    def address(self) -> str:
        """The database's address without its password."""
        query = {key: value for key, value in self.url.query.items() if key != "password"}
        bare = URL.create(
            "postgresql",
            username=self.url.username,
            host=self.url.host,
            port=self.url.port,
            database=self.url.database,
            query=query,
        )
        return bare.render_as_string(hide_password=False)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of the programs, with the password where there is one."""
        password = self.url.password or self.url.query.get("password")
        return {**os.environ, **({"PGPASSWORD": str(password)} if password else {}), "PGAPPNAME": "ringtrace backup"}


def tools_of(settings: Settings) -> Tools:
    """The programs by these settings."""
    return Tools(folder=settings.pg_tools, url=make_url(settings.database_url))


def dump(engine: Engine, tools: Tools, target: Path, step: Callable[[int, int], None]) -> Contents:
    """Writes our tables, as of one moment, into a file of PostgreSQL's custom format; says what is in it.

    `step` is asked now and then, and ends it by raising.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
        tools.require(["pg_dump"], server_of(connection))
        snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
        contents = contents_of(connection)
        tables = [f"--table={name}" for name in NAMES if name in contents.tables or name == "alembic_version"]
        command = [tools.path("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", "--no-password"]
        _run(
            [*command, f"--snapshot={snapshot}", f"--file={target}", *tables, f"--dbname={tools.address}"], tools, step
        )
        return contents


def contents_of(connection: Connection) -> Contents:
    """What is in the database's tables of ours."""
    there = {
        row[0]
        for row in connection.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
        )
    }
    tables = {n: int(connection.scalar(_count(n)) or 0) for n in sorted(metadata.tables) if n in there}
    revision = current_revision(connection) if "alembic_version" in there else None
    return Contents(kind="postgresql", revision=revision, tables=tables)


def _count(table: str) -> TextClause:
    return text(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - names of our own tables


def server_of(connection: Connection) -> int:
    """The server's major version."""
    return int(connection.scalar(text("SHOW server_version_num")) or 0) // 10_000


def others(connection: Connection) -> int:
    """How many others are connected to this database."""
    return int(
        connection.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        )
        or 0
    )


def put_back(tools: Tools, source: Path, contents: Contents) -> None:
    """Replaces our tables by those of the file and counts their rows, all in one transaction: done whole or not at all.

    Raises Conflict with what the programs said.
    """
    names = sorted({*NAMES, *filter(_NAME.fullmatch, contents.tables)})
    before = "".join(f'DROP TABLE IF EXISTS "{name}" CASCADE;\n' for name in names)
    after = "".join(
        f'DO $$ BEGIN IF (SELECT count(*) FROM "{name}") <> {int(contents.tables[name])} THEN '  # noqa: S608
        f"RAISE EXCEPTION 'the rows of {name} are not as many as when it was made'; END IF; END $$;\n"
        for name in names
        if name in contents.tables
    )
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        script = _script(tools, source, Path(folder) / "restore.sql")
        psql = [tools.path("psql"), "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1"]
        told = ["--single-transaction", f"--command={before}", f"--file={script}"]
        # What pg_restore writes empties the search path for the rest of the session.
        told += ["--command=SET search_path TO DEFAULT", f"--command={after}"]
        _run([*psql, *told, f"--dbname={tools.address}"], tools)


def _script(tools: Tools, source: Path, target: Path) -> Path:
    """The SQL of a dump, written by `pg_restore`, readable by us alone."""
    command = [tools.path("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(source)]
    with (
        tempfile.TemporaryFile() as complaints,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as script,
        subprocess.Popen(command, env=tools.environ, stdout=subprocess.PIPE, stderr=complaints) as writing,  # noqa: S603
    ):
        assert writing.stdout is not None
        for place, line in enumerate(writing.stdout):
            # Programs newer than the server set what it does not know yet, at the top.
            if place > _HEAD_LINES or not line.startswith(b"SET transaction_timeout"):
                script.write(line)
        if writing.wait():
            complaints.seek(0)
            raise _failed(command, complaints.read().decode("utf-8", "replace"), writing.returncode)
    return target


def _run(command: Sequence[str], tools: Tools, step: Callable[[int, int], None] = lambda done, total: None) -> None:
    pause = threading.Event()
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(  # noqa: S603 - PostgreSQL's own programs, no shell
            command, env=tools.environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaints
        ) as running,
    ):
        try:
            while running.poll() is None:
                step(0, 1)
                pause.wait(_LOOK_SECONDS)
        except BaseException:
            running.kill()
            raise
        if running.returncode:
            complaints.seek(0)
            raise _failed(command, complaints.read().decode("utf-8", "replace"), running.returncode)


def _failed(command: Sequence[str], complaints: str, status: int) -> Conflict:
    said = complaints.strip().splitlines()
    why = next((line for line in said if "error" in line.lower()), said[0] if said else f"it ended with {status}")
    return Conflict(f"{Path(command[0]).name} failed: {why[:300]}")
