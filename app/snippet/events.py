"""`POST /v1/events`: what a page reports after it opened."""

from app.later_answers import after_forms
from app.page_purpose import is_ahead
from app.snippet.answers import PageAnswer, allow_origin
from app.snippet.checks import CHECK, read_reports, take_reports
from app.snippet.desk import Desk
from app.snippet.page import EventsMessage, check_origin, is_staff, read_asker, read_message
from app.snippet.reporting import Reported, Reporting
from app.snippet.request import PageRequest
from app.snippet.set_ups import SiteSetUp

_TAKEN = PageAnswer(202)


def events(desk: Desk, request: PageRequest) -> PageAnswer:
    """Records a page's events for the visitor it belongs to; without one there is nothing to record them for."""
    room = desk.room
    message = read_message(request, EventsMessage)
    asker, at = read_asker(request, room), room.now()
    site = desk.set_ups.find(message.site).site
    # The page's address stands in its events; `Origin` decides where none carries one.
    pages = [e.url for e in message.events if e.url is not None]
    origin = check_origin(request, site, pages[0] if pages else None)
    for url in pages[1:]:
        check_origin(request, site, url)
    if is_ahead(request.headers):
        return allow_origin(_TAKEN, origin)
    take_reports(room, site, read_reports(message.events), asker, at)
    told = [event for event in message.events if event.type != CHECK]
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
            )

        reported: Reported = desk.write(message.site, reporting, key=visitor_id)
        after_forms(room, site.account_id, reported.phones)
    return allow_origin(_TAKEN, origin)
