"""`POST /v1/events`: what a page reports after it opened."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Response, request

from app.engine_room import EngineRoom
from app.later_answers import PhoneLeft, after_forms
from app.page_purpose import is_ahead
from app.snippet.checks import CHECK, read_reports, take_reports
from app.snippet.page import (
    EventsMessage,
    PageEvent,
    allow_origin,
    check_origin,
    find_site,
    is_staff,
    read_asker,
    read_message,
)
from attribution.arrive import MAX_URL, Browser, Sources, arrive, find_visitor, load_sources, read, seen
from core.ids import new_id
from core.phone import e164
from core.text import clean
from store.sessions import AccountSession
from store.sites import Site
from store.visits import Form, Visit, VisitEvent, Visitor

_MAX_DATA = 20


def events(room: EngineRoom) -> Response:
    """Records a page's events for the visitor it belongs to; without one there is nothing to record them for."""
    message = read_message(EventsMessage)
    asker, at = read_asker(room), room.now()
    with room.database.read() as work:
        site = find_site(work, message.site)
        # The page's address stands in its events; `Origin` decides where none carries one.
        pages = [e.url for e in message.events if e.url is not None]
        origin = check_origin(site, pages[0] if pages else None)
        for url in pages[1:]:
            check_origin(site, url)
    if is_ahead(request.headers):
        return allow_origin(Response(status=202), origin)
    take_reports(room, site, read_reports(message.events), asker, at)
    told = [event for event in message.events if event.type != CHECK]
    visitor_id = room.visitor_ids.verify(site.site_id, message.visitor)
    if told and visitor_id is not None and not asker.agent.bot and not is_staff(site, asker.address):
        with room.database.write() as work:
            phones = note_events(
                work.account(site.account_id),
                site,
                visitor_id=visitor_id,
                visit_id=message.visit,
                events=told,
                browser=asker.browser,
                at=at,
            )
        after_forms(room, site.account_id, phones)
    return allow_origin(Response(status=202), origin)


def note_events(
    session: AccountSession,
    site: Site,
    *,
    visitor_id: str,
    visit_id: str | None,
    events: Sequence[PageEvent],
    browser: Browser,
    at: datetime,
) -> tuple[PhoneLeft, ...]:
    """Keeps what a page reported at `at`, each event at its own time, in the order in which they happened.

    Returns the phones that were left in forms, which may say something about calls that came before.
    """
    visitor = find_visitor(session, site, visitor_id)
    if visitor is None:
        return ()
    sources = load_sources(session, site.site_id)
    visit = _visit_of(session, visitor, visit_id)
    # Browsers' clocks lie; their stopwatches do not: the server's receipt less the age they report.
    dated = sorted(((at - timedelta(milliseconds=e.age_ms), e) for e in events), key=lambda pair: pair[0])
    phones = []
    for when, event in dated:
        visit = _go_on(session, site, sources, visitor, visit, event, browser, max(when, visitor.first_seen_at))
        if visit is not None:
            form = _note(session, site, visitor, visit, event, max(when, visit.started_at))
            if form is not None and form.phone is not None:
                phones.append(
                    PhoneLeft(site_id=site.site_id, visitor_id=visitor.visitor_id, phone=form.phone, at=form.at)
                )
    return tuple(phones)


def _visit_of(session: AccountSession, visitor: Visitor, visit_id: str | None) -> Visit | None:
    """The visit the page says it is in, if it is this visitor's; else their current one."""
    for wanted in (visit_id, visitor.visit_id):
        visit = session.get(Visit, (session.account_id, wanted)) if wanted else None
        if visit is not None and visit.visitor_id == visitor.visitor_id:
            return visit
    return None


def _go_on(
    session: AccountSession,
    site: Site,
    sources: Sources,
    visitor: Visitor,
    visit: Visit | None,
    event: PageEvent,
    browser: Browser,
    at: datetime,
) -> Visit | None:
    """The visit this event belongs to; a page view after a long silence or with new tags begins another."""
    if event.type != "pageview" or event.url is None:
        return visit
    return arrive(
        session,
        site,
        sources,
        visitor=visitor,
        url=event.url,
        referrer=None,
        browser=browser,
        at=at,
    ).visit


def _note(
    session: AccountSession, site: Site, visitor: Visitor, visit: Visit, event: PageEvent, at: datetime
) -> Form | None:
    """One event becomes one row, and its life sign is kept with visit and visitor. Returns the form, if it is one."""
    if event.type == "leave":
        if at >= visit.last_seen_at:
            visit.last_seen_at = visit.left_at = at
    else:
        path = read(site, event.url, None).landing_path if event.type == "pageview" and event.url else None
        seen(visitor, visit, at=at, path=path)
    session.add(
        VisitEvent(
            event_id=new_id(at),
            visit_id=visit.visit_id,
            visitor_id=visitor.visitor_id,
            type=event.type,
            at=at,
            url=clean(event.url, MAX_URL),
            number=e164(event.number, site.country) if event.number else None,
            data=_data(event),
        )
    )
    return _form(session, site, visitor, visit, event, at) if event.type == "form" else None


def _form(session: AccountSession, site: Site, visitor: Visitor, visit: Visit, event: PageEvent, at: datetime) -> Form:
    form = Form(
        form_id=new_id(at),
        site_id=site.site_id,
        visitor_id=visitor.visitor_id,
        visit_id=visit.visit_id,
        at=at,
        phone=e164(event.phone, site.country) if event.phone else None,
        email=clean(event.email, 320),
    )
    session.add(form)
    return form


def _data(event: PageEvent) -> dict[str, Any] | None:
    """What the page tracked of its own, in plain small values."""
    extra = {
        name: clean(value, 500) if isinstance(value, str) else value
        for key, value in list((event.model_extra or {}).items())[:_MAX_DATA]
        if isinstance(value, str | int | float | bool) and (name := clean(key, 60))
    }
    return extra or None
