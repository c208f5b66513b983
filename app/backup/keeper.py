"""The backups a server makes by itself, in a thread that gives way to everybody else on the machine.

Of all processes that have one backup folder one makes them, by a lock on a file there which dies with its holder. The
thread asks every second whether anything changed. What takes long (copying, digests, waiting for the disk and for
`pg_dump`) runs outside of Python, so that calls and visitors do not wait for it.
"""

import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.util import Finalize
from pathlib import Path

from filelock import FileLock, Timeout
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.backup.changes import Changes, changes_of
from app.backup.files import Backup
from app.backup.rotation import interval
from app.backup.take import make_backup, rotate
from app.engine_room import KEY, EngineRoom
from app.settings import Settings
from core.errors import RingtraceError

log = logging.getLogger("ringtrace.backup")

_LOOK_SECONDS = 1.0
_AFTER_FAILURE_SECONDS = 60.0

_NICE = 10

Make = Callable[[Settings, Path, Callable[[], bool]], Backup]


class Stopped(Exception):
    """The server ends before the backup was done."""


def back_up(settings: Settings, folder: Path, stopping: Callable[[], bool]) -> Backup:
    """Makes a backup as of now and rotates. Raises Stopped as soon as `stopping()`."""

    def step(_done: int, _total: int) -> None:
        if stopping():
            raise Stopped

    at = clock.now()
    backup = make_backup(settings, folder, at, step)
    rotate(folder, at)
    return backup


class Keeper:
    """Makes backups into a folder for as long as the process serves."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        engine: Engine,
        *,
        make: Make = back_up,
        tell_time: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._folder, self._make, self._clock = settings, folder, make, tell_time
        self._changes: Changes = changes_of(engine)
        self._lock = FileLock(folder / ".keeper", thread_local=False, preserve_lock_file=True)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._copied: object = None
        self._next = tell_time()
        self._slow = False

    def start(self) -> None:
        """Looks every second, in a thread of its own, until `stop`."""
        self._thread = threading.Thread(target=self._run, name="backups", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends what runs, within seconds."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(10)
        self._changes.close()
        self._lock.release(force=True)

    def _run(self) -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while not self._stopping.wait(_LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Makes a backup if one is due, something changed, and nobody else makes them."""
        if self._clock() < self._next or not self._leads():
            return
        try:
            mark = self._changes.mark()
        except (SQLAlchemyError, sqlite3.Error) as error:
            log.warning("backups wait: the database does not answer (%s)", type(error).__name__)
            self._next = self._clock() + _AFTER_FAILURE_SECONDS
            return
        if mark == self._copied:
            return
        began = self._clock()
        try:
            self._make(self._settings, self._folder, lambda: self.ending)
        except Stopped:
            return
        except Exception as error:
            # Whatever it was: calls go on, and the next try comes.
            log.error("the backup failed: %s", error, exc_info=not isinstance(error, RingtraceError))
            self._next = self._clock() + _AFTER_FAILURE_SECONDS
            return
        took = self._clock() - began
        self._copied = mark
        pause = interval(self._settings.backup_every, took)
        self._next = began + pause
        self._tell_of_pace(took, pause)

    def _tell_of_pace(self, took: float, pause: float) -> None:
        behind = pause + took > self._settings.backup_every
        if behind and not self._slow:
            log.warning(
                "a backup takes %.0f s and is made less often than asked for; see the documentation on large databases",
                took,
            )
        self._slow = behind

    def _leads(self) -> bool:
        if self._lock.is_locked:
            return True
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        except OSError as error:
            log.error("backups cannot be kept in %s: %s", self._folder, error.strerror)
            self._next = self._clock() + _AFTER_FAILURE_SECONDS
            return False
        return True

    @property
    def ending(self) -> bool:
        """Whether it is told to stop, or the server ends."""
        return self._stopping.is_set() or not threading.main_thread().is_alive()


def start_backups(app: Flask) -> Keeper | None:
    """Starts the keeper of a process that serves, and sees to it that it stops with it.

    None where no folder is set or the pace is 0.
    """
    room: EngineRoom = app.extensions[KEY]
    if room.settings.backup_dir is None or room.settings.backup_every == 0:
        return None
    keeper = Keeper(room.settings, room.settings.backup_dir, room.database.engine)
    keeper.start()
    Finalize(None, keeper.stop, exitpriority=9)
    return keeper
