"""One visitor, and one visit, with everything known about them. Four queries for a visitor, two for a visit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select, union
from sqlalchemy.orm import aliased

from core.ids import is_id
from store.calls import Call, CallCandidate
from store.sessions import AccountSession
from store.sites import TrackingSource
from store.visits import Assignment, Visit, VisitEvent, Visitor

MOST = 500
"""So many of the newest of each kind belong to an answer about one visitor; a browser rarely has more."""
MOST_EVENTS = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberHeld:
    """The visitor was shown this number of this source from … to … (`end` is None while it is theirs)."""

    number: str
    source: str
    start: datetime
    end: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class VisitorCall:
    """A call this visitor may have made, with what the model gives them; `credited`: it is credited to them."""

    call_id: str
    started_at: datetime
    number: str
    likelihood: float
    credited: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class VisitRow:
    """A visit as a visitor's list shows it."""

    visit_id: str
    source: str | None
    started_at: datetime
    last_seen_at: datetime
    landing_url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VisitorDetail:
    """A visitor, with numbers, calls and visits newest first, up to `MOST` of each. `region` is ISO 3166-2 or None."""

    visitor_id: str
    site_id: str
    first_seen_at: datetime
    last_seen_at: datetime
    device: str
    region: str | None
    numbers: tuple[NumberHeld, ...]
    calls: tuple[VisitorCall, ...]
    visits: tuple[VisitRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class EventRow:
    """Something a page reported; `data` is what came with an event of the page's own making."""

    type: str
    at: datetime
    url: str | None
    number: str | None
    data: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class VisitDetail:
    """A visit with its events in the order they happened, up to `MOST_EVENTS`."""

    visit_id: str
    visitor_id: str
    site_id: str
    source: str | None
    channel: str
    device: str
    started_at: datetime
    last_seen_at: datetime
    landing_url: str
    referrer: str | None
    utm: Mapping[str, Any]
    click_ids: Mapping[str, Any]
    events: tuple[EventRow, ...]


def visitor_detail(session: AccountSession, visitor_id: str) -> VisitorDetail | None:
    """The visitor with this bare id, or None where this account has none. Four queries."""
    visitor = session.get(Visitor, (session.account_id, visitor_id)) if is_id(visitor_id) else None
    if visitor is None:
        return None
    return VisitorDetail(
        visitor_id=visitor.visitor_id,
        site_id=visitor.site_id,
        first_seen_at=visitor.first_seen_at,
        last_seen_at=visitor.last_seen_at,
        device=visitor.device,
        region=visitor.region,
        numbers=_numbers(session, visitor_id),
        calls=_calls(session, visitor_id),
        visits=_visits(session, visitor_id),
    )


def visit_detail(session: AccountSession, visit_id: str) -> VisitDetail | None:
    """The visit with this id, or None where this account has none. Two queries."""
    query = select(Visit, TrackingSource.slug).outerjoin(TrackingSource, _source_of(Visit))
    found = session.execute(query.where(Visit.visit_id == visit_id)).first() if is_id(visit_id) else None
    if found is None:
        return None
    visit, slug = found
    events = session.scalars(
        select(VisitEvent)
        .where(VisitEvent.visit_id == visit_id)
        .order_by(VisitEvent.at, VisitEvent.event_id)
        .limit(MOST_EVENTS)
    )
    return VisitDetail(
        visit_id=visit.visit_id,
        visitor_id=visit.visitor_id,
        site_id=visit.site_id,
        source=slug,
        channel=visit.channel,
        device=visit.device,
        started_at=visit.started_at,
        last_seen_at=visit.last_seen_at,
        landing_url=visit.landing_url,
        referrer=visit.referrer,
        utm=visit.utm,
        click_ids=visit.click_ids,
        events=tuple(EventRow(type=e.type, at=e.at, url=e.url, number=e.number, data=e.data) for e in events),
    )


def _source_of(table: type[Visit] | type[Assignment]) -> Any:
    return and_(TrackingSource.account_id == table.account_id, TrackingSource.source_id == table.source_id)


def _numbers(session: AccountSession, visitor_id: str) -> tuple[NumberHeld, ...]:
    rows = session.execute(
        select(Assignment, TrackingSource.slug)
        .join(TrackingSource, _source_of(Assignment))
        .where(Assignment.visitor_id == visitor_id)
        .order_by(Assignment.started_at.desc(), Assignment.assignment_id.desc())
        .limit(MOST)
    )
    return tuple(NumberHeld(number=a.number, source=slug, start=a.started_at, end=a.ended_at) for a, slug in rows)


def _calls(session: AccountSession, visitor_id: str) -> tuple[VisitorCall, ...]:
    """Calls with this visitor among the candidates, or credited to them by staff though they were none."""
    mine = and_(
        CallCandidate.account_id == Call.account_id,
        CallCandidate.call_id == Call.call_id,
        CallCandidate.visitor_id == visitor_id,
    )
    credited = aliased(Call)
    # One index each: an OR over both would walk through all calls of the account.
    theirs = union(
        select(CallCandidate.call_id).where(
            CallCandidate.account_id == session.account_id, CallCandidate.visitor_id == visitor_id
        ),
        select(credited.call_id).where(
            credited.account_id == session.account_id, credited.matched_visitor_id == visitor_id
        ),
    )
    rows = session.execute(
        select(Call.call_id, Call.started_at, Call.number, Call.matched_visitor_id, CallCandidate.likelihood)
        .outerjoin(CallCandidate, mine)
        .where(Call.call_id.in_(theirs))
    )
    # Sorted here: asked for an order and a limit, a database without statistics goes through all calls by time.
    newest = sorted(rows, key=lambda row: (row.started_at, row.call_id), reverse=True)[:MOST]
    return tuple(
        VisitorCall(
            call_id=row.call_id,
            started_at=row.started_at,
            number=row.number,
            likelihood=row.likelihood or 0.0,
            credited=row.matched_visitor_id == visitor_id,
        )
        for row in newest
    )


def _visits(session: AccountSession, visitor_id: str) -> tuple[VisitRow, ...]:
    rows = session.execute(
        select(Visit, TrackingSource.slug)
        .outerjoin(TrackingSource, _source_of(Visit))
        .where(Visit.visitor_id == visitor_id)
        .order_by(Visit.started_at.desc(), Visit.visit_id.desc())
        .limit(MOST)
    )
    return tuple(
        VisitRow(
            visit_id=visit.visit_id,
            source=slug,
            started_at=visit.started_at,
            last_seen_at=visit.last_seen_at,
            landing_url=visit.landing_url,
        )
        for visit, slug in rows
    )
