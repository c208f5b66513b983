"""The webhooks providers call. A genuine call is connected, whatever is missing, odd or broken behind."""

import logging
from datetime import datetime

from flask import Blueprint, Flask, Response, request
from flask_wtf.csrf import CSRFProtect
from sqlalchemy.exc import SQLAlchemyError

from app.engine_room import EngineRoom, engine_room
from app.http_errors import error_response
from app.later_answers import after_the_end
from app.telephony.base import Dial, IncomingCall, Plan, Tell
from app.telephony.record import destination_of, record_call, record_status
from app.telephony.tokens import signers
from app.telephony.twilio import TwilioProvider
from store.sessions import Work

log = logging.getLogger("ringtrace.telephony")

MOUNT = "/webhooks/twilio"
NOBODYS = "The number you have dialed is not in service. Please check the number and dial again."
TWILIO = TwilioProvider()

blueprint = Blueprint("twilio", __name__)


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Mounts the webhooks. They carry no session, so they need no CSRF token."""
    csrf.exempt(blueprint)
    app.register_blueprint(blueprint, url_prefix=MOUNT)


@blueprint.post("/voice")
def voice() -> Response:
    """A call comes in: TwiML that connects it. 403 unless signed by a token of its account."""
    room = engine_room()
    at = room.now()
    incoming = TWILIO.parse_call(request.form)
    try:
        with room.database.read() as work:
            accounts = _trusted(work, room, "voice", incoming, at)
            destinations = [(a, d) for a in accounts if (d := destination_of(work.account(a), incoming))]
    except SQLAlchemyError:
        return _unavailable()
    if not accounts:
        return _refused()
    plan: Plan = Tell(sentence=NOBODYS)
    if destinations:
        account_id, destination = destinations[0]
        plan = Dial(destination=_recorded(room, account_id, incoming, at) or destination)
    answer = TWILIO.answer(plan)
    return Response(answer.body, content_type=f"{answer.content_type}; charset=utf-8")


@blueprint.post("/status")
def status() -> Response:
    """How a call stands: 204 once it is taken in. 403 unless signed by a token of its account."""
    room = engine_room()
    at = room.now()
    report = TWILIO.parse_status(request.form)
    try:
        with room.database.read() as work:
            accounts = _trusted(work, room, "status", report.call, at)
        if not accounts:
            return _refused()
        with room.database.write() as work:
            kept = record_status(work, accounts[0], report, at=at, days=room.settings.candidate_days)
    except SQLAlchemyError:
        return _unavailable()
    if kept is not None and kept.ended:
        after_the_end(room, accounts[0], kept.call_id)
    return Response(status=204)


def _recorded(room: EngineRoom, account_id: str, incoming: IncomingCall, at: datetime) -> str | None:
    """Keeps the call; where that fails it is logged and connected all the same (its status report makes it later)."""
    try:
        with room.database.write() as work:
            kept = record_call(work, account_id, incoming, at=at, days=room.settings.candidate_days)
    except Exception:
        log.exception("a call is connected but could not be kept")
        return None
    return kept.destination if kept else None


def _trusted(work: Work, room: EngineRoom, kind: str, call: IncomingCall, at: datetime) -> list[str]:
    """The accounts a token of which signed this request."""
    url = _signed_url(room.settings.public_base_url, kind)
    if url is None:
        return []
    return [
        signer.account_id
        for signer in signers(work, room.secrets, call, at=at)
        if TWILIO.verify(tokens=signer.tokens, url=url, form=request.form, headers=request.headers)
    ]


def _signed_url(base: str, kind: str) -> str | None:
    """The URL as the provider was given it, its query byte by byte; None where that is no text."""
    try:
        query = str(request.environ.get("QUERY_STRING", "")).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None
    return f"{base}{MOUNT}/{kind}" + (f"?{query}" if query else "")


def _refused() -> Response:
    log.warning("a webhook without a valid signature was refused")
    return error_response(403, "the signature is missing or not valid")


def _unavailable() -> Response:
    log.exception("the database does not answer a webhook")
    response = error_response(503, "the database does not answer; try again shortly")
    response.headers["Retry-After"] = "5"
    return response
