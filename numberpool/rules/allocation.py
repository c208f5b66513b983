"""Which number of a pool a new visitor gets: the policies, one interface for all.

Rest is counted in turns of the pool, not in time: requests carry the time they came in, take the pool's lock in another
order, and equal rest must still be exact.
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import Protocol

from numberpool.rules.facts import Newcomer, PoolNumber
from numberpool.rules.least_ambiguous import LeastAmbiguous


class Policy(Protocol):
    """Chooses among the numbers of one pool, which it is made with and which the pool changes.

    A policy keeps nothing that it could not read from the numbers: made again from them, it chooses the same.
    """

    def choose(self, newcomer: Newcomer) -> PoolNumber | None:
        """The number for a newcomer; None where there is none. Changes nothing."""
        ...

    def given(self, number: PoolNumber, newcomer: Newcomer) -> None:
        """This number was given to them; the pool has noted it, and the policy may note more in `recent`."""
        ...

    def changed(self, number: PoolNumber) -> None:
        """Anything else of this number changed."""
        ...


def longest_rested(numbers: Iterable[PoolNumber]) -> PoolNumber | None:
    """The number given to fewest, of those the one given longest ago; None for an empty pool. Ties by number.

    Numbers that were never given stand with those given to fewest. Over any n·k new visitors of a pool of k numbers
    each number is given n times, so visitors spread evenly.
    """
    pool = list(numbers)
    least = min((n.level for n in pool if n.last_turn), default=0)
    return min(
        pool,
        key=lambda n: (n.level if n.last_turn else max(n.level, least), n.last_turn, n.level, n.number),
        default=None,
    )


class LongestRested:
    """The rule `longest_rested`, kept as heaps: a turn costs the logarithm of the pool's size."""

    def __init__(self, numbers: Sequence[PoolNumber]) -> None:
        self._numbers = {n.number: n for n in numbers}
        self._sort()

    def choose(self, newcomer: Newcomer) -> PoolNumber | None:
        """The number given to fewest, of those the one given longest ago."""
        given, new = self._top(self._given), self._top(self._new)
        if new is None or (given is not None and given.level < new.level):
            return given
        return new

    def given(self, number: PoolNumber, newcomer: Newcomer) -> None:
        """It rests from now on."""
        self.changed(number)

    def changed(self, number: PoolNumber) -> None:
        """It has another place; the old one is passed over when it comes up."""
        heappush(self._given if number.last_turn else self._new, _place(number))
        if len(self._given) + len(self._new) > 2 * len(self._numbers) + 64:
            self._sort()

    def _sort(self) -> None:
        self._given = [_place(n) for n in self._numbers.values() if n.last_turn]
        self._new = [_place(n) for n in self._numbers.values() if not n.last_turn]
        heapify(self._given)
        heapify(self._new)

    def _top(self, heap: list[tuple[int, int, str]]) -> PoolNumber | None:
        while heap:
            number = self._numbers[heap[0][2]]
            if heap[0] == _place(number):
                return number
            heappop(heap)
        return None


def _place(number: PoolNumber) -> tuple[int, int, str]:
    return number.level, number.last_turn, number.number


class RoundRobin:
    """The pool's numbers one after the other, in the order in which they are listed."""

    def __init__(self, numbers: Sequence[PoolNumber]) -> None:
        self._numbers = tuple(numbers)
        self._place = {n.number: place for place, n in enumerate(numbers)}
        self._find_next()

    def choose(self, newcomer: Newcomer) -> PoolNumber | None:
        """The number after the one given last; the first at first."""
        return self._numbers[self._next] if self._numbers else None

    def given(self, number: PoolNumber, newcomer: Newcomer) -> None:
        """The one after it is next."""
        self._next = (self._place[number.number] + 1) % len(self._numbers)

    def changed(self, number: PoolNumber) -> None:
        """Somebody else may have given it."""
        self._find_next()

    def _find_next(self) -> None:
        last = max(self._numbers, key=lambda n: n.last_turn, default=None)
        self._next = 0
        if last is not None and last.last_turn:
            self._next = (self._place[last.number] + 1) % len(self._numbers)


POLICIES: dict[str, Callable[[Sequence[PoolNumber]], Policy]] = {
    "least_ambiguous": LeastAmbiguous,
    "longest_rested": LongestRested,
    "round_robin": RoundRobin,
}
"""Every allocation policy by its name; the first is the default."""
DEFAULT_POLICY = next(iter(POLICIES))

__all__ = ["DEFAULT_POLICY", "POLICIES", "LongestRested", "Policy", "PoolNumber", "RoundRobin", "longest_rested"]
