"""`/api/v1/calls/{id}/recordings/{recording}`: the sound of a recording."""

from typing import Any

from flask import Response, g
from pydantic import BaseModel, Field

from app.api.auth import reading
from app.api.base import api_blueprint
from app.engine_room import engine_room
from app.http_errors import error_response
from app.telephony.media import EXTENSIONS
from app.telephony.media_answer import NotStoredYet, sound_answer
from reports.call_parts import recording_of

bp = api_blueprint("recordings")

NOT_YET = "not_stored_yet"
_SOUND = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in EXTENSIONS}
_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}
ANSWERS: dict[Any, Any] = {
    200: {"description": "The sound.", "content": _SOUND},
    206: {"description": "The part that `Range` asks for.", "content": _SOUND},
    304: {"description": "Unchanged since the answer that `If-None-Match` or `If-Modified-Since` names."},
    409: {"description": "Not stored yet (`not_stored_yet`): not complete, or not fetched.", "content": _ERROR},
    416: {"description": "`Range` asks for what is not there.", "content": _ERROR},
}


class RecordingPath(BaseModel):
    """A recording of a call."""

    id: str = Field(description="The call's id.")
    recording: str = Field(description="The recording's id.")


@bp.get("/calls/<string:id>/recordings/<string:recording>", responses=ANSWERS)
def recording_sound(path: RecordingPath) -> Response:
    """The sound of a recording, whole or in ranges."""
    with reading() as session:
        found = recording_of(session, path.id, path.recording)
    try:
        return sound_answer(engine_room().settings, g.account_id, found, shown="attachment")
    except NotStoredYet:
        return error_response(409, "the recording is not stored yet; try again in a minute", code=NOT_YET)
