"""Gathers what was known when a call or a text came in: who held the number, what they did, what the phone did before.

A dozen queries at most, whatever the number of candidates. Everything is read as it stood at `at`, so that a call can
be explained later just as it was scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from attribution.rules.landing import read_landing
from core.regions import region_of_number
from core.text import clean
from core.time import hour_of_week
from matching.incoming import Incoming
from matching.machines import is_lifeless, machines_among
from matching.phone_history import in_parts, other_phones, phone_history
from matching.rules.background import RECENT_SECONDS, recent
from matching.rules.facts import CallFacts, CandidateFacts, Device, PhoneHistory
from matching.rules.habits import PAGE_OPEN, region_share
from store.base import UTCDateTime
from store.calls import Call
from store.sessions import AccountSession
from store.sites import Site, TrackingSource
from store.visits import Assignment, Form, Visit, VisitEvent, Visitor


@dataclass(frozen=True, kw_only=True)
class Scene:
    """All that the ranking needs."""

    call: CallFacts
    candidates: tuple[CandidateFacts, ...]
    history: PhoneHistory
    sources: dict[str, str | None]


def gather(session: AccountSession, incoming: Incoming, *, at: datetime, days: int) -> Scene:
    """What was known of `incoming` at `at`; candidates are holders of its number seen in the `days` before."""
    since = at - timedelta(days=days)
    rows = _holders(session, incoming, at, since)
    later = _as_of(session, [row for row in rows if row.last_seen_at > at], at)
    visitors = [row.visitor_id for row in rows]
    clicks = _clicks(session, incoming, at, since)
    forms = _forms(session, visitors, at, since)
    elsewhere = other_phones(session, incoming, visitors, at) if incoming.from_number else {}
    machines = machines_among(session, rows, site_id=incoming.site_id, since=since, at=at)
    candidates = tuple(
        _facts(
            row,
            later.get(row.visit_id),
            clicks,
            forms,
            elsewhere,
            at,
            machine=machines.get(row.origin, 0.0) if is_lifeless(row, at) else 0.0,
        )
        for row in rows
    )
    return Scene(
        call=_call_facts(session, incoming, candidates, at),
        candidates=candidates,
        history=phone_history(session, incoming, at),
        sources={row.visitor_id: row.source_id for row in rows},
    )


class _Holder(NamedTuple):
    """Who held the number, with their latest visit begun before the call, as it stands now."""

    visitor_id: str
    region: str | None
    visit_id: str
    source_id: str | None
    started_at: datetime
    last_seen_at: datetime
    last_path: str | None
    last_viewed_at: datetime | None
    left_at: datetime | None
    page_views: int
    ordinal: int
    device: str
    origin: str | None
    alive_at: datetime | None
    shown: bool


def _holders(session: AccountSession, incoming: Incoming, at: datetime, since: datetime) -> list[_Holder]:
    """Who held the number and was seen in the window. Columns, not objects: a number may have a thousand holders."""
    rows = session.execute(_HOLDERS, {"number": incoming.number, "at": at, "since": since})
    return list({row[0]: _Holder(*row) for row in rows}.values())


def _holders_query() -> Select[*tuple[Any, ...]]:
    """The columns of _Holder of every holder of `number` at `at` who was seen `since`."""
    at, since = bindparam("at", type_=UTCDateTime()), bindparam("since", type_=UTCDateTime())
    begun, shown = aliased(Visit), aliased(Assignment)
    latest = (
        select(func.max(begun.started_at))
        .where(
            begun.account_id == Assignment.account_id,
            begun.visitor_id == Assignment.visitor_id,
            begun.started_at <= at,
        )
        .correlate(Assignment)
        .scalar_subquery()
    )
    visits_own = (
        select(shown.assignment_id)
        .where(
            shown.account_id == Visit.account_id,
            shown.visitor_id == Visit.visitor_id,
            shown.source_id == Visit.source_id,
            shown.started_at <= at,
        )
        .correlate(Visit)
        .exists()
    )
    return (
        select(
            Visitor.visitor_id,
            Visitor.region,
            Visit.visit_id,
            Visit.source_id,
            Visit.started_at,
            Visit.last_seen_at,
            Visit.last_path,
            Visit.last_viewed_at,
            Visit.left_at,
            Visit.page_views,
            Visit.ordinal,
            Visit.device,
            Visitor.origin,
            Visitor.alive_at,
            # What the latest visit shows is its own source's number, where it has one.
            (Assignment.source_id == Visit.source_id) | Visit.source_id.is_(None) | ~visits_own,
        )
        .select_from(Assignment)
        .join(Visitor, Visitor.visitor_id == Assignment.visitor_id)
        .join(Visit, (Visit.visitor_id == Assignment.visitor_id) & (Visit.started_at == latest))
        .where(
            Assignment.number == bindparam("number"),
            Assignment.started_at <= at,
            Visitor.last_seen_at >= since,
            Visit.last_seen_at >= since,
        )
    )


_HOLDERS = _holders_query()
"""Built once: putting it together takes as long as some of its answers."""


@dataclass(frozen=True, kw_only=True)
class _AsOf:
    last_seen_at: datetime
    last_path: str | None
    last_viewed_at: datetime | None
    page_views: int
    left: bool


def _as_of(session: AccountSession, visits: Sequence[_Holder], at: datetime) -> dict[str, _AsOf]:
    """How visits that went on after `at` stood at `at`, from their events."""
    if not visits:
        return {}
    by_visit: dict[str, list[VisitEvent]] = {v.visit_id: [] for v in visits}
    for event in session.scalars(
        select(VisitEvent)
        .where(VisitEvent.visit_id.in_(by_visit), VisitEvent.at <= at)
        .order_by(VisitEvent.at, VisitEvent.event_id)
    ):
        by_visit[event.visit_id].append(event)
    return {v.visit_id: _stood(v, by_visit[v.visit_id]) for v in visits}


def _stood(visit: _Holder, events: Sequence[VisitEvent]) -> _AsOf:
    views = [e for e in events if e.type == "pageview"]
    return _AsOf(
        last_seen_at=events[-1].at if events else visit.started_at,
        last_path=page_path(views[-1].url) if views else None,
        last_viewed_at=views[-1].at if views else None,
        page_views=len(views),
        left=bool(events) and events[-1].type == "leave",
    )


def page_path(url: str | None) -> str | None:
    """The path of a page's address, as a visit keeps it."""
    return None if url is None else clean(read_landing(url, None, own_hosts=()).landing_path, 400)


