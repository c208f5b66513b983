"""`/api/v1/visitors/{id}` and `/api/v1/visits/{id}`: who was on the site, and what they did there."""

from typing import Any

from flask import Response, jsonify
from pydantic import ConfigDict, Field

from app.api.auth import reading
from app.api.base import Answer, ById, api_blueprint
from app.engine_room import engine_room
from app.secretbox import VisitorIds
from core.errors import NotFound, shown
from core.time import format_time
from reports.visitors import (
    NumberHeld,
    VisitDetail,
    VisitorCall,
    VisitorDetail,
    VisitRow,
    visit_detail,
    visitor_detail,
)

bp = api_blueprint("visitors")


class HeldAnswer(Answer):
    """The visitor was shown this number from … to … (null while it is theirs)."""

    model_config = ConfigDict(populate_by_name=True)

    number: str
    source: str
    from_: str = Field(alias="from")
    to: str | None


class VisitorCallAnswer(Answer):
    """A call the visitor may have made."""

    id: str
    started_at: str
    number: str
    likelihood: float = Field(description="What the model gives this visitor, 0 to 1.")
    credited: bool = Field(description="Whether the call is credited to this visitor.")


class VisitItem(Answer):
    """A visit in a visitor's list."""

    id: str
    source: str | None
    started_at: str
    last_seen_at: str
    landing_url: str


class VisitorAnswer(Answer):
    """A visitor; numbers, calls and visits newest first, up to 500 of each."""

    id: str
    site: str
    first_seen_at: str
    last_seen_at: str
    device: str
    region: str | None = Field(description="ISO 3166-2; null where unknown.")
    contact: str | None = Field(description="external_id of the contact this visitor is known to be.")
    numbers: list[HeldAnswer]
    calls: list[VisitorCallAnswer]
    visits: list[VisitItem]


class EventAnswer(Answer):
    """Something a page reported."""

    type: str
    at: str
    url: str | None
    number: str | None
    data: dict[str, Any] | None


class VisitAnswer(Answer):
    """A visit with its events in the order they happened."""

    id: str
    visitor: str
    site: str
    source: str | None
    channel: str
    device: str
    started_at: str
    last_seen_at: str
    landing_url: str
    referrer: str | None
    utm: dict[str, Any]
    click_ids: dict[str, Any]
    events: list[EventAnswer]


@bp.get("/visitors/<string:id>", responses={200: VisitorAnswer})
def visitor_get(path: ById) -> Response:
    """One visitor, by the id that pages and calls show."""
    with reading() as session:
        visitor = visitor_detail(session, VisitorIds.bare(path.id))
    if visitor is None:
        raise NotFound(f"there is no visitor {shown(path.id)}")
    return jsonify(_visitor(visitor).json_ready())


@bp.get("/visits/<string:id>", responses={200: VisitAnswer})
def visit_get(path: ById) -> Response:
    """One visit with its events."""
    with reading() as session:
        visit = visit_detail(session, path.id)
    if visit is None:
        raise NotFound(f"there is no visit {shown(path.id)}")
    return jsonify(_visit(visit).json_ready())


def _visitor(visitor: VisitorDetail) -> VisitorAnswer:
    return VisitorAnswer(
        id=engine_room().visitor_ids.sign(visitor.site_id, visitor.visitor_id),
        site=visitor.site_id,
        first_seen_at=format_time(visitor.first_seen_at),
        last_seen_at=format_time(visitor.last_seen_at),
        device=visitor.device,
        region=visitor.region,
        contact=None,
        numbers=[_held(held) for held in visitor.numbers],
        calls=[_call(call) for call in visitor.calls],
        visits=[_visit_item(visit) for visit in visitor.visits],
    )


def _held(held: NumberHeld) -> HeldAnswer:
    return HeldAnswer(
        number=held.number,
        source=held.source,
        from_=format_time(held.start),
        to=None if held.end is None else format_time(held.end),
    )


def _call(call: VisitorCall) -> VisitorCallAnswer:
    return VisitorCallAnswer(
        id=call.call_id,
        started_at=format_time(call.started_at),
        number=call.number,
        likelihood=call.likelihood,
        credited=call.credited,
    )


def _visit_item(visit: VisitRow) -> VisitItem:
    return VisitItem(
        id=visit.visit_id,
        source=visit.source,
        started_at=format_time(visit.started_at),
        last_seen_at=format_time(visit.last_seen_at),
        landing_url=visit.landing_url,
    )


def _visit(visit: VisitDetail) -> VisitAnswer:
    return VisitAnswer(
        id=visit.visit_id,
        visitor=engine_room().visitor_ids.sign(visit.site_id, visit.visitor_id),
        site=visit.site_id,
        source=visit.source,
        channel=visit.channel,
        device=visit.device,
        started_at=format_time(visit.started_at),
        last_seen_at=format_time(visit.last_seen_at),
        landing_url=visit.landing_url,
        referrer=visit.referrer,
        utm=dict(visit.utm),
        click_ids=dict(visit.click_ids),
        events=[
            EventAnswer(
                type=e.type,
                at=format_time(e.at),
                url=e.url,
                number=e.number,
                data=None if e.data is None else dict(e.data),
            )
            for e in visit.events
        ],
    )
