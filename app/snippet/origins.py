"""Where a process's new visitors came from lately, and who of them showed life.

So that a machine that asks for thousands of visitor ids takes no turns in the pools.

Kept per process, of the last hour, by one thread. A network is known by its keyed hash. Once it is found to be a
machine's (`core.crowds`), its new visitors are shown numbers without being counted, and the turns that those before
them took are given back. Every visitor keeps the number they were shown.
"""

from collections import OrderedDict, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from core.crowds import BURST, ELSEWHERE, GRACE, machine_odds

WINDOW = timedelta(hours=1)
_FEW = 3
"""Fewer lifeless visitors than this are never a machine's."""
MOST = 20_000
"""Networks that are remembered, those of the latest visitors."""
_MOST = 8 * BURST
"""Lifeless visitors of one network that are remembered, the latest; the turns of those before stay taken."""


class Turn(NamedTuple):
    """A number (E.164) of a source that a visitor was counted for."""

    visitor_id: str
    source_id: str
    number: str


@dataclass(slots=True)
class _Network:
    living: deque[datetime] = field(default_factory=lambda: deque(maxlen=_MOST))
    lifeless: dict[str, datetime] = field(default_factory=dict)
    turns: dict[str, list[Turn]] = field(default_factory=dict)

    def forget(self, before: datetime) -> None:
        """What was before then counts no more."""
        while self.living and self.living[0] < before:
            self.living.popleft()
        while self.lifeless and self.lifeless[oldest := next(iter(self.lifeless))] < before:
            del self.lifeless[oldest]
            self.turns.pop(oldest, None)


Key = tuple[str, str]


class Origins:
    """The networks of all sites' new visitors."""

    def __init__(self) -> None:
        self._networks: OrderedDict[Key, _Network] = OrderedDict()
        self._living: dict[str, deque[tuple[datetime, str | None]]] = {}

    def came(self, site_id: str, origin: str | None, visitor_id: str, at: datetime) -> bool:
        """A new visitor came from this network; whether they count."""
        if origin is None:
            return True
        network = self._network((site_id, origin), at)
        network.lifeless[visitor_id] = at
        if len(network.lifeless) > _MOST:
            oldest = next(iter(network.lifeless))
            del network.lifeless[oldest]
            network.turns.pop(oldest, None)
        return not self._is_machine(site_id, origin, network, at)

    def given(self, site_id: str, origin: str | None, turns: Collection[Turn]) -> None:
        """They were counted for these numbers."""
        network = self._networks.get((site_id, origin)) if origin is not None else None
        if network is None:
            return
        for turn in turns:
            network.turns.setdefault(turn.visitor_id, []).append(turn)

    def lives(self, site_id: str, origin: str | None, visitor_id: str, at: datetime) -> None:
        """A page of a visitor reported something for the first time."""
        self._living.setdefault(site_id, deque(maxlen=_MOST)).append((at, origin))
        network = self._networks.get((site_id, origin)) if origin is not None else None
        if network is not None:
            if network.lifeless.pop(visitor_id, None) is not None:
                network.living.append(at)
            network.turns.pop(visitor_id, None)

    def turns_of(self, site_id: str, origin: str | None) -> list[Turn]:
        """The turns that lifeless visitors of this network took; each is told once."""
        network = self._networks.get((site_id, origin)) if origin is not None else None
        if network is None:
            return []
        turns = [turn for taken in network.turns.values() for turn in taken]
        network.turns = {}
        return turns

    def _is_machine(self, site_id: str, origin: str | None, network: _Network, at: datetime) -> bool:
        # The cheap question first: most newcomers are of networks of their own.
        living = self._living.get(site_id)
        if len(network.lifeless) < _FEW or living is None:
            return False
        elsewhere = sum(1 for when, whose in living if whose != origin and when > at - 2 * WINDOW)
        if elsewhere < ELSEWHERE:
            return False
        settled = sum(came < at - GRACE for came in network.lifeless.values())
        odds = machine_odds(
            lifeless=len(network.lifeless), settled=settled, living=len(network.living), living_elsewhere=elsewhere
        )
        return odds > 0.0

    def _network(self, key: Key, at: datetime) -> _Network:
        network = self._networks.setdefault(key, _Network())
        network.forget(at - WINDOW)
        self._networks.move_to_end(key)
        while len(self._networks) > MOST:
            self._networks.popitem(last=False)
        return network
