"""What a page reports after it opened, on the rows of a book."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from app.later_answers import PhoneLeft
from app.snippet.page import PageEvent
from app.snippet.set_ups import SiteSetUp
from app.telling.forms import FormSent
from attribution.arrive import MAX_URL, Browser, Sources, arrive, read, seen
from core.ids import new_id
from core.phone import e164
from core.text import clean
from store.book import Book, VisitorRow, VisitRow
from store.sites import Site

_MAX_DATA = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Reporting:
    """Events of one page to be written. `visitor_id`: bare; `visit_id`: the visit the page says it is in, or None.

    `event_id`: what the first of them will be called, if that matters; those that are `replayed` may have been written
    already.
    """

    set_up: SiteSetUp
    visitor_id: str
    visit_id: str | None
    events: Sequence[PageEvent]
    browser: Browser
    at: datetime
    event_id: str | None = None
    replayed: bool = False


class Reported(NamedTuple):
    """What came of a report: forms that were sent, and whose page showed life for the first time."""

    forms: tuple[FormSent, ...] = ()
    lives: VisitorRow | None = None

    @property
    def phones(self) -> tuple[PhoneLeft, ...]:
        """The phones that were left in the forms."""
        return tuple(
            PhoneLeft(site_id=form.site_id, visitor_id=form.visitor_id, phone=form.phone, at=form.at)
            for form in self.forms
            if form.phone is not None
        )


def report(book: Book, reporting: Reporting) -> Reported:
    """Keeps what a page reported, each event at its own time, in the order in which they happened.

    Phones that were left in forms may say something about calls that came before.
    """
    site, sources, at = reporting.set_up.site, reporting.set_up.sources, reporting.at
    events, browser = reporting.events, reporting.browser
    visitor = book.visitor(reporting.visitor_id)
    if visitor is None or visitor.site_id != site.site_id:
        return Reported()
    lifeless = visitor.alive_at is None
    visit = _visit_of(book, visitor, reporting.visit_id)
    # Browsers' clocks lie; their stopwatches do not: the server's receipt less the age they report.
    dated = sorted(((at - timedelta(milliseconds=e.age_ms), e) for e in events), key=lambda pair: pair[0])
    forms, event_id = [], reporting.event_id
    for when, event in dated:
        visit = _go_on(book, site, sources, visitor, visit, event, browser, max(when, visitor.first_seen_at))
        if visit is not None:
            moment = max(when, visit.started_at)
            form = _note(book, site, visitor, visit, event, moment, event_id or new_id(moment))
            event_id = None
            if form is not None:
                forms.append(form)
    return Reported(tuple(forms), visitor if lifeless and visitor.alive_at is not None else None)


def _visit_of(book: Book, visitor: VisitorRow, visit_id: str | None) -> VisitRow | None:
    """The visit the page says it is in, if it is this visitor's; else their current one."""
    for wanted in (visit_id, visitor.visit_id):
        visit = book.visit(wanted)
        if visit is not None and visit.visitor_id == visitor.visitor_id:
            return visit
    return None


def _go_on(
    book: Book,
    site: Site,
    sources: Sources,
    visitor: VisitorRow,
    visit: VisitRow | None,
    event: PageEvent,
    browser: Browser,
    at: datetime,
) -> VisitRow | None:
    """The visit this event belongs to; a page view after a long silence or with new tags begins another."""
    if event.type != "pageview" or event.url is None:
        return visit
    return arrive(
        book,
        site,
        sources,
        visitor=visitor,
        url=event.url,
        referrer=None,
        browser=browser,
        at=at,
    ).visit


def _note(
    book: Book, site: Site, visitor: VisitorRow, visit: VisitRow, event: PageEvent, at: datetime, event_id: str
) -> FormSent | None:
    """One event becomes one row, and its life sign is kept with visit and visitor. Returns the form it was."""
    if visitor.alive_at is None:
        visitor.alive_at = at
    if event.type == "leave":
        if at >= visit.last_seen_at:
            visit.last_seen_at = visit.left_at = at
    else:
        path = read(site, event.url, None).landing_path if event.type == "pageview" and event.url else None
        seen(visitor, visit, at=at, path=path)
    number = e164(event.number, site.country) if event.number else None
    book.add_event(event_id, visit, event.type, at, url=clean(event.url, MAX_URL), number=number, data=_data(event))
    if event.type != "form":
        return None
    form = FormSent(
        form_id=new_id(at),
        site_id=site.site_id,
        visitor_id=visitor.visitor_id,
        visit_id=visit.visit_id,
        phone=e164(event.phone, site.country) if event.phone else None,
        email=clean(event.email, 320),
        at=at,
    )
    book.add_form(form.form_id, site.site_id, visit, at, phone=form.phone, email=form.email)
    return form


def _data(event: PageEvent) -> dict[str, Any] | None:
    """What the page tracked of its own, in plain small values."""
    extra = {
        name: clean(value, 500) if isinstance(value, str) else value
        for key, value in list((event.model_extra or {}).items())[:_MAX_DATA]
        if (isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)))
        and (name := clean(key, 60))
    }
    return extra or None
