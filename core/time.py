"""Time: aware UTC datetimes inside, ISO 8601 with `Z` outside, the site's local day where reports sum by day."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from core.errors import InvalidInput, shown

__all__ = [
    "UTC",
    "day_start",
    "days_between",
    "format_time",
    "hour_of_week",
    "is_time_zone",
    "local_day",
    "parse_moment",
    "parse_time",
    "zone",
]

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_ALLOWED = "an ISO 8601 time with its zone is allowed, such as 2026-05-04T13:00:00Z"


def format_time(at: datetime) -> str:
    """`at` as ISO 8601 UTC with milliseconds and `Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: object, field: str = "at") -> datetime:
    """An ISO 8601 time with a zone as aware UTC. Raises InvalidInput naming `field`."""
    try:
        if not isinstance(text, str):
            raise ValueError
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError
        at = at.astimezone(UTC)
        if not _EARLIEST <= at <= _LATEST:
            raise ValueError
    except (ValueError, OverflowError):
        raise InvalidInput({field: f"{shown(text)} is no time; {_ALLOWED}"}) from None
    return at


def parse_moment(text: str, time_zone: str, field: str) -> datetime:
    """A time with its zone, or a plain date: the midnight that begins it in `time_zone`. Aware UTC."""
    try:
        if len(text) == 10:
            return day_start(date.fromisoformat(text), time_zone)
    except (ValueError, OverflowError):
        raise InvalidInput({field: f"{shown(text)} is no date; a date such as 2026-05-04 or {_ALLOWED}"}) from None
    return parse_time(text, field)


_ZONES = frozenset(available_timezones())


def is_time_zone(name: object) -> bool:
    """Whether `name` is a zone of the IANA time zone database."""
    return isinstance(name, str) and name in _ZONES


def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name; UTC for one this machine does not know (it was valid when stored)."""
    return ZoneInfo(name) if name in _ZONES else ZoneInfo("UTC")


def local_day(at: datetime, time_zone: str) -> date:
    """The calendar day of `at` at the place whose clock is `time_zone`."""
    return at.astimezone(zone(time_zone)).date()


def day_start(day: date, time_zone: str) -> datetime:
    """The moment (aware UTC) at which `day` begins in `time_zone`."""
    if not 1970 <= day.year < 9000:
        raise ValueError("a day between 1970 and 8999 is allowed")
    return datetime(day.year, day.month, day.day, tzinfo=zone(time_zone)).astimezone(UTC)


def hour_of_week(at: datetime, time_zone: str) -> int:
    """0 (Monday, midnight to one) … 167 (Sunday, eleven to midnight) on the local clock."""
    local = at.astimezone(zone(time_zone))
    return local.weekday() * 24 + local.hour


def days_between(start: datetime, end: datetime, time_zone: str) -> float:
    """How many local days lie in [start, end): a day of a clock change counts as one day, not 23 or 25 hours."""
    place = zone(time_zone)
    wall: timedelta = end.astimezone(place).replace(tzinfo=None) - start.astimezone(place).replace(tzinfo=None)
    return wall / timedelta(days=1)
