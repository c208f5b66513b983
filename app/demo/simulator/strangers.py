"""The true intensities of calls that no visit explains, per second and number, by what kind of caller makes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.demo.simulator.business import Business
from app.demo.simulator.delays import Delays, Floats, density, passed
from app.demo.simulator.hours import HOUR_MS, Hours
from app.demo.simulator.simulate import Insight

DAY_S = 86_400.0


def redial_intensity(mean: float, delays: Delays, hour: float, earlier: list[int], at: int) -> Floats:
    """Intensity of a further call after each of the ``earlier`` ones (moments): mean × delay × the hour's factor."""
    waited = (at - np.array(earlier, dtype=np.int64)) / 1000.0 - 1.0
    return mean * hour * density(delays, waited)


def redial_expected(
    mean: float, delays: Delays, table: Floats, hours: Hours, earlier: list[int], span: tuple[int, int]
) -> float:
    """How many further calls the ``earlier`` ones would have brought within a span of moments."""
    low, high = span
    first = hours.start + ((low - hours.start) // HOUR_MS + 1) * HOUR_MS
    edges = np.concatenate([[low], np.arange(first, high, HOUR_MS), [high]])
    factor = table[hours.place(edges[:-1])]
    total = sum(float(np.diff(passed(delays, (edges - at) / 1000.0 - 1.0)) @ factor) for at in earlier)
    return mean * total


@dataclass
class Burst:
    """A call that may have begun a burst under changing ids. ``odds``: that it did, against that it did not."""

    at: int
    number: str
    odds: float

    @property
    def chance(self) -> float:
        """The chance that it did."""
        return self.odds / (1.0 + self.odds)


class Strangers:
    """Intensities of saved numbers, spam, dialers and bursts at a moment."""

    def __init__(self, business: Business, insight: Insight) -> None:
        self._business, self._hours, self._starts = business, insight.hours, insight.pool_starts
        drift = business.drift
        self._saved = insight.hours.table(business.calendar.saved, drift.saved if drift else 1.0)
        self.redial_table = insight.hours.again_table(business.calendar.saved)
        self._spam = insight.hours.table(business.calendar.spam, drift.spam if drift else 1.0)
        self._spam_sum = np.concatenate([[0.0], np.cumsum(self._spam)])
        self.total = insight.pool_starts[-1]
        self.bursts: list[Burst] = []

    def hour(self, table: Floats, at: int) -> float:
        """A table's factor at a moment."""
        return float(table[self._hours.place(np.array([at]))][0])

    def saved(self, number: int, at: int) -> float:
        """First calls to a number by people who have it from elsewhere."""
        pool = int(np.searchsorted(self._starts, number, side="right")) - 1
        source = self._business.sources[pool]
        return source.saved / source.numbers / DAY_S * self.hour(self._saved, at)

    def switchboard(self, at: int) -> float:
        """Calls from one shared line to one number by people who are no visitors."""
        phones = self._business.phones
        return phones.switchboard_saved / phones.switchboards / self.total / DAY_S * self.hour(self._saved, at)

    def once(self, number: int, at: int) -> float:
        """Spam from ids used once."""
        return self._business.spam.daily * self._business.spam.dirt[number] / DAY_S * self.hour(self._spam, at)

    def dialer(self, at: int) -> float:
        """One dialer's calls to one number."""
        return self._business.spam.dialer_daily / self.total / DAY_S * self.hour(self._spam, at)

    def dialer_silent(self, since: int, at: int) -> float:
        """The chance that one dialer makes no call between two moments."""
        days = (self._spam_days(at) - self._spam_days(since)) * self._business.spam.dialer_daily
        return float(np.exp(-days))

    def _spam_days(self, at: int) -> float:
        place = int(self._hours.place(np.array([at]))[0])
        within = (at - self._hours.start - place * HOUR_MS) / HOUR_MS
        return float(self._spam_sum[place] + within * self._spam[place]) / 24.0

    def burst_begins(self, at: int) -> float:
        """First calls of bursts, to one number."""
        return self._business.spam.bursts / 7.0 / self.total / DAY_S * self.hour(self._spam, at)

    def burst_goes_on(self, began: int, at: int) -> float:
        """Further calls to one number of a burst that began then."""
        spam = self._business.spam
        waited = (at - began) / 1000.0
        return spam.burst_reach * float(np.exp(-waited / spam.burst_spread_s)) / spam.burst_spread_s

    def burst_silent(self, began: int, since: int, at: int) -> float:
        """The chance that a burst that began then makes no call between two moments."""
        spam = self._business.spam
        ended = [np.exp(-(moment - began) / 1000.0 / spam.burst_spread_s) for moment in (since, at)]
        return float(np.exp(-spam.burst_reach * self.total * (ended[0] - ended[1])))

    def move_on(self, since: int, at: int) -> None:
        """Lets time pass without a call: calls that began no burst look so more and more."""
        limit = at - int(15_000 * self._business.spam.burst_spread_s)
        self.bursts = [burst for burst in self.bursts if burst.at > limit and burst.odds > 1e-6]
        for burst in self.bursts:
            burst.odds *= self.burst_silent(burst.at, max(since, burst.at), at)

    def under_way(self, at: int) -> float:
        """Further calls to one number, under new ids, of all bursts that may be under way."""
        return sum(burst.chance * self.burst_goes_on(burst.at, at) for burst in self.bursts)

    def explain(self, at: int, per_intensity: float, total: float) -> None:
        """A call under a new id came in whose weight was ``total``, of which bursts had ``per_intensity`` each."""
        for burst in self.bursts:
            goes_on = self.burst_goes_on(burst.at, at) * per_intensity
            others = max(total - burst.chance * goes_on, 1e-300)
            burst.odds = min(burst.odds * (others + goes_on) / others, 1e12)


__all__ = ["Burst", "Strangers", "redial_expected", "redial_intensity"]
