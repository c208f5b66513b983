"""What else grows old: calls with all that hangs on them, texts, recordings, raw events, the audit log."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute

from app.settings import Settings
from app.telephony.media_store import remove_files
from store.calls import Call, CallAnswer, CallCandidate, CallNote, CallTag, MatchDecision
from store.keeping import AuditEntry
from store.messages import Message
from store.models import JobRun
from store.provider_events import CallLeg, CallRecording, ProviderEvent
from store.sessions import AccountSession

OF_A_CALL = (CallCandidate, MatchDecision, CallAnswer, CallTag, CallNote, CallLeg, CallRecording)
UNTOUCHED = {"synchronize_session": False}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of thing that grows old: the policy's field, what its rows are called, and how some of them go.

    `old` says which rows; `remove` takes some of these ids away.
    """

    name: str
    field: str
    key: InstrumentedAttribute[str]
    old: Callable[[datetime], list[ColumnElement[bool]]]
    remove: Callable[[AccountSession, list[str], Settings, datetime], None]

    def count(self, session: AccountSession, before: datetime) -> int:
        """How many are older."""
        return session.scalar(select(func.count(self.key)).where(*self.old(before))) or 0

    def remove_some(
        self, session: AccountSession, before: datetime, most: int, settings: Settings, at: datetime
    ) -> int:
        """Removes up to `most` that are older; returns how many."""
        ids = list(session.scalars(select(self.key).where(*self.old(before)).limit(most)))
        if ids:
            self.remove(session, ids, settings, at)
        return len(ids)


def _rows(key: InstrumentedAttribute[str]) -> Callable[[AccountSession, list[str], Settings, datetime], None]:
    def remove(session: AccountSession, ids: list[str], _settings: Settings, _at: datetime) -> None:
        session.execute(delete(key.class_).where(key.in_(ids)).execution_options(**UNTOUCHED))

    return remove


def remove_calls(session: AccountSession, ids: list[str], settings: Settings, _at: datetime) -> None:
    """Removes calls with candidates, history, tags, notes, legs and recordings, the files too.

    The directory goes on knowing whose call it was.
    """
    for recording_id in session.scalars(select(CallRecording.recording_id).where(CallRecording.call_id.in_(ids))):
        remove_files(settings, session.account_id, recording_id)
    tables: tuple[Any, ...] = (*OF_A_CALL, Call)
    for table in tables:
        session.execute(delete(table).where(table.call_id.in_(ids)).execution_options(**UNTOUCHED))


def remove_recordings(session: AccountSession, ids: list[str], settings: Settings, at: datetime) -> None:
    """Removes the files of recordings; that there was one, and how long, stays with the call."""
    for row in session.scalars(select(CallRecording).where(CallRecording.recording_id.in_(ids))):
        remove_files(settings, session.account_id, row.recording_id)
        row.deleted_at, row.next_try_at, row.address, row.size_bytes = at, None, None, None
    session.flush()


KINDS = (
    Kind(
        name="recordings",
        field="recordings_days",
        key=CallRecording.recording_id,
        old=lambda before: [CallRecording.made_at < before, CallRecording.deleted_at.is_(None)],
        remove=remove_recordings,
    ),
    Kind(
        name="calls",
        field="calls_days",
        key=Call.call_id,
        old=lambda before: [Call.started_at < before],
        remove=remove_calls,
    ),
    Kind(
        name="messages",
        field="messages_days",
        key=Message.message_id,
        old=lambda before: [Message.at < before],
        remove=_rows(Message.message_id),
    ),
    Kind(
        name="events",
        field="events_days",
        key=ProviderEvent.event_id,
        # What was not processed yet is not old, it is late.
        old=lambda before: [ProviderEvent.received_at < before, ProviderEvent.state != "waiting"],
        remove=_rows(ProviderEvent.event_id),
    ),
    Kind(
        name="audit",
        field="audit_days",
        key=AuditEntry.entry_id,
        old=lambda before: [AuditEntry.at < before],
        remove=_rows(AuditEntry.entry_id),
    ),
)


def forget_old_runs(session: AccountSession, before: datetime) -> None:
    """Drops the records of what jobs did."""
    session.execute(
        delete(JobRun).where(JobRun.due_at < before, JobRun.ended_at.is_not(None)).execution_options(**UNTOUCHED)
    )
