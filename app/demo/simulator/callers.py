"""Who calls: visitors, by the intensities of ``intensity`` and again by the redial intensity; and from which phone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np

from app.demo.simulator.area_codes import draw_phone
from app.demo.simulator.business import Business
from app.demo.simulator.delays import Delays, Floats, draw, draw_below
from app.demo.simulator.hours import Hours
from app.demo.simulator.intensity import Spells, spell_passed
from app.demo.simulator.people import UNKNOWN, Flags, Indices, People

WITHHELD = -2
OWN = -1
FRESH = 0
AGAIN = -1


@dataclass(frozen=True, kw_only=True)
class Dials:
    """Which telephone rings: the number shown to ``visitor``, number ``number`` of all, or a slot of pool ``pool``.

    Indices; ``number`` counts through all pools in order, one past the last is the number on the page itself. ``key``
    picks the slot, None for the call's own id.
    """

    visitor: int | None = None
    number: int | None = None
    pool: int | None = None
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call. ``at``: milliseconds since 1970; ``phone``: E.164 or None (withheld); ``visitor``: who truly called."""

    at: int
    phone: str | None
    dials: Dials
    visitor: int | None = None
    spam: bool = False
    clicked: bool = False


class Telephones:
    """The telephone of every visitor: their own, a shared line, or one that never shows its number.

    ``line``: ``OWN``, ``WITHHELD`` or the place of a shared line in ``switchboards``. Own numbers are drawn when first
    asked for.
    """

    def __init__(self, business: Business, people: People, rng: np.random.Generator) -> None:
        self._business, self._visitors, self._rng = business, people.visitors, rng
        phones, regions = business.phones, business.regions
        count = len(people.visitors.region)
        states = rng.choice(len(regions.visitors), phones.switchboards, p=np.array(regions.visitors))
        self.switchboards: tuple[str, ...] = tuple(draw_phone(int(state), rng) for state in states)
        chance = rng.random(count)
        behind = rng.integers(max(phones.switchboards, 1), size=count)
        share = phones.behind if phones.switchboards else 0.0
        line = np.where(chance < phones.withheld, WITHHELD, OWN)
        self.line = np.where((chance >= phones.withheld) & (chance < phones.withheld + share), behind, line)
        self._own: dict[int, str] = {}

    def of(self, visitor: int) -> str:
        """The number of the visitor's telephone, whether or not calls show it."""
        line = int(self.line[visitor])
        if line >= 0:
            return self.switchboards[line]
        if visitor not in self._own:
            self._own[visitor] = self.another(visitor)
        return self._own[visitor]

    def another(self, visitor: int) -> str:
        """A telephone that nobody calls from, as likely of the visitor's region as their own."""
        regions, region = self._business.regions, int(self._visitors.region[visitor])
        local = regions.local_mobile if self._visitors.mobile[visitor] else regions.local_desktop
        if region != UNKNOWN and self._rng.random() < local:
            return draw_phone(region, self._rng)
        return draw_phone(int(self._rng.choice(len(regions.elsewhere), p=np.array(regions.elsewhere))), self._rng)

    def shown(self, visitor: int) -> str | None:
        """The caller id of a call by the visitor."""
        return None if self.line[visitor] == WITHHELD else self.of(visitor)


def again(at: int, mean: float, delays: Delays, hours: Hours, table: Floats, rng: np.random.Generator) -> list[int]:
    """The moments of the calls one call brings: intensity ``mean`` × delay × the hour's factor, by thinning."""
    top = float(table.max())
    count = int(rng.poisson(mean * top))
    if not count:
        return []
    moments = at + 1000 + (draw(delays, count, rng) * 1000).astype(np.int64)
    moments = moments[moments < hours.end - 1000]
    kept = rng.random(len(moments)) * top < table[hours.place(moments)]
    return [int(moment) for moment in moments[kept]]


