"""The lines of a trace, one mapping per event, in time order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.demo.simulator.addresses import browser, landing, rule_of
from app.demo.simulator.area_codes import STATES
from app.demo.simulator.business import Business
from app.demo.simulator.callers import Call, Dials, Telephones
from app.demo.simulator.hours import Hours, Moments
from app.demo.simulator.people import DIRECT, UNKNOWN, People
from app.demo.simulator.staff import Correction

Timed = tuple[int, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class FormLeft:
    """A form: its moment (milliseconds since 1970) and the phone left in it."""

    at: int
    phone: str | None


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What happened, to be written down. ``numbers``: all tracking numbers, the one on the page itself last."""

    business: Business
    hours: Hours
    people: People
    calls: Sequence[Call]
    numbers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The trace, and the names that visitors and calls have in it."""

    site: dict[str, Any]
    lines: list[dict[str, Any]]
    forms: Mapping[int, tuple[FormLeft, ...]]
    visitor_ids: tuple[str, ...]
    call_ids: tuple[str, ...]


def iso(moments: Moments) -> list[str]:
    """Moments as ISO 8601, milliseconds and ``Z``."""
    return [f"{text}Z" for text in np.datetime_as_string(moments.astype("datetime64[ms]"))]


def recorded(
    recording: Recording, phones: Telephones, decided: Sequence[Correction], rng: np.random.Generator
) -> Recorded:
    """The whole trace of what happened."""
    names = tuple(f"v{index + 1}" for index in range(len(recording.people.visitors.source)))
    calls = tuple(f"c{index + 1}" for index in range(len(recording.calls)))
    forms, form_lines = _forms(recording, names, phones, rng)
    timed: list[Timed] = [*_page_views(recording, names, rng), *_signs(recording, names), *form_lines]
    timed += _calls(recording, names, calls, rng)
    overrides = zip(decided, iso(np.array([at for at, _, _ in decided], dtype=np.int64)), strict=True)
    for (at, place, visitor), text in overrides:
        who = None if visitor is None else names[visitor]
        timed.append((at, {"type": "override", "at": text, "call": calls[place], "visitor": who}))
    timed.sort(key=lambda line: line[0])
    lines = [line for _, line in timed]
    return Recorded(site=_site(recording), lines=lines, forms=forms, visitor_ids=names, call_ids=calls)


def _site(recording: Recording) -> dict[str, Any]:
    """Line 1."""
    business, pools, used = recording.business, [], 0
    for source in business.sources:
        if source.numbers:
            numbers = list(recording.numbers[used : used + source.numbers])
            rule = rule_of(source.preset)
            pools.append({"pool": source.preset, "rule": rule, "count": source.numbers, "numbers": numbers})
            used += source.numbers
    start, end = iso(np.array([recording.hours.start, recording.hours.end]))
    return {
        "type": "site",
        "domain": business.domain,
        "time_zone": business.calendar.time_zone,
        "start": start,
        "end": end,
        "pools": pools,
        "fallback_number": recording.numbers[-1],
    }


def _page_views(recording: Recording, names: Sequence[str], rng: np.random.Generator) -> list[Timed]:
    """One line per page view; a page after the first was linked from the page before it."""
    business, people = recording.business, recording.people
    views, visitors = people.views, people.visitors
    root = f"https://{business.domain}"
    agents = [
        browser(mobile=bool(mobile), bot=bool(bot), rng=rng)
        for mobile, bot in zip(visitors.mobile, visitors.bot, strict=True)
    ]
    found: list[Timed] = []
    before: str = f"{root}/"
    referrer: str | None
    rows = zip(views.at.tolist(), iso(views.at), views.visitor.tolist(), views.nth.tolist(), strict=True)
    for (at, text, visitor, nth), page, source in zip(rows, views.page.tolist(), views.source.tolist(), strict=True):
        here = root + business.pages[page].path
        if nth:
            url, referrer = here, before
        else:
            preset = "direct" if source == DIRECT else business.sources[source].preset
            url, referrer = landing(preset, here, rng)
        before = here
        region = int(visitors.region[visitor])
        line = {
            "type": "pageview",
            "at": text,
            "visitor": names[visitor],
            "url": url,
            "referrer": referrer,
            "user_agent": agents[visitor],
            "ip_region": None if region == UNKNOWN else STATES[region],
        }
        found.append((at, line))
    return found


def _signs(recording: Recording, names: Sequence[str]) -> list[Timed]:
    """Heartbeats and `tel:` clicks."""
    found: list[Timed] = []
    for kind, seen in (("heartbeat", recording.people.beats), ("tel_click", recording.people.clicks)):
        for at, text, visitor in zip(seen.at.tolist(), iso(seen.at), seen.visitor.tolist(), strict=True):
            found.append((at, {"type": kind, "at": text, "visitor": names[visitor]}))
    return found


def _forms(
    recording: Recording, names: Sequence[str], phones: Telephones, rng: np.random.Generator
) -> tuple[dict[int, tuple[FormLeft, ...]], list[Timed]]:
    """Forms. A person leaves the same phone every time: their own, another one, or none."""
    facts, seen = recording.business.forms, recording.people.forms
    left: dict[int, str | None] = {}
    forms: dict[int, tuple[FormLeft, ...]] = {}
    found: list[Timed] = []
    for at, text, visitor in zip(seen.at.tolist(), iso(seen.at), seen.visitor.tolist(), strict=True):
        if visitor not in left:
            chance = rng.random()
            own, other = chance < facts.own, chance < facts.own + facts.another
            left[visitor] = phones.of(visitor) if own else phones.another(visitor) if other else None
        email = f"person{visitor + 1}@mail.example" if rng.random() < facts.email else None
        forms[visitor] = (*forms.get(visitor, ()), FormLeft(at=at, phone=left[visitor]))
        line = {"type": "form", "at": text, "visitor": names[visitor], "phone": left[visitor], "email": email}
        found.append((at, line))
    return forms, found


def _calls(recording: Recording, names: Sequence[str], ids: Sequence[str], rng: np.random.Generator) -> list[Timed]:
    """One line per call; spam is short."""
    calls = recording.calls
    found: list[Timed] = []
    for call, call_id, text in zip(calls, ids, iso(np.array([c.at for c in calls], dtype=np.int64)), strict=True):
        lasted = int(rng.lognormal(2.3, 0.8) if call.spam else rng.lognormal(4.8, 0.9))
        line = {
            "type": "call",
            "id": call_id,
            "at": text,
            "from": call.phone,
            "duration_s": min(lasted, 3600),
            "dials": _dials(recording, call.dials, names),
        }
        found.append((call.at, line))
    return found


def _dials(recording: Recording, dials: Dials, names: Sequence[str]) -> dict[str, Any]:
    """Which telephone rings, in a trace's words."""
    if dials.visitor is not None:
        return {"visitor": names[dials.visitor]}
    if dials.number is not None:
        return {"number": recording.numbers[dials.number]}
    if dials.pool is None:
        raise ValueError("a call dials a visitor's number, a number or a pool")
    slot = {"pool": recording.business.sources[dials.pool].preset, "slot": "random"}
    return {**slot, "key": dials.key} if dials.key is not None else slot


__all__ = ["FormLeft", "Recorded", "Recording", "iso", "recorded"]
