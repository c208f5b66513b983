"""What staff do to a call: decide who it was, take that back, tags, value, spam, notes.

Each says what it did and offers to undo it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from app.engine_room import engine_room
from app.later_answers import after_decision, after_spam
from app.telling.calls import tell_call
from app.telling.outbox import MATCH_CHANGED
from app.web import words
from app.web.asking import changing, noted, now, person, say
from app.web.filters import read_filters
from app.web.shown import short
from core.errors import InvalidInput, NotFound
from matching.annotate import CallValue, add_note, annotate
from matching.override import MatchChange, override, undo
from reports.calls import CallDetail, Money, call_detail
from store.sessions import AccountSession

_MOST_UNDO = 1_500
"""What undoes an action rides in the browser's form cookie, which holds 4 KB; longer offers are not made."""

Fields = list[tuple[str, str]]
Action = Callable[[str], Response]


def _said_when_refused(action: Action) -> Action:
    """An action whose input does not fit says so where the reader is, instead of on a page of its own."""

    @wraps(action)
    def act(call_id: str) -> Response:
        try:
            return action(call_id)
        except InvalidInput as error:
            say(f"That was not done: {error.message}", alarm=True)
            return _back(call_id)

    return act


def decide(call_id: str) -> Response:
    """Credits the call to a visit, or to nobody (`visit` empty), as staff decided."""
    visit, reason = request.form.get("visit"), request.form.get("reason", "").strip() or None
    if visit is None:
        raise InvalidInput({"visit": "is missing; a visit, or nothing for nobody, is allowed"})
    at = now()
    with changing() as (work, session):
        before = _before(session, call_id)
        change = override(
            session, call_id=call_id, visit_id=visit or None, user_id=person().user_id, reason=reason, at=at
        )
        noted(session, "call.match", call_id, visit=visit or None)
        tell_call(engine_room(), work, person().account_id, MATCH_CHANGED, call_id, at=at)
    after_decision(engine_room(), person().account_id, call_id)
    who = _whom(change)
    _say(f"The call is credited to {who} now.", *_restore(call_id, before))
    return _back(call_id)


def take_back(call_id: str) -> Response:
    """Returns to the model's choice."""
    at = now()
    with changing() as (work, session):
        before = _before(session, call_id)
        change = undo(session, call_id=call_id, user_id=person().user_id, at=at)
        if change is not None:
            noted(session, "call.match.undo", call_id)
            tell_call(engine_room(), work, person().account_id, MATCH_CHANGED, call_id, at=at)
    if change is None:
        _say("The model's choice counts already.")
    else:
        after_decision(engine_room(), person().account_id, call_id)
        _say(f"The model's choice counts again: {_whom(change)}.", *_restore(call_id, before))
    return _back(call_id)


def _before(session: AccountSession, call_id: str) -> CallDetail:
    detail = call_detail(session, call_id)
    if detail is None:
        raise NotFound("there is no such call")
    return detail


def _whom(change: MatchChange) -> str:
    if change.visit_id is None:
        return "nobody from the site"
    return f"{short(change.visitor_id)} ({words.percent(change.likelihood)})"


def _restore(call_id: str, before: CallDetail) -> tuple[str, Fields]:
    """What brings the match back that was there: staff's decision with its reason, or the model's choice."""
    match = before.call.match
    if match is None or match.by != "staff":
        return _url("web.take_back", call_id), []
    reason = next((d.reason for d in reversed(before.history) if d.by == "staff" and not d.undo), None)
    return _url("web.decide", call_id), [("visit", match.visit_id or ""), ("reason", reason or "")]


def tag(call_id: str) -> Response:
    """Sets the tags, separated by commas."""
    wanted = [text.strip() for text in request.form.get("tags", "").split(",") if text.strip()]
    with changing() as (_, session):
        before = _before(session, call_id).call.tags
        annotate(session, call_id=call_id, at=now(), tags=wanted)
        noted(session, "call.change", call_id, fields=["tags"])
    said = f"Tagged {', '.join(dict.fromkeys(wanted))}." if wanted else "All tags are off."
    _say(said, _url("web.tag", call_id), [("tags", ", ".join(before))])
    return _back(call_id)


def put_value(call_id: str) -> Response:
    """Sets what the call was worth; an empty amount takes it away."""
    currency = request.form.get("currency", "").strip().upper()
    text = request.form.get("amount", "")
    value = _read_value(text, currency) if text.strip() else None
    with changing() as (_, session):
        before = _before(session, call_id).call.value
        annotate(session, call_id=call_id, at=now(), value=value)
        noted(session, "call.change", call_id, fields=["value"])
    said = f"The call is worth {words.money(value.amount_minor, value.currency)}." if value else "The value is off."
    _say(said, _url("web.put_value", call_id), _value_fields(before, currency))
    return _back(call_id)


def _read_value(text: str, currency: str) -> CallValue:
    minor = words.read_amount(text, currency)
    if minor is None:
        raise InvalidInput({"amount": "is no amount; digits are allowed, such as 480 or 1,200.50"})
    return CallValue(amount_minor=minor, currency=currency)


def _value_fields(value: Money | None, currency: str) -> Fields:
    if value is None:
        return [("amount", ""), ("currency", currency)]
    return [("amount", words.plain_amount(value.amount_minor, value.currency)), ("currency", value.currency)]


def mark_spam(call_id: str) -> Response:
    """Marks as spam, or takes the mark off."""
    spam = request.form.get("spam") == "yes"
    with changing() as (_, session):
        before = _before(session, call_id).call.spam
        annotate(session, call_id=call_id, at=now(), spam=spam)
        noted(session, "call.change", call_id, fields=["spam"])
    after_spam(engine_room(), person().account_id, call_id, spam=spam)
    said = "Marked as spam: it counts in no report." if spam else "No spam: it counts in reports again."
    _say(said, _url("web.mark_spam", call_id), [("spam", "yes" if before else "no")])
    return _back(call_id)


def note(call_id: str) -> Response:
    """Adds a note. Notes are a record, so there is nothing to undo."""
    with changing() as (_, session):
        add_note(session, call_id=call_id, user_id=person().user_id, text=request.form.get("text", ""), at=now())
        noted(session, "call.note", call_id)
    _say("The note is kept.")
    return _back(call_id)


def _say(text: str, url: str | None = None, fields: Fields | None = None) -> None:
    offer: dict[str, Any] | None = {"url": url, "fields": fields or []} if url else None
    if offer and sum(len(value) for _, value in offer["fields"]) > _MOST_UNDO:
        offer = None
    say(text, undo=offer)


def _url(endpoint: str, call_id: str) -> str:
    """Keeps the filters of the log the reader came from."""
    return url_for(endpoint, call_id=call_id, **read_filters(request.args).url_args())


def _back(call_id: str) -> Response:
    return redirect(_url("web.call", call_id), code=303)


def add_routes(web: Blueprint) -> None:
    """Everything a call can have done to it."""
    for path, view in (
        ("match", decide),
        ("match/undo", take_back),
        ("tags", tag),
        ("value", put_value),
        ("spam", mark_spam),
        ("notes", note),
    ):
        web.add_url_rule(f"/calls/<call_id>/{path}", view_func=_said_when_refused(view), methods=["POST"])
