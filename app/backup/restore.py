"""Puts a backup back: verified, in one step, brought to the newest revision; what was there before is not lost."""

import os
import shutil
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import select
from sqlalchemy.engine import make_url

from app.backup import files, postgres, sqlite
from app.backup.files import Backup
from app.backup.postgres import Tools
from app.database import upgrade_database
from app.provisioning.fallback import destinations, write_fallback
from app.settings import Settings
from core.errors import Conflict, InvalidInput
from store.directory import Membership
from store.engine import make_engine
from store.migrate import known_revisions, upgrade
from store.sessions import Database

TWILIO = "twilio"


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was put back. `kept`: where the former SQLite file is now; `fallbacks`: answers of numbers written anew."""

    backup: Backup
    revision: str | None
    kept: Path | None
    fallbacks: int

    def told(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            **self.backup.told(),
            "revision": self.revision,
            "kept": str(self.kept) if self.kept else None,
            "fallbacks": self.fallbacks,
        }


def restore(settings: Settings, path: Path, at: datetime, *, sure: bool) -> Restored:
    """Puts the backup `path` into the database that settings name.

    `sure`: also where that one holds accounts. Raises NotFound, InvalidInput where the file is not what it should be,
    Conflict where the database is in use or not empty; nothing is changed then.
    """
    backup = files.read(path)
    url = make_url(settings.database_url)
    kind = "sqlite" if url.drivername == "sqlite" else "postgresql"
    if backup.contents.kind != kind:
        raise InvalidInput({"file": f"is of {backup.contents.kind}, and the database is {kind}"})
    if backup.contents.revision not in known_revisions():
        raise InvalidInput({"file": f"is of revision {backup.contents.revision}; this Ringtrace is older than it"})
    files.verify(backup)
    if kind == "sqlite":
        kept = _into_sqlite(Path(url.database or ""), backup, at, sure=sure)
    else:
        kept = None
        _into_postgres(settings, backup, sure=sure)
    _, revision = upgrade_database(settings)
    return Restored(backup=backup, revision=revision, kept=kept, fallbacks=_write_fallbacks(settings))


def _into_sqlite(target: Path, backup: Backup, at: datetime, *, sure: bool) -> Path | None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    leader = FileLock(f"{target}.leader", thread_local=False, preserve_lock_file=True)
    try:
        leader.acquire(blocking=False)
    except Timeout:
        raise Conflict(f"{target} is in use; stop the server first") from None
    half = target.with_name(f"{target.name}.{os.getpid()}{files.HALF}")
    try:
        with sqlite.to_ourselves(target) if target.exists() else nullcontext(0) as accounts:
            if not sure:
                _require_empty(accounts, target)
            shutil.copyfile(backup.path, half)
            half.chmod(0o600)
            sqlite.check(half)
            _require_same(sqlite.contents_of(half).tables, backup.contents.tables)
            engine = make_engine(f"sqlite:///{half}")
            try:
                upgrade(engine)
                with engine.connect() as connection:
                    connection.exec_driver_sql("COMMIT")
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                engine.dispose()
            files.sync(half)
            return _take_place(half, target, at)
    except RuntimeError as error:
        raise InvalidInput({"file": f"cannot be brought to the newest revision: {error}"}) from None
    finally:
        for left in (half, *(half.with_name(half.name + end) for end in ("-wal", "-shm"))):
            left.unlink(missing_ok=True)
        leader.release()


def _take_place(half: Path, target: Path, at: datetime) -> Path | None:
    """The new file under the database's name; the former one, if any, beside it."""
    kept = None
    if target.exists():
        kept = target.with_name(f"{target.name}.before-{at.astimezone(UTC).strftime('%Y%m%dT%H%M%SZ')}")
        for end in ("-wal", "-shm"):  # there are some only where the file is damaged: a whole one was folded together
            left = target.with_name(target.name + end)
            if left.exists():
                left.replace(kept.with_name(kept.name + end))
        target.replace(kept)
    half.replace(target)
    files.sync(target.parent)
    return kept


def _require_empty(accounts: int | None, where: object) -> None:
    if accounts is None:
        raise Conflict(f"{where} is damaged, and what it holds cannot be told; with --yes it is replaced")
    if accounts:
        holds = f"{accounts} account" + ("" if accounts == 1 else "s")
        raise Conflict(f"{where} holds {holds}; with --yes it is replaced")


def _require_same(found: Mapping[str, int], told: Mapping[str, int]) -> None:
    differing = sorted(name for name in {*found, *told} if found.get(name) != told.get(name))
    if differing:
        raise InvalidInput({"file": f"has other rows than its manifest says, such as in {differing[0]}"})


def _into_postgres(settings: Settings, backup: Backup, *, sure: bool) -> None:
    tools: Tools = postgres.tools_of(settings)
    engine = make_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            tools.require(["pg_restore", "psql"], postgres.server_of(connection))
            if others := postgres.others(connection):
                raise Conflict(
                    f"the database has {others} other connections; stop the server and whatever else uses it"
                )
            if not sure:
                _require_empty(postgres.contents_of(connection).tables.get("accounts", 0), "the database")
    finally:
        engine.dispose()
    postgres.put_back(tools, backup.path, backup.contents)


def _write_fallbacks(settings: Settings) -> int:
    """The static answers of numbers at the provider, which are files beside the database, as this database has them."""
    engine = make_engine(settings.database_url)
    written = 0
    try:
        with Database(engine).read() as work:
            for account_id in work.directory.scalars(select(Membership.account_id).distinct()).all():
                for number, destination in destinations(work.account(account_id), TWILIO).items():
                    with suppress(OSError):
                        write_fallback(settings, number, destination)
                        written += 1
    finally:
        engine.dispose()
    return written
