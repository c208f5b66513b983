"""What pages told while the database was away: kept in the spool, and written when it is back.

Nobody was shown a number then, so none is given afterwards: what comes later is the visit, not an assignment. All that
needs the site (is it its own page, is it staff, may the visitor be remembered) is asked when it is written.
"""

import ipaddress
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any, Final

from app.later_answers import after_forms
from app.snippet.asked_again import asked_again
from app.snippet.desk import Desk
from app.snippet.opening import Opening
from app.snippet.page import Asker, EventsMessage, ForeignPage, PageEvent, SwapMessage, check_pages, is_staff
from app.snippet.reporting import Reported, Reporting
from app.snippet.set_ups import SiteSetUp
from attribution.arrive import Browser
from core.errors import InvalidInput
from core.time import parse_time

log = logging.getLogger("ringtrace.outage")

OPENING: Final = "opening"
REPORT: Final = "report"


def keep_opening(
    desk: Desk, message: SwapMessage, asker: Asker, origin: str | None, event_id: str, at: datetime
) -> None:
    """A page opened: kept to be written later. Not where the page itself says that nobody is to be remembered."""
    if asker.agent.bot or message.consent in ("none", "source"):
        return
    _keep(
        desk,
        OPENING,
        asker,
        at,
        site=message.site,
        visitor=message.visitor,
        url=message.url,
        referrer=message.referrer,
        consent=message.consent,
        origin=origin,
        event_id=event_id,
    )


def keep_report(
    desk: Desk,
    message: EventsMessage,
    events: Sequence[PageEvent],
    asker: Asker,
    origin: str | None,
    event_id: str,
    at: datetime,
) -> None:
    """A page reported events of a visitor: kept to be written later."""
    if asker.agent.bot or not message.visitor or not events:
        return
    _keep(
        desk,
        REPORT,
        asker,
        at,
        site=message.site,
        visitor=message.visitor,
        visit=message.visit,
        events=[event.model_dump(mode="json") for event in events],
        origin=origin,
        event_id=event_id,
    )


def _keep(desk: Desk, kind: str, asker: Asker, at: datetime, **content: Any) -> None:
    try:
        desk.room.outage.spool.append(
            {
                "kind": kind,
                "at": at.isoformat(),
                "address": str(asker.address) if asker.address else None,
                "browser": asdict(asker.browser),
                **content,
            }
        )
    except Exception:
        log.exception("what a page told could not be kept in the spool")


def write_opening(desk: Desk, record: Mapping[str, Any]) -> None:
    """Writes a page view that was kept. Raises SQLAlchemyError where the database is away again."""
    read = _Read(record)
    set_up = read.set_up(desk, record["url"])
    if set_up is None or (record["consent"] or set_up.site.consent_default) != "full":
        return
    visitor_id = desk.room.visitor_ids.verify(set_up.site.site_id, record["visitor"])
    if visitor_id is None and asked_again(
        desk.room.database, set_up.site, read.browser, record["url"], at=read.at, taken=desk.asked_again
    ):
        return

    def opening(current: SiteSetUp) -> Opening:
        return Opening(
            set_up=current,
            visitor_id=visitor_id,
            url=record["url"],
            referrer=record["referrer"],
            numbers=(),
            browser=read.browser,
            at=read.at,
            event_id=record["event_id"],
            replayed=True,
        )

    desk.write(record["site"], opening, key=visitor_id or object())


def write_report(desk: Desk, record: Mapping[str, Any]) -> None:
    """Writes a report that was kept. Raises as `write_opening` does."""
    read = _Read(record)
    events = [PageEvent.model_validate(event) for event in record["events"]]
    set_up = read.set_up(desk, *(event.url for event in events if event.url is not None))
    visitor_id = desk.room.visitor_ids.verify(set_up.site.site_id, record["visitor"]) if set_up else None
    if set_up is None or visitor_id is None:
        return

    def reporting(current: SiteSetUp) -> Reporting:
        return Reporting(
            set_up=current,
            visitor_id=visitor_id,
            visit_id=record["visit"],
            events=events,
            browser=read.browser,
            at=read.at,
            event_id=record["event_id"],
            replayed=True,
        )

    reported: Reported | None = desk.write(record["site"], reporting, key=visitor_id)
    if reported is not None:
        after_forms(desk.room, set_up.site.account_id, reported.phones)


class _Read:
    """The part that all records share."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._record = record
        self.at = parse_time(record["at"])
        self.browser = Browser(**record["browser"])

    def set_up(self, desk: Desk, *urls: str) -> SiteSetUp | None:
        """The site's set-up; None for a page that is not its own, for staff, and for a site that is gone."""
        address = self._record["address"]
        try:
            found = desk.set_ups.find(self._record["site"])
            check_pages(found.site, self._record["origin"], urls)
        except (InvalidInput, ForeignPage):
            return None
        return None if is_staff(found.site, ipaddress.ip_address(address) if address else None) else found


def writers(desk: Desk) -> dict[str, Any]:
    """What is done with each kind of record."""
    return {OPENING: partial(write_opening, desk), REPORT: partial(write_report, desk)}
