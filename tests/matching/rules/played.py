"""A made-up site whose calls follow a known model, and what a ledger that heard of them can be taught from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from core.time import hour_of_week
from matching.rules.curves import Floats, hour_kind
from matching.rules.exposure import Exposure, HourGrid
from matching.rules.features import design, device_place, views_bucket, visits_bucket
from matching.rules.learner import Learner
from matching.rules.ledger import Ledger
from matching.rules.lessons import CallLesson, Lessons, lesson
from matching.rules.model import LikelihoodModel
from matching.rules.rank import Ranking, rank
from tests.matching.rules.scenes import DAY

START = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
"""A Monday, midnight."""
NUMBERS = {"n0": "ads", "n1": "ads", "n2": "search", "n3": "search"}
_PATHS = ("/", "/services", "/contact", "/pricing")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happens on the site: a method of the ledger (or ``called``) and what it is told."""

    at: float
    what: str
    who: str
    told: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ring:
    """A call as it was drawn; ``truth`` is the visitor who made it, or None."""

    call: str
    number: str
    caller: str | None
    truth: str | None


@dataclass(frozen=True, kw_only=True)
class Town:
    """What happened, in order."""

    events: tuple[Event, ...]
    rings: dict[str, Ring]
    end: float


def town(
    seed: int, model: LikelihoodModel, *, days: float, visitors: int, phones: bool = False, forms: float = 0.0
) -> Town:
    """Draw a site's life under ``model`` (its hours must be flat). Without ``phones`` every caller is withheld."""
    rng = np.random.default_rng(seed)
    end = START + days * DAY
    events: list[Event] = []
    rings: list[tuple[float, str, str | None, str | None]] = []
    for place, arrival in enumerate(np.sort(rng.uniform(START, end, visitors)).tolist()):
        name = f"v{place:04d}"
        phone = f"+1{(212, 415, 312)[place % 3]}55{place:05d}" if phones else None
        lived = _life(rng, name, arrival, end, phone if rng.random() < forms else None)
        events += lived
        number = next(event.told["number"] for event in lived if event.what == "shown")
        rings += [(at, number, phone, name) for at in _calls(rng, model, lived, end)]
    for place, number in enumerate(NUMBERS):
        size = rng.poisson(model.background.rate("pool") * (end - START))
        for again, at in enumerate(rng.uniform(START, end, size).tolist()):
            stranger = f"+1{(212, 206)[again % 2]}444{place}{again // 2:03d}" if phones else None
            rings.append((at, number, stranger, None))
    rings.sort(key=lambda ring: ring[0])
    known = {
        f"call-{place:04d}": (at, Ring(call=f"call-{place:04d}", number=number, caller=caller, truth=truth))
        for place, (at, number, caller, truth) in enumerate(rings)
    }
    events += [Event(at=at, what="called", who=call) for call, (at, _) in known.items()]
    events.sort(key=lambda event: event.at)
    return Town(events=tuple(events), rings={call: ring for call, (_, ring) in known.items()}, end=end)


def _life(rng: np.random.Generator, name: str, arrival: float, end: float, phone: str | None) -> list[Event]:
    """One visitor's visits: some views half a minute apart, here and there a click, a form or a return."""
    number = list(NUMBERS)[rng.integers(len(NUMBERS))]
    device = ("phone", "desktop")[rng.integers(2)]
    region = (None, "US-NY", "US-CA")[rng.integers(3)]
    events: list[Event] = []
    at = arrival
    for visit in range(1 + int(rng.geometric(0.75))):
        if visit and (at := at + rng.exponential(2 * DAY)) >= end:
            break
        told: dict[str, Any] = {"source": NUMBERS[number], "device": device, "region": region}
        events.append(Event(at=at, what="arrived", who=name, told=told))
        for view in range(int(rng.integers(1, 4))):
            at += 30.0 * view
            events.append(Event(at=at, what="viewed", who=name, told={"path": _PATHS[rng.integers(len(_PATHS))]}))
            if not view and not visit:
                events.append(Event(at=at, what="shown", who=name, told={"number": number, "source": NUMBERS[number]}))
        if rng.random() < 0.1:
            at += 10.0
            events.append(Event(at=at, what="clicked", who=name, told={"number": number}))
        if phone is not None and not visit:
            at += 5.0
            events.append(Event(at=at, what="filled", who=name, told={"phone": phone}))
    return [event for event in events if event.at < end]


