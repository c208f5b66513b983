"""`/api/v1/calls`: the call log, what staff write about a call, and whom they credit it to."""

from typing import Annotated, Any, Literal

from flask import Response, g, jsonify
from pydantic import Field

from app.accounts.names import user_names
from app.api.auth import noted, writing
from app.api.base import Body, ById, Text, api_blueprint
from app.api.call_answers import CallAnswer, CallItem, NoteAnswer, call_answer, call_item, note_answer
from app.api.paging import Page, PageQuery, page_of
from app.engine_room import engine_room
from app.later_answers import after_decision, after_spam
from app.secretbox import VisitorIds
from app.telling.calls import tell_call
from app.telling.outbox import MATCH_CHANGED
from core.errors import NotFound, shown
from core.time import parse_moment
from matching.annotate import MOST_MINOR, MOST_TAGS, NOTE_LIMIT, TAG_LIMIT, CallValue, add_note, annotate
from matching.override import REASON_LIMIT, override, undo
from reports.calls import CallDetail, CallFilter, CallRow, call_detail, list_calls
from reports.period import zone_of_dates
from store.sessions import AccountSession, Work

bp = api_blueprint("calls")

Likelihood = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Tag = Annotated[Text, Field(min_length=1, max_length=TAG_LIMIT)]
Status = Literal["queued", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled"]
DATE_LENGTH = 10


class CallsQuery(PageQuery):
    """Filters of the call log. Times are ISO 8601, or dates: the midnight that begins them at the site."""

    from_: str | None = Field(default=None, alias="from", description="Started at or after.")
    to: str | None = Field(default=None, description="Started before.")
    site: str | None = None
    source: str | None = Field(default=None, description="A source's slug or id.")
    number: str | None = Field(default=None, description="The tracking number that was dialled, E.164.")
    status: Status | None = None
    min_likelihood: Likelihood | None = Field(default=None, description="Of whom the call is credited to.")
    max_likelihood: Likelihood | None = Field(default=None, description="Of whom the call is credited to.")
    match: Literal["model", "staff", "none"] | None = Field(
        default=None,
        description="Matched to a visit by the model, decided by staff, or credited to nobody by whomever.",
    )
    caller: str | None = Field(default=None, description="The caller's number, E.164, or `withheld`.")
    visitor: str | None = Field(default=None, description="Credited to this visitor.")
    tag: str | None = None
    spam: bool | None = None
    q: str | None = Field(default=None, description="In the caller's number or name, tags or notes.")


class CallsPage(Page):
    """A page of the call log, newest first."""

    items: list[CallItem]


class ValueBody(Body):
    """What a call was worth."""

    amount_minor: int = Field(ge=0, le=MOST_MINOR, description="In minor units of the currency.")
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217.")


class CallChange(Body):
    """What staff set on a call; what is not sent stays."""

    tags: list[Tag] = Field(default=[], max_length=MOST_TAGS, description="All of them, in their order.")
    value: ValueBody | None = Field(default=None, description="Null takes it away.")
    spam: bool = False


class NoteBody(Body):
    """A note about a call."""

    text: Annotated[Text, Field(min_length=1, max_length=NOTE_LIMIT)]


class MatchBody(Body):
    """Whom to credit a call to; null is nobody from the site."""

    visit: str | None = Field(description="A visit of the call's site that began before the call.")
    reason: Annotated[Text, Field(max_length=REASON_LIMIT)] | None = None


@bp.get("/calls", responses={200: CallsPage})
def calls_list(query: CallsQuery) -> Response:
    """The call log, newest first."""
    place = query.after()
    with engine_room().database.read() as work:
        session = work.account(g.account_id)
        rows = list_calls(session, _filter(session, query), query.limit + 1, place)
        names = user_names(work.directory, {r.match.user_id for r in rows if r.match and r.match.user_id})

    def render(row: CallRow) -> dict[str, Any]:
        return call_item(row, names).json_ready()

    return jsonify(page_of(rows, query.limit, lambda row: (row.started_at, row.call_id), render))


@bp.get("/calls/<string:id>", responses={200: CallAnswer})
def call_get(path: ById) -> Response:
    """One call with candidates, evidence, notes and history."""
    with engine_room().database.read() as work:
        return _answer(work, path.id)


@bp.patch("/calls/<string:id>", responses={200: CallAnswer})
def call_change(path: ById, body: CallChange) -> Response:
    """Sets tags, value and spam of a call."""
    given = body.given()
    if given.get("value") is not None:
        given["value"] = CallValue(amount_minor=body.value.amount_minor, currency=body.value.currency)  # type: ignore[union-attr]
    with writing() as (work, session):
        annotate(session, call_id=path.id, at=engine_room().now(), **given)
        noted(session, "call.change", path.id, fields=sorted(given))
        if "spam" not in given:
            return _answer(work, path.id)
    after_spam(engine_room(), g.account_id, path.id, spam=body.spam)
    with engine_room().database.read() as work:
        return _answer(work, path.id)


@bp.post("/calls/<string:id>/notes", responses={201: NoteAnswer})
def call_note_create(path: ById, body: NoteBody) -> tuple[Response, int]:
    """Adds a note to a call."""
    with writing() as (work, session):
        note_id = add_note(session, call_id=path.id, user_id=g.user_id, text=body.text, at=engine_room().now())
        noted(session, "call.note", path.id)
        detail = _detail(session, path.id)
        names = user_names(work.directory, detail.user_ids)
    note = next(n for n in detail.notes if n.note_id == note_id)
    return jsonify(note_answer(note, names).json_ready()), 201


@bp.put("/calls/<string:id>/match", responses={200: CallAnswer})
def call_match_set(path: ById, body: MatchBody) -> Response:
    """Credits a call to a visit, or to nobody, whatever the model says."""
    room = engine_room()
    at = room.now()
    with writing() as (work, session):
        override(session, call_id=path.id, visit_id=body.visit, user_id=g.user_id, reason=body.reason, at=at)
        noted(session, "call.match", path.id, visit=body.visit)
        answer = _answer(work, path.id)
        tell_call(room, work, g.account_id, MATCH_CHANGED, path.id, at=at)
    after_decision(engine_room(), g.account_id, path.id)
    return answer


@bp.delete("/calls/<string:id>/match", responses={204: None})
def call_match_delete(path: ById) -> tuple[str, int]:
    """Returns to the model's choice."""
    room = engine_room()
    at = room.now()
    with writing() as (work, session):
        change = undo(session, call_id=path.id, user_id=g.user_id, at=at)
        if change is not None:
            noted(session, "call.match.undo", path.id)
            tell_call(room, work, g.account_id, MATCH_CHANGED, path.id, at=at)
    if change is not None:
        after_decision(engine_room(), g.account_id, path.id)
    return "", 204


def _filter(session: AccountSession, query: CallsQuery) -> CallFilter:
    dates = any(len(moment) == DATE_LENGTH for moment in (query.from_, query.to) if moment)
    zone = zone_of_dates(session, query.site) if dates else "UTC"
    return CallFilter(
        start=None if query.from_ is None else parse_moment(query.from_, zone, "from"),
        end=None if query.to is None else parse_moment(query.to, zone, "to"),
        site=query.site,
        source=query.source,
        number=query.number,
        status=query.status,
        min_likelihood=query.min_likelihood,
        max_likelihood=query.max_likelihood,
        match=query.match,
        caller=query.caller,
        visitor=None if query.visitor is None else VisitorIds.bare(query.visitor),
        tag=query.tag,
        spam=query.spam,
        text=query.q,
    )


def _answer(work: Work, call_id: str) -> Response:
    detail = _detail(work.account(g.account_id), call_id)
    return jsonify(call_answer(detail, user_names(work.directory, detail.user_ids)).json_ready())


def _detail(session: AccountSession, call_id: str) -> CallDetail:
    detail = call_detail(session, call_id)
    if detail is None:
        raise NotFound(f"there is no call {shown(call_id)}")
    return detail
