"""The strip around a call: one lane per candidate, visits as bars, what they did as marks, the call as a line. Pure.

Places are per cent of the strip's width, so that it is drawn at any width without being stretched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.web import words
from core.time import day_start, local_day
from reports.around import Around, Stay

LANES = 8
THERE = timedelta(seconds=90)
"""Seen so shortly before the call: a page that is in use gives a sign every 30 seconds."""
KINDS = {"pageview": "page view", "tel_click": "click on the number", "form": "form"}
_STEPS = tuple(timedelta(minutes=m) for m in (30, 60, 180, 360, 1440, 2 * 1440, 7 * 1440, 14 * 1440))
_MOST_LABELS = 5
_LEAST_BAR = 0.5
_EDGE = 6.0
_BESIDE_CALL = 24.0
"""The call's own time stands left of its line; on a narrow screen it takes so much."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """A candidate as the strip names them: name, likelihood in words, and the visit a link leads to."""

    visitor_id: str
    visit_id: str
    name: str
    percent: str


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A visit: where it begins and how long it lasts."""

    x: float
    width: float
    says: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something the visitor did: `kind` is a key of KINDS."""

    kind: str
    x: float
    says: str


@dataclass(frozen=True, kw_only=True)
class StayRow:
    """A visit in words, for the table that says what the drawing shows."""

    begun: str
    last: str
    pages: int
    clicks: str
    forms: int


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One candidate. `says` tells the lane in words; without `rows` they were not there in this time."""

    person: Person
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    rows: tuple[StayRow, ...]
    says: str


@dataclass(frozen=True, kw_only=True)
class Strip:
    """All lanes, where the call and the round times lie, and the whole in a sentence.

    `more`: candidates without a lane.
    """

    sentence: str
    lanes: tuple[Lane, ...]
    more: int
    call_x: float
    call_clock: str
    labels: tuple[tuple[float, str], ...]


def strip(found: Around, people: Sequence[Person], *, of: int, called_at: datetime, time_zone: str) -> Strip | None:
    """The strip of these people (the likeliest of `of` candidates), or None where there are none."""
    if not people:
        return None
    lanes = tuple(_lane(person, found, time_zone) for person in people)
    call_x = _place(called_at, found)
    return Strip(
        sentence=_sentence(found, len(people), of, called_at),
        lanes=lanes,
        more=of - len(people),
        call_x=call_x,
        call_clock=words.clock(called_at, time_zone),
        labels=tuple(label for label in _labels(found, time_zone) if label[0] < call_x - _BESIDE_CALL),
    )


def _place(at: datetime, found: Around) -> float:
    share = (at - found.start) / (found.end - found.start)
    return round(min(max(share, 0.0), 1.0) * 100, 2)


def _lane(person: Person, found: Around, time_zone: str) -> Lane:
    stays = [stay for stay in found.stays if stay.visitor_id == person.visitor_id]
    rows = tuple(_row(stay, found, time_zone) for stay in stays)
    told = "; ".join(f"{row.begun} to {row.last}, {words.counted(row.pages, 'page view')}" for row in rows)
    return Lane(
        person=person,
        bars=tuple(_bar(stay, found, time_zone) for stay in stays),
        marks=tuple(
            Mark(kind=deed.type, x=_place(deed.at, found), says=f"{KINDS[deed.type]} {_clock(deed.at, time_zone)}")
            for stay in stays
            for deed in stay.deeds
        ),
        rows=rows,
        says=told or "not on the site in this time",
    )


def _bar(stay: Stay, found: Around, time_zone: str) -> Bar:
    begin, end = _place(stay.started_at, found), _place(stay.last_seen_at, found)
    width = max(end - begin, _LEAST_BAR)
    return Bar(
        x=round(min(begin, 100 - width), 2),
        width=round(width, 2),
        says=f"visit {_clock(stay.started_at, time_zone)} to {_clock(stay.last_seen_at, time_zone)}",
    )


def _row(stay: Stay, found: Around, time_zone: str) -> StayRow:
    long = found.end - found.start > timedelta(days=1)

    def told(at: datetime) -> str:
        return f"{words.date(at, time_zone)} {words.clock(at, time_zone)}" if long else words.clock(at, time_zone)

    return StayRow(
        begun=told(stay.started_at),
        last=told(stay.last_seen_at),
        pages=sum(1 for deed in stay.deeds if deed.type == "pageview"),
        clicks=", ".join(_clock(deed.at, time_zone) for deed in stay.deeds if deed.type == "tel_click"),
        forms=sum(1 for deed in stay.deeds if deed.type == "form"),
    )


def _clock(at: datetime, time_zone: str) -> str:
    return words.clock(at, time_zone, seconds=True)


def _sentence(found: Around, shown: int, of: int, called_at: datetime) -> str:
    """Who was there: how many of the candidates in this time, and how many when it rang."""
    before = [stay for stay in found.stays if stay.started_at <= called_at]
    there = {stay.visitor_id for stay in before}
    ringing = {stay.visitor_id for stay in before if called_at - stay.last_seen_at <= THERE}
    time = f"on the site in the {words.span(called_at - found.start)} before the call"
    if of == 1:
        said = f"was {time}, {'also' if ringing else 'but not'} when it rang" if there else f"was not {time}"
        return f"The one possible visitor {said}."
    whom = f"the {shown} likeliest visitors" if of > shown else f"the {shown} possible visitors"
    if not there:
        return f"None of {whom} was {time}."
    during = "nobody" if not ringing else words.counted(len(ringing), "of them", "of them")
    return f"{len(there):,} of {whom} {'was' if len(there) == 1 else 'were'} {time}; {during} when it rang."


def _labels(found: Around, time_zone: str) -> list[tuple[float, str]]:
    """Round local times with their places, a few, none at the very edges."""
    reach = found.end - found.start
    day = timedelta(days=1)
    steps = [step for step in _STEPS if reach < 1.5 * day or step >= day]  # beyond a day the hour says too little
    step = next((step for step in steps if reach / step <= _MOST_LABELS), steps[-1])
    at = day_start(local_day(found.start, time_zone), time_zone)
    labels = []
    while at < found.end:
        place = _place(at, found)
        if at > found.start and _EDGE <= place <= 100 - _EDGE:
            labels.append((place, words.date(at, time_zone) if step >= day else words.clock(at, time_zone)))
        at += step
    return labels
