"""`/calls/ID/recordings/ID`: the sound behind the player of a call's page, for whoever is signed in."""

from flask import Blueprint, Response, abort

from app.engine_room import engine_room
from app.telephony.media_answer import NotStoredYet, sound_answer
from app.web.asking import looking, person
from reports.call_parts import recording_of


def recording(call_id: str, recording_id: str) -> Response:
    """The sound, in ranges where the player asks for them. Raises NotFound; 409 while it is not stored yet."""
    with looking() as (_, session):
        found = recording_of(session, call_id, recording_id)
    try:
        return sound_answer(engine_room().settings, person().account_id, found, shown="inline")
    except NotStoredYet:
        abort(409, "the recording is not stored yet; try again in a minute")


def add_routes(web: Blueprint) -> None:
    """The sound."""
    web.add_url_rule("/calls/<call_id>/recordings/<recording_id>", view_func=recording)
