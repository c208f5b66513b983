"""Makes up the past of the demo business: a seeded week of visits and calls. Pure: the same arguments, the same facts.

A visit is a source, a landing with that source's tags, a few pages with time on each; some visitors call, most of
them from a page that is open, some hours later. Others call who never saw the site.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from app.demo.calls import Caller, Desk, caller_for, strangers
from app.demo.facts import Called, Ended, Fact, Opened, PageNews, Person, Reported
from app.demo.traffic import DEVICES, HOURS, PAGES, REGIONS, SOURCES, USER_AGENTS, WEEKDAYS, Campaign, Traffic
from core.time import day_start, local_day, zone

FULL_DAYS = 4
SEED = 1914
_RETURNING = 0.14
_HEARTBEAT = timedelta(seconds=30)


def history(*, end: datetime, time_zone: str, seed: int = SEED, volume: float = 1.0) -> tuple[Fact, ...]:
    """The last FULL_DAYS full local days and today up to `end`, in time order.

    `volume` multiplies the visits. Every call in it has ended by `end`.
    """
    rng = random.Random(seed)  # noqa: S311 - a made-up past, no secret
    today = local_day(end, time_zone)
    desk = Desk(rng=rng, time_zone=time_zone)
    town = _Town(rng=rng)
    facts: list[Fact] = []
    for back in range(FULL_DAYS, -1, -1):
        day = today - timedelta(days=back)
        for at, traffic in _arrivals(rng, day, time_zone, volume):
            facts += _visit(rng, town, desk, traffic, at)
        facts += strangers(desk, day)
    return _until(end, facts)


@dataclass
class _Guest:
    """A visitor who may come back, with the telephone they call from."""

    person: Person
    caller: Caller
    last_at: datetime


class _Town:
    """Everybody who visited so far."""

    def __init__(self, *, rng: random.Random) -> None:
        self.rng = rng
        self.guests: list[_Guest] = []

    def guest(self, at: datetime) -> _Guest:
        """Somebody new, or now and then somebody who was here at least an hour ago."""
        rested = [g for g in self.guests[-200:] if at - g.last_at > timedelta(hours=1)]
        if rested and self.rng.random() < _RETURNING:
            found = self.rng.choice(rested)
        else:
            device = _pick(self.rng, DEVICES)
            person = Person(
                key=len(self.guests),
                device=device,
                region=_pick(self.rng, REGIONS),
                user_agent=self.rng.choice(USER_AGENTS[device]),
            )
            found = _Guest(person=person, caller=caller_for(self.rng, person.region), last_at=at)
            self.guests.append(found)
        found.last_at = at
        return found


def _pick(rng: random.Random, weights: dict[str, float]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def _arrivals(rng: random.Random, day: date, time_zone: str, volume: float) -> list[tuple[datetime, Traffic]]:
    """When who arrives on a day, in order."""
    midnight = day_start(day, time_zone).astimezone(zone(time_zone)).replace(tzinfo=None)
    found = []
    for traffic in SOURCES:
        mean = traffic.daily * WEEKDAYS[day.weekday()] * volume
        for _ in range(max(0, round(rng.gauss(mean, math.sqrt(mean) / 2)))):
            hour = rng.choices(range(24), HOURS)[0]
            wall = midnight + timedelta(hours=hour, seconds=rng.uniform(0, 3599))
            found.append((wall.replace(tzinfo=zone(time_zone)).astimezone(UTC), traffic))
    return sorted(found, key=lambda pair: pair[0])


def _visit(rng: random.Random, town: _Town, desk: Desk, traffic: Traffic, at: datetime) -> Iterator[Fact]:
    """One visit: landing, further pages, and what it leads to."""
    guest = town.guest(at)
    person = guest.person
    campaign = rng.choices(traffic.campaigns, [c.weight for c in traffic.campaigns])[0]
    calls = rng.random() < traffic.calling
    landing = _landing(rng, campaign)
    yield Opened(at=at, person=person, path=landing, referrer=campaign.referrer)
    news, path, now = _walk(rng, campaign.page, calls, at)
    if calls:
        yield from _call_from(rng, desk, guest, traffic, news, path, now)
        return
    if rng.random() < traffic.forms:
        told = guest.caller.number if rng.random() < 0.7 else None
        news.append(PageNews(at=now, type="form", path=path, phone=told, email=f"visitor{person.key}@example.net"))
    last = now + timedelta(seconds=2)
    yield Reported(at=last, person=person, news=(*news, PageNews(at=last, type="leave", path=path)))


def _landing(rng: random.Random, campaign: Campaign) -> str:
    """The landing page with its tags; click ids differ from click to click."""
    return campaign.page + campaign.query.replace("{click}", f"{rng.getrandbits(96):024x}")


def _walk(rng: random.Random, landing: str, calls: bool, at: datetime) -> tuple[list[PageNews], str, datetime]:
    """What the pages of a visit report after the landing, the last page, and until when it was read.

    Whoever calls looks at one page more on the way, often the contact page.
    """
    news: list[PageNews] = []
    page, now, further = landing, at, _further(rng, landing, calls)
    for following in (*further, None):
        until = now + timedelta(seconds=min(rng.lognormvariate(3.7, 0.8), 600))
        news += _beats(page, now, until)
        now = until
        if following is not None:
            page = following
            news.append(PageNews(at=now, type="pageview", path=page))
    return news, page, now


def _further(rng: random.Random, landing: str, calls: bool) -> list[str]:
    pages = [landing]
    while rng.random() < (0.55 if calls else 0.38) and len(pages) < 5:
        pages.append(rng.choice([p for p in PAGES if p != pages[-1]]))
    if calls and rng.random() < 0.35 and pages[-1] != "/contact":
        pages.append("/contact")
    return pages[1:]


def _beats(page: str, since: datetime, until: datetime) -> tuple[PageNews, ...]:
    """The heartbeats of a page that is read, at most two minutes' worth, for then nobody moves the mouse."""
    count = min(int((until - since) / _HEARTBEAT), 4)
    return tuple(PageNews(at=since + n * _HEARTBEAT, type="heartbeat", path=page) for n in range(1, count + 1))


