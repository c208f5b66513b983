"""The static answer of each number: what the provider plays when we do not answer. No Python, no database behind it.

One file per number under `fallback/` in the instance folder holds the plain TwiML that dials the destination. A web
server in front should serve that folder by itself; while the application is up, it serves the very same files.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from flask import Blueprint, Flask, Response, abort
from sqlalchemy import select

from app.engine_room import engine_room
from app.settings import Settings
from app.telephony.base import Dial
from app.telephony.twilio import TwilioProvider
from numberpool.in_use import RELEASED
from store.sessions import AccountSession
from store.sites import TrackingNumber, TrackingSource

_DIGITS = re.compile(r"[1-9][0-9]{6,14}")

blueprint = Blueprint("fallback", __name__)


def register(app: Flask) -> None:
    """Mounts `/fallback/NUMBER.xml`. It changes nothing and needs no token: providers cannot sign in."""
    app.register_blueprint(blueprint)


@blueprint.get("/fallback/<digits>.xml")
def fallback(digits: str) -> Response:
    """The file of a number, byte for byte; 404 where there is none."""
    if not _DIGITS.fullmatch(digits):
        abort(404)
    try:
        body = path_of(engine_room().settings, f"+{digits}").read_bytes()
    except OSError:
        abort(404)
    return Response(body, content_type="text/xml; charset=utf-8")


def path_of(settings: Settings, number: str) -> Path:
    """The file of a number (E.164)."""
    return settings.instance / "fallback" / f"{number.removeprefix('+')}.xml"


def write_fallback(settings: Settings, number: str, destination: str) -> None:
    """Writes the file of a number, so that calls are connected to `destination` (both E.164). Whole or not at all."""
    path = path_of(settings, number)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    body = TwilioProvider().answer(Dial(destination=destination)).body.encode()
    if path.exists() and path.read_bytes() == body:
        return
    half = path.with_suffix(f".{os.getpid()}.new")
    half.write_bytes(body)
    half.chmod(0o644)
    half.replace(path)


def follow_source(settings: Settings, session: AccountSession, source_id: str) -> None:
    """Rewrites the files of a source's numbers, whose destination may be another one now. Only files that are there."""
    statement = (
        select(TrackingNumber.number, TrackingSource.destination)
        .join(TrackingSource, TrackingSource.source_id == TrackingNumber.source_id)
        .where(TrackingNumber.source_id == source_id)
    )
    for number, destination in session.execute(statement):
        if path_of(settings, number).exists():
            write_fallback(settings, number, destination)


class Fallbacks:
    """Writes the files of whole accounts, each when its number or its destination is new to this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._written: dict[str, str] = {}

    def write(self, destinations: Mapping[str, str]) -> None:
        """Brings the files of these numbers (number → destination, E.164) up to date. Raises OSError."""
        for number, destination in destinations.items():
            # One that was taken away and given again has no file.
            if self._written.get(number) != destination or not path_of(self._settings, number).exists():
                write_fallback(self._settings, number, destination)
                self._written[number] = destination


def remove_fallback(settings: Settings, number: str) -> None:
    """Takes the file of a number (E.164) away; again is no error."""
    path_of(settings, number).unlink(missing_ok=True)


def destinations(session: AccountSession, provider: str) -> dict[str, str]:
    """Number → destination (E.164) of all numbers at this provider that were not released."""
    rows = session.execute(
        select(TrackingNumber.number, TrackingSource.destination)
        .join(TrackingSource, TrackingSource.source_id == TrackingNumber.source_id)
        .where(TrackingNumber.provider == provider, TrackingNumber.status != RELEASED)
    )
    return {row.number: row.destination for row in rows}
