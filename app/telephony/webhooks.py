"""The webhooks providers call. A genuine call is connected, whatever is missing, odd or broken behind."""

import logging

from flask import Blueprint, Flask, Response, request
from flask_wtf.csrf import CSRFProtect
from sqlalchemy.exc import SQLAlchemyError

from app.engine_room import engine_room
from app.http_errors import error_response
from app.outage.calls import take_in
from app.telephony.base import Plan
from app.telephony.take import Taken
from app.telephony.told import Kind, Told
from app.telephony.twilio import TwilioProvider

log = logging.getLogger("ringtrace.telephony")

MOUNT = "/webhooks/twilio"
TWILIO = TwilioProvider()
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""TwiML that does nothing: a text is taken, not answered."""

blueprint = Blueprint("twilio", __name__)


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Mounts the webhooks. They carry no session, so they need no CSRF token."""
    csrf.exempt(blueprint)
    app.register_blueprint(blueprint, url_prefix=MOUNT)


@blueprint.post("/voice")
def voice() -> Response:
    """A call comes in: TwiML that connects it. 403 unless signed by a token of its account."""
    try:
        taken = _take("voice")
    except SQLAlchemyError:
        return _unavailable()
    return _refused() if taken.refused or taken.plan is None else _connect(taken.plan)


@blueprint.post("/status")
def status() -> Response:
    """How a call or a leg of one stands: 204 once it is taken in. 403 unless signed by a token of its account."""
    return _noted("status")


@blueprint.post("/recording")
def recording() -> Response:
    """How a recording stands: 204 once it is taken in. 403 unless signed by a token of its account."""
    return _noted("recording")


@blueprint.post("/sms")
def sms() -> Response:
    """A text comes in: TwiML that answers nothing, once it is taken in. 403 unless signed by a token of its account."""
    response = _noted("sms")
    return _xml(EMPTY, "text/xml") if response.status_code == 204 else response


def _take(kind: Kind) -> Taken:
    room = engine_room()
    told = Told.of(kind, request.form, at=room.now())
    return take_in(room, told, url=_signed_url(room.settings.public_base_url, kind), headers=request.headers)


def _noted(kind: Kind) -> Response:
    try:
        taken = _take(kind)
    except SQLAlchemyError:
        return _unavailable()
    return _refused() if taken.refused else Response(status=204)


def _connect(plan: Plan) -> Response:
    answer = TWILIO.answer(plan)
    return _xml(answer.body, answer.content_type)


def _xml(body: str, content_type: str) -> Response:
    return Response(body, content_type=f"{content_type}; charset=utf-8")


def _signed_url(base: str, kind: str) -> str | None:
    """The URL as the provider was given it, its query byte by byte; None where that is no text."""
    try:
        query = str(request.environ.get("QUERY_STRING", "")).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None
    return f"{base}{MOUNT}/{kind}" + (f"?{query}" if query else "")


def _refused() -> Response:
    return error_response(403, "the signature is missing or not valid")


def _unavailable() -> Response:
    log.exception("the database does not answer a webhook")
    response = error_response(503, "the database does not answer; try again shortly")
    response.headers["Retry-After"] = "5"
    return response