def _call_from(
    rng: random.Random, desk: Desk, guest: _Guest, traffic: Traffic, news: list[PageNews], page: str, at: datetime
) -> Iterator[Fact]:
    """The call a visit leads to: a click on the number, a number typed from the screen, or a call hours later."""
    person, kind = guest.person, rng.random()
    if kind < (0.72 if person.device == "phone" else 0.3):
        last, called = "tel_click", at + timedelta(seconds=rng.uniform(3, 11))
    elif kind < 0.86:
        last, called = "heartbeat", at + timedelta(seconds=rng.uniform(8, 45))
    else:
        last, called = "leave", at + timedelta(minutes=rng.uniform(6, 240))
    yield Reported(at=at, person=person, news=(*news, PageNews(at=at, type=last, path=page)))
    yield from desk.call(called, by=person, source=traffic.slug, caller=guest.caller)
    if rng.random() < 0.1:
        again = called + timedelta(hours=rng.uniform(20, 50))
        yield from desk.call(again, by=person, source=traffic.slug, caller=guest.caller)


def _until(end: datetime, facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """What happened by `end`, in order; a call that would still be going on did not happen yet."""
    ended = {f.call for f in facts if isinstance(f, Ended) and f.at <= end}
    kept = [f for f in facts if f.at <= end and (isinstance(f, Opened | Reported) or f.call in ended)]
    kept.sort(key=lambda f: f.at)
    numbering: dict[int, int] = {}
    for fact in kept:
        if isinstance(fact, Called):
            numbering[fact.call] = len(numbering)
    return tuple(f if isinstance(f, Opened | Reported) else replace(f, call=numbering[f.call]) for f in kept)
