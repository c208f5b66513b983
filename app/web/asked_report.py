"""What a report is asked about: the site and the days, read from the URL."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from app.web.places import Places
from core.errors import InvalidInput, NotFound
from core.ids import is_id
from core.time import day_start, format_time, local_day
from reports.period import Period, period_asked_for
from store.sites import Site

PERIODS = {"7": "last 7 days", "30": "last 30 days", "90": "last 90 days", "365": "last 365 days"}


def site_asked_for(known: Places, asked: str | None) -> Site | None:
    """The site asked for, else the first; None where there is none. Raises NotFound for one that is not ours."""
    if asked:
        site = known.sites.get(asked) if is_id(asked) else None
        if site is None:
            raise NotFound("there is no such site")
        return site
    return next(iter(known.sites.values()), None)


def period_of(given: Mapping[str, str], site: Site, at: datetime, *, default: int) -> tuple[Period, str]:
    """The period asked for and the choice of PERIODS it is ("" for `from` and `to`); full local days to last midnight.

    Without a choice the last `default` days. Raises InvalidInput.
    """
    start, end = given.get("from") or None, given.get("to") or None
    if start or end:
        return period_asked_for(start, end, site.time_zone, at), ""
    chosen = given.get("period") or str(default)
    if chosen not in PERIODS:
        raise InvalidInput({"period": f"{', '.join(PERIODS)} are allowed"})
    begin = local_day(at, site.time_zone) - timedelta(days=int(chosen))
    return period_asked_for(begin.isoformat(), None, site.time_zone, at), chosen


def bounds(period: Period) -> dict[str, str]:
    """The period as `from` and `to` of a URL: dates where it begins and ends at midnight."""
    return {"from": _bound(period.start, period.time_zone), "to": _bound(period.end, period.time_zone)}


def _bound(at: datetime, time_zone: str) -> str:
    day = local_day(at, time_zone)
    return day.isoformat() if day_start(day, time_zone) == at else format_time(at)
