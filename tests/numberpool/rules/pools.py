"""What may happen to a pool, drawn by hypothesis, and how to play it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from hypothesis import strategies as st

from numberpool.rules.allocation import POLICIES
from numberpool.rules.pool import Newcomer, Pool, PoolNumber

START = 1_790_000_000.0
REGIONS = ("US-NY", "US-CA", "DE-BY", "US-NJ")


class Give(NamedTuple):
    """Somebody new comes."""

    newcomer: Newcomer


class TakeBack(NamedTuple):
    """A visitor of the number at this place (modulo their count) was nobody."""

    place: int


class Called(NamedTuple):
    """The number at this place is called."""

    place: int
    at: float


class Leave(NamedTuple):
    """The number at this place leaves the pool."""

    place: int


class Join(NamedTuple):
    """A number joins, or comes back after having left."""

    end: int


Happening = Give | TakeBack | Called | Leave | Join

policies = st.sampled_from(list(POLICIES))
sizes = st.integers(1, 9)
times = st.floats(0, 20 * 86_400, allow_nan=False).map(lambda seconds: START + seconds)
places = st.integers(0, 50)
called = st.builds(Called, places, times)
taken_back = st.builds(TakeBack, places)
moves = st.one_of(st.builds(Leave, places), st.builds(Join, st.integers(1, 14)))


def gives(
    regions: Sequence[str | None] = (None, *REGIONS), when: st.SearchStrategy[float] = times
) -> st.SearchStrategy[Give]:
    """Newcomers of these regions."""
    device = st.sampled_from(["phone", "desktop", "other"])
    return st.builds(Give, st.builds(Newcomer, when, st.sampled_from(regions), device))


anything = st.lists(st.one_of(gives(), gives(), gives(), called, taken_back, moves), max_size=80)


def number(end: int) -> str:
    """A number that can be told from others by its end."""
    return f"+121255501{end:02d}"


def fresh(size: int) -> list[PoolNumber]:
    """Numbers that were never given."""
    return [PoolNumber(number=number(end)) for end in range(size, 0, -1)]


def copied(pool: Pool, numbers: Iterable[PoolNumber] | None = None) -> Pool:
    """The pool built again from what is kept of it, or of these numbers."""
    kept = pool.numbers.values() if numbers is None else numbers
    return Pool(pool.policy, [replace(n) for n in kept], pool.turn)


def happens(pool: Pool, one: Happening) -> tuple[Pool, PoolNumber | None]:
    """The pool afterwards, and the number it is about, if any. The last number never leaves."""
    names = list(pool.numbers)
    if isinstance(one, Give):
        return pool, pool.give(one.newcomer)
    if isinstance(one, Join):
        joined = PoolNumber(number=number(one.end))
        return (pool, None) if joined.number in names else (copied(pool, [*pool.numbers.values(), joined]), joined)
    name = names[one.place % len(names)]
    if isinstance(one, TakeBack):
        return pool, pool.take_back(name)
    if isinstance(one, Called):
        return pool, pool.called(name, one.at)
    left = [n for n in pool.numbers.values() if n.number != name]
    return (copied(pool, left), None) if left else (pool, None)
