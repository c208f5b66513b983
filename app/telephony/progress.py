"""How far a call is. Reports come late, twice and in any order; the outcome must not depend on it."""

_RANKS = {
    "queued": 0,
    "ringing": 1,
    "in-progress": 2,
    # Ends outrank everything before them. Of contradicting ends the likelier truth wins: who was connected was
    # neither busy nor absent, and a call that rang out did not fail.
    "canceled": 3,
    "failed": 4,
    "no-answer": 5,
    "busy": 6,
    "completed": 7,
}
STATUSES = frozenset(_RANKS)
# Of a recording: what is there outweighs what is said not to be.
_RECORDING_RANKS = {"in-progress": 0, "absent": 1, "completed": 2}
RECORDING_STATUSES = frozenset(_RECORDING_RANKS)


def is_end(status: str) -> bool:
    """Whether a call with this status is over."""
    return _RANKS[status] > _RANKS["in-progress"]


def settle(
    status: str, duration: int | None, *, reported: str | None, reported_duration: int | None
) -> tuple[str, int | None]:
    """Status and duration (seconds) after one more report: the furthest along wins, of equals the longer.

    A maximum over a total order, so the reports of a call give the same outcome in every order and number. A duration
    counts only with an end.
    """
    if reported is None:
        return status, duration
    length = reported_duration if is_end(reported) else None
    now, then = (_RANKS[status], _length(duration)), (_RANKS[reported], _length(length))
    return (reported, length) if then > now else (status, duration)


def settle_recording(
    status: str, duration: int | None, *, reported: str | None, reported_duration: int | None
) -> tuple[str, int | None]:
    """The same for a recording: how it stands after one more report, in whatever order they come.

    A duration (seconds) counts only with the end of the recording.
    """
    if reported is None:
        return status, duration
    length = reported_duration if reported == "completed" else None
    now, then = (_RECORDING_RANKS[status], _length(duration)), (_RECORDING_RANKS[reported], _length(length))
    return (reported, length) if then > now else (status, duration)


def _length(duration: int | None) -> int:
    return -1 if duration is None else duration
