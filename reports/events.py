"""What providers told us: events as they came, what became of each, and the call it belongs to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select

from core.ids import is_id
from core.phone import e164
from core.text import clean
from store.calls import Call
from store.provider_events import ProviderEvent
from store.sessions import AccountSession

STATES: Final = ("waiting", "done", "failed")
KINDS: Final = ("voice", "status", "recording", "sms", "sweep")


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """What to look for; None asks nothing.

    `text` is a phone number (of `country`, ISO 3166-1 alpha-2, where it has no +), the provider's id of a call or a
    text, or our own id of a call.
    """

    state: str | None = None
    kind: str | None = None
    via: str | None = None
    text: str | None = None
    country: str | None = None


@dataclass(frozen=True, kw_only=True)
class EventRow:
    """An event. `fields` are as they are stored, unstorable characters escaped; `call_id` is our own call, if any.

    `next_try_at`: when it is tried again by itself. Times are aware UTC.
    """

    event_id: str
    kind: str
    via: str
    state: str
    problem: str | None
    tries: int
    sid: str | None
    number: str | None
    fields: list[Any]
    received_at: datetime
    processed_at: datetime | None
    next_try_at: datetime | None
    call_id: str | None


def list_events(
    session: AccountSession, asked: EventFilter, limit: int, before: tuple[datetime, str] | None = None
) -> list[EventRow]:
    """Up to `limit` events, newest first, older than the place `before` (received_at, event_id). One query."""
    query = (
        select(ProviderEvent, Call.call_id)
        .outerjoin(Call, and_(Call.account_id == ProviderEvent.account_id, Call.provider_call_id == ProviderEvent.sid))
        .where(*_conditions(asked))
        .order_by(ProviderEvent.received_at.desc(), ProviderEvent.event_id.desc())
        .limit(limit)
    )
    if before is not None:
        at, event_id = before
        query = query.where(
            ProviderEvent.received_at <= at,
            or_(
                ProviderEvent.received_at < at,
                and_(ProviderEvent.received_at == at, ProviderEvent.event_id < event_id),
            ),
        )
    return [_row(event, call_id) for event, call_id in session.execute(query)]


def count_unfinished(session: AccountSession) -> dict[str, int]:
    """How many events failed and how many wait, by state; a state without any is left out. One query."""
    open_states = or_(ProviderEvent.state == "failed", ProviderEvent.next_try_at.is_not(None))
    counted = select(ProviderEvent.state, func.count()).where(open_states).group_by(ProviderEvent.state)
    return {state: count for state, count in session.execute(counted) if state != "done"}


def _conditions(asked: EventFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for column, value in (
        (ProviderEvent.state, asked.state),
        (ProviderEvent.kind, asked.kind),
        (ProviderEvent.via, asked.via),
    ):
        if value is not None:
            found.append(column == value)
    if asked.text is not None and (wanted := clean(asked.text, 200)):
        found.append(_about(wanted, asked.country))
    return found


def _about(wanted: str, country: str | None) -> ColumnElement[bool]:
    ways: list[ColumnElement[bool]] = [ProviderEvent.sid == wanted]
    if (number := e164(wanted, country)) is not None:
        ways.append(ProviderEvent.number == number)
    if is_id(wanted):
        ways.append(Call.call_id == wanted)
    return or_(*ways)


def _row(event: ProviderEvent, call_id: str | None) -> EventRow:
    return EventRow(
        event_id=event.event_id,
        kind=event.kind,
        via=event.via,
        state=event.state,
        problem=event.problem,
        tries=event.tries,
        sid=event.sid,
        number=event.number,
        fields=event.fields,
        received_at=event.received_at,
        processed_at=event.processed_at,
        next_try_at=event.next_try_at,
        call_id=call_id,
    )
