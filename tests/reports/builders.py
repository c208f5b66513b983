"""Calls, visits and assignments of a small business, for reports and overrides."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from core.ids import new_id
from core.time import local_day
from store.calls import Call, CallCandidate, CallNote, CallTag, MatchDecision
from store.sites import TrackingSource
from store.visits import Assignment, Visit, VisitEvent, Visitor
from tests.support.rows import START, Business

CALLED = START + timedelta(hours=2)


def rang(
    business: Business,
    source: TrackingSource,
    number: str,
    at: datetime = CALLED,
    candidates: Sequence[tuple[Visitor, float]] = (),
    *,
    none: float | None = None,
    tags: Sequence[str] = (),
    notes: Sequence[str] = (),
    unexplained: Sequence[Visitor] = (),
    **fields: Any,
) -> Call:
    """A call as the model left it: the likeliest candidate is credited unless nobody is likelier.

    `unexplained`: candidates whose evidence was not kept.
    """
    session = business.session
    nobody = 1.0 - sum(likelihood for _, likelihood in candidates) if none is None else none
    ranked = sorted(candidates, key=lambda c: -c[1])
    best = ranked[0] if ranked and ranked[0][1] >= nobody else None
    call = Call(
        call_id=new_id(at),
        site_id=business.site.site_id,
        source_id=source.source_id,
        number=number,
        **{
            "provider": "manual",
            "provider_call_id": new_id(at),
            "destination": source.destination,
            "from_number": "+12125550199",
            "caller_name": None,
            "started_at": at,
            "local_day": local_day(at, business.site.time_zone),
            "status": "completed",
            "duration_seconds": 252,
            "updated_at": at,
            "model_version": "test-1",
            "none_likelihood": nobody,
            "model_visit_id": best[0].visit_id if best else None,
            "model_visitor_id": best[0].visitor_id if best else None,
            "model_likelihood": best[1] if best else None,
            "matched_by": "model" if best else None,
            "matched_visit_id": best[0].visit_id if best else None,
            "matched_visitor_id": best[0].visitor_id if best else None,
            "matched_likelihood": best[1] if best else None,
            "matched_at": at if best else None,
            **fields,
        },
    )
    session.add(call)
    session.flush()
    for place, (visitor, likelihood) in enumerate(ranked, start=1):
        session.add(
            CallCandidate(
                call_id=call.call_id,
                rank=place,
                visit_id=visitor.visit_id,
                visitor_id=visitor.visitor_id,
                source_id=visitor.source_id,
                likelihood=likelihood,
                race=0.0,
                last_seen_at=at,
                evidence=None
                if visitor in unexplained
                else [{"name": "base_rate", "value": "a visitor this very second", "weight": 1.5}],
            )
        )
    session.add(
        MatchDecision(
            decision_id=new_id(at),
            call_id=call.call_id,
            at=at,
            by="model",
            visit_id=call.model_visit_id,
            visitor_id=call.model_visitor_id,
            likelihood=best[1] if best else nobody,
            model_version="test-1",
        )
    )
    session.add_all(CallTag(call_id=call.call_id, tag=tag, position=i) for i, tag in enumerate(tags))
    session.add_all(CallNote(note_id=new_id(at), call_id=call.call_id, at=at, text=text) for text in notes)
    session.flush()
    return call


def staff_said(call: Call, visitor: Visitor | None, likelihood: float) -> None:
    """Credits the call as an override would, without its history."""
    call.matched_by, call.matched_at = "staff", call.started_at
    call.matched_visit_id = visitor.visit_id if visitor else None
    call.matched_visitor_id = visitor.visitor_id if visitor else None
    call.matched_likelihood = likelihood


def visit(
    business: Business, visitor: Visitor, at: datetime, source: TrackingSource | None = None, **fields: Any
) -> Visit:
    """One more visit of a visitor."""
    made = Visit(
        visit_id=new_id(at),
        site_id=business.site.site_id,
        visitor_id=visitor.visitor_id,
        source_id=source.source_id if source else visitor.source_id,
        **{
            "ordinal": 2,
            "started_at": at,
            "local_day": local_day(at, business.site.time_zone),
            "landing_url": "https://example.com/again",
            "utm": {},
            "click_ids": {},
            "channel": "Direct",
            "rules_version": "test",
            "device": "desktop",
            "last_seen_at": at,
            "page_views": 1,
            **fields,
        },
    )
    business.session.add(made)
    business.session.flush()
    return made


def visits_on(business: Business, source: TrackingSource, at: datetime, count: int) -> list[Visitor]:
    """So many visitors with a visit at `at`."""
    day = local_day(at, business.site.time_zone)
    return [business.visitor(at, source, local_day=day) for _ in range(count)]


def holds(
    business: Business,
    visitor: Visitor,
    source: TrackingSource,
    number: str,
    at: datetime = START,
    until: datetime | None = None,
) -> None:
    """The visitor was shown the number."""
    business.session.add(
        Assignment(
            assignment_id=new_id(at),
            visitor_id=visitor.visitor_id,
            source_id=source.source_id,
            number=number,
            started_at=at,
            ended_at=until,
        )
    )
    business.session.flush()


def event(business: Business, visitor: Visitor, kind: str, at: datetime, **fields: Any) -> None:
    """A page reported something."""
    business.session.add(
        VisitEvent(
            event_id=new_id(at),
            visit_id=visitor.visit_id,
            visitor_id=visitor.visitor_id,
            type=kind,
            at=at,
            **{"url": "https://example.com/contact", "number": None, **fields},
        )
    )
    business.session.flush()
