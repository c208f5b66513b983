"""The best possible answer: the posterior of the caller under the true intensities.

Used: who was shown the rung number (an allocation), what the site saw before the call, earlier calls and their caller
ids, forms, all facts of the business, and which caller ids are shared lines. Not used: overrides, call durations and
anything after the call.

A telephone with a number is followed: its weights over visitors and strangers are the products of their intensities at
all its calls, with the silences between of everything calls bring (that a visitor who has called browses on without
calling again is not counted as evidence). Four things are summed by expectation,
which is close but not exact (``Business.exact`` says where they hardly occur): withheld callers who call again; who of
those behind a shared line called before; whether a burst under changing ids is under way; telephones in doubt between
the same visitors (passed on two steps deep).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from app.demo.simulator.callers import Call
from app.demo.simulator.delays import Floats
from app.demo.simulator.holders import Assignment, Holders, Intensities
from app.demo.simulator.ownership import Ownership, Phone
from app.demo.simulator.people import Indices
from app.demo.simulator.persons import Persons
from app.demo.simulator.simulate import Simulated
from app.demo.simulator.strangers import Burst, Strangers, redial_expected, redial_intensity

SMALLEST = 1e-9
SPENT_MS = 3_600_000


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Who called: likelihood by visitor, and of nobody from the site. They sum to 1. ``number``: rung, or None."""

    number: str | None
    likelihoods: Mapping[str, float]
    none: float


@dataclass(frozen=True, kw_only=True)
class _Anonymous:
    """An earlier call without a telephone of its own: who made it, with which chance."""

    at: int
    number: int
    visitors: Indices
    shares: Floats
    saved: float


def best_answer(simulated: Simulated, assignments: Iterable[Assignment]) -> dict[str, Answer]:
    """The best answer to every call, given who was shown which number when; by call id."""
    return _Best(simulated, assignments).answers()


