"""`POST /v1/swap`: a page opens. Who is this, and which numbers do they see."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, jsonify, request
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.engine_room import EngineRoom
from app.http_errors import error_response
from app.page_purpose import is_ahead
from app.snippet.check_report import host_of
from app.snippet.checks import is_due, note_host
from app.snippet.page import (
    Asker,
    SwapMessage,
    allow_origin,
    check_origin,
    find_site,
    is_staff,
    read_asker,
    read_message,
)
from attribution.arrive import (
    MAX_URL,
    Arrival,
    Browser,
    Sources,
    arrive,
    find_visitor,
    load_sources,
    read,
    seen,
    source_for,
)
from attribution.rules.settle import settle
from core.ids import new_id
from core.phone import e164, international, national
from core.text import clean
from numberpool.assign import assign, first_active_number
from store.sessions import AccountSession
from store.sites import Site
from store.visits import Assignment, VisitEvent

TTL_SECONDS = 1800
OUTAGE_TTL_SECONDS = 30
log = logging.getLogger("ringtrace.swap")

Shown = dict[str, dict[str, str]]


def swap(room: EngineRoom) -> Response:
    """Answers a page; while the database does not answer, the page keeps what it shows and asks again soon."""
    message = read_message(SwapMessage)
    try:
        return _swap(room, message)
    except (OperationalError, PoolTimeout) as error:
        log.error("a page is answered without the database: %s", type(error).__name__)
        outage = {**_nobody({}, None), "visitor": message.visitor, "ttl": OUTAGE_TTL_SECONDS}
        return allow_origin(jsonify(outage), request.headers.get("Origin"))


def _swap(room: EngineRoom, message: SwapMessage) -> Response:
    """The answer. Everything it tells is committed before it leaves."""
    asker, at = read_asker(room), room.now()
    with room.database.read() as work:
        site = find_site(work, message.site)
        origin = check_origin(site, message.url)
        consent = message.consent or site.consent_default
        if is_ahead(request.headers):
            return allow_origin(jsonify({**_nobody({}, None), "ttl": 0}), origin)
        if consent == "none" or asker.agent.bot:
            return allow_origin(jsonify(_nobody({}, None)), origin)
        session = work.account(site.account_id)
        look = {"check": True} if is_due(room, session, site, url=message.url, at=at) else {}
        unseen: dict[str, Any] | None = None
        if is_staff(site, asker.address):
            unseen = _nobody({}, None)
        elif consent == "source":
            unseen = _by_source(session, site, message)
    answer = jsonify({**unseen, **look}) if unseen is not None else _remembered(room, site, message, asker, look, at)
    # Last: where the database does not answer, the visitor comes first and does not wait for this too.
    note_host(room, site, "answered", host_of(message.url), at)
    return allow_origin(answer, origin)


def _remembered(
    room: EngineRoom, site: Site, message: SwapMessage, asker: Asker, look: dict[str, Any], at: datetime
) -> Response:
    """The answer to a visitor who may be remembered; `look` is what else it says."""
    visitor_id = room.visitor_ids.verify(site.site_id, message.visitor)
    if visitor_id is None and not room.within(
        "new visitors", str(asker.address), room.settings.new_visitors_per_minute
    ):
        response = error_response(429, "too many new visitors from this address; try again within a minute")
        response.headers["Retry-After"] = "60"
        return response
    with room.database.write() as work:
        opened = open_page(
            work.account(site.account_id),
            site,
            visitor_id=visitor_id,
            url=message.url,
            referrer=message.referrer,
            numbers=message.numbers,
            browser=asker.browser,
            at=at,
        )
    answer = {
        "visitor": room.visitor_ids.sign(site.site_id, opened.visitor_id),
        "visit": opened.visit_id,
        "source": opened.source,
        "numbers": opened.numbers,
        "ttl": TTL_SECONDS,
        **look,
    }
    return jsonify(answer)


def _nobody(numbers: Shown, source: str | None) -> dict[str, Any]:
    return {"visitor": None, "visit": None, "source": source, "numbers": numbers, "ttl": TTL_SECONDS}


def _by_source(session: AccountSession, site: Site, message: SwapMessage) -> dict[str, Any]:
    """Without consent to be remembered: the source's first number, the same for everybody; nothing is stored."""
    sources = load_sources(session, site.site_id)
    landing = read(site, message.url, message.referrer)
    numbers: Shown = {}
    for written, target in _targets(site, sources, message.numbers):
        chosen = settle(landing, sources.serving(target), sources.with_numbers)
        number = first_active_number(session, chosen.id) if chosen else None
        if chosen is not None and number is not None:
            numbers[written] = _forms(number, chosen.slug)
    settled = settle(landing, sources.rules, sources.with_numbers)
    return _nobody(numbers, settled.slug if settled else None)


