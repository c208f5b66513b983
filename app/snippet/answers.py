"""Answers to pages, as plain values: they leave without passing through Flask's dispatch."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from app.http_errors import error_content

Header = tuple[str, str]
_written = json.JSONEncoder(separators=(",", ":")).encode
JSON: Header = ("Content-Type", "application/json")


class PageAnswer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes = b""
    headers: tuple[Header, ...] = ()


def answer(content: Mapping[str, Any], *, status: int = 200, headers: tuple[Header, ...] = ()) -> PageAnswer:
    """A JSON answer."""
    return PageAnswer(status, _written(content).encode(), (JSON, *headers))


def error_answer(
    status: int,
    message: str,
    *,
    code: str | None = None,
    fields: Mapping[str, str] | None = None,
    headers: tuple[Header, ...] = (),
) -> PageAnswer:
    """An error in its one form."""
    return answer(error_content(status, message, code=code, fields=fields), status=status, headers=headers)


def allow_origin(given: PageAnswer, origin: str | None) -> PageAnswer:
    """Lets the page read the answer; never with credentials."""
    allowed = (("Access-Control-Allow-Origin", origin),) if origin is not None else ()
    return given._replace(headers=(*given.headers, *allowed, ("Vary", "Origin"), ("Cache-Control", "no-store")))
