"""Text from outside: cut to size and free of what databases and screens cannot hold."""

import re

# NUL ends text in PostgreSQL; lone surrogates have no UTF-8 form; other controls only spoil screens and logs.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def clean(value: object, limit: int) -> str | None:
    """`value` trimmed, without control characters, at most `limit` characters; None for no text or nothing left."""
    if not isinstance(value, str):
        return None
    return _UNSTORABLE.sub("", value[: limit * 2]).strip()[:limit] or None


def storable(value: str) -> bool:
    """Whether `value` can be stored as it is."""
    return _UNSTORABLE.search(value) is None
