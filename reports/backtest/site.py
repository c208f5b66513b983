"""The trace's site as live traffic knows one: its sources, their pools, and which telephone rings."""

import hashlib
from collections.abc import Mapping

from attribution.rules.presets import preset_position
from attribution.rules.sources import SourceRule, in_order
from core.errors import InvalidInput
from core.phone import e164
from numberpool.rules.facts import Newcomer, PoolNumber
from numberpool.rules.pool import Pool
from reports.backtest.lines import TraceSite

_TAIL = 7
"""How many last digits of a number are counted up to make further ones."""


def resized(site: TraceSite, sizes: Mapping[str, int]) -> TraceSite:
    """The site with other pool sizes: the first numbers of a pool, or further ones made up after its last.

    `sizes`: numbers by pool. Made-up numbers are possible telephone numbers and nobody else's in the trace's first
    line. Raises InvalidInput for a pool the trace does not have, or where no further number can be made.
    """
    for name in sizes:
        if name not in {p.pool for p in site.pools}:
            have = ", ".join(p.pool for p in site.pools) or "none"
            raise InvalidInput({"numbers": f"the trace has no pool {name!r}; it has: {have}"})
    taken = {number for pool in site.pools for number in pool.numbers} | {site.fallback_number}
    pools = []
    for pool in site.pools:
        numbers = list(pool.numbers[: sizes.get(pool.pool, len(pool.numbers))])
        missing = sizes.get(pool.pool, len(numbers)) - len(numbers)
        numbers += _made_up(pool.numbers[-1] if pool.numbers else site.fallback_number, missing, taken)
        pools.append(pool._replace(numbers=tuple(numbers)))
    return site._replace(pools=tuple(pools))


def _made_up(after: str, missing: int, taken: set[str]) -> list[str]:
    """`missing` further numbers, counted up from `after`; each is added to `taken`."""
    tail = min(_TAIL, len(after) - 4)
    found: list[str] = []
    for step in range(1, 10 ** max(tail, 0)):
        if len(found) == missing:
            break
        digits = (int(after[-tail:]) + step) % 10**tail
        number = f"{after[:-tail]}{digits:0{tail}d}"
        if number not in taken and e164(number) == number:
            taken.add(number)
            found.append(number)
    if len(found) < missing:
        raise InvalidInput({"numbers": f"no {missing} further numbers can be made after {after}"})
    return found


class Pools:
    """The sources of a site and their numbers, given out by one policy.

    `sources` are in the order in which a landing asks them; a source's id and slug are its preset.
    """

    def __init__(self, site: TraceSite, policy: str) -> None:
        self.numbers: dict[str, tuple[str, ...]] = {pool.pool: pool.numbers for pool in site.pools}
        self.sources: tuple[SourceRule, ...] = in_order(
            SourceRule(
                id=pool,
                slug=pool,
                kind="online",
                preset=pool,
                rule=None,
                position=preset_position(pool),
                catch_all=False,
            )
            for pool in self.numbers
        )
        self.with_numbers = frozenset(pool for pool, numbers in self.numbers.items() if numbers)
        self.rule: dict[str, SourceRule] = {source.id: source for source in self.sources}
        self._owner = {number: pool for pool, numbers in self.numbers.items() for number in numbers}
        self._pools = {
            pool: Pool(policy, [PoolNumber(number=number) for number in numbers])
            for pool, numbers in self.numbers.items()
        }

    def give(self, pool: str, newcomer: Newcomer) -> str | None:
        """A number of this pool for a visitor who holds none of it; None where it has none."""
        given = self._pools[pool].give(newcomer)
        return given.number if given is not None else None

    def called(self, number: str, at: float) -> None:
        """This number was called; `at` in epoch seconds."""
        self._pools[self._owner[number]].called(number, at)

    def owner(self, number: str | None) -> str | None:
        """The pool this number belongs to; None for none and for numbers of no pool."""
        return self._owner.get(number) if number is not None else None

    def slot(self, pool: str, key: str) -> str | None:
        """The number `md5(key)[:8] as hex mod count` of a pool; None where it has none, or there is no such pool."""
        numbers = self.numbers.get(pool)
        if not numbers:
            return None
        digest = hashlib.md5(key.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
        return numbers[int(digest[:8], 16) % len(numbers)]
