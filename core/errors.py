"""The errors a use case can end with. `app` turns them into HTTP and command-line answers in one place.

RingtraceError
├── InvalidInput    a field is wrong                     422
├── NotFound        no such thing in this account        404
├── Conflict        conflicts with what is there         409
└── NotAllowed      known, but not permitted             403
"""

from collections.abc import Mapping


class RingtraceError(Exception):
    """A failure with a stable `code`, a sentence for people and, where it helps, the fields at fault."""

    code = "error"

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields: dict[str, str] = dict(fields or {})


class InvalidInput(RingtraceError):
    """A field holds something that is not allowed; `fields` says which, what was given and what is allowed."""

    code = "invalid"

    def __init__(self, fields: Mapping[str, str], message: str | None = None) -> None:
        super().__init__(message or "; ".join(f"{k}: {v}" for k, v in fields.items()), fields=fields)


class NotFound(RingtraceError):
    """There is no such thing in this account (whether another account has one is never told)."""

    code = "not_found"


class Conflict(RingtraceError):
    """What was asked conflicts with what is there."""

    code = "conflict"


class NotAllowed(RingtraceError):
    """The asker is known but may not do this."""

    code = "forbidden"


def shown(value: object, limit: int = 80) -> str:
    """`value` as it may stand in an error message: quoted, one line, at most `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