def _fresh(
    business: Business, hours: Hours, spells: Spells, table: Floats, rng: np.random.Generator
) -> tuple[Indices, Indices]:
    """Visitors and moments of the calls of the spells themselves, by thinning at the busiest hour's factor."""
    same = np.append(spells.visitor[1:] == spells.visitor[:-1], False)
    length = (np.where(same, np.append(spells.at[1:], hours.end), hours.end - 1000) - spells.at) / 1000.0
    top = float(table.max())
    counts = rng.poisson(spells.size * spell_passed(business, np.maximum(length, 0.0), spells.changed) * top)
    spell = np.repeat(np.arange(len(counts)), counts)
    limit, later = np.maximum(length[spell], 0.0), spells.changed[spell]
    waits = draw_below(business.calling.delays, limit, rng)
    if business.drift:
        waits = np.where(later, draw_below(business.drift.delays, limit, rng), waits)
    moments = spells.at[spell] + (waits * 1000).astype(np.int64)
    kept = rng.random(len(spell)) * top < table[hours.place(moments)]
    return spells.visitor[spell][kept], moments[kept]


def calling_clicks(business: Business, people: People) -> tuple[Indices, Indices, Flags]:
    """Visitors and moments of all `tel:` clicks, in order, and which of them are on a tracking number."""
    clicks = people.clicks
    order = np.lexsort((clicks.at, clicks.visitor))
    who = clicks.visitor[order]
    pooled = np.array([source.numbers > 0 for source in business.sources])[people.visitors.source[who]]
    return who, clicks.at[order], pooled


def _clicked(business: Business, people: People, hours: Hours, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """Visitor, planned moment and click of the calls that clicks lead to; a further click replaces the last."""
    who, at, pooled = calling_clicks(business, people)
    leads = (rng.random(len(who)) < business.calling.click_calls) & pooled
    planned = at + (draw(business.calling.click_delay, len(who), rng) * 1000).astype(np.int64)
    same = np.append(who[1:] == who[:-1], False) if len(who) else np.zeros(0, dtype=bool)
    following = np.where(same, np.append(at[1:], 0), hours.end - 1000)
    leads &= planned < following
    return [(int(v), int(p), int(c)) for v, p, c in zip(who[leads], planned[leads], at[leads], strict=True)]


def visitor_calls(
    business: Business,
    hours: Hours,
    people: People,
    spells: Spells,
    phones: Telephones,
    rng: np.random.Generator,
) -> list[Call]:
    """All calls made by visitors. Whoever calls does not make the call their last click would have led to."""
    table, again_table = hours.table(business.calendar.calls), hours.again_table(business.calendar.calls)
    pending: dict[int, list[tuple[int, int]]] = {}
    for visitor, moment in zip(*_fresh(business, hours, spells, table, rng), strict=True):
        pending.setdefault(int(visitor), []).append((int(moment), FRESH))
    for visitor, planned, click in _clicked(business, people, hours, rng):
        pending.setdefault(visitor, []).append((planned, click))
    repeats = business.repeats
    calls: list[Call] = []

    def redial(at: int) -> list[int]:
        return again(at, repeats.visitors, repeats.visitor_delays, hours, again_table, rng)

    for visitor in sorted(pending):
        for at, clicked in _in_order(pending[visitor], redial, business.calling.after_call, rng):
            calls.append(
                Call(at=at, phone=phones.shown(visitor), dials=Dials(visitor=visitor), visitor=visitor, clicked=clicked)
            )
    return calls


def _in_order(
    first: list[tuple[int, int]], redial: Callable[[int], list[int]], after_call: float, rng: np.random.Generator
) -> list[tuple[int, bool]]:
    """A visitor's calls in time order: each brings its redials and spends the click made before it.

    Takes moments with the click's moment, ``FRESH`` or ``AGAIN``; of fresh calls after the first few are made.
    """
    heapify(first)
    made: list[tuple[int, bool]] = []
    while first:
        at, click = heappop(first)
        if click > 0 and made and made[-1][0] >= click:
            continue
        if click == FRESH and made and rng.random() >= after_call:
            continue
        made.append((at, click > 0))
        for later in redial(at):
            heappush(first, (later, AGAIN))
    return made


__all__ = ["OWN", "WITHHELD", "Call", "Dials", "Telephones", "again", "calling_clicks", "visitor_calls"]
