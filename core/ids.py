"""Ids: UUIDv7 (RFC 9562) from the time that is passed in, opaque outside, sortable by creation inside."""

import re
import secrets
import uuid
from datetime import datetime

_ID = re.compile(r"[0-9a-f]{32}")


def new_id(at: datetime, order: int | None = None) -> str:
    """A new id for something that came to be at `at` (aware UTC): 32 hex digits of a UUIDv7.

    48 bits of milliseconds lead, 74 random bits follow, so ids of one moment do not collide and
    sorting by id is sorting by creation to the millisecond. With `order` (0 to 2^34 - 1, RFC 9562 section 6.2 method
    1) ids of one millisecond sort by it: for what is known to have happened in this order.
    """
    millis = int(at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    random = secrets.randbits(74) if order is None else (order & 0x3_FFFF_FFFF) << 40 | secrets.randbits(40)
    value = millis << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | (random & (1 << 62) - 1)
    return uuid.UUID(int=value).hex


def is_id(text: object) -> bool:
    """Whether `text` has the form of an id of ours; anything else need not be looked up."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def new_secret(prefix: str = "", nbytes: int = 24) -> str:
    """A random secret of `nbytes` bytes of entropy in URL-safe characters, after `prefix`."""
    return prefix + secrets.token_urlsafe(nbytes)
