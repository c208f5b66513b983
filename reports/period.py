"""The period of a report: read from what was asked, else the last 30 full local days of the site."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from core.errors import InvalidInput, NotFound, shown
from core.ids import is_id
from core.time import day_start, days_between, local_day, parse_moment
from store.sessions import AccountSession
from store.sites import Site

DEFAULT_DAYS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """[`start`, `end`) in aware UTC, and the site's zone in which its days are counted."""

    start: datetime
    end: datetime
    time_zone: str

    @property
    def days(self) -> float:
        """How many local days it holds; a day of a clock change is one day."""
        return days_between(self.start, self.end, self.time_zone)


def site_asked_for(session: AccountSession, site_id: str | None) -> Site:
    """The site of this id, or the account's only one where none is named. One query.

    Raises NotFound for an id that is no site of the account, InvalidInput where one has to be named.
    """
    if site_id is not None:
        site = session.get(Site, (session.account_id, site_id)) if is_id(site_id) else None
        if site is None:
            raise NotFound(f"there is no site {shown(site_id)}")
        return site
    sites = session.scalars(select(Site).order_by(Site.site_id).limit(2)).all()
    if len(sites) != 1:
        reason = "has several sites: name one by its id" if sites else "has no site yet"
        raise InvalidInput({"site": f"is needed, because this account {reason}"})
    return sites[0]


def period_asked_for(start: str | None, end: str | None, time_zone: str, at: datetime) -> Period:
    """The period from `start` (inclusive) to `end` (exclusive), as asked for at `at`.

    Both are ISO 8601 times or plain dates (the midnight that begins them in `time_zone`). Without either, the last 30
    full local days; without `end`, up to last midnight (or, where `start` is later, up to now); without `start`, 30
    local days before `end`. Raises InvalidInput naming `from` or `to`.
    """
    until = parse_moment(end, time_zone, "to") if end else day_start(local_day(at, time_zone), time_zone)
    if start:
        begin = parse_moment(start, time_zone, "from")
        if not end and begin >= until:
            until = at
    else:
        begin = _days_before(until, time_zone)
    if begin >= until:
        field = "to" if end else "from"
        raise InvalidInput({field: f"{shown(end or start)} leaves nothing between from and to; from < to is allowed"})
    return Period(start=begin, end=until, time_zone=time_zone)


def _days_before(until: datetime, time_zone: str) -> datetime:
    try:
        return day_start(local_day(until, time_zone) - timedelta(days=DEFAULT_DAYS), time_zone)
    except (ValueError, OverflowError):
        raise InvalidInput({"to": "leaves no 30 days before it; a later time, or a from, is allowed"}) from None


def zone_of_dates(session: AccountSession, site_id: str | None) -> str:
    """In which zone plain dates of a list's filter are read: of the site asked for, of the only site, else UTC."""
    query = select(Site.time_zone).order_by(Site.site_id).limit(2)
    if site_id is not None:
        query = query.where(Site.site_id == (site_id if is_id(site_id) else ""))
    zones = session.scalars(query).all()
    return zones[0] if len(zones) == 1 else "UTC"
