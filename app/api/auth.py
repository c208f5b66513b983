"""Who asks: bearer tokens, their rate, and bodies that can be read, before any endpoint runs."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Response, g, request
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.accounts.create import hash_token
from app.api.idempotency import mark
from app.audit import note
from app.engine_room import engine_room
from app.http_errors import error_response
from core.errors import Conflict
from store.directory import ApiToken
from store.sessions import AccountSession, Work

_UNIQUE_VIOLATION = "23505"  # PostgreSQL's SQLSTATE


def require_token() -> Response | None:
    """Before every API request: 401 without a valid token, 429 above its rate; remembers account and user."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    room = engine_room()
    row = None
    if kind.lower() == "bearer" and token.strip():
        with room.database.read() as work:
            row = work.directory.scalar(
                select(ApiToken).where(ApiToken.token_hash == hash_token(token.strip()), ApiToken.revoked_at.is_(None))
            )
    if row is None:
        response = error_response(401, "a valid API token is needed: Authorization: Bearer TOKEN")
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    if not room.within("api", row.token_hash.hex(), room.settings.api_calls_per_minute):
        response = error_response(429, "too many API calls with this token; try again within a minute")
        response.headers["Retry-After"] = "60"
        return response
    g.account_id, g.user_id = row.account_id, row.user_id
    return None


def require_readable_body() -> Response | None:
    """400 for a body that is no JSON, 422 for JSON that is no object."""
    return _require_readable(dict, "a JSON object is allowed")


def require_readable_list() -> Response | None:
    """The same where a list is taken too."""
    return _require_readable((dict, list), "a JSON object or a list of them is allowed")


def _require_readable(kinds: type | tuple[type, ...], allowed: str) -> Response | None:
    if request.method not in {"POST", "PUT", "PATCH"}:
        return None
    raw = request.get_data(cache=True)
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return error_response(400, "the body is no JSON")
    if not isinstance(body, kinds):
        return error_response(422, "the body is no JSON object", fields={"body": allowed})
    g.api_body = body
    return None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@contextmanager
def reading() -> Iterator[AccountSession]:
    """The asker's account, to read."""
    with engine_room().database.read() as work:
        yield work.account(g.account_id)


@contextmanager
def writing() -> Iterator[tuple[Work, AccountSession]]:
    """The asker's account, to change; committed when the block ends.

    Raises Conflict where another request took the same unique key between our look and our write.
    """
    try:
        with engine_room().database.write() as work:
            session = work.account(g.account_id)
            mark(session)
            yield work, session
    except IntegrityError as error:
        if not is_taken_key(error):
            raise
        raise Conflict("another request made the same thing at the same moment") from error


def noted(session: AccountSession, action: str, subject: str | None, **details: Any) -> None:
    """Writes into the audit log what the asker does in this transaction (see `app.audit`)."""
    note(session, action, subject, by="token", user_id=g.user_id, at=engine_room().now(), details=details)


def is_taken_key(error: IntegrityError) -> bool:
    """Whether a unique or primary key was taken; every other broken constraint is a mistake of ours."""
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode in {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
    return getattr(error.orig, "sqlstate", None) == _UNIQUE_VIOLATION
