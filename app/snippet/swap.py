"""`POST /v1/swap`: a page opens. Who is this, and which numbers do they see."""

import logging
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.client_address import around
from app.engine_room import EngineRoom
from app.metrics import swap_answered
from app.page_purpose import is_ahead
from app.snippet.answers import PageAnswer, allow_origin, answer, error_answer
from app.snippet.check_report import host_of
from app.snippet.checks import is_due, note_host
from app.snippet.desk import Desk
from app.snippet.opening import OpenedPage, Opening, targets_of
from app.snippet.page import Asker, SwapMessage, check_origin, is_staff, read_asker, read_message
from app.snippet.request import PageRequest
from app.snippet.set_ups import SiteSetUp
from app.snippet.spooled import keep_opening
from attribution.arrive import read
from attribution.rules.settle import settle
from core.errors import RingtraceError
from core.ids import new_id
from core.phone import international, national
from numberpool.assign import first_active_number
from store.sessions import AccountSession

OK = 200
TTL_SECONDS = 1800
OUTAGE_TTL_SECONDS = 30
log = logging.getLogger("ringtrace.swap")

Shown = dict[str, Mapping[str, str]]


def swap(desk: Desk, request: PageRequest) -> PageAnswer:
    """Answers a page; while the database does not answer, the page keeps what it shows and asks again soon."""
    message = read_message(request, SwapMessage)
    asker, at = read_asker(request, desk.room), desk.room.now()
    event_id = new_id(at)
    try:
        told = _swap(desk, request, message, asker, event_id, at)
        swap_answered("answered" if told.status == OK else "refused")
        return told
    except RingtraceError:
        swap_answered("refused")
        raise
    except (OperationalError, PoolTimeout) as error:
        swap_answered("outage")
        log.warning("a page is answered without the database: %s", type(error).__name__)
        if not is_ahead(request.headers):
            keep_opening(desk, message, asker, request.origin, event_id, at)
        outage = {**_nobody({}, None), "visitor": message.visitor, "ttl": OUTAGE_TTL_SECONDS}
        return allow_origin(answer(outage), request.origin)


def _swap(
    desk: Desk, request: PageRequest, message: SwapMessage, asker: Asker, event_id: str, at: datetime
) -> PageAnswer:
    """The answer. Everything it tells is committed before it leaves."""
    room = desk.room
    set_up = desk.set_ups.find(message.site)
    site = set_up.site
    origin = check_origin(request, site, message.url)
    consent = message.consent or site.consent_default
    if is_ahead(request.headers):
        return allow_origin(answer({**_nobody({}, None), "ttl": 0}), origin)
    if consent == "none" or asker.agent.bot:
        return allow_origin(answer(_nobody({}, None)), origin)
    look = {"check": True} if is_due(room, site, url=message.url, at=at) else {}
    if is_staff(site, asker.address):
        told = answer({**_nobody({}, None), **look})
    elif consent == "source":
        told = answer({**room.outage.patience(lambda: _by_source(room, set_up, message)), **look})
    else:
        told = _remembered(desk, set_up, message, asker, look, event_id, at)
    # Last: where the database does not answer, the visitor comes first and does not wait for this too.
    note_host(room, site, "answered", host_of(message.url), at)
    return allow_origin(told, origin)


def _remembered(
    desk: Desk,
    set_up: SiteSetUp,
    message: SwapMessage,
    asker: Asker,
    look: Mapping[str, Any],
    event_id: str,
    at: datetime,
) -> PageAnswer:
    """The answer to a visitor who may be remembered; `look` is what else it says."""
    room, site_id = desk.room, set_up.site.site_id
    visitor_id = room.visitor_ids.verify(site_id, message.visitor)
    if visitor_id is None and not _may_come(desk, asker, at):
        return error_answer(
            429,
            "too many new visitors from this address; try again within a minute",
            headers=(("Retry-After", "60"),),
        )

    def opening(current: SiteSetUp) -> Opening:
        return Opening(
            set_up=current,
            visitor_id=visitor_id,
            url=message.url,
            referrer=message.referrer,
            numbers=targets_of(current, message.numbers),
            browser=asker.browser,
            at=at,
            event_id=event_id,
            again=message.again,
        )

    opened: OpenedPage = desk.write(message.site, opening, key=visitor_id or object())
    return answer(
        {
            "visitor": room.visitor_ids.sign(site_id, opened.visitor_id),
            "visit": opened.visit_id,
            "source": opened.source,
            "numbers": {written: _forms(*shown) for written, shown in opened.numbers.items()},
            "ttl": TTL_SECONDS,
            **look,
        }
    )


def _may_come(desk: Desk, asker: Asker, at: datetime) -> bool:
    """Whether another new visitor from this address, and from the network around it, is no flood."""
    limits, newcomers = desk.room.settings, desk.newcomers
    return newcomers.within(asker.address, limits.new_visitors_per_minute, at) and newcomers.within(
        around(asker.address), limits.new_visitors_per_minute_and_network, at
    )


def _nobody(numbers: Shown, source: str | None) -> dict[str, Any]:
    return {"visitor": None, "visit": None, "source": source, "numbers": numbers, "ttl": TTL_SECONDS}


def _by_source(room: EngineRoom, set_up: SiteSetUp, message: SwapMessage) -> dict[str, Any]:
    """Without consent to be remembered: the source's first number, the same for everybody; nothing is stored."""
    with room.database.read() as work:
        return _first_numbers(work.account(set_up.site.account_id), set_up, message)


def _first_numbers(session: AccountSession, set_up: SiteSetUp, message: SwapMessage) -> dict[str, Any]:
    sources = set_up.sources
    landing = read(set_up.site, message.url, message.referrer)
    numbers: Shown = {}
    for written, target in targets_of(set_up, message.numbers):
        chosen = settle(landing, sources.serving(target), sources.with_numbers)
        number = first_active_number(session, chosen.id) if chosen else None
        if chosen is not None and number is not None:
            numbers[written] = _forms(number, chosen.slug)
    settled = settle(landing, sources.rules, sources.with_numbers)
    return _nobody(numbers, settled.slug if settled else None)


@lru_cache(maxsize=20_000)
def _forms(number: str, source: str) -> Mapping[str, str]:
    return {
        "e164": number,
        "national": national(number),
        "international": international(number),
        "href": f"tel:{number}",
        "source": source,
    }