class _Best:
    def __init__(self, simulated: Simulated, assignments: Iterable[Assignment]) -> None:
        insight, business = simulated.insight, simulated.business
        self._insight, self._business = insight, business
        self._holders = Holders(insight, assignments)
        self._intensities = Intensities(business, insight)
        self._persons = Persons(business, insight)
        self._strangers = Strangers(business, insight)
        self._owners = Ownership(len(insight.visitor_ids))
        self._anonymous: dict[str | None, list[_Anonymous]] = {}

    def answers(self) -> dict[str, Answer]:
        before, found = self._insight.hours.start, {}
        for call, call_id in zip(self._insight.calls, self._insight.call_ids, strict=True):
            self._persons.until(call.at)
            self._strangers.move_on(before, call.at)
            before = call.at
            found[call_id] = self._answer(call)
        return found

    def _rung(self, call: Call) -> int | None:
        """The tracking number that rings; None for none."""
        dials, number = call.dials, -1
        if dials.visitor is not None:
            number = self._holders.number_of(dials.visitor, call.at)
        elif dials.number is not None:
            number = dials.number
        elif dials.pool is not None:
            digest = hashlib.md5((dials.key or "").encode(), usedforsecurity=False).hexdigest()[:8]
            number = (
                self._insight.pool_starts[dials.pool] + int(digest, 16) % self._business.sources[dials.pool].numbers
            )
        return number if 0 <= number < self._strangers.total else None

    def _answer(self, call: Call) -> Answer:
        number = self._rung(call)
        if number is None:
            return Answer(number=None, likelihoods={}, none=1.0)
        visitors = self._holders.of(number, call.at)
        if call.phone is None or self._persons.is_shared(call.phone):
            weights, none = self._of_anonymous(call.at, number, call.phone, visitors)
        else:
            weights, none = self._of_phone(call.at, number, call.phone, visitors)
        total = float(weights.sum()) + none
        if total <= 0:
            return Answer(number=self._insight.numbers[number], likelihoods={}, none=1.0)
        shares = weights / total
        kept = np.flatnonzero(shares > SMALLEST)
        named = {self._insight.visitor_ids[visitors[k]]: float(shares[k]) for k in kept}
        rest = sum(named.values()) + none / total
        likelihoods = {visitor: share / rest for visitor, share in named.items()}
        return Answer(number=self._insight.numbers[number], likelihoods=likelihoods, none=none / total / rest)

    def _of_anonymous(self, at: int, number: int, line: str | None, visitors: Indices) -> tuple[Floats, float]:
        """Weights of visitors and nobody for a withheld call (``line`` None) or one from a shared line."""
        persons, strangers, repeats = self._persons, self._strangers, self._business.repeats
        spell, click, click_at = self._intensities.of(visitors, at)
        place = {visitor: index for index, visitor in enumerate(visitors.tolist())}
        hour = strangers.hour(self._intensities.redial_table, at)
        saved_hour = strangers.hour(strangers.redial_table, at)
        again, saved_again = np.zeros(len(visitors)), 0.0
        for earlier in self._anonymous.get(line, ()):
            after = float(redial_intensity(repeats.visitors, repeats.visitor_delays, hour, [earlier.at], at)[0])
            for visitor, share in zip(earlier.visitors.tolist(), earlier.shares.tolist(), strict=True):
                index = place.get(visitor)
                if index is not None:
                    again[index] += share * after
                    spell[index] *= 1.0 - share * (1.0 - self._business.calling.after_call)
                    if earlier.at >= click_at[index] > 0 and at - earlier.at < SPENT_MS:
                        click[index] *= 1.0 - share
            if earlier.number == number:
                rate = redial_intensity(repeats.saved, repeats.saved_delays, saved_hour, [earlier.at], at)
                saved_again += earlier.saved * float(rate[0])
        chance = persons.withheld_chance(visitors) if line is None else persons.line_chance(visitors, line)
        weights = (spell + click) * chance * self._owners.free(visitors, None) + again
        phones = self._business.phones
        if line is None:
            saved = strangers.saved(number, at) * phones.withheld_saved + saved_again
            none = saved + strangers.once(number, at) * phones.withheld_spam
        else:
            saved, none = 0.0, strangers.switchboard(at)
        total = max(float(weights.sum()) + none, 1e-300)
        shares = weights / total
        kept = shares > SMALLEST
        call = _Anonymous(at=at, number=number, visitors=visitors[kept], shares=shares[kept], saved=saved / total)
        self._anonymous.setdefault(line, []).append(call)
        persons.called(call.visitors, call.shares, line)
        return weights, none

    def _of_phone(self, at: int, number: int, phone: str, visitors: Indices) -> tuple[Floats, float]:
        """Weights of visitors and nobody for a call from a telephone with a number of its own."""
        known = self._owners.phones.get(phone)
        spell, click, click_at = self._intensities.of(visitors, at)
        if known is None:
            weights = (spell + click) * self._persons.phone_chance(visitors, phone)
            found = Phone(visitors=visitors, weights=weights, strangers=self._first(at, number, phone))
        else:
            click = np.where(click_at > known.calls[-1][0], click, 0.0)
            own = spell * self._business.calling.after_call + click
            found = self._further(at, number, known, visitors, own)
            weights = found.weights
        free = self._owners.free(visitors, phone) * self._persons.free_chance(visitors)
        none = sum(found.strangers.values())
        self._follow_bursts(at, phone, found, float((weights * free).sum()) + none, first=known is None)
        found.calls = [*([] if known is None else known.calls), (at, number)]
        self._owners.keep(phone, found)
        return weights * free, none

    def _first(self, at: int, number: int, phone: str) -> dict[str, float]:
        """Weights of strangers for a telephone's first call."""
        persons, strangers = self._persons, self._strangers
        regions, phones, spam = self._business.regions, self._business.phones, self._business.spam
        saved = persons.stranger_chance(phone, regions.saved_home)
        spammer = persons.stranger_chance(phone, regions.spam_home)
        begins = strangers.burst_begins(at)
        return {
            "saved": strangers.saved(number, at) * (1.0 - phones.withheld_saved) * saved,
            "once": strangers.once(number, at) * (1.0 - phones.withheld_spam) * spammer,
            "dialer": spam.dialers
            * strangers.dialer(at)
            * strangers.dialer_silent(self._insight.hours.start, at)
            * spammer,
            "burst": begins * (1.0 - spam.rotating) * spammer,
            "rotating": begins * spam.rotating * spammer,
            "under_way": strangers.under_way(at) * spammer,
        }

    def _further(self, at: int, number: int, known: Phone, visitors: Indices, own: Floats) -> Phone:
        """The weights after a telephone's further call: times every hypothesis' intensity and silence before."""
        repeats, strangers, hours = self._business.repeats, self._strangers, self._insight.hours
        moments = [moment for moment, _ in known.calls]
        first, last = known.calls[0], moments[-1]
        table, saved_table, span = self._intensities.redial_table, strangers.redial_table, (last, at)
        hour, saved_hour = strangers.hour(table, at), strangers.hour(saved_table, at)
        again = float(redial_intensity(repeats.visitors, repeats.visitor_delays, hour, moments, at).sum())
        silent = np.exp(-redial_expected(repeats.visitors, repeats.visitor_delays, table, hours, moments, span))
        place = np.searchsorted(known.visitors, visitors)
        place = np.minimum(place, max(len(known.visitors) - 1, 0))
        weights = np.zeros(len(visitors))
        if len(known.visitors):
            weights = np.where(known.visitors[place] == visitors, known.weights[place], 0.0)
        saved = float(redial_intensity(repeats.saved, repeats.saved_delays, saved_hour, moments, at).sum())
        saved_silent = np.exp(-redial_expected(repeats.saved, repeats.saved_delays, saved_table, hours, moments, span))
        before = known.strangers
        left = {
            "saved": before["saved"] * saved * float(saved_silent) * (number == first[1]),
            "dialer": before["dialer"] * strangers.dialer(at) * strangers.dialer_silent(last, at),
            "burst": before["burst"]
            * strangers.burst_goes_on(first[0], at)
            * strangers.burst_silent(first[0], last, at),
        }
        return Phone(visitors=visitors, weights=weights * (own + again) * silent, strangers=left)

    def _follow_bursts(self, at: int, phone: str, found: Phone, total: float, *, first: bool) -> None:
        """Keeps account of calls that may have begun a burst under changing ids."""
        strangers = self._strangers
        if not first:
            strangers.bursts = [burst for burst in strangers.bursts if burst.number != phone]
            return
        begun = found.strangers["rotating"]
        if begun <= 0 or total <= 0:
            return
        strangers.explain(at, self._persons.stranger_chance(phone, self._business.regions.spam_home), total)
        chance = min(begun / total, 1.0 - 1e-9)
        strangers.bursts.append(Burst(at=at, number=phone, odds=chance / (1.0 - chance)))


__all__ = ["Answer", "best_answer"]