@dataclass(frozen=True, kw_only=True)
class OpenedPage:
    """What a page view came to: the visitor and visit it belongs to, the visit's source, the numbers to show."""

    visitor_id: str
    visit_id: str
    source: str | None
    numbers: Shown


def open_page(
    session: AccountSession,
    site: Site,
    *,
    visitor_id: str | None,
    url: str,
    referrer: str | None,
    numbers: Sequence[str],
    browser: Browser,
    at: datetime,
) -> OpenedPage:
    """A page opens at `at`: the visit begins or goes on, the page view is kept, numbers are assigned.

    `visitor_id`: the bare id the page remembers, None or unknown for a new visitor. `numbers`: as the page sent them.
    """
    sources = load_sources(session, site.site_id)
    arrival = arrive(
        session,
        site,
        sources,
        visitor=find_visitor(session, site, visitor_id),
        url=url,
        referrer=referrer,
        browser=browser,
        at=at,
    )
    visitor, visit = arrival.visitor, arrival.visit
    seen(visitor, visit, at=at, path=read(site, url, None).landing_path)
    session.flush()
    session.add(
        VisitEvent(
            event_id=new_id(at),
            visit_id=visit.visit_id,
            visitor_id=visitor.visitor_id,
            type="pageview",
            at=at,
            url=clean(url, MAX_URL),
        )
    )
    return OpenedPage(
        visitor_id=visitor.visitor_id,
        visit_id=visit.visit_id,
        source=sources.slug(visit.source_id),
        numbers=show(session, site, sources, arrival, numbers, at),
    )


def show(
    session: AccountSession, site: Site, sources: Sources, arrival: Arrival, numbers: Sequence[str], at: datetime
) -> Shown:
    """The tracking number for each number of the page that has one, as the page wrote it."""
    visitor, targets = arrival.visitor, _targets(site, sources, numbers)
    held = _held(session, arrival.visitor.visitor_id) if arrival.kept and targets else []
    chosen = {written: source_for(arrival, sources, target, held) for written, target in targets}
    # Pools are locked in the order of their ids, so that two pages never wait for each other.
    given = {
        source_id: assign(session, visitor_id=visitor.visitor_id, source_id=source_id, at=at, newcomer=arrival.newcomer)
        for source_id in sorted({s.id for s in chosen.values() if s is not None})
    }
    return {
        written: _forms(number, source.slug)
        for written, source in chosen.items()
        if source is not None and (number := given[source.id]) is not None
    }


def _held(session: AccountSession, visitor_id: str) -> list[str]:
    return list(
        session.scalars(
            select(Assignment.source_id)
            .where(Assignment.visitor_id == visitor_id, Assignment.ended_at.is_(None))
            .order_by(Assignment.started_at.desc())
        )
    )


def _targets(site: Site, sources: Sources, numbers: Sequence[str]) -> list[tuple[str, str]]:
    """The numbers of the page that are targets: as the page wrote them, and in E.164."""
    known = {*site.numbers, *(t for t in sources.targets.values() if t)}
    read = ((written, e164(written, site.country)) for written in dict.fromkeys(numbers))
    return [(written, number) for written, number in read if number in known]


def _forms(number: str, source: str) -> dict[str, str]:
    return {
        "e164": number,
        "national": national(number),
        "international": international(number),
        "href": f"tel:{number}",
        "source": source,
    }
