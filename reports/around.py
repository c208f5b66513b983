"""Who was on the site with a call's number around the call: their visits and what they did. One query."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, select

from store.sessions import AccountSession
from store.visits import Visit, VisitEvent

BEFORE = tuple(timedelta(hours=hours) for hours in (2, 12, 2 * 24, 7 * 24, 30 * 24, 60 * 24))
"""How long before the call one looks: the first of these in which somebody was there."""
AFTER = timedelta(minutes=10)
TOLD = ("pageview", "tel_click", "form")
MOST = 3_000
"""Visits and deeds that are read, the latest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """A page view, a click on a number or a form, within the window."""

    type: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Stay:
    """A visit that reaches into the window, as it was from its first to its last sign of life."""

    visit_id: str
    visitor_id: str
    started_at: datetime
    last_seen_at: datetime
    deeds: tuple[Deed, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """The window (aware UTC), and the stays in it, oldest first, of the visitors asked for."""

    start: datetime
    end: datetime
    stays: tuple[Stay, ...]


def window(called_at: datetime, seen_at: Sequence[datetime]) -> tuple[datetime, datetime]:
    """What to look at around a call: from two hours before to ten minutes after, wider where nobody was there.

    `seen_at`: when each candidate was last seen before the call.
    """
    latest = max((seen for seen in seen_at if seen <= called_at), default=called_at)
    before = next((reach for reach in BEFORE if called_at - latest <= reach), BEFORE[-1])
    return called_at - before, called_at + AFTER


def around(session: AccountSession, visitor_ids: Sequence[str], *, start: datetime, end: datetime) -> Around:
    """The stays of these visitors from `start` to `end`, with what they did in them."""
    if not visitor_ids:
        return Around(start=start, end=end, stays=())
    rows = session.execute(
        select(
            Visit.visit_id,
            Visit.visitor_id,
            Visit.started_at,
            Visit.last_seen_at,
            VisitEvent.type,
            VisitEvent.at,
        )
        .outerjoin(
            VisitEvent,
            and_(
                VisitEvent.account_id == Visit.account_id,
                VisitEvent.visit_id == Visit.visit_id,
                VisitEvent.type.in_(TOLD),
                VisitEvent.at >= start,
                VisitEvent.at <= end,
            ),
        )
        .where(Visit.visitor_id.in_(visitor_ids), Visit.started_at <= end, Visit.last_seen_at >= start)
        .order_by(Visit.started_at.desc(), Visit.visit_id.desc(), VisitEvent.at.desc())
        .limit(MOST)
    ).all()
    visits = {row.visit_id: row for row in reversed(rows)}
    deeds: dict[str, list[Deed]] = {visit_id: [] for visit_id in visits}
    for row in reversed(rows):
        if row.type is not None:
            deeds[row.visit_id].append(Deed(type=row.type, at=row.at))
    return Around(
        start=start,
        end=end,
        stays=tuple(
            Stay(
                visit_id=visit_id,
                visitor_id=visit.visitor_id,
                started_at=visit.started_at,
                last_seen_at=max(visit.started_at, visit.last_seen_at),
                deeds=tuple(deeds[visit_id]),
            )
            for visit_id, visit in visits.items()
        ),
    )
