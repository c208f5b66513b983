"""Calls that no visit explains: saved and printed numbers, shared lines, spam, dialers, robocall bursts."""

from __future__ import annotations

import numpy as np

from app.demo.simulator.area_codes import draw_phone
from app.demo.simulator.business import Business
from app.demo.simulator.callers import Call, Dials, Telephones, again
from app.demo.simulator.delays import Floats
from app.demo.simulator.hours import Hours


class Others:
    """Draws the calls of everybody who is no visitor. ``calls`` gathers them, unordered."""

    def __init__(self, business: Business, hours: Hours, phones: Telephones, rng: np.random.Generator) -> None:
        self._business, self._hours, self._phones, self._rng = business, hours, phones, rng
        drift = business.drift
        self._saved = hours.table(business.calendar.saved, drift.saved if drift else 1.0)
        self._redial = hours.again_table(business.calendar.saved)
        self._spam = hours.table(business.calendar.spam, drift.spam if drift else 1.0)
        self._total = sum(source.numbers for source in business.sources)
        self.calls: list[Call] = []

    def draw(self) -> list[Call]:
        """All of them."""
        self._saved_numbers()
        self._shared_lines()
        self._spam_once()
        self._dialers()
        self._bursts()
        for at in self._hours.draw(self._business.untracked_daily, self._saved, self._rng):
            self.calls.append(Call(at=int(at), phone=self._phone(self._saved_home), dials=Dials(number=self._total)))
        return self.calls

    @property
    def _saved_home(self) -> float:
        return self._business.regions.saved_home

    def _phone(self, home: float) -> str:
        """A new telephone, of the home state with chance ``home``, else from anywhere."""
        regions = self._business.regions
        if self._rng.random() < home:
            return draw_phone(regions.home, self._rng)
        return draw_phone(int(self._rng.choice(len(regions.elsewhere), p=np.array(regions.elsewhere))), self._rng)

    def _saved_numbers(self) -> None:
        """People who have a number of a pool from elsewhere, and call it, perhaps again and again."""
        repeats, person = self._business.repeats, 0
        for pool, source in enumerate(self._business.sources):
            if not source.numbers:
                continue
            for first in self._hours.draw(source.saved, self._saved, self._rng):
                person += 1
                withheld = self._rng.random() < self._business.phones.withheld_saved
                phone = None if withheld else self._phone(self._saved_home)
                moments = [int(first)]
                while moments:
                    at = moments.pop()
                    self.calls.append(Call(at=at, phone=phone, dials=Dials(pool=pool, key=f"n{person}")))
                    moments += again(at, repeats.saved, repeats.saved_delays, self._hours, self._redial, self._rng)

    def _shared_lines(self) -> None:
        """People behind a shared line who are no visitors: any line, any number."""
        lines = self._phones.switchboards
        if not lines:
            return
        for at in self._hours.draw(self._business.phones.switchboard_saved, self._saved, self._rng):
            line, number = int(self._rng.integers(len(lines))), int(self._rng.integers(self._total))
            self.calls.append(Call(at=int(at), phone=lines[line], dials=Dials(number=number)))

    def _spam_once(self) -> None:
        """Spam whose id is never seen again; more on dirty numbers."""
        spam, phones = self._business.spam, self._business.phones
        for at in self._hours.draw(spam.daily, self._spam, self._rng):
            number = int(self._rng.choice(self._total, p=np.array(spam.dirt)))
            hidden = self._rng.random() < phones.withheld_spam
            phone = None if hidden else self._phone(self._business.regions.spam_home)
            self.calls.append(Call(at=int(at), phone=phone, dials=Dials(number=number), spam=True))

    def _dialers(self) -> None:
        """Ids that call any number, again and again."""
        spam = self._business.spam
        for _ in range(spam.dialers):
            phone = self._phone(self._business.regions.spam_home)
            for at in self._hours.draw(spam.dialer_daily, self._spam, self._rng):
                number = int(self._rng.integers(self._total))
                self.calls.append(Call(at=int(at), phone=phone, dials=Dials(number=number), spam=True))

    def _bursts(self) -> None:
        """Robocalls over many numbers within minutes."""
        spam, rng = self._business.spam, self._rng
        for first in self._hours.draw(spam.bursts / 7.0, self._spam, rng):
            rotating = rng.random() < spam.rotating
            phone = self._phone(self._business.regions.spam_home)
            waits: Floats = rng.exponential(spam.burst_spread_s, int(rng.poisson(spam.burst_reach * self._total)))
            for at in (int(first), *(int(first) + 1 + (waits * 1000).astype(np.int64)).tolist()):
                number = int(rng.integers(self._total))
                self.calls.append(Call(at=at, phone=phone, dials=Dials(number=number), spam=True))
                if rotating:
                    phone = self._phone(self._business.regions.spam_home)


def other_calls(business: Business, hours: Hours, phones: Telephones, rng: np.random.Generator) -> list[Call]:
    """All calls by people who are no visitors, within the hours."""
    calls = Others(business, hours, phones, rng).draw()
    return [call for call in calls if call.at < hours.end - 1000]


__all__ = ["Others", "other_calls"]
