"""The commands `backup` and `restore` as they speak to people."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from app.backup.files import Backup
from app.backup.restore import Restored, restore
from app.backup.take import Step, default_folder, make_backup
from app.settings import Settings
from core.time import format_time


def back_up(settings: Settings, to: Path | None, at: datetime, *, quiet: bool) -> dict[str, Any]:
    """Makes a backup; `quiet`: without showing how far it is. Returns one JSON object, with `said`."""
    folder = (to or default_folder(settings)).expanduser().absolute()
    with _progress(quiet) as step:
        backup = make_backup(settings, folder, at, step)
    return {"said": f"{backup.path} ({_size(backup)}, {_rows(backup)} rows)", **backup.told()}


def put_back(settings: Settings, path: Path, at: datetime, *, sure: bool) -> tuple[dict[str, Any], list[str]]:
    """Puts a backup back; returns one JSON object, and lines for people."""
    done: Restored = restore(settings, path.expanduser().absolute(), at, sure=sure)
    backup = done.backup
    lines = [
        f"{backup.path} of {format_time(backup.made_at)} was put back",
        f"it has {_rows(backup)} rows, as many as its manifest says",
        f"the database is at revision {done.revision}",
    ]
    if done.kept:
        lines.append(f"what was there before is {done.kept}")
    if done.fallbacks:
        lines.append(f"{done.fallbacks} fallback answers of numbers were written anew")
    lines.append("the key RINGTRACE_SECRET_KEY of the time is needed to read the tokens in it; it is in no backup")
    return done.told(), lines


@contextmanager
def _progress(quiet: bool) -> Iterator[Step]:
    with click.progressbar(length=100, label="copying", file=sys.stderr, hidden=quiet) as bar:

        def step(done: int, total: int) -> None:
            bar.update(round(done / max(total, 1) * 100) - bar.pos)

        yield step


def _size(backup: Backup) -> str:
    return f"{backup.size_bytes / 1e6:.1f} MB"


def _rows(backup: Backup) -> int:
    return sum(backup.contents.tables.values())
