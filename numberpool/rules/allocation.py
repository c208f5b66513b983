"""Which number of a pool a new visitor gets."""

from collections.abc import Iterable
from dataclasses import dataclass


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
