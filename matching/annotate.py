"""What staff write down about a call: tags, its value, whether it is spam, notes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete

from core.errors import InvalidInput, shown
from core.ids import new_id
from core.text import clean
from matching.lock import locked_call
from store.calls import Call, CallNote, CallTag
from store.sessions import AccountSession

MOST_TAGS = 50
TAG_LIMIT = 60
NOTE_LIMIT = 10_000
MOST_MINOR = 10**15
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Unchanged:
    """Marks what an annotation leaves as it is (None would mean: take it away)."""


UNCHANGED = Unchanged()


@dataclass(frozen=True, kw_only=True, slots=True)
class CallValue:
    """What a call was worth, in minor units of an ISO 4217 currency."""

    amount_minor: int
    currency: str


def annotate(
    session: AccountSession,
    *,
    call_id: str,
    at: datetime,
    tags: Sequence[str] | Unchanged = UNCHANGED,
    value: CallValue | Unchanged | None = UNCHANGED,
    spam: bool | Unchanged = UNCHANGED,
) -> None:
    """Sets tags (all of them, in this order), value (None takes it away) and spam of a call; leaves what is not given.

    Raises NotFound, InvalidInput naming `tags`, `value.amount_minor` or `value.currency`.
    """
    call = locked_call(session, call_id)
    if not isinstance(tags, Unchanged):
        _set_tags(session, call, _clean_tags(tags))
    if not isinstance(value, Unchanged):
        _check_value(value)
        call.value_minor = value.amount_minor if value else None
        call.value_currency = value.currency if value else None
    if not isinstance(spam, Unchanged):
        call.spam = spam
    if not all(isinstance(given, Unchanged) for given in (tags, value, spam)):
        call.updated_at = max(call.updated_at, at)
    session.flush()


def add_note(session: AccountSession, *, call_id: str, user_id: str | None, text: str, at: datetime) -> str:
    """Adds a note of `user_id` to a call and returns the note's id. Raises NotFound, InvalidInput naming `text`."""
    call = locked_call(session, call_id)
    written = clean(text, NOTE_LIMIT)
    if written is None:
        raise InvalidInput({"text": "is empty"})
    if len(text) > NOTE_LIMIT:
        raise InvalidInput({"text": f"has {len(text)} characters; at most {NOTE_LIMIT} are allowed"})
    note = CallNote(note_id=new_id(at), call_id=call.call_id, at=at, user_id=user_id, text=written)
    session.add(note)
    call.updated_at = max(call.updated_at, at)
    session.flush()
    return note.note_id


def _clean_tags(tags: Sequence[str]) -> list[str]:
    """The tags trimmed and each once, in their order."""
    found: dict[str, None] = {}
    for tag in tags:
        text = clean(tag, TAG_LIMIT)
        if text is None or len(tag.strip()) > TAG_LIMIT:
            raise InvalidInput({"tags": f"{shown(tag)} is no tag; 1 to {TAG_LIMIT} characters are allowed"})
        found[text] = None
    if len(found) > MOST_TAGS:
        raise InvalidInput({"tags": f"are {len(found)}; at most {MOST_TAGS} are allowed"})
    return list(found)


def _set_tags(session: AccountSession, call: Call, tags: Sequence[str]) -> None:
    session.execute(delete(CallTag).where(CallTag.call_id == call.call_id))
    session.add_all(CallTag(call_id=call.call_id, tag=tag, position=place) for place, tag in enumerate(tags))


def _check_value(value: CallValue | None) -> None:
    if value is None:
        return
    if not 0 <= value.amount_minor <= MOST_MINOR:
        raise InvalidInput({"value.amount_minor": f"{shown(value.amount_minor)} is not between 0 and {MOST_MINOR}"})
    if _CURRENCY.fullmatch(value.currency) is None:
        raise InvalidInput({"value.currency": f"{shown(value.currency)} is no ISO 4217 code, such as USD"})
