"""A recording as an answer over HTTP: its sound with the right type, in ranges where a player asks for them."""

from typing import Literal

from flask import Response, send_file

from app.settings import Settings
from app.telephony.media_store import path_of
from core.errors import NotFound
from reports.call_parts import Recording


class NotStoredYet(Exception):
    """The recording is not here yet; it may be later."""


def sound_answer(
    settings: Settings, account_id: str, recording: Recording | None, *, shown: Literal["inline", "attachment"]
) -> Response:
    """The sound of a recording, or the part of it that the request asks for.

    Raises NotFound where there is none and will be none, NotStoredYet where there may be one later.
    """
    if recording is None:
        raise NotFound("there is no such recording")
    if recording.status == "waiting":
        raise NotStoredYet
    if recording.status == "absent":
        raise NotFound("the provider has no sound of this recording")
    if recording.status == "deleted":
        raise NotFound("this recording was deleted")
    if recording.status == "failed" or recording.media_type is None:
        raise NotFound("this recording could not be fetched from the provider")
    path = path_of(settings, account_id, recording.recording_id, recording.media_type)
    if not path.is_file():
        raise NotFound("the file of this recording is not on this machine")
    response = send_file(
        path,
        mimetype=recording.media_type,
        as_attachment=shown == "attachment",
        download_name=path.name,
        conditional=True,
    )
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
