"""The demo's telephone: rings numbers of the demo account through the built-in provider, over HTTP like a real one.

A browser keeps its call as a signed ticket, so that any process can end it, and nobody a call of somebody else's.
"""

import json
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import request
from itsdangerous import BadSignature, URLSafeSerializer

from app.client_address import client_address
from app.demo.business import is_live_caller
from app.demo.establish import demo_account
from app.engine_room import EngineRoom
from app.secretbox import derive
from app.serve import serves_at
from app.telephony.demo import DemoProvider, WebhookRefused
from app.telephony.tokens import tokens_of
from core.errors import InvalidInput, NotAllowed, RingtraceError, shown
from core.phone import e164
from store.sites import TrackingNumber

CALLS_PER_MINUTE = 20
"""Of one address."""
_MAX_BYTES = 2_000
# A call being placed holds its own request and needs another thread for the webhook: with all threads placing calls,
# none would be left to answer them.
_AT_ONCE = threading.BoundedSemaphore(4)


class Refused(RingtraceError):
    """The telephone does not take this, or not now: an HTTP `status`, and after how many seconds to try again."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True)
class _Ticket:
    """A call a browser made: the provider's id, the number, the caller (None: withheld), when (epoch seconds)."""

    sid: str
    number: str
    caller: str | None
    began: float


def dial(room: EngineRoom) -> dict[str, Any]:
    """Rings the number the request names, from the caller it names (null withholds it).

    Raises InvalidInput, NotAllowed, Refused.
    """
    body = _body()
    if not room.within("demo call", str(client_address(request, room.settings)), CALLS_PER_MINUTE):
        raise Refused(429, "too_many", "too many calls in a minute; the demo's line is busy", retry_after=60)
    number, caller = _number(body), _caller(body)
    provider = _provider(room, number)
    with _Line():
        rung = provider.ring(number, caller)
    ticket = _Ticket(sid=rung.sid, number=number, caller=caller, began=room.now().timestamp())
    sealed = _seal(room).dumps([ticket.sid, ticket.number, ticket.caller, ticket.began])
    return {"call": sealed, "rings": rung.destination}


def answered(room: EngineRoom) -> None:
    """Tells that the call was answered. Raises InvalidInput, NotAllowed, Refused."""
    _report(room, _ticket(room), "in-progress")


def hang_up(room: EngineRoom) -> None:
    """Ends the call; it lasted from its ringing until now. Raises InvalidInput, NotAllowed, Refused."""
    _report(room, _ticket(room), "completed")


def _report(room: EngineRoom, ticket: _Ticket, status: str) -> None:
    seconds = max(0, round(room.now().timestamp() - ticket.began)) if status == "completed" else None
    provider = _provider(room, ticket.number)
    with _Line():
        # Delivered again it is the same call; this provider has to know it before it can report on it.
        provider.ring(ticket.number, ticket.caller, sid=ticket.sid)
        provider.hang_up(ticket.sid, seconds, status)


class _Line:
    """One of a few lines; what goes wrong on it is said in one form."""

    def __enter__(self) -> None:
        if not _AT_ONCE.acquire(timeout=5):
            raise Refused(503, "unavailable", "all lines of the demo are busy; try again in a moment", retry_after=2)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        _AT_ONCE.release()
        if isinstance(error, WebhookRefused | requests.RequestException):
            raise Refused(502, "not_connected", "the call did not get through to the webhooks") from error


def _body() -> dict[str, Any]:
    """The request's JSON, if it comes from a page of this server."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "same-origin")
    if site != "same-origin" or (origin is not None and urlsplit(origin).netloc != request.host):
        raise NotAllowed("only the demo's own pages may use its telephone")
    if request.mimetype != "application/json":
        raise Refused(415, "unsupported", "the body must be application/json")
    if (request.content_length or 0) > _MAX_BYTES:
        raise Refused(413, "too_large", f"at most {_MAX_BYTES} bytes are allowed")
    try:
        body = json.loads(request.stream.read(_MAX_BYTES).decode("utf-8"))
    except (ValueError, RecursionError):
        raise Refused(400, "unreadable", "the body is no JSON") from None
    if not isinstance(body, dict):
        raise InvalidInput({"body": "a JSON object is allowed"})
    return body


def _number(body: dict[str, Any]) -> str:
    given = body.get("number")
    number = e164(given, "US") if isinstance(given, str) else None
    if number is None:
        raise InvalidInput({"number": f"{shown(given)} is no phone number"})
    return number


def _caller(body: dict[str, Any]) -> str | None:
    given = body.get("caller")
    if given is None or (isinstance(given, str) and is_live_caller(given)):
        return given
    raise InvalidInput({"caller": f"{shown(given)} is no caller of the demo; null withholds the number"})


def _ticket(room: EngineRoom) -> _Ticket:
    given = _body().get("call")
    try:
        sid, number, caller, began = _seal(room).loads(given if isinstance(given, str) else "")
    except BadSignature:
        raise InvalidInput({"call": "is no call of this demo"}) from None
    return _Ticket(sid=sid, number=number, caller=caller, began=began)


def _seal(room: EngineRoom) -> URLSafeSerializer:
    return URLSafeSerializer(derive(room.settings.secret_key or "", "demo calls"))


def _provider(room: EngineRoom, number: str) -> DemoProvider:
    """A provider that signs for the demo account. Raises InvalidInput for a number that is not the account's."""
    with room.database.read() as work:
        account = demo_account(work.directory)
        session = work.account(account) if account else None
        row = session.get(TrackingNumber, (account, number)) if session else None
        if session is None or row is None:
            raise InvalidInput({"number": f"{shown(number)} is no tracking number of the demo"})
        tokens = tokens_of(session, room.secrets, at=room.now())
    if not tokens:
        raise Refused(503, "unavailable", "no token signs for the demo; was the secret key changed?")
    server = request.environ
    return DemoProvider(
        room.settings.public_base_url,
        lambda _: tokens[0],
        connect_to=serves_at(str(server["SERVER_NAME"]), int(server["SERVER_PORT"])),
    )
