"""Visitors, their visits and page views, heartbeats, `tel:` clicks and forms: everything a site sees of people.

None of it depends on calls, so it is drawn first; who calls is drawn from it afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.demo.simulator.area_codes import PEOPLE
from app.demo.simulator.business import Business
from app.demo.simulator.delays import draw
from app.demo.simulator.hours import DAY_MS, HOUR_MS, Hours, Moments

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
UNKNOWN = -1
DIRECT = -1
MOST_PAGES = 15
MOST_BEATS = 30


@dataclass(frozen=True, kw_only=True)
class Visitors:
    """One entry per visitor, in order of arrival. ``region``: of the address, index of a state or ``UNKNOWN``."""

    source: Indices
    mobile: Flags
    region: Indices
    bot: Flags


@dataclass(frozen=True, kw_only=True)
class PageViews:
    """One entry per page view. ``number``: of the visit; ``nth``: in the visit; ``source``: of a visit's first page.

    ``source`` is ``DIRECT`` for a return without one. ``until``: the visitor leaves the page.
    """

    visitor: Indices
    at: Moments
    number: Indices
    nth: Indices
    page: Indices
    source: Indices
    until: Moments


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Events of visitors, one entry each. ``view``: the page view it belongs to."""

    visitor: Indices
    at: Moments
    view: Indices


@dataclass(frozen=True, kw_only=True)
class People:
    """All that the site sees; the events sorted by visitor, then time."""

    visitors: Visitors
    views: PageViews
    beats: Seen
    clicks: Seen
    forms: Seen


def draw_people(business: Business, hours: Hours, rng: np.random.Generator) -> People:
    """Everybody who comes to the site in these hours, and what they do there."""
    at, source = _arrivals(business, hours, rng)
    visitors = _visitors(business, source, rng)
    views = _views(business, hours, visitors, at, rng)
    human = ~visitors.bot[views.visitor]
    mobile = visitors.mobile[views.visitor]
    calling = business.calling
    clicking = np.array([page.clicking for page in business.pages])[views.page]
    clicks = np.where(mobile, calling.click_mobile, calling.click_desktop) * clicking * human
    forms = business.forms.rate * np.array([page.forms for page in business.pages])[views.page] * human
    return People(
        visitors=visitors,
        views=views,
        beats=_beats(business, hours, views, human, rng),
        clicks=_within(views, hours, np.minimum(clicks, 0.6), rng),
        forms=_within(views, hours, np.minimum(forms, 0.5), rng),
    )


def _arrivals(business: Business, hours: Hours, rng: np.random.Generator) -> tuple[Moments, Indices]:
    """When new visitors come, and through which source, in time order."""
    table = hours.table(business.calendar.arrivals, business.drift.arrivals if business.drift else 1.0)
    day = np.arange(len(table)) // 24
    table = table * rng.lognormal(-0.02, 0.2, int(day[-1]) + 1)[day]
    moments = [hours.draw(source.daily, table, rng) for source in business.sources]
    origin = [np.full(len(found), index) for index, found in enumerate(moments)]
    for rush in business.rushes:
        open_hours = np.flatnonzero(np.isin(hours.of_week, rush.hours))
        times = rng.poisson(rush.weekly * (hours.end - hours.start) / (7 * DAY_MS))
        for place in rng.choice(open_hours, times):
            begin = hours.start + int(place) * HOUR_MS + int(rng.integers(HOUR_MS))
            count = int(rng.poisson(rush.visitors * rng.lognormal(-(rush.spread**2) / 2, rush.spread)))
            moments.append(begin + (draw(rush.arrive, count, rng) * 1000).astype(np.int64))
            origin.append(np.full(count, rush.source))
    at, source = np.concatenate(moments), np.concatenate(origin)
    order = np.argsort(at, kind="stable")
    order = order[at[order] < hours.end - 1000]
    return at[order], source[order]


def _visitors(business: Business, source: Indices, rng: np.random.Generator) -> Visitors:
    """Who they are."""
    count, regions = len(source), business.regions
    region = rng.choice(len(PEOPLE), count, p=np.array(regions.visitors))
    return Visitors(
        source=source,
        mobile=rng.random(count) < np.array([origin.mobile for origin in business.sources])[source],
        region=np.where(rng.random(count) < regions.unknown, UNKNOWN, region),
        bot=rng.random(count) < business.browsing.bots,
    )


