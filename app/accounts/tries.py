"""How often a password may be tried: TRIES wrong ones in WINDOW, per e-mail address that was typed.

Tries from a browser that had signed in as this user before are counted apart, per browser, and as strictly.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from core.ids import new_id
from store.directory import SignInTry
from store.sessions import Database, DirectorySession

TRIES = 10
WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A try that may be evaluated: the how manieth in its window (from 1), and whether its browser is known."""

    try_id: str
    number: int
    known: bool


class Tries:
    """The tries for one address (in lower case), from one known browser (its hash) or from anywhere else (None)."""

    def __init__(self, database: Database, address: str, browser: bytes | None) -> None:
        self._database = database
        self._email_hash = hashlib.sha256(address.encode(errors="replace")).digest()
        self._browser = browser

    def wait(self, directory: DirectorySession, at: datetime) -> int | None:
        """For how many seconds a try is refused now; None where one may be counted."""
        times = self._times(directory, at)
        if len(times) < TRIES:
            return None
        return max(1, int((times[0] + WINDOW - at).total_seconds()) + 1)

    def count(self, at: datetime) -> Counted | int:
        """Writes a try down, or tells for how many seconds it is refused.

        Refused ones are not counted, so the window slides. In a transaction of its own: of many tries at once each
        sees those before it.
        """
        with self._database.write() as work:
            directory = work.directory
            if self._database.engine.dialect.name == "postgresql":
                # Two tries at once must not both be the tenth. SQLite has one writer at a time anyway.
                lock = int.from_bytes(self._email_hash[:8], "big", signed=True)
                directory.execute(select(func.pg_advisory_xact_lock(lock)))
            # Ids begin with their time: this forgets what no window reaches, through the primary key.
            directory.execute(delete(SignInTry).where(SignInTry.try_id < _id_floor(at - WINDOW)))
            wait = self.wait(directory, at)
            if wait is not None:
                return wait
            row = SignInTry(try_id=new_id(at), email_hash=self._email_hash, browser_hash=self._browser, at=at)
            directory.add(row)
            directory.flush()
            return Counted(try_id=row.try_id, number=len(self._times(directory, at)), known=self._browser is not None)

    def _times(self, directory: DirectorySession, at: datetime) -> list[datetime]:
        """When the tries of the window were, the oldest first; at most TRIES."""
        found = select(SignInTry.at).where(
            SignInTry.email_hash == self._email_hash,
            SignInTry.at > at - WINDOW,
            SignInTry.browser_hash.is_(None) if self._browser is None else SignInTry.browser_hash == self._browser,
        )
        return list(directory.scalars(found.order_by(SignInTry.at).limit(TRIES)))


def _id_floor(at: datetime) -> str:
    """What every id made at `at` or later sorts after."""
    return f"{int(at.timestamp() * 1000):012x}"
