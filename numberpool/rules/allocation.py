"""Which number of a pool a new visitor gets."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heapreplace
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolNumber:
    """A number that can be given. `last_turn` is the pool's turn at which it was last given; 0 = never."""

    number: str
    last_turn: int


def longest_rested(pool: Iterable[PoolNumber]) -> PoolNumber | None:
    """The number given longest ago, ties by number; None for an empty pool.

    Rest is counted in turns of the pool, not in time: requests carry the time they came in, take the pool's lock in
    another order, and equal rest must still be exact. Over any n·k new visitors of a pool of k numbers each number is
    given n times, so visitors spread evenly.
    """
    return min(pool, key=lambda n: (n.last_turn, n.number), default=None)


class Allocation(Protocol):
    """A pool that is given out in memory, turn by turn: what a replayed history asks for numbers."""

    def give(self, *, at: datetime, region: str | None) -> str | None:
        """The number (E.164) for a visitor who holds none of this pool yet; None where the pool has none.

        `at` (aware UTC) and `region` (ISO 3166-2 or None) are what is known of the visitor; a policy may ignore them.
        """
        ...


class LongestRested:
    """The rule `longest_rested`, kept as a heap: a turn costs the logarithm of the pool's size."""

    def __init__(self, numbers: Sequence[str]) -> None:
        self._turn = 0
        self._rest = [(0, number) for number in numbers]
        heapify(self._rest)

    def give(self, *, at: datetime, region: str | None) -> str | None:
        """The number given longest ago, ties by number."""
        if not self._rest:
            return None
        self._turn += 1
        number = self._rest[0][1]
        heapreplace(self._rest, (self._turn, number))
        return number


class RoundRobin:
    """The pool's numbers one after the other, in the order in which they are listed."""

    def __init__(self, numbers: Sequence[str]) -> None:
        self._numbers = tuple(numbers)
        self._given = 0

    def give(self, *, at: datetime, region: str | None) -> str | None:
        """The number after the one given last; the first at first."""
        if not self._numbers:
            return None
        number = self._numbers[self._given % len(self._numbers)]
        self._given += 1
        return number


POLICIES: dict[str, Callable[[Sequence[str]], Allocation]] = {
    "longest_rested": LongestRested,
    "round_robin": RoundRobin,
}
"""Every allocation policy by its name; the first is the one live traffic meets."""
