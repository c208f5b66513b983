"""The recordings of a call, and the attempts to reach its destination, in the reader's words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.web import words
from reports.call_parts import Leg, Recording

_TOLD = {
    "waiting": "is on its way from the provider",
    "failed": "could not be fetched from the provider",
    "deleted": "was deleted, as the account's policy says",
    "absent": "has no sound: the provider kept none",
}
_LEGS = {
    "queued": "is about to be rung",
    "ringing": "rang at the destination",
    "in-progress": "is being talked to",
    "completed": "answered",
    "busy": "rang at the destination: busy",
    "failed": "could not be rung",
    "no-answer": "rang at the destination: nobody answered",
    "canceled": "rang at the destination until the caller hung up",
}


@dataclass(frozen=True, kw_only=True)
class SoundView:
    """A recording: with `playable` it can be heard, else `said` says what became of it, and `why`."""

    recording_id: str
    playable: bool
    duration: str
    said: str
    why: str


def sounds(recordings: Sequence[Recording]) -> tuple[SoundView, ...]:
    """The recordings of a call."""
    return tuple(
        SoundView(
            recording_id=one.recording_id,
            playable=one.status == "stored",
            duration=words.duration(one.duration_seconds),
            said=_TOLD.get(one.status, ""),
            why=one.problem or "",
        )
        for one in recordings
    )


def leg_lines(legs: Sequence[Leg]) -> tuple[str, ...]:
    """What became of each attempt to reach the destination."""
    return tuple(_line(leg) for leg in legs)


def _line(leg: Leg) -> str:
    said = _LEGS.get(leg.status, leg.status)
    if leg.status == "completed" and leg.duration_seconds is not None:
        return f"{said}, {words.duration(leg.duration_seconds)} talk"
    return said