def _clicks(session: AccountSession, incoming: Incoming, at: datetime, since: datetime) -> dict[str, datetime]:
    """Per visitor the latest click on this number."""
    rows = session.execute(
        select(VisitEvent.visitor_id, func.max(VisitEvent.at))
        .where(
            VisitEvent.at <= at,
            VisitEvent.at >= since,
            VisitEvent.type == "tel_click",
            VisitEvent.number == incoming.number,
        )
        .group_by(VisitEvent.visitor_id)
    )
    return {row[0]: row[1] for row in rows}


def _forms(session: AccountSession, visitors: Sequence[str], at: datetime, since: datetime) -> dict[str, datetime]:
    """Per visitor the latest form."""
    found: dict[str, datetime] = {}
    for some in in_parts(visitors):
        query = select(Form.visitor_id, func.max(Form.at)).where(
            Form.at <= at, Form.at >= since, Form.visitor_id.in_(some)
        )
        found.update((row[0], row[1]) for row in session.execute(query.group_by(Form.visitor_id)))
    return found


def _facts(
    holder: _Holder,
    then: _AsOf | None,
    clicks: dict[str, datetime],
    forms: dict[str, datetime],
    elsewhere: dict[str, float],
    at: datetime,
    *,
    machine: float,
) -> CandidateFacts:
    last_seen = then.last_seen_at if then else holder.last_seen_at
    left = then.left if then else holder.left_at is not None
    return CandidateFacts(
        visitor=holder.visitor_id,
        visit=holder.visit_id,
        source=holder.source_id,
        last_seen_at=last_seen,
        seconds_since_seen=max(0.0, (at - last_seen).total_seconds()),
        page_open=not left and (at - last_seen).total_seconds() <= PAGE_OPEN,
        left=left,
        shown=bool(holder.shown),
        seconds_since_view=_seconds_since(then.last_viewed_at if then else holder.last_viewed_at, at),
        last_page_path=then.last_path if then else holder.last_path,
        page_views=max(1, then.page_views if then else holder.page_views),
        visits=holder.ordinal,
        tel_click_seconds=_seconds_since(clicks.get(holder.visitor_id), at),
        form_seconds=_seconds_since(forms.get(holder.visitor_id), at),
        device=cast(Device, holder.device),
        region=holder.region,
        other_phone=elsewhere.get(holder.visitor_id, 0.0),
        machine=machine,
    )


def _seconds_since(moment: datetime | None, at: datetime) -> float | None:
    return None if moment is None else (at - moment).total_seconds()


def _call_facts(
    session: AccountSession, incoming: Incoming, candidates: Sequence[CandidateFacts], at: datetime
) -> CallFacts:
    zone, kind = session.execute(
        select(Site.time_zone, TrackingSource.kind)
        .join(TrackingSource, TrackingSource.site_id == Site.site_id)
        .where(TrackingSource.source_id == incoming.source_id)
    ).one()
    region = region_of_number(incoming.from_number)
    lately = session.execute(
        select(Call.started_at, Call.number, Call.from_number, Call.none_likelihood).where(
            Call.site_id == incoming.site_id,
            Call.started_at >= at - timedelta(seconds=RECENT_SECONDS),
            or_(Call.started_at < at, (Call.started_at == at) & (Call.call_id < incoming.id)),
            Call.number != incoming.number,
        )
    ).all()
    return CallFacts(
        at=at,
        what=incoming.what,
        caller=incoming.from_number,
        local_hour_of_week=hour_of_week(at, zone),
        number=incoming.number,
        source=incoming.source_id,
        number_kind="pool" if kind == "online" else "offline",
        caller_region=region,
        region_share=region_share(region, [candidate.region for candidate in candidates]),
        recent_nobody=recent(((at - when).total_seconds(), none) for when, _, _, none in lately),
        recent_calls_other_numbers=len(
            {number for _, number, caller, _ in lately if caller is not None and caller == incoming.from_number}
        ),
    )
