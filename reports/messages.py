"""The log of texts: lists of them, and one with everybody who may have sent it. One query each, whatever their size."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import defer

from core.ids import is_id
from core.text import clean
from reports.call_facts import Candidate
from reports.call_filter import SEARCH_LIMIT, WITHHELD, as_id, as_phone, digits_of, holds, of_source
from reports.superseded import kept_candidate
from store.messages import Message
from store.paging import newest_first
from store.sessions import AccountSession
from store.sites import TrackingSource


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageFilter:
    """What to look for; None asks nothing.

    `start` is inclusive, `end` exclusive (aware UTC). `site` is an id, `source` a slug or an id, `number` the tracking
    number that was written to and `caller` who wrote (E.164, or "withheld" for who has no telephone number). `visitor`
    is the bare id of the visitor it is matched to. `text` searches the words, and who wrote them (in any format).
    """

    start: datetime | None = None
    end: datetime | None = None
    site: str | None = None
    source: str | None = None
    number: str | None = None
    caller: str | None = None
    visitor: str | None = None
    text: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageRow:
    """One text. `from_number` is None where no telephone number wrote it; `sender` then says who, if that was told.

    `visit_id`, `visitor_id` and `likelihood` (0 to 1) are the model's match, None where `none` (nobody from the site)
    is likelier. `candidates`, likeliest first, are None where they were not asked for.
    """

    message_id: str
    provider_message_id: str
    site_id: str
    source_id: str
    source: str
    source_name: str
    number: str
    from_number: str | None
    sender: str | None
    body: str
    media: int
    at: datetime
    model: str | None
    none: float
    visit_id: str | None
    visitor_id: str | None
    likelihood: float | None
    candidates: tuple[Candidate, ...] | None


def list_messages(
    session: AccountSession,
    asked: MessageFilter,
    limit: int,
    before: tuple[datetime, str] | None = None,
    *,
    candidates: bool = True,
) -> list[MessageRow]:
    """Up to `limit` texts, newest first, older than the place `before` (at, message_id). One query.

    Raises InvalidInput where the filter holds a number that is none.
    """
    query = newest_first(
        _messages().where(*_conditions(asked)), Message.at, Message.message_id, after=before, limit=limit
    )
    if before is not None:
        query = query.where(Message.at <= before[0])  # says nothing new; it is what an index can start from
    if not candidates:
        query = query.options(defer(Message.candidates, raiseload=True))
    return [_row(message, slug, name, candidates=candidates) for message, slug, name in session.execute(query)]


def message_detail(session: AccountSession, message_id: str) -> MessageRow | None:
    """One text with its candidates, or None where this account has none such. One query."""
    if not is_id(message_id):
        return None
    found = session.execute(_messages().where(Message.message_id == message_id)).one_or_none()
    return None if found is None else _row(found[0], found[1], found[2], candidates=True)


def _messages() -> Select[*tuple[Any, ...]]:
    return select(Message, TrackingSource.slug, TrackingSource.name).join(
        TrackingSource,
        and_(TrackingSource.account_id == Message.account_id, TrackingSource.source_id == Message.source_id),
    )


def _conditions(asked: MessageFilter) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.start is not None:
        found.append(Message.at >= asked.start)
    if asked.end is not None:
        found.append(Message.at < asked.end)
    if asked.site is not None:
        found.append(Message.site_id == as_id(asked.site))
    if asked.source is not None:
        found.append(of_source(asked.source))
    if asked.number is not None:
        found.append(Message.number == as_phone(asked.number, "number"))
    if asked.caller == WITHHELD:
        found.append(Message.from_number.is_(None))
    elif asked.caller is not None:
        found.append(Message.from_number == as_phone(asked.caller, "caller"))
    if asked.visitor is not None:
        found.append(Message.matched_visitor_id == as_id(asked.visitor))
    if asked.text is not None and (wanted := clean(asked.text, SEARCH_LIMIT)):
        found.append(_holds_text(wanted))
    return found


def _holds_text(wanted: str) -> ColumnElement[bool]:
    found = [holds(Message.body, wanted), holds(Message.sender, wanted)]
    if digits := digits_of(wanted):
        found.append(Message.from_number.contains(digits, autoescape=True))
    return or_(*found)


def _row(message: Message, slug: str, name: str, *, candidates: bool) -> MessageRow:
    return MessageRow(
        message_id=message.message_id,
        provider_message_id=message.provider_message_id,
        site_id=message.site_id,
        source_id=message.source_id,
        source=slug,
        source_name=name,
        number=message.number,
        from_number=message.from_number,
        sender=message.sender,
        body=message.body,
        media=message.media,
        at=message.at,
        model=message.model_version,
        none=message.none_likelihood,
        visit_id=message.matched_visit_id,
        visitor_id=message.matched_visitor_id,
        likelihood=message.matched_likelihood,
        candidates=tuple(kept_candidate(kept) for kept in message.candidates) if candidates else None,
    )
