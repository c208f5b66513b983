"""The erasure of a person from an account, by phone number, e-mail address or visitor id; the counts stay.

Their visits stay as visits of nobody in particular: under a new id, with the campaign and nothing else. Their calls and
texts stay as those of a withheld caller, without name, notes, words and recordings. Whatever else names them, in any
text of the account, is taken out. Done in several transactions; a run that broke off is gone on with by the next one.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from sqlalchemy import delete, func, select, update

from app.audit import note
from app.retention.rest import UNTOUCHED, remove_recordings
from app.retention.sweep_text import ERASED, replacing, tables, take_out
from app.retention.visits import empty
from app.settings import Settings
from core.errors import Conflict
from core.ids import new_id
from core.phone import international, national
from store.calls import Call, CallAnswer, CallCandidate, CallNote, MatchDecision
from store.imports import ImportedVisitor
from store.messages import Message
from store.provider_events import CallRecording, ProviderEvent
from store.sessions import AccountSession, Database
from store.sites import Site, TrackingNumber, TrackingSource
from store.visits import Assignment, Form, Visit, Visitor

_VISITOR_COLUMNS = (
    Visit.visitor_id,
    Assignment.visitor_id,
    CallCandidate.visitor_id,
    MatchDecision.visitor_id,
    CallAnswer.visitor_id,
    Call.model_visitor_id,
    Call.matched_visitor_id,
    Message.matched_visitor_id,
)
_CHUNK = 200
_TELLING_DIGITS = 9
"""So many digits without a country are still somebody's number."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whom to erase: `value` is E.164, an e-mail address, or the bare id of a visitor."""

    kind: Literal["phone", "email", "visitor"]
    value: str

    def words(self) -> list[str]:
        """How the person may be written in texts."""
        if self.kind == "phone":
            at_home = national(self.value)
            digits = "".join(c for c in at_home if c.isdigit())
            dashed = "-".join(at_home.replace("(", " ").replace(")", " ").replace("-", " ").split())
            found = [self.value, self.value.removeprefix("+"), at_home, international(self.value), dashed]
            found += [digits] if len(digits) >= _TELLING_DIGITS else []
        else:
            found = [self.value, quote(self.value, safe=""), json.dumps(self.value)[1:-1]]
        return list(dict.fromkeys(found))


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What was touched, by kind."""

    counts: Counter[str] = field(default_factory=Counter)

    def told(self) -> dict[str, int]:
        """As one JSON object."""
        names = ("visitors", "visits", "calls", "messages", "recordings", "events", "texts")
        return {name: self.counts[name] for name in names}


def find(session: AccountSession, person: Person) -> dict[str, int]:
    """How many visitors, visits, calls and texts the person has, as far as is known by this. Changes nothing.

    Raises Conflict where the number is one of the account's own.
    """
    _require_stranger(session, person)
    visitors = _visitors(session, person)
    visits = select(func.count()).select_from(Visit).where(Visit.visitor_id.in_(visitors))
    return {
        "visitors": len(visitors),
        "visits": session.scalar(visits) or 0,
        "calls": len(_calls(session, person)),
        "messages": len(_messages(session, person)),
    }


def erase(database: Database, settings: Settings, account_id: str, person: Person, at: datetime) -> Erased:
    """Erases the person from the account. Raises Conflict where the number is one of the account's own."""
    done = Erased()
    with database.read() as work:
        session = work.account(account_id)
        _require_stranger(session, person)
        visitors = _visitors(session, person)
    for visitor_id in visitors:
        with database.write() as work:
            anew = _forget_visitor(work.account(account_id), visitor_id, done.counts)
        _sweep(database, account_id, [visitor_id], anew, done.counts)
    with database.write() as work:
        session = work.account(account_id)
        _forget_calls(session, person, settings, at, done.counts)
        _forget_messages(session, person, done.counts)
    _sweep(database, account_id, person.words(), ERASED, done.counts)
    with database.write() as work:
        details = {"known_by": person.kind, **done.told()}
        note(work.account(account_id), "account.erase", None, by="system", user_id=None, at=at, details=details)
    return done


