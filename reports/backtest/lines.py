"""The lines of a trace: what each holds, and the check that it holds that.

Every reader takes the decoded object of one line and returns its typed form, or raises BadLine with what is wrong
in one line. Plain type checks, no library: a trace has millions of lines.
"""

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from attribution.rules.presets import PRESET_NAMES
from core.errors import shown
from core.time import is_time_zone

E164 = re.compile(r"\+[1-9][0-9]{1,14}", re.ASCII)
"""The form of a phone number (ITU-T E.164: at most 15 digits). Whether it names a telephone is live traffic's rule."""

_from_iso = datetime.fromisoformat


class BadLine(ValueError):
    """What is wrong with a line, in words."""


class PageView(NamedTuple):
    """A page opened."""

    at: datetime
    visitor: str
    url: str
    referrer: str | None
    user_agent: str
    region: str | None


class Heartbeat(NamedTuple):
    """A page is open and in use."""

    at: datetime
    visitor: str


class TelClick(NamedTuple):
    """A click on a `tel:` link."""

    at: datetime
    visitor: str


class Form(NamedTuple):
    """A form was sent."""

    at: datetime
    visitor: str
    phone: str | None
    email: str | None


class Dials(NamedTuple):
    """Which telephone rings, never evidence: the number shown to `visitor`, `number`, or a slot of `pool` by `key`."""

    visitor: str | None = None
    number: str | None = None
    pool: str | None = None
    key: str | None = None


class Call(NamedTuple):
    """A call. `caller` is None where it was withheld; `duration_s` in seconds, known once the call has ended."""

    at: datetime
    id: str
    caller: str | None
    duration_s: float
    dials: Dials


class Override(NamedTuple):
    """Staff credited a call to a visitor, or (None) to nobody."""

    at: datetime
    call: str
    visitor: str | None


Line = PageView | Heartbeat | TelClick | Form | Call | Override


class TracePool(NamedTuple):
    """A source's pool: its preset id, the rule in words, its numbers (E.164)."""

    pool: str
    rule: str
    numbers: tuple[str, ...]


class TraceSite(NamedTuple):
    """Line 1. Times are aware UTC; `time_zone` is an IANA name; `fallback_number` is the page's own."""

    domain: str
    time_zone: str
    start: datetime
    end: datetime
    pools: tuple[TracePool, ...]
    fallback_number: str


def _wrong(name: str, value: object, allowed: str) -> BadLine:
    return BadLine(f"{name} is {shown(value)}; {allowed} is allowed")


def moment(value: object, name: str = "at") -> datetime:
    """A time, ISO 8601 UTC with `Z`. Raises BadLine."""
    if type(value) is str and value[-1:] == "Z" and "T" in value:
        try:
            at = _from_iso(value)
        except ValueError:
            pass
        else:
            if 1970 <= at.year < 9000:
                return at
    raise _wrong(name, value, "an ISO 8601 time in UTC such as 2026-05-04T13:00:00.000Z")


def _text(value: object, name: str) -> str:
    if type(value) is str and value:
        return value
    raise _wrong(name, value, "a text")


def _phone(value: object, name: str, *, null: bool = False) -> str | None:
    if type(value) is str and E164.fullmatch(value):
        return value
    if value is None and null:
        return None
    raise _wrong(name, value, "a number in E.164 such as +12125550142" + (" or null" if null else ""))


def _pageview(line: dict[str, Any]) -> PageView:
    visitor, url, referrer, agent, region = (
        line["visitor"],
        line["url"],
        line["referrer"],
        line["user_agent"],
        line["ip_region"],
    )
    if type(visitor) is not str or not visitor or type(url) is not str or not url:
        _text(visitor, "visitor")
        _text(url, "url")
    if referrer is not None and type(referrer) is not str:
        raise _wrong("referrer", referrer, "a text or null")
    if type(agent) is not str:
        raise _wrong("user_agent", agent, "a text")
    if region is not None and type(region) is not str:
        raise _wrong("ip_region", region, "a text or null")
    return PageView(moment(line["at"]), visitor, url, referrer, agent, region)


def _heartbeat(line: dict[str, Any]) -> Heartbeat:
    return Heartbeat(moment(line["at"]), _text(line["visitor"], "visitor"))


def _tel_click(line: dict[str, Any]) -> TelClick:
    return TelClick(moment(line["at"]), _text(line["visitor"], "visitor"))


