"""Makes a backup of the database that settings name, while it is served; drops those that rotation lets go."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy.engine import make_url

from app.backup import postgres, sqlite
from app.backup.files import HALF, PREFIX, SUFFIXES, Backup, backups_in, keep, name_of, remove
from app.backup.rotation import kept
from app.settings import Settings
from core.errors import Conflict, NotFound
from store.engine import make_engine

WAIT_SECONDS = 600.0
"""For whoever makes one in the same folder already."""

Step = Callable[[int, int], None]


def default_folder(settings: Settings) -> Path:
    """Where backups go unless told otherwise."""
    return settings.backup_dir or settings.instance / "backups"


def make_backup(settings: Settings, folder: Path, at: datetime, step: Step = lambda done, total: None) -> Backup:
    """Makes one as of `at` (aware UTC, now) and returns it. `step` is told how many pages of how many are copied.

    Raises Conflict where the disk has no room, another takes for ever or PostgreSQL's programs are missing or too old,
    NotFound where there is no database.
    """
    _make_folder(folder)
    url = make_url(settings.database_url)
    kind = "sqlite" if url.drivername == "sqlite" else "postgresql"
    path = folder / name_of(at, kind)
    half = path.with_name(path.name + HALF)
    with _alone(folder):
        _clear(folder)
        try:
            if kind == "sqlite":
                source = Path(url.database or "")
                if not source.is_file():
                    raise NotFound(f"there is no database {source}; `ringtrace db upgrade` makes one")
                _require_room(folder, source.stat().st_size)
                half.touch(mode=0o600)
                sqlite.copy(source, half, step)
                contents = sqlite.contents_of(half)
            else:
                half.touch(mode=0o600)
                engine = make_engine(settings.database_url)
                try:
                    contents = postgres.dump(engine, postgres.tools_of(settings), half, step)
                finally:
                    engine.dispose()
            return keep(half, path, at, contents)
        finally:
            half.unlink(missing_ok=True)


def rotate(folder: Path, at: datetime) -> int:
    """Removes what rotation does not keep; returns how many."""
    backups = backups_in(folder)
    keeping = kept([backup.made_at for backup in backups], at)
    gone = [backup for backup in backups if backup.made_at not in keeping]
    for backup in gone:
        remove(backup)
    return len(gone)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Conflict(f"the folder {folder} cannot be made ({error.strerror})") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Conflict(f"nothing can be written into the folder {folder}")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time in a folder; the lock goes with the process."""
    try:
        with FileLock(folder / ".making", timeout=WAIT_SECONDS, preserve_lock_file=True):
            yield
    except Timeout:
        raise Conflict(f"another backup into {folder} has not ended for {WAIT_SECONDS / 60:.0f} minutes") from None


def _clear(folder: Path) -> None:
    """Removes what a backup left behind that was killed; nobody else makes one now."""
    for suffix in SUFFIXES.values():
        for pattern in (f"{PREFIX}*{suffix}{HALF}*", f"{PREFIX}*{suffix}.json{HALF}"):
            for path in folder.glob(pattern):
                path.unlink(missing_ok=True)
        for manifest in folder.glob(f"{PREFIX}*{suffix}.json"):
            if not manifest.with_suffix("").exists():
                manifest.unlink(missing_ok=True)


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed * 1.1:
        raise Conflict(f"{folder} has {free / 1e6:.0f} MB free and the copy needs {needed * 1.1 / 1e6:.0f} MB")