def _calls(rng: np.random.Generator, model: LikelihoodModel, lived: list[Event], end: float) -> list[float]:
    """When one visitor calls: a Poisson process whose intensity starts anew with every life sign."""
    weights = np.asarray(model.weights)
    found: list[float] = []
    device, path, views, visits = None, None, 0, 0
    viewed = click = form = np.nan
    for event, until in zip(lived, [*(event.at for event in lived[1:]), end], strict=True):
        match event.what:
            case "arrived":
                device, views, visits = event.told["device"], 0, visits + 1
            case "viewed":
                path, views, viewed = event.told["path"], views + 1, event.at
            case "clicked":
                click = event.at
            case "filled":
                form = event.at
        length = until - event.at
        if length <= 0.0:
            continue
        edges = np.minimum(np.concatenate([[0.0], np.geomspace(1.0, max(length, 2.0), 48)]), length)
        middle = (edges[1:] + edges[:-1]) / 2.0
        same = np.ones(len(middle), dtype=np.int64)
        columns = design(
            delay=middle,
            age=event.at + middle - viewed,
            click=event.at + middle - click,
            form=event.at + middle - form,
            left=same < 0,
            superseded=same < 0,
            page=same * model.pages.kind(path),
            views=same * views_bucket(views),
            visits=same * visits_bucket(visits),
            device=same * device_place(device),
        )
        total = np.concatenate([[0.0], np.cumsum(np.exp2(columns @ weights) * np.diff(edges))])
        rung = rng.uniform(0.0, total[-1], rng.poisson(total[-1]))
        found += (event.at + np.interp(rung, total, edges)).tolist()
    return found


def tell(hears: Ledger | Learner, event: Event) -> None:
    """Let a ledger or a learner hear of one event that is no call."""
    getattr(hears, event.what)(event.who, event.at, **event.told)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A town as one model answered it."""

    town: Town
    ledger: Ledger
    calls: tuple[CallLesson, ...]
    answers: dict[str, Ranking]
    exposure: Exposure

    def lessons(self, **changed: Any) -> Lessons:
        """What a fit learns from, unfaded."""
        known: dict[str, Any] = {
            "now": self.town.end,
            "calls": self.calls,
            "decisions": {},
            "cells": self.exposure.cells,
            "seconds": self.exposure.seconds,
            "hours": self.exposure.hours,
            "sources": tuple(self.ledger.sources),
            "numbers": {n: (s, self.town.end - begun) for n, (s, begun) in self.ledger.numbers.items()},
            "half_life": 1e9,
        }
        return Lessons(**known | changed)


def hear(town: Town, model: LikelihoodModel) -> Heard:
    """Play a town into a ledger, every call answered by ``model`` and kept as a lesson."""
    ledger = Ledger(time_zone="UTC", pages=model.pages)
    calls: list[CallLesson] = []
    answers: dict[str, Ranking] = {}
    for event in town.events:
        if event.what != "called":
            tell(ledger, event)
            continue
        ring = town.rings[event.who]
        source = NUMBERS[ring.number]
        scene = ledger.scene(event.at, ring.number, ring.caller, source=source)
        ranking = rank(model, scene.call, scene.candidates, scene.history, evidence_for=0)
        best = ranking.best
        ledger.called(
            ring.call,
            event.at,
            ring.number,
            ring.caller,
            best=(best.visitor, best.likelihood) if best else None,
            none=ranking.none,
            races={ranked.visitor: ranked.race for ranked in ranking.candidates},
        )
        answers[ring.call] = ranking
        place = ledger.sources.setdefault(source, len(ledger.sources))
        calls.append(lesson(ring.call, event.at, scene, ranking, model.pages, place))
    exposure = Exposure()
    exposure.add(ledger.stretches(town.end), grid(START, town.end))
    return Heard(town=town, ledger=ledger, calls=tuple(calls), answers=answers, exposure=exposure)


def grid(start: float, end: float, time_zone: str = "UTC") -> HourGrid:
    """The hours from ``start`` to ``end``, which are whole hours of ``time_zone``."""
    edges = np.arange(start, end + 1.0, 3600.0)
    return HourGrid(edges=edges, kinds=np.asarray(list(_kinds(edges[:-1], time_zone)), dtype=np.int64))


def _kinds(moments: Iterable[float] | Floats, time_zone: str) -> Iterator[int]:
    for moment in moments:
        yield hour_kind(hour_of_week(datetime.fromtimestamp(float(moment), UTC), time_zone))
