"""The machine: folders, their room and who may read them, the spool, the backups."""

import os
import shutil
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy.engine import make_url

from app.backup.files import backups_in, verify
from app.backup.postgres import server_of, tools_of
from app.demo.start import SECRET_FILE
from app.doctor.findings import Finding, Patient, bad, counted, ok, warn
from app.outage.spool import Spool
from core.errors import RingtraceError
from core.time import format_time

LITTLE, NOTHING = 1_000_000_000, 100_000_000
"""Bytes that are free: below the first it is time to act, below the second calls can no longer be kept."""
_LATE = timedelta(minutes=30)
"""Something is written every ten minutes wherever it serves, so the latest backup is never older while it does."""
_VERIFIED_BYTES = 2_000_000_000


def folders(patient: Patient) -> Iterator[Finding]:
    """The folders there are, and the room on their disks."""
    settings = patient.settings
    url = make_url(settings.database_url)
    places = {"the instance folder": settings.instance, "the folder of recordings": settings.recordings_dir}
    if url.drivername == "sqlite":
        places["the database's folder"] = Path(url.database or "").absolute().parent
    if settings.backup_dir is not None:
        places["the backup folder"] = settings.backup_dir
    for what, folder in places.items():
        yield _room(what, folder)
    if settings.instance.exists() and not os.access(settings.instance, os.W_OK | os.X_OK):
        yield bad("folders", f"nothing can be written into {settings.instance}", "give it to the user who serves")


def _room(what: str, folder: Path) -> Finding:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    says = f"{what} {folder} has {free / 1e9:.1f} GB free"
    if free < NOTHING:
        return bad("disk", says, "make room now: soon nothing can be kept any more")
    if free < LITTLE:
        return warn("disk", says, "make room, or move it to a larger disk")
    return ok("disk", says)


def modes(patient: Patient) -> Iterator[Finding]:
    """Who may read what is secret."""
    key = patient.settings.instance / SECRET_FILE
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield bad("secret key", f"{key} can be read by others on this machine", f"chmod 600 {key}")
    elif key.exists():
        yield ok("secret key", f"{key} is readable by its owner only")
    folder = patient.settings.backup_dir
    if folder is not None and folder.exists() and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        yield warn("backups", f"{folder} can be read by others on this machine", f"chmod 700 {folder}")


def spool(patient: Patient) -> Iterator[Finding]:
    """What was kept in a file while the database was away."""
    held = Spool(patient.settings.outage / "spool")
    try:
        waiting, lost = held.waiting(), held.lost()
    finally:
        held.close()
    if lost:
        yield bad(
            "spool",
            f"{counted(lost, 'record')} of what providers told while the database was away cannot be read",
            "compare the provider's list of calls with the call log; reconciliation heals calls by itself",
        )
    if waiting:
        yield warn(
            "spool",
            f"{counted(waiting, 'record')} of an outage wait to be taken in",
            "start the server; if it runs, look at its log",
        )
    if not lost and not waiting:
        yield ok("spool", "nothing waits")


def backups(patient: Patient, *, serving: bool) -> Iterator[Finding]:
    """Whether there is a backup that could be put back. `serving`: a server runs, and should make them."""
    settings = patient.settings
    if settings.backup_dir is None or settings.backup_every == 0:
        yield warn(
            "backups",
            "none are made by themselves",
            "set RINGTRACE_BACKUP_DIR, best to a disk of another machine, or see to backups otherwise",
        )
        return
    yield from _tools(patient)
    found = backups_in(settings.backup_dir)
    if not found:
        yield bad("backups", f"there is none in {settings.backup_dir}", "start the server, or run `ringtrace backup`")
        return
    latest = found[0]
    says = f"{counted(len(found), 'backup')}; the latest is of {format_time(latest.made_at)}"
    if patient.at - latest.made_at > max(_LATE, timedelta(seconds=20 * settings.backup_every)) and serving:
        yield bad("backups", f"{says}, which is too old", "look for `backup` in the server's log")
        return
    try:
        if latest.size_bytes < _VERIFIED_BYTES:
            verify(latest)
    except RingtraceError as error:
        yield bad("backups", f"{latest.path}: {error}", "run `ringtrace backup`, and have the disk looked at")
        return
    yield ok("backups", says)


def _tools(patient: Patient) -> Iterator[Finding]:
    if patient.database.engine.dialect.name != "postgresql":
        return
    with patient.database.engine.connect() as connection:
        server = server_of(connection)
    try:
        tools_of(patient.settings).require(["pg_dump", "pg_restore", "psql"], server)
    except RingtraceError as error:
        yield bad("backups", str(error), "install them: without them there is neither backup nor restore")
