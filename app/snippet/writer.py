"""The one writer of a process: pages wait in a queue, and are written together, one transaction after the other.

A batch forms while the one before it is committed; there is no timer, so a page that comes alone waits for nobody. All
that a batch says is committed before any of it is answered.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.outage.patience import Patience
from store.sessions import Away, Database, Work

log = logging.getLogger("ringtrace.writer")

MOST = 256
"""Pages of one transaction."""
IDLE_SECONDS = 5.0
"""How long the thread waits for work before it ends; the next page starts another."""
T = TypeVar("T")


class Job(Generic[T]):
    """Something to be written, and what came of it. Jobs with the same `key` never share a transaction."""

    __slots__ = ("_done", "content", "error", "given_up", "key", "outcome")

    def __init__(self, content: T, key: object) -> None:
        self.content, self.key = content, key
        self.given_up = False
        self.outcome: Any = None
        self.error: BaseException | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def is_done(self, seconds: float) -> bool:
        """Whether it is done, within so many seconds."""
        return self._done.acquire(timeout=seconds)

    def take(self) -> Any:
        """The outcome of a job that is done. Raises what the writing raised."""
        if self.error is not None:
            raise self.error
        return self.outcome

    def finish(self) -> None:
        """Whoever waits for it goes on."""
        self._done.release()


class Writes(Protocol):
    """Whoever has contents written for threads that wait."""

    def do(self, content: Any, key: object) -> Any:
        """Has it written, and returns what came of it once it is committed. Raises what the writing raised."""


Perform = Callable[[Work, Sequence[Any]], tuple[Sequence[Any], Callable[[], None]]]
"""Does several contents in one transaction: their outcomes, and what is to be done once they are committed."""


class Writer:
    """Takes jobs from any thread and does them in its own."""

    def __init__(self, database: Database, perform: Perform, patience: Patience) -> None:
        self._database, self._perform, self._patience = database, perform, patience
        self._queue: SimpleQueue[Job[Any]] = SimpleQueue()
        self._later: list[Job[Any]] = []
        self._lock = threading.Lock()
        self._runs = False

    def do(self, content: Any, key: object) -> Any:
        """Has it written, with others that come at the same moment. Raises what the writing raised.

        Raises Away where the database does not work: what was not begun then is not written any more, but what was
        begun may still be committed.
        """
        if self._database.reach.away:
            raise Away
        job = Job(content, key)
        self._queue.put(job)
        if not self._runs:
            self._start()
        try:
            self._patience.wait(job.is_done)
            return job.take()
        except Away:
            job.given_up = True
            raise
        except (OperationalError, PoolTimeout):
            self._patience.failed()
            raise

    def _start(self) -> None:
        with self._lock:
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="ringtrace-writer", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                first = self._later.pop(0) if self._later else self._queue.get(timeout=IDLE_SECONDS)
            except Empty:
                with self._lock:
                    self._runs = False
                    if self._queue.empty():
                        return
                    # Somebody came in this very moment and saw us running.
                    self._runs = True
                continue
            self._write(self._batch(first))

    def _batch(self, first: Job[Any]) -> list[Job[Any]]:
        """The first and all that wait, but for those whose key is among them already: they come next."""
        batch, keys, later = [first], {first.key}, []
        waiting, self._later = self._later, []
        while len(batch) < MOST:
            if waiting:
                job = waiting.pop(0)
            else:
                try:
                    job = self._queue.get_nowait()
                except Empty:
                    break
            if job.key in keys:
                later.append(job)
            else:
                keys.add(job.key)
                batch.append(job)
        self._later = later + waiting
        return batch

    def _write(self, batch: list[Job[Any]]) -> None:
        batch = [job for job in batch if not job.given_up]
        if not batch:
            return
        try:
            self._together(batch)
        except BaseException as error:
            if len(batch) == 1 or _is_away(error):
                for job in batch:
                    job.error = error
            else:
                # One of them spoils it for all: each on its own, so that it is only that one which fails.
                log.info("a batch of %d is written one by one: %s", len(batch), type(error).__name__)
                self._one_by_one(batch)
        for job in batch:
            job.finish()

    def _together(self, batch: Sequence[Job[Any]]) -> None:
        with self._database.write() as work:
            outcomes, committed = self._perform(work, [job.content for job in batch])
        committed()
        for job, outcome in zip(batch, outcomes, strict=True):
            job.outcome = outcome

    def _one_by_one(self, batch: Sequence[Job[Any]]) -> None:
        for job in batch:
            try:
                self._together([job])
            except BaseException as error:
                job.error = error


def _is_away(error: BaseException) -> bool:
    """Whether the database does not answer. Transactions that PostgreSQL sacrifices to others are worth another try."""
    if isinstance(error, OperationalError):
        return getattr(error.orig, "sqlstate", None) not in {"40P01", "40001"}
    return isinstance(error, PoolTimeout)
