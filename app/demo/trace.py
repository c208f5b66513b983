"""The demo's made-up past as lines of a trace, the form in which any history is imported. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from app.demo.business import BILLBOARD, OWN_NUMBER, SOURCES
from app.demo.facts import Called, Ended, Fact, Opened, PageNews, Person, Reported
from core.time import format_time

NUMBERS: dict[str, tuple[str, ...]] = {source.preset or BILLBOARD: source.numbers for source in SOURCES}
"""The numbers (E.164) of each source, by its slug."""


def site_line(*, base_url: str, time_zone: str, start: datetime, end: datetime) -> dict[str, Any]:
    """Line 1 of the demo's trace; its pages begin with `base_url`."""
    pools = [(source.preset, source.numbers) for source in SOURCES if source.preset is not None]
    return {
        "type": "site",
        "domain": urlsplit(base_url).hostname,
        "time_zone": time_zone,
        "start": format_time(start),
        "end": format_time(end),
        "pools": [{"pool": p, "rule": p, "count": len(numbers), "numbers": list(numbers)} for p, numbers in pools],
        "fallback_number": OWN_NUMBER,
    }


def trace_lines(facts: Sequence[Fact], *, base_url: str) -> list[dict[str, Any]]:
    """The other lines, in time order: all that a trace can say of these facts.

    It has no word for a page that was left, for calls that nobody took, for names, notes and reasons.
    """
    lengths = {f.call: f.seconds if f.status == "completed" else 0 for f in facts if isinstance(f, Ended)}
    found: list[tuple[datetime, dict[str, Any]]] = []
    for fact in facts:
        if isinstance(fact, Opened):
            found.append((fact.at, _view(fact.at, fact.person, base_url + fact.path, fact.referrer)))
        elif isinstance(fact, Reported):
            found.extend(_reported(fact.person, fact.news, base_url))
        elif isinstance(fact, Called):
            found.append((fact.at, _call(fact, lengths[fact.call])))
    found.sort(key=lambda line: line[0])
    return [line for _, line in found]


def call_id(call: int) -> str:
    """The name of a call in the trace."""
    return f"c{call}"


def visitor_id(person: Person) -> str:
    """The name of a visitor in the trace."""
    return f"v{person.key}"


def _reported(person: Person, news: Iterable[PageNews], base_url: str) -> Iterator[tuple[datetime, dict[str, Any]]]:
    for one in news:
        if one.type == "pageview":
            yield one.at, _view(one.at, person, base_url + one.path, "")
        elif one.type != "leave":
            line = {"type": one.type, "at": format_time(one.at), "visitor": visitor_id(person)}
            yield one.at, {**line, "phone": one.phone, "email": one.email} if one.type == "form" else line


def _view(at: datetime, person: Person, url: str, referrer: str) -> dict[str, Any]:
    return {
        "type": "pageview",
        "at": format_time(at),
        "visitor": visitor_id(person),
        "url": url,
        "referrer": referrer,
        "user_agent": person.user_agent,
        "ip_region": person.region,
    }


def _call(fact: Called, seconds: int) -> dict[str, Any]:
    return {
        "type": "call",
        "id": call_id(fact.call),
        "at": format_time(fact.at),
        "from": fact.caller,
        "duration_s": seconds,
        "dials": {"visitor": visitor_id(fact.by)} if fact.by else {"number": NUMBERS[fact.source][fact.slot]},
    }
