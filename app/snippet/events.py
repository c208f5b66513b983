"""`POST /v1/events`: what a page reports after it opened."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.later_answers import after_forms
from app.page_purpose import is_ahead
from app.snippet.answers import PageAnswer, allow_origin
from app.snippet.checks import CHECK, read_reports, take_reports
from app.snippet.desk import Desk
from app.snippet.page import (
    Asker,
    EventsMessage,
    PageEvent,
    check_origin,
    check_pages,
    is_staff,
    read_asker,
    read_message,
)
from app.snippet.reporting import Reported, Reporting
from app.snippet.request import PageRequest
from app.snippet.set_ups import SiteSetUp
from app.snippet.spooled import keep_report
from core.ids import new_id

log = logging.getLogger("ringtrace.swap")

_TAKEN = PageAnswer(202)


def events(desk: Desk, request: PageRequest) -> PageAnswer:
    """Records a page's events for the visitor it belongs to; without one there is nothing to record them for.

    While the database does not answer they are kept in the spool, which is as good to the page.
    """
    message = read_message(request, EventsMessage)
    asker, at = read_asker(request, desk.room), desk.room.now()
    told = [event for event in message.events if event.type != CHECK]
    event_id = new_id(at)
    try:
        return _events(desk, request, message, told, asker, event_id, at)
    except (OperationalError, PoolTimeout) as error:
        log.warning("events of a page are kept in the spool: %s", type(error).__name__)
        if not is_ahead(request.headers):
            keep_report(desk, message, told, asker, request.origin, event_id, at)
        return allow_origin(_TAKEN, request.origin)


def _events(
    desk: Desk,
    request: PageRequest,
    message: EventsMessage,
    told: Sequence[PageEvent],
    asker: Asker,
    event_id: str,
    at: datetime,
) -> PageAnswer:
    room = desk.room
    site = desk.set_ups.find(message.site).site
    # The page's address stands in its events; `Origin` decides where none carries one.
    pages = [e.url for e in message.events if e.url is not None]
    origin = check_origin(request, site, pages[0] if pages else None)
    check_pages(site, None, pages[1:])
    if is_ahead(request.headers):
        return allow_origin(_TAKEN, origin)
    reports = read_reports(message.events)
    if reports:
        # What a page says of itself is worth no outage.
        with suppress(OperationalError, PoolTimeout):
            room.outage.patience(lambda: take_reports(room, site, reports, asker, at))
    visitor_id = room.visitor_ids.verify(site.site_id, message.visitor)
    if told and visitor_id is not None and not asker.agent.bot and not is_staff(site, asker.address):

        def reporting(set_up: SiteSetUp) -> Reporting:
            return Reporting(
                set_up=set_up,
                visitor_id=visitor_id,
                visit_id=message.visit,
                events=told,
                browser=asker.browser,
                at=at,
                event_id=event_id,
            )

        reported: Reported = desk.write(message.site, reporting, key=visitor_id)
        after_forms(room, site.account_id, reported.phones)
    return allow_origin(_TAKEN, origin)
