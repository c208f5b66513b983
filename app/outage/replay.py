"""Replays the spool once the database is back: each record once, the oldest first, by one process of the machine.

A record leaves the spool after what it tells of was committed. Whoever dies in between leaves it to be replayed again,
which changes nothing: events have a key of their own, page views an id that was chosen when they happened.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy.exc import SQLAlchemyError

from app.outage.spool import Spool

log = logging.getLogger("ringtrace.outage")

AT_ONCE = 50
LOOK_SECONDS = 5.0
TRIES = 5
"""How often a record that makes the database fail is tried before it is left out."""

Take = Callable[[Mapping[str, Any]], None]
"""Makes of a record what it tells. Raises SQLAlchemyError where the database fails; whatever else is the record's."""


class Replay:
    """One thread of a process that serves. `kinds`: what to do with a record, by its kind."""

    def __init__(self, spool: Spool, kinds: Mapping[str, Take], away: Callable[[], bool]) -> None:
        self._spool, self._kinds, self._away = spool, kinds, away
        self._lock = FileLock(f"{spool.path}.replay", thread_local=False, preserve_lock_file=True)
        self._wanted, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._failed = 0

    def start(self) -> None:
        """Looks every few seconds, and whenever it is told to."""
        self._thread = threading.Thread(target=self._run, name="ringtrace-replay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends after the record it is at."""
        self._stopping.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(5)

    def wake(self) -> None:
        """The database is back."""
        self._wanted.set()

    def look(self) -> int:
        """Replays what waits, as far as the database takes it; returns how many records left the spool."""
        self._spool.flush()
        if self._away() or not self._spool.waiting():
            return 0
        self._spool.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with self._lock.acquire(blocking=False):
                return self._replay()
        except Timeout:
            return 0  # another process is at it

    def _replay(self) -> int:
        replayed = 0
        while records := self._spool.read(AT_ONCE):
            taken = 0
            for record in records:
                if self._stopping.is_set() or not self._taken(record.content):
                    break
                taken += 1
            if taken:
                self._spool.done(records[:taken])
            replayed += taken
            if taken < len(records):
                return replayed
        if replayed:
            log.warning("the spool is empty: %d events were replayed", replayed)
        return replayed

    def _taken(self, content: Mapping[str, Any]) -> bool:
        """Whether a record is done with: taken in, or nothing that ever could be."""
        take = self._kinds.get(str(content.get("kind")))
        if take is None:
            log.error("a record of an unknown kind was left out of the replay")
            return True
        try:
            take(content)
        except SQLAlchemyError as error:
            self._failed += 1
            if self._failed < TRIES or self._away():
                log.warning("the replay waits: %s", type(error).__name__)
                return False
            log.exception("a record was left out of the replay after %d tries", TRIES)
        except Exception:
            log.exception("a record was left out of the replay")
        self._failed = 0
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except Exception:
                log.exception("the spool could not be replayed")
            self._wanted.wait(LOOK_SECONDS)
            self._wanted.clear()
