"""A business and a seed become a trace: the site, its lines in time order, and who truly called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.demo.simulator.area_codes import fiction_numbers
from app.demo.simulator.business import Business
from app.demo.simulator.callers import Call, Telephones, visitor_calls
from app.demo.simulator.hours import Hours, hours_of
from app.demo.simulator.intensity import Spells, spells_of
from app.demo.simulator.lines import FormLeft, Recording, recorded
from app.demo.simulator.others import other_calls
from app.demo.simulator.people import People, draw_people
from app.demo.simulator.staff import corrections

Line = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Insight:
    """What the best answer is computed from: the lines as arrays, and facts of the business not in its lines.

    ``calls`` in time order with ``call_ids``; their ``visitor`` is the truth, which the best answer does not read.
    ``forms``: moments and phones by visitor. ``visitor_ids``: a visitor's name in the trace by index.
    """

    hours: Hours
    people: People
    spells: Spells
    calls: tuple[Call, ...]
    call_ids: tuple[str, ...]
    forms: Mapping[int, tuple[FormLeft, ...]]
    visitor_ids: tuple[str, ...]
    numbers: tuple[str, ...]
    pool_starts: tuple[int, ...]
    switchboards: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """A history: ``site`` is line 1 of its trace, ``lines`` the others, ``truth`` the visitor (None) of each call."""

    business: Business
    site: Line
    lines: Sequence[Line]
    truth: Mapping[str, str | None]
    insight: Insight = field(repr=False)


def simulate(business: Business, seed: int) -> Simulated:
    """The history of a business that a seed leads to; the same two always give the same history."""
    seeds = np.random.SeedSequence(seed).spawn(6)
    rngs = [np.random.default_rng(each) for each in seeds]
    hours = hours_of(business)
    people = draw_people(business, hours, rngs[0])
    spells = spells_of(business, hours, people)
    phones = Telephones(business, people, rngs[1])
    by_visitors = visitor_calls(business, hours, people, spells, phones, rngs[2])
    calls = tuple(sorted(by_visitors + other_calls(business, hours, phones, rngs[3]), key=lambda call: call.at))
    recording = Recording(business=business, hours=hours, people=people, calls=calls, numbers=_numbers(business))
    decided = corrections(business, hours, people, calls, rngs[4])
    made = recorded(recording, phones, decided, rngs[5])
    starts = np.cumsum([0, *(source.numbers for source in business.sources)])
    insight = Insight(
        hours=hours,
        people=people,
        spells=spells,
        calls=calls,
        call_ids=made.call_ids,
        forms=made.forms,
        visitor_ids=made.visitor_ids,
        numbers=recording.numbers,
        pool_starts=tuple(int(start) for start in starts),
        switchboards=phones.switchboards,
    )
    truth = {
        call_id: None if call.visitor is None else made.visitor_ids[call.visitor]
        for call_id, call in zip(made.call_ids, calls, strict=True)
    }
    return Simulated(business=business, site=made.site, lines=made.lines, truth=truth, insight=insight)


def _numbers(business: Business) -> tuple[str, ...]:
    """All tracking numbers, pool by pool, and the number on the page itself last."""
    count = sum(source.numbers for source in business.sources)
    return fiction_numbers(business.regions.home, count + 1)


__all__ = ["Insight", "Line", "Simulated", "simulate"]
