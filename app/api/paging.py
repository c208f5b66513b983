"""Lists in pages: `?limit=&cursor=`, newest first, `{"items", "next_cursor"}`."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.engine_room import engine_room
from app.secretbox import derive
from core.errors import InvalidInput, shown

Place = tuple[datetime, str]
"""Where a page ends: the time (UTC) and the key of its last row."""
Row = TypeVar("Row")

_MAC_BYTES = 12


_NEVER_EMPTY = frozenset({"limit", "cursor"})


class Query(BaseModel):
    """Parameters after the question mark. An empty filter is none, an unknown one is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _given(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value != "" or name in _NEVER_EMPTY}


class PageQuery(Query):
    """The query of a list; derive from it to add filters."""

    limit: int = Field(default=50, ge=1, le=500, description="How many items at most.")
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before.")

    def after(self) -> Place | None:
        """The place to go on after. Raises InvalidInput for a cursor that this server did not give."""
        return read_cursor(self.cursor) if self.cursor is not None else None


class Page(BaseModel):
    """The form of a list; derive from it to declare `items`."""

    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


def page_of(
    rows: Sequence[Row],
    limit: int,
    place: Callable[[Row], Place],
    render: Callable[[Row], dict[str, Any]],
) -> dict[str, Any]:
    """A page from up to `limit` + 1 rows: the one too many only tells that there is a next page."""
    shown_rows = rows[:limit]
    more = len(rows) > limit
    return {
        "items": [render(row) for row in shown_rows],
        "next_cursor": make_cursor(place(shown_rows[-1])) if more else None,
    }


def make_cursor(place: Place) -> str:
    """An opaque, signed cursor for a place (microseconds are kept)."""
    text = f"{place[0].astimezone(UTC).isoformat(timespec='microseconds')}|{place[1]}".encode()
    return base64.urlsafe_b64encode(_mac(text) + text).rstrip(b"=").decode()


def read_cursor(cursor: str) -> Place:
    """The place of a cursor. Raises InvalidInput where it is not one of ours."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        mac, text = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, _mac(text)):
            raise ValueError
        at, _, key = text.decode().partition("|")
        return datetime.fromisoformat(at), key
    except (ValueError, binascii.Error):
        allowed = "the next_cursor of a page is allowed"
        raise InvalidInput({"cursor": f"{shown(cursor)} is no cursor; {allowed}"}) from None


def _mac(text: bytes) -> bytes:
    return hmac.digest(_key(engine_room().settings.secret_key or ""), text, hashlib.sha256)[:_MAC_BYTES]


@lru_cache(maxsize=4)
def _key(secret_key: str) -> bytes:
    return derive(secret_key, "cursors of lists")
