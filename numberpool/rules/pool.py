"""A number pool in memory: its numbers, whose turn it is, and the policy that gives them out.

The same object stands behind live traffic, where its state is read from and written to the numbers' rows under the
pool's lock, and behind a replayed history. All time is epoch seconds, and comes in. Nothing but the numbers and the
turn is state: a pool built again from them goes on as this one would have.
"""

from collections.abc import Iterable

from numberpool.rules.allocation import POLICIES
from numberpool.rules.facts import Newcomer, PoolNumber


class Pool:
    """The active numbers of one source. Every change takes a turn.

    Whoever joins, or comes back with `last_turn` 0, stands with those who were given least: it has nothing to catch up
    with, and is next among them.
    """

    def __init__(self, policy: str, numbers: Iterable[PoolNumber], turn: int = 0) -> None:
        """`policy` is a name in POLICIES (KeyError otherwise); the numbers are this pool's from now on."""
        self.policy, self.turn = policy, turn
        self._build({n.number: n for n in numbers})

    def give(self, newcomer: Newcomer) -> PoolNumber | None:
        """The number for a newcomer, its state changed; None where the pool has none."""
        chosen = self._policy.choose(newcomer)
        if chosen is not None:
            level = chosen.level if chosen.last_turn else max(chosen.level, min(self._levels, default=0))
            self._count(chosen, -1)
            self.turn += 1
            chosen.level = level + 1
            chosen.last_turn = chosen.changed_turn = self.turn
            self._count(chosen, 1)
            self._policy.given(chosen, newcomer)
        return chosen

    def take_back(self, number: str) -> PoolNumber | None:
        """Whoever was given this number was nobody, and counts no longer. None if it is not in the pool."""
        found = self.numbers.get(number)
        if found is not None and found.level > 0:
            self._count(found, -1)
            self.turn += 1
            found.level -= 1
            found.changed_turn = self.turn
            self._count(found, 1)
            self._policy.changed(found)
        return found

    def called(self, number: str, at: float) -> PoolNumber | None:
        """This number was called. None if it is not in the pool."""
        found = self.numbers.get(number)
        if found is not None:
            self.turn += 1
            found.called_at, found.changed_turn = at, self.turn
            self._policy.changed(found)
        return found

    def refresh(self, numbers: Iterable[PoolNumber], turn: int) -> None:
        """Takes over numbers as somebody else left them, at `turn`; one that is not here joins."""
        rows = {n.number: n for n in numbers}
        self.turn = turn
        if rows.keys() <= self.numbers.keys():
            for name, row in rows.items():
                found = self.numbers[name]
                self._count(found, -1)
                found.last_turn, found.level, found.called_at = row.last_turn, row.level, row.called_at
                found.recent, found.changed_turn = row.recent, row.changed_turn
                self._count(found, 1)
                self._policy.changed(found)
        else:
            self._build(self.numbers | rows)

    def _build(self, numbers: dict[str, PoolNumber]) -> None:
        self.numbers = numbers
        self._policy = POLICIES[self.policy](list(numbers.values()))
        self._levels: dict[int, int] = {}
        for number in numbers.values():
            self._count(number, 1)

    def _count(self, number: PoolNumber, step: int) -> None:
        """How many numbers stand at each level, those not given yet left out: they stand with the least of these."""
        if number.last_turn:
            many = self._levels[number.level] = self._levels.get(number.level, 0) + step
            if not many:
                del self._levels[number.level]


__all__ = ["Newcomer", "Pool", "PoolNumber"]
