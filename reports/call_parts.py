"""What hangs on calls besides who made them: tags, recordings, and the attempts to reach the destination (legs)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Integer, Select, String, case, cast, literal, null, select, union_all

from core.ids import is_id
from store.calls import CallTag
from store.provider_events import CallLeg, CallRecording
from store.sessions import AccountSession

RecordingStatus = Literal["waiting", "stored", "failed", "deleted", "absent"]
_TAG, _RECORDING, _LEG = 0, 1, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """A recording of a call.

    `status`: waiting (for its end, or to be fetched), stored (here, to be heard), failed (given up; `problem` says
    why), deleted (by policy) or absent (the provider has none). `media_type` is of what is stored.
    """

    recording_id: str
    call_id: str
    status: RecordingStatus
    duration_seconds: int | None
    media_type: str | None
    problem: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Leg:
    """One attempt to reach the destination, as far as the provider told."""

    leg_id: str
    status: str
    duration_seconds: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What hangs on one call: tags in their order, recordings oldest first, legs by their ids."""

    tags: list[str] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    legs: list[Leg] = field(default_factory=list)


def parts_of(session: AccountSession, call_ids: Sequence[str]) -> Mapping[str, Parts]:
    """Call id → what hangs on it; calls with nothing are left out. One query, since pages ask for all of it."""
    found: dict[str, Parts] = {}
    if not call_ids:
        return found
    rows = session.execute(union_all(*(part(session.account_id, call_ids) for part in (_tags, _recordings, _legs))))
    for row in sorted(rows, key=lambda row: (row.call_id, row.kind, row.place, row.part)):
        parts = found.setdefault(row.call_id, Parts())
        if row.kind == _TAG:
            parts.tags.append(row.part)
        elif row.kind == _RECORDING:
            parts.recordings.append(_recording(row))
        else:
            parts.legs.append(Leg(leg_id=row.part, status=row.status, duration_seconds=row.duration))
    return found


def recording_of(session: AccountSession, call_id: str, recording_id: str) -> Recording | None:
    """One recording of this call, or None where this account has none such. One query."""
    if not is_id(call_id) or not is_id(recording_id):
        return None
    query = _recordings(session.account_id, [call_id]).where(CallRecording.recording_id == recording_id)
    row = session.execute(query).one_or_none()
    return None if row is None else _recording(row)


# One query can answer for three tables where each tells the same columns.
_NO_TEXT, _NO_NUMBER = cast(null(), String), cast(null(), Integer)


def _tags(account_id: str, call_ids: Sequence[str]) -> Select[*tuple[Any, ...]]:
    columns = _columns(_TAG, CallTag.call_id, CallTag.tag, place=CallTag.position)
    return select(*columns).where(CallTag.account_id == account_id, CallTag.call_id.in_(call_ids))


def _recordings(account_id: str, call_ids: Sequence[str]) -> Select[*tuple[Any, ...]]:
    row = CallRecording
    status = case(
        (row.deleted_at.is_not(None), "deleted"),
        (row.stored_at.is_not(None), "stored"),
        (row.status == "absent", "absent"),
        ((row.status == "completed") & row.next_try_at.is_(None), "failed"),
        else_="waiting",
    )
    columns = _columns(
        _RECORDING,
        row.call_id,
        row.recording_id,  # sorts by the time it came to be
        status=status,
        duration=row.duration_seconds,
        media_type=row.media_type,
        problem=row.problem,
    )
    return select(*columns).where(row.account_id == account_id, row.call_id.in_(call_ids))


def _legs(account_id: str, call_ids: Sequence[str]) -> Select[*tuple[Any, ...]]:
    columns = _columns(
        _LEG, CallLeg.call_id, CallLeg.provider_leg_id, status=CallLeg.status, duration=CallLeg.duration_seconds
    )
    return select(*columns).where(CallLeg.account_id == account_id, CallLeg.call_id.in_(call_ids))


def _columns(kind: int, call_id: Any, part: Any, **more: Any) -> list[ColumnElement[Any]]:
    found = {
        "place": literal(0),
        "status": _NO_TEXT,
        "duration": _NO_NUMBER,
        "media_type": _NO_TEXT,
        "problem": _NO_TEXT,
        **more,
    }
    return [
        literal(kind).label("kind"),
        call_id.label("call_id"),
        part.label("part"),
        *(column.label(name) for name, column in found.items()),
    ]


def _recording(row: Any) -> Recording:
    return Recording(
        recording_id=row.part,
        call_id=row.call_id,
        status=row.status,
        duration_seconds=row.duration,
        media_type=row.media_type,
        problem=row.problem,
    )