def _form(line: dict[str, Any]) -> Form:
    at, visitor = moment(line["at"]), _text(line["visitor"], "visitor")
    phone, email = _phone(line["phone"], "phone", null=True), line["email"]
    if email is not None and type(email) is not str:
        raise _wrong("email", email, "a text or null")
    return Form(at, visitor, phone, email)


def _call(line: dict[str, Any]) -> Call:
    at, name, caller = moment(line["at"]), _text(line["id"], "id"), _phone(line["from"], "from", null=True)
    return Call(at, name, caller, _seconds(line["duration_s"]), _dials(line["dials"]))


def _seconds(value: object) -> float:
    if (type(value) is int and 0 <= value < 10**9) or (type(value) is float and math.isfinite(value) and value >= 0.0):
        return float(value)
    raise _wrong("duration_s", value, "a number of seconds from 0 on")


def _dials(value: object) -> Dials:
    if type(value) is not dict:
        raise _wrong("dials", value, "an object")
    kinds = value.keys() & {"visitor", "number", "pool"}
    if len(kinds) != 1:
        raise _wrong("dials", value, "an object with one of visitor, number and pool")
    if "visitor" in kinds:
        return Dials(visitor=_text(value["visitor"], "dials.visitor"))
    if "number" in kinds:
        return Dials(number=_phone(value["number"], "dials.number"))
    if "slot" not in value:
        raise BadLine("lacks the field dials.slot")
    if value["slot"] != "random":
        raise _wrong("dials.slot", value["slot"], '"random"')
    key = value.get("key")
    return Dials(pool=_preset(value["pool"], "dials.pool"), key=None if key is None else _text(key, "dials.key"))


def _override(line: dict[str, Any]) -> Override:
    at, call, visitor = moment(line["at"]), _text(line["call"], "call"), line["visitor"]
    return Override(at, call, None if visitor is None else _text(visitor, "visitor"))


def _preset(value: object, name: str) -> str:
    if type(value) is str and value in PRESET_NAMES:
        return value
    raise _wrong(name, value, f"a source's preset ({', '.join(PRESET_NAMES)})")


READERS: dict[str, Callable[[dict[str, Any]], Line]] = {
    "pageview": _pageview,
    "heartbeat": _heartbeat,
    "tel_click": _tel_click,
    "form": _form,
    "call": _call,
    "override": _override,
}
"""How a line of each type is read. They raise BadLine, and KeyError for a field that is not there."""


def site(line: dict[str, Any]) -> TraceSite:
    """Line 1. Raises BadLine, and KeyError for a field that is not there."""
    start, end = moment(line["start"], "start"), moment(line["end"], "end")
    if end <= start:
        raise _wrong("end", line["end"], "a time after start")
    time_zone, pools = line["time_zone"], line["pools"]
    if not is_time_zone(time_zone):
        raise _wrong("time_zone", time_zone, "an IANA time zone such as America/New_York")
    if type(pools) is not list:
        raise _wrong("pools", pools, "a list")
    read = tuple(_pool(pool, f"pools[{index}]") for index, pool in enumerate(pools))
    fallback = _phone(line["fallback_number"], "fallback_number") or ""
    _distinct([pool.pool for pool in read], "pools")
    _distinct([*(number for pool in read for number in pool.numbers), fallback], "pools and fallback_number")
    return TraceSite(_text(line["domain"], "domain"), time_zone, start, end, read, fallback)


def _pool(value: object, where: str) -> TracePool:
    if type(value) is not dict:
        raise _wrong(where, value, "an object")
    for name in ("pool", "rule", "count", "numbers"):
        if name not in value:
            raise BadLine(f"lacks the field {where}.{name}")
    pool, rule, count, numbers = (
        _preset(value["pool"], f"{where}.pool"),
        value["rule"],
        value["count"],
        value["numbers"],
    )
    if type(rule) is not str:
        raise _wrong(f"{where}.rule", rule, "a text")
    if type(numbers) is not list:
        raise _wrong(f"{where}.numbers", numbers, "a list")
    for index, number in enumerate(numbers):
        _phone(number, f"{where}.numbers[{index}]")
    # Which number of the pool rings is counted modulo `count`: with another count than numbers nobody could say.
    if type(count) is not int or count != len(numbers):
        raise _wrong(f"{where}.count", count, f"how many numbers are listed ({len(numbers)})")
    return TracePool(pool, rule, tuple(numbers))


def _distinct(values: list[str], where: str) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise BadLine(f"{where} name {shown(value)} twice")
        seen.add(value)