def _require_stranger(session: AccountSession, person: Person) -> None:
    if person.kind != "phone":
        return
    own = {number for numbers in session.scalars(select(Site.numbers)) for number in numbers}
    own |= set(session.scalars(select(TrackingNumber.number))) | set(
        session.scalars(select(TrackingSource.destination))
    )
    if person.value in own:
        raise Conflict(f"{person.value} is a number of the account itself, not of somebody who called")


def _visitors(session: AccountSession, person: Person) -> Sequence[str]:
    if person.kind == "visitor":
        return session.scalars(select(Visitor.visitor_id).where(Visitor.visitor_id == person.value)).all()
    known = Form.phone == person.value if person.kind == "phone" else func.lower(Form.email) == person.value.lower()
    return session.scalars(select(Form.visitor_id).where(known).distinct()).all()


def _calls(session: AccountSession, person: Person) -> Sequence[Call]:
    return session.scalars(select(Call).where(Call.from_number == person.value)).all() if person.kind == "phone" else []


def _messages(session: AccountSession, person: Person) -> Sequence[Message]:
    if person.kind != "phone":
        return []
    return session.scalars(select(Message).where(Message.from_number == person.value)).all()


def _forget_visitor(session: AccountSession, visitor_id: str, counts: Counter[str]) -> str:
    """Empties a visitor's visits and gives the visitor a new id, which is returned; nobody's browser knows it."""
    old = session.get_one(Visitor, (session.account_id, visitor_id))
    visits = session.scalars(select(Visit).where(Visit.visitor_id == visitor_id)).all()
    empty(session, visits)
    values = {column.key: getattr(old, column.key) for column in Visitor.__table__.columns}
    anew = new_id(old.first_seen_at)
    session.add(Visitor(**{**values, "visitor_id": anew, "origin": None}))
    session.flush()
    session.execute(
        delete(ImportedVisitor).where(ImportedVisitor.visitor_id == visitor_id).execution_options(**UNTOUCHED)
    )
    for column in _VISITOR_COLUMNS:
        changed: dict[Any, Any] = {column.key: anew}
        session.execute(
            update(column.class_).where(column == visitor_id).values(changed).execution_options(**UNTOUCHED)
        )
    session.expunge_all()
    session.execute(delete(Visitor).where(Visitor.visitor_id == visitor_id).execution_options(**UNTOUCHED))
    counts["visitors"] += 1
    counts["visits"] += len(visits)
    return anew


def _forget_calls(
    session: AccountSession, person: Person, settings: Settings, at: datetime, counts: Counter[str]
) -> None:
    calls = _calls(session, person)
    ids = [call.call_id for call in calls]
    for call in calls:
        call.from_number = call.caller_name = None
        call.updated_at = at
    for written in session.scalars(select(CallNote).where(CallNote.call_id.in_(ids))):
        written.text = ERASED
    recordings = list(session.scalars(select(CallRecording.recording_id).where(CallRecording.call_id.in_(ids))))
    remove_recordings(session, recordings, settings, at)
    _forget_events(session, [call.provider_call_id for call in calls], counts)
    counts["calls"] += len(calls)
    counts["recordings"] += len(recordings)


def _forget_messages(session: AccountSession, person: Person, counts: Counter[str]) -> None:
    messages = _messages(session, person)
    for message in messages:
        message.from_number = message.sender = None
        message.body = ERASED
    _forget_events(session, [message.provider_message_id for message in messages], counts)
    counts["messages"] += len(messages)


def _forget_events(session: AccountSession, sids: list[str], counts: Counter[str]) -> None:
    """Raw events of these calls and texts go, unless they wait to be processed: from those the person is taken out."""
    session.flush()
    for start in range(0, len(sids), _CHUNK):
        gone = session.execute(
            delete(ProviderEvent)
            .where(ProviderEvent.sid.in_(sids[start : start + _CHUNK]), ProviderEvent.state != "waiting")
            .execution_options(**UNTOUCHED)
        )
        counts["events"] += gone.rowcount  # type: ignore[attr-defined]


def _sweep(database: Database, account_id: str, words: Sequence[str], by: str, counts: Counter[str]) -> None:
    """Takes words out of every text of the account, some rows at a time."""
    replace = replacing(words, by)
    for table in tables():
        done = 1
        while done:
            with database.write() as work:
                done = take_out(work.account(account_id), table, words, replace)
            counts["texts"] += done
