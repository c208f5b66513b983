"""The pools of one transaction: locked, read or remembered, given from, and written back.

A pool is remembered from one transaction to the next, so that giving a number does not read five hundred. What makes
that right: the pool's lock is held; its row's turn says how many changes there were (another process's are read and
taken over); and the account's set-up version says whether a number came, went or changed its status, and then all are
read.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zlib import crc32

from numberpool.rules.pool import Newcomer, Pool, PoolNumber
from store.book import Book, PoolRow

Key = tuple[str, str]


@dataclass
class _Remembered:
    pool: Pool
    version: int


@dataclass
class RememberedPools:
    """What one process remembers of pools; used by one thread at a time."""

    pools: dict[Key, _Remembered] = field(default_factory=dict)


class Pools:
    """The pools that one transaction gives from."""

    def __init__(self, book: Book, remembered: RememberedPools | None = None) -> None:
        self._book = book
        self._remembered = remembered if remembered is not None else RememberedPools()
        self._locked: dict[str, Pool] = {}
        self._changed: dict[str, dict[str, PoolNumber]] = {}
        self._version = -1

    def lock(self, source_ids: Collection[str]) -> int:
        """Holds the pools of these sources; returns the account's set-up version, which stands still from here on.

        To be called once with all that the transaction gives from: a second lock could wait for one who waits for us.
        """
        locked = self._book.lock_pools(source_ids)
        version = self._book.set_up_version()
        for source_id, (turn, policy) in locked.items():
            key = (self._book.account_id, source_id)
            # Whatever goes wrong from here on, what was remembered is read again.
            known = self._remembered.pools.pop(key, None)
            if known is None or known.version != version or known.pool.policy != policy:
                numbers = [_number(row) for row in self._book.pool_numbers(source_id)]
                known = _Remembered(Pool(policy, numbers, turn), version)
            elif known.pool.turn != turn:
                changed = self._book.pool_numbers(source_id, known.pool.turn)
                known.pool.refresh([_number(row) for row in changed], turn)
            self._locked[source_id] = known.pool
        self._version = version
        return version

    def give(self, source_id: str, *, at: datetime, region: str | None, device: str) -> str | None:
        """The number (E.164) of a locked pool for somebody who holds none of it; None where it has none."""
        pool = self._locked.get(source_id)
        given = pool.give(Newcomer(at.timestamp(), region, device)) if pool is not None else None
        return self._note(source_id, given)

    def lend(self, source_id: str, visitor_id: str) -> str | None:
        """A number (E.164) of a locked pool for somebody who does not count: any, and nobody's turn is taken."""
        pool = self._locked.get(source_id)
        numbers = sorted(pool.numbers) if pool is not None else []
        return numbers[crc32(visitor_id.encode()) % len(numbers)] if numbers else None

    def take_back(self, source_id: str, number: str) -> None:
        """Whoever was given this number turned out to be nobody."""
        if (pool := self._locked.get(source_id)) is not None:
            self._note(source_id, pool.take_back(number))

    def called(self, number: str, at: datetime) -> None:
        """A number (E.164) was called; if it is none of a locked pool, nothing happens."""
        for source_id, pool in self._locked.items():
            if number in pool.numbers:
                self._note(source_id, pool.called(number, at.timestamp()))

    def _note(self, source_id: str, changed: PoolNumber | None) -> str | None:
        if changed is None:
            return None
        self._changed.setdefault(source_id, {})[changed.number] = changed
        return changed.number

    def write(self) -> None:
        """Puts what changed into the book."""
        for source_id, numbers in self._changed.items():
            self._book.set_turn(source_id, self._locked[source_id].turn)
            for number in numbers.values():
                self._book.set_place(_row(number))
        self._changed = {}

    def remember(self) -> None:
        """After the commit: the pools are as they were left, until somebody else changes them."""
        for source_id, pool in self._locked.items():
            self._remembered.pools[self._book.account_id, source_id] = _Remembered(pool, self._version)
        self._locked = {}


def _number(row: PoolRow) -> PoolNumber:
    return PoolNumber(
        number=row.number,
        last_turn=row.last_turn,
        level=row.level,
        called_at=row.called_at.timestamp() if row.called_at is not None else None,
        recent=row.recent,
        changed_turn=row.changed_turn,
    )


def _row(number: PoolNumber) -> PoolRow:
    called = datetime.fromtimestamp(number.called_at, UTC) if number.called_at is not None else None
    return PoolRow(number.number, number.last_turn, number.level, called, number.recent, number.changed_turn)
