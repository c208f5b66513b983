"""When a page is asked to look at itself, and what is kept of that. Small: it rides on the busiest of all requests."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from pydantic import ValidationError
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.engine_room import EngineRoom
from app.http_errors import invalid_fields
from app.snippet.check_report import CheckReport, address_of, page_of
from app.snippet.page import Asker, PageEvent, is_staff
from core.errors import InvalidInput
from store.pages import HostSign, PageCheck
from store.sessions import AccountSession
from store.sites import Site

log = logging.getLogger("ringtrace.checks")
CHECK = "check"
"""The type of the event that carries a report."""
FORCED = "ringtrace-check"
"""A query of this name makes a page look at itself, whatever is known of it."""
FRESH = timedelta(minutes=10)
"""For how long a page's report is good enough."""
IN_FLIGHT = timedelta(seconds=10)
"""How long a page that was asked has to answer before another is."""
ASKED_PER_MINUTE = 60
"""Pages of one site that are asked, per process."""
REPORTS_PER_MINUTE = 60
"""Reports taken from one address, per process; what is more is dropped."""
SIGNS_PER_MINUTE = 30
"""Hosts of one site written down, per process."""
SIGN_EVERY: dict[str, timedelta] = {
    "loaded": timedelta(minutes=1),
    "answered": timedelta(minutes=10),
    "refused": timedelta(minutes=1),
}
"""How often one host is written down, by kind of sign."""
MOST_PAGES = 500
MOST_HOSTS = 50
Sign = Literal["loaded", "answered", "refused"]


def is_forced(url: str) -> bool:
    """Whether the page's address asks for a look."""
    try:
        return any(part.partition("=")[0] == FORCED for part in urlsplit(url).query.split("&"))
    except ValueError:
        return False


def is_due(room: EngineRoom, site: Site, *, url: str, at: datetime) -> bool:
    """Whether the page at `url` should look at itself: nobody reported it for ten minutes, nobody is doing so now.

    Raises Away where the database does not answer.
    """
    page = page_of(url)
    if page is None:
        return False
    key = ("check", site.site_id, page)
    if not is_forced(url):
        if room.quiet.rests(key, at) or not room.within("page checks", site.site_id, ASKED_PER_MINUTE):
            return False
        seen = room.outage.patience(lambda: _seen_at(room, site, page))
        if seen is not None and seen > at - FRESH:
            room.quiet.rest(key, seen + FRESH)
            return False
    room.quiet.rest(key, at + IN_FLIGHT)
    return True


def _seen_at(room: EngineRoom, site: Site, page: str) -> datetime | None:
    with room.database.read() as work:
        return work.account(site.account_id).scalar(
            select(PageCheck.last_seen_at).where(PageCheck.site_id == site.site_id, PageCheck.page == page)
        )


def read_reports(events: Sequence[PageEvent]) -> list[CheckReport]:
    """The reports among a page's events. Raises InvalidInput for a malformed one."""
    found = []
    for index, event in enumerate(events):
        if event.type != CHECK:
            continue
        try:
            report = CheckReport.model_validate({**(event.model_extra or {}), "url": event.url or "", "staff": False})
        except ValidationError as error:
            fields = invalid_fields(error)
            raise InvalidInput({f"events.{index}.{name}": problem for name, problem in fields.items()}) from None
        if page_of(report.url) is None:
            raise InvalidInput({f"events.{index}.url": "is no address of a page"})
        found.append(report)
    return found


def take_reports(room: EngineRoom, site: Site, reports: Sequence[CheckReport], asker: Asker, at: datetime) -> None:
    """Keeps what pages reported; bots and floods leave nothing."""
    if (
        not reports
        or asker.agent.bot
        or room.database.reach.away
        or not room.within("page reports", str(asker.address), REPORTS_PER_MINUTE)
    ):
        return
    staff = is_staff(site, asker.address)
    try:
        with room.database.write() as work:
            for report in reports:
                keep_report(work.account(site.account_id), site, report, staff=staff, at=at)
    except IntegrityError:
        return  # another process has written this very page in this very moment
    for report in reports:
        room.quiet.rest(("check", site.site_id, page_of(report.url)), at + FRESH)


def keep_report(session: AccountSession, site: Site, report: CheckReport, *, staff: bool, at: datetime) -> None:
    """Keeps a page's report in the place of the last one; of too many pages those longest unseen go."""
    page = page_of(report.url)
    if page is None:
        return
    content = report.model_copy(update={"url": address_of(report.url), "staff": staff}).model_dump(mode="json")
    row = session.get(PageCheck, (session.account_id, site.site_id, page))
    if row is None:
        mine = PageCheck.site_id == site.site_id
        over = (session.scalar(select(func.count()).select_from(PageCheck).where(mine)) or 0) + 1 - MOST_PAGES
        if over > 0:
            oldest = select(PageCheck.page).where(mine).order_by(PageCheck.last_seen_at).limit(over)
            session.execute(delete(PageCheck).where(mine, PageCheck.page.in_(session.scalars(oldest).all())))
        row = PageCheck(site_id=site.site_id, page=page, first_seen_at=at, reports=0)
        session.add(row)
    row.last_seen_at, row.report = at, content
    row.reports += 1
    session.flush()


def note_host(room: EngineRoom, site: Site, sign: Sign, host: str | None, at: datetime) -> None:
    """Writes down that the script was seen on `host`, unless that was done lately."""
    if (
        host is None
        or room.database.reach.away
        or not room.quiet.first((sign, site.site_id, host), at, SIGN_EVERY[sign])
    ):
        return
    if not room.within("host signs", site.site_id, SIGNS_PER_MINUTE):
        return
    try:
        with room.database.write() as work:
            keep_sign(work.account(site.account_id), site, sign, host, at=at)
    except (SQLAlchemyError, PoolTimeout) as error:
        # Another process has written it in this moment, or none can: no page is answered otherwise for that.
        log.info("a sign of the script was not kept: %s", type(error).__name__)


def keep_sign(session: AccountSession, site: Site, sign: Sign, host: str, *, at: datetime) -> None:
    """Keeps one sign; of too many hosts those longest unseen go."""
    row = session.get(HostSign, (session.account_id, site.site_id, sign, host))
    if row is not None:
        row.last_seen_at = at
        return
    mine = (HostSign.site_id == site.site_id, HostSign.kind == sign)
    over = (session.scalar(select(func.count()).select_from(HostSign).where(*mine)) or 0) + 1 - MOST_HOSTS
    if over > 0:
        oldest = select(HostSign.host).where(*mine).order_by(HostSign.last_seen_at).limit(over)
        session.execute(delete(HostSign).where(*mine, HostSign.host.in_(session.scalars(oldest).all())))
    session.add(HostSign(site_id=site.site_id, kind=sign, host=host, first_seen_at=at, last_seen_at=at))
