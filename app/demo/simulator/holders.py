"""Who was shown which number when, from the lines of an allocation, and what each holder's intensity was."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np

from app.demo.simulator.business import Business
from app.demo.simulator.callers import calling_clicks
from app.demo.simulator.delays import Floats
from app.demo.simulator.intensity import KEY, click_intensity, spell_density
from app.demo.simulator.people import Flags, Indices
from app.demo.simulator.simulate import Insight

Assignment = tuple[datetime | str | int, str, str | None, str | None]
"""Moment (aware datetime, ISO text or milliseconds since 1970), visitor, number (None: no longer any), pool."""


def milliseconds(at: datetime | str | int) -> int:
    """A moment as milliseconds since 1970."""
    if isinstance(at, int):
        return at
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    return round(moment.timestamp() * 1000)


class Holders:
    """Holders by number. Visitors and numbers are indices of the insight."""

    def __init__(self, insight: Insight, assignments: Iterable[Assignment]) -> None:
        visitors = {name: index for index, name in enumerate(insight.visitor_ids)}
        numbers = {number: index for index, number in enumerate(insight.numbers)}
        rows = sorted(
            ((milliseconds(at), visitor, number) for at, visitor, number, _ in assignments), key=lambda r: r[0]
        )
        self._shown: dict[int, list[tuple[int, int]]] = {}
        for at, visitor, number in rows:
            shown = self._shown.setdefault(visitors[visitor], [])
            shown.append((at, -1 if number is None else numbers.get(number, -1)))
        spans: dict[int, list[tuple[int, int, int]]] = {}
        for visitor_index, shown in self._shown.items():
            ends = [*(at for at, _ in shown[1:]), insight.hours.end + 1]
            for (at, index), end in zip(shown, ends, strict=True):
                spans.setdefault(index, []).append((visitor_index, at, end))
        self._spans = {index: np.array(found, dtype=np.int64) for index, found in spans.items()}

    def of(self, number: int, at: int) -> Indices:
        """Visitors who are shown a number at a moment, in ascending order."""
        spans = self._spans.get(number)
        if spans is None:
            return np.zeros(0, dtype=np.int64)
        return np.unique(spans[(spans[:, 1] <= at) & (at < spans[:, 2]), 0])

    def number_of(self, visitor: int, at: int) -> int:
        """The number a visitor is shown at a moment, −1 for none."""
        number = -1
        for begun, index in self._shown.get(visitor, ()):
            if begun <= at:
                number = index
        return number


class Intensities:
    """The true intensity of every visitor's own calls (not those a call brings), per second."""

    def __init__(self, business: Business, insight: Insight) -> None:
        self._business, self._spells, self._hours = business, insight.spells, insight.hours
        self.table = insight.hours.table(business.calendar.calls)
        self.redial_table = insight.hours.again_table(business.calendar.calls)
        who, at, pooled = calling_clicks(business, insight.people)
        self._click_key, self._click_at, self._click_pooled = who * KEY + at, at, pooled

    def of(self, visitors: Indices, at: int) -> tuple[Floats, Floats, Indices]:
        """Of spells, of the last `tel:` click (if no call was made since), and that click's moment (0: none)."""
        key = visitors * KEY + at
        place = np.searchsorted(self._spells.key, key, side="right") - 1
        found = (place >= 0) & (self._spells.visitor[place] == visitors)
        place = np.where(found, place, 0)
        waited = (at - self._spells.at[place]) / 1000.0
        hour = float(self.table[self._hours.place(np.array([at]))][0])
        spell = self._spells.size[place] * spell_density(self._business, waited, self._spells.changed[place]) * hour
        click, click_at = self._clicks(visitors, at, key)
        return np.where(found, spell, 0.0), click, click_at

    def _clicks(self, visitors: Indices, at: int, key: Indices) -> tuple[Floats, Indices]:
        if not len(self._click_key):
            return np.zeros(len(visitors)), np.zeros(len(visitors), dtype=np.int64)
        place = np.searchsorted(self._click_key, key, side="right") - 1
        found: Flags = (place >= 0) & (self._click_key[place] // KEY == visitors) & self._click_pooled[place]
        place = np.where(found, place, 0)
        waited = (at - self._click_at[place]) / 1000.0
        click = click_intensity(self._business, waited)
        return np.where(found, click, 0.0), np.where(found, self._click_at[place], 0)


__all__ = ["Assignment", "Holders", "Intensities", "milliseconds"]
