"""Who asks: bearer tokens, their rate, and bodies that can be read, before any endpoint runs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Response, g, request
from sqlalchemy import select

from app.accounts.create import hash_token
from app.engine_room import engine_room
from app.http_errors import error_response
from store.directory import ApiToken
from store.sessions import AccountSession, Work


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
    """400 for a body that is no JSON, 422 for JSON that is no object (or, where a list is taken, no list)."""
    if request.method not in {"POST", "PUT", "PATCH"}:
        return None
    raw = request.get_data(cache=True)
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return error_response(400, "the body is no JSON")
    if not isinstance(body, dict):
        return error_response(422, "the body is no JSON object", fields={"body": "a JSON object is allowed"})
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
    """The asker's account, to change; committed when the block ends."""
    with engine_room().database.write() as work:
        yield work, work.account(g.account_id)