def _visits(
    business: Business, hours: Hours, visitors: Visitors, at: Moments, rng: np.random.Generator
) -> tuple[Indices, Moments, Indices, Indices]:
    """Visitor, time, source and number of every visit, sorted by visitor and time. Robots come once."""
    browsing = business.browsing
    pooled = np.array([source.numbers > 0 for source in business.sources])
    further = np.where(visitors.bot, 0, rng.poisson(browsing.returns, len(at)))
    owner = np.repeat(np.arange(len(at)), further)
    later = at[owner] + 45 * 60_000 + (draw(browsing.return_gap, len(owner), rng) * 1000).astype(np.int64)
    inside = later < hours.end - 1000
    owner, later = owner[inside], later[inside]
    through = rng.choice(np.flatnonzero(pooled), len(owner))
    direct = (rng.random(len(owner)) < browsing.return_direct) | ~pooled[visitors.source[owner]]
    who = np.concatenate([np.arange(len(at)), owner])
    when = np.concatenate([at, later])
    source = np.concatenate([visitors.source, np.where(direct, DIRECT, through)])
    order = np.lexsort((when, who))
    who, when, source = who[order], when[order], source[order]
    first = np.searchsorted(who, who)
    return who, when, source, np.arange(len(who)) - first


def _views(business: Business, hours: Hours, visitors: Visitors, at: Moments, rng: np.random.Generator) -> PageViews:
    """The page views of every visit; a visit ends where the visitor's next one begins."""
    who, when, source, number = _visits(business, hours, visitors, at, rng)
    count = np.minimum(rng.geometric(1.0 / business.browsing.pages, len(who)), MOST_PAGES)
    count = np.where(visitors.bot[who], 1, count)
    visit = np.repeat(np.arange(len(who)), count)
    nth = np.arange(len(visit)) - np.repeat(np.cumsum(count) - count, count)
    dwell = (draw(business.browsing.dwell, len(visit), rng) * 1000).astype(np.int64) + 1500
    ran = np.cumsum(dwell)
    before = ran - dwell
    began = when[visit] + before - before[np.cumsum(count) - count][visit]
    until = began + dwell
    following = np.append(when[1:], hours.end)
    following = np.where(np.append(who[1:] == who[:-1], False), following, hours.end)
    kept = (began < following[visit] - 1000) | (nth == 0)
    weights = np.array([page.weight for page in business.pages])
    return PageViews(
        visitor=who[visit][kept],
        at=began[kept],
        number=number[visit][kept],
        nth=nth[kept],
        page=rng.choice(len(weights), len(visit), p=weights / weights.sum())[kept],
        source=np.where(nth == 0, source[visit], DIRECT)[kept],
        until=np.minimum(until, following[visit] - 1)[kept],
    )


def _next_view(views: PageViews, hours: Hours) -> Moments:
    """When the visitor's next page view begins, the end where there is none."""
    same = np.append(views.visitor[1:] == views.visitor[:-1], False)
    return np.where(same, np.append(views.at[1:], hours.end), hours.end)


def _beats(business: Business, hours: Hours, views: PageViews, human: Flags, rng: np.random.Generator) -> Seen:
    """Heartbeats at the business's interval while a page is open, up to the next page view."""
    browsing = business.browsing
    step = int(browsing.heartbeat_s * 1000)
    if step == 0:
        none = np.zeros(0, dtype=np.int64)
        return Seen(visitor=none, at=none, view=none)
    beating = views.until.copy()
    if browsing.idle_beats:
        left = rng.random(len(beating)) < browsing.leaving_open
        beating = beating + np.where(left, rng.exponential(browsing.left_open_s * 1000, len(beating)), 0).astype(
            np.int64
        )
    else:
        beating = beating + 60_000
    beating = np.minimum(beating, _next_view(views, hours) - 1)
    count = np.clip((beating - views.at) // step, 0, MOST_BEATS) * human
    view = np.repeat(np.arange(len(count)), count)
    nth = np.arange(len(view)) - np.repeat(np.cumsum(count) - count, count)
    return Seen(visitor=views.visitor[view], at=views.at[view] + (nth + 1) * step, view=view)


def _within(views: PageViews, hours: Hours, chance: NDArray[np.float64], rng: np.random.Generator) -> Seen:
    """At most one event per page view with this chance, somewhere while the visitor is on the page."""
    view = np.flatnonzero(rng.random(len(chance)) < chance)
    stay = np.maximum(np.minimum(views.until[view], _next_view(views, hours)[view] - 1) - views.at[view], 2)
    at = views.at[view] + 1 + (rng.random(len(view)) * (stay - 1)).astype(np.int64)
    return Seen(visitor=views.visitor[view], at=at, view=view)


def activity_begin(business: Business, people: People) -> Seen:
    """What begins the clock of a visitor's intensity anew: page views, with heartbeats where the business says so."""
    views = people.views
    every = Seen(visitor=views.visitor, at=views.at, view=np.arange(len(views.at)))
    if business.calling.clock == "page":
        return every
    beats = people.beats
    who = np.concatenate([every.visitor, beats.visitor])
    at = np.concatenate([every.at, beats.at])
    view = np.concatenate([every.view, beats.view])
    order = np.lexsort((at, who))
    return Seen(visitor=who[order], at=at[order], view=view[order])


__all__ = [
    "DIRECT",
    "UNKNOWN",
    "Flags",
    "Indices",
    "PageViews",
    "People",
    "Seen",
    "Visitors",
    "activity_begin",
    "draw_people",
]
