"""How long a call and a page wait for the database: as long as it works, and well below a second where it does not.

A database that is gone refuses; one that was halted, or is locked, says nothing at all, and no time-out of a driver is
short and sure enough. So what a call needs of it is done in a thread beside, which may be left behind.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from typing import TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.outage.reach import Watch, is_busy
from store.sessions import Away

SECONDS = 0.3
"""What the database may take before it is looked at."""
LOOK_SECONDS = 0.12
"""What that look may take."""
STEP_SECONDS = 0.05
"""How long a sign that it works lasts: a transaction that was committed, or a look. Then there must be another."""
BUSY_LOOK_SECONDS = 0.8
"""What it may take on a machine with more work than processors, where everything is late."""
MOST_SECONDS = 2.5
"""What it may take in all while it works: a machine that is busy is no outage."""
THREADS = 48

T = TypeVar("T")


class Patience:
    """The patience of one process."""

    def __init__(self, reach: Watch) -> None:
        self._reach = reach
        self._threads = _threads()

    def __call__(
        self, do: Callable[[], T], *, seconds: float = SECONDS, look: float | None = None, reads: bool = False
    ) -> T:
        """What `do` returns or raises, if it is done in time; else Away, and `do` may still come to its end.

        `do` runs in another thread; after `seconds` the database is looked at, for at most `look`. Raises Away at once
        while the database is known to be away, unless `do` only `reads`: a file that is locked, or has no room, can be
        read.
        """
        if self._reach.away and not reads:
            raise Away
        future: Future[T] = self._threads.submit(do)
        try:
            self.wait(lambda most: _is_done(future, most), seconds=MOST_SECONDS if reads else seconds, look=look)
        except Away:
            future.cancel()  # what was not begun need not be
            raise
        try:
            return future.result(0)
        except (OperationalError, PoolTimeout):
            self.failed()
            raise

    def rest(self) -> None:
        """Lets go of the threads; who asks afterwards gets new ones."""
        threads, self._threads = self._threads, _threads()
        threads.shutdown(wait=False)

    def wait(self, done: Callable[[float], bool], *, seconds: float = SECONDS, look: float | None = None) -> None:
        """Waits until `done`, which waits so many seconds itself. Raises Away where the database does not work."""
        began = time.monotonic()
        if done(seconds):
            return
        while (now := time.monotonic()) < began + MOST_SECONDS:
            if not self._reach.answers(since=now - STEP_SECONDS, within=look or _look_seconds()):
                break
            if done(STEP_SECONDS):
                return
        raise Away

    def failed(self) -> None:
        """The database refused something: looks at it, so that the next one need not find out again."""
        self._reach.answers(since=time.monotonic(), within=_look_seconds())


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="ringtrace-patience")


def _look_seconds() -> float:
    return BUSY_LOOK_SECONDS if is_busy() else LOOK_SECONDS


def _is_done(future: Future[T], seconds: float) -> bool:
    try:
        future.exception(seconds)
    except Late:
        return future.done()
    return True
