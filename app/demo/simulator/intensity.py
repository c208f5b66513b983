"""How much each visitor would call, moment by moment: the one definition both the draws and the best answer use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.demo.simulator.business import Business
from app.demo.simulator.delays import Floats, density, passed
from app.demo.simulator.hours import Hours, Moments
from app.demo.simulator.people import Flags, Indices, People, Seen, activity_begin

KEY = 10**14  # milliseconds since 1970 stay below this, so visitor × KEY + moment sorts by visitor, then time


@dataclass(frozen=True, kw_only=True)
class Spells:
    """One entry per beginning of a visitor's clock: its moment, the size of the intensity, which delays hold.

    Sorted by visitor, then time; ``key``: visitor × ``KEY`` + moment. ``changed``: it began after the drift.
    """

    visitor: Indices
    at: Moments
    key: Indices
    size: Floats
    changed: Flags


def spells_of(business: Business, hours: Hours, people: People) -> Spells:
    """The spells of all visitors."""
    begin = activity_begin(business, people)
    changed = begin.at >= hours.changed
    key = begin.visitor * KEY + begin.at
    return Spells(
        visitor=begin.visitor, at=begin.at, key=key, size=_size(business, people, begin, key, changed), changed=changed
    )


def _size(business: Business, people: People, begin: Seen, key: Indices, changed: Flags) -> Floats:
    """The factors of a spell, from what is known of the visitor when it begins."""
    calling, visitors, views = business.calling, people.visitors, people.views
    who = begin.visitor
    sources = np.array([source.calling if source.numbers else 0.0 for source in business.sources])
    size = calling.share * sources[visitors.source[who]] * ~visitors.bot[who]
    size = size * np.array([page.calling for page in business.pages])[views.page[begin.view]]
    size = size * calling.per_page ** np.minimum(views.nth[begin.view], 5)
    size = size * calling.per_visit ** np.minimum(views.number[begin.view], 3)
    size = size * np.where(visitors.mobile[who], calling.mobile, 1.0)
    size = size * np.where(visitors.region[who] == business.regions.home, calling.home, 1.0)
    forms = np.sort(people.forms.visitor * KEY + people.forms.at)
    earlier = np.searchsorted(forms, key) > np.searchsorted(forms, who * KEY)
    size = size * np.where(earlier, calling.after_form, 1.0)
    if business.drift:
        size = size * np.where(changed, business.drift.share, 1.0)
    return np.asarray(np.minimum(size, 0.6), dtype=np.float64)


def spell_density(business: Business, waited: Floats, changed: Flags) -> Floats:
    """Density of a spell's delay after ``waited`` seconds."""
    value = density(business.calling.delays, waited)
    return np.where(changed, density(business.drift.delays, waited), value) if business.drift else value


def spell_passed(business: Business, waited: Floats, changed: Flags) -> Floats:
    """Chance that a spell's delay is at most ``waited`` seconds."""
    value = passed(business.calling.delays, waited)
    return np.where(changed, passed(business.drift.delays, waited), value) if business.drift else value


def click_intensity(business: Business, waited: Floats) -> Floats:
    """Intensity of the call that follows a `tel:` click made ``waited`` seconds ago and not yet used.

    The click leads to one call at most: ``y·f ÷ (1 − y·F)``.
    """
    share, delay = business.calling.click_calls, business.calling.click_delay
    return share * density(delay, waited) / (1.0 - share * passed(delay, waited))


__all__ = ["KEY", "Spells", "click_intensity", "spell_density", "spell_passed", "spells_of"]
