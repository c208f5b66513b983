"""What is believed of every visitor's telephone: withheld, a shared line, or their own, as forms and calls tell."""

from __future__ import annotations

from itertools import chain

import numpy as np

from app.demo.simulator.area_codes import number_density, state_of
from app.demo.simulator.business import Business
from app.demo.simulator.delays import Floats
from app.demo.simulator.lines import FormLeft
from app.demo.simulator.people import UNKNOWN, Indices
from app.demo.simulator.simulate import Insight


class Persons:
    """Beliefs by visitor, arrays over all visitors, moved on in time by ``until``.

    ``withheld``, ``shared``, ``own``: chances from the prior and forms alone; ``own`` is that of an own number other
    than the one left in a form. ``proven_withheld``, ``proven_shared``: chances that earlier calls were theirs.
    """

    def __init__(self, business: Business, insight: Insight) -> None:
        self._business, self._insight = business, insight
        phones, count = business.phones, len(insight.visitor_ids)
        self._behind = phones.behind if phones.switchboards else 0.0
        self._own = 1.0 - phones.withheld - self._behind
        self.withheld = np.full(count, phones.withheld)
        self.shared = np.full(count, self._behind)
        self.own = np.full(count, self._own)
        self.proven_withheld = np.zeros(count)
        self.proven_shared = np.zeros(count)
        self._lines: dict[str, Floats] = {line: np.zeros(count) for line in insight.switchboards}
        self._left: dict[str, dict[int, float]] = {}
        forms = ((form, visitor) for visitor, left in insight.forms.items() for form in left)
        self._forms: list[tuple[FormLeft, int]] = sorted(forms, key=lambda pair: (pair[0].at, pair[1]))
        self._next = 0

    def until(self, at: int) -> None:
        """Takes in the forms left up to a moment."""
        while self._next < len(self._forms) and self._forms[self._next][0].at <= at:
            form, visitor = self._forms[self._next]
            self._next += 1
            if form.phone is not None:
                self._form(visitor, form.phone)

    def _form(self, visitor: int, phone: str) -> None:
        """A phone left in a form, by Bayes' rule over the three kinds of telephone. Further forms repeat the first."""
        if phone in self._lines:
            self._lines[phone][visitor] = 1.0
            self.proven_shared[visitor] = 1.0
            return
        facts, withheld = self._business.forms, self._business.phones.withheld
        same = self._own * facts.own
        parts = np.array(
            [withheld * (facts.own + facts.another), self._behind * facts.another, self._own * facts.another]
        )
        total = parts.sum() + same
        self.withheld[visitor], self.shared[visitor], self.own[visitor] = parts / total
        self._left.setdefault(phone, {})[visitor] = float(same / total)

    def phone_chance(self, visitors: Indices, phone: str) -> Floats:
        """The chance of this number as the own number of each visitor."""
        state, regions, seen = state_of(phone), self._business.regions, self._insight.people.visitors
        region = seen.region[visitors]
        local = np.where(seen.mobile[visitors], regions.local_mobile, regions.local_desktop) * (region != UNKNOWN)
        chance = (local * (region == state) + (1.0 - local) * regions.elsewhere[state]) * number_density(state)
        chance = chance * self.own[visitors]
        for visitor, share in self._left.get(phone, {}).items():
            chance = np.where(visitors == visitor, chance + share, chance)
        return np.asarray(chance, dtype=np.float64)

    def stranger_chance(self, phone: str, home: float) -> float:
        """The chance of this number for somebody who is no visitor, of the home state with chance ``home``."""
        state, regions = state_of(phone), self._business.regions
        return (home * (state == regions.home) + (1.0 - home) * regions.elsewhere[state]) * number_density(state)

    def is_shared(self, phone: str) -> bool:
        """Whether a number is one of the business's shared lines."""
        return phone in self._lines

    def withheld_chance(self, visitors: Indices) -> Floats:
        """The chance that a visitor never shows a number, their own numbers left aside."""
        proven = self.proven_withheld[visitors]
        chance = (proven + (1.0 - proven) * self.withheld[visitors]) * (1.0 - self.proven_shared[visitors])
        return np.asarray(chance)

    def line_chance(self, visitors: Indices, line: str) -> Floats:
        """The chance that a visitor calls from this shared line, their own numbers left aside."""
        proven = self._lines[line][visitors]
        prior = self.shared[visitors] / len(self._lines) * (1.0 - self.proven_shared[visitors])
        return (proven + (1.0 - proven) * prior) * (1.0 - self.proven_withheld[visitors])

    def free_chance(self, visitors: Indices) -> Floats:
        """The chance that no earlier call showed a visitor to be withheld or behind a shared line."""
        return (1.0 - self.proven_withheld[visitors]) * (1.0 - self.proven_shared[visitors])

    def called(self, visitors: Indices, shares: Floats, line: str | None) -> None:
        """A call withheld or from a shared ``line`` was theirs with these chances."""
        for belief in chain([self.proven_withheld] if line is None else [self.proven_shared, self._lines[line]]):
            belief[visitors] = shares + (1.0 - shares) * belief[visitors]


__all__ = ["Persons"]
