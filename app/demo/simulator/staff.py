"""Staff who correct matches: which calls they look at, when, and where they err."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.demo.simulator.business import Business
from app.demo.simulator.callers import Call
from app.demo.simulator.hours import DAY_MS, HOUR_MS, Hours
from app.demo.simulator.people import People

Correction = tuple[int, int, int | None]
"""Moment, place of the call, and the visitor decided on (None: nobody)."""


def corrections(
    business: Business, hours: Hours, people: People, calls: Sequence[Call], rng: np.random.Generator
) -> list[Correction]:
    """What staff decide. A mistake names somebody who was on the site in the day before the call, or nobody.

    Staff who prefer doubtful calls pass by those that follow a click, and look three times as often at the others.
    """
    staff, decided = business.staff, []
    views = people.views
    by_time = np.argsort(views.at, kind="stable")
    moments, who = views.at[by_time], views.visitor[by_time]
    for place, call in enumerate(calls):
        eager = (0.2 if call.clicked else 1.4) if staff.doubtful else 1.0
        if rng.random() >= staff.share * eager:
            continue
        at = call.at + int(rng.exponential(staff.delay_h) * HOUR_MS) + 60_000
        visitor = call.visitor
        if rng.random() < staff.mistakes:
            low, high = np.searchsorted(moments, [call.at - DAY_MS, call.at])
            wrong = int(who[int(rng.integers(low, high))]) if high > low else None
            visitor = None if wrong == visitor or (visitor is not None and rng.random() < 0.3) else wrong
        if at < hours.end - 1000:
            decided.append((at, place, visitor))
    return decided


__all__ = ["Correction", "corrections"]
