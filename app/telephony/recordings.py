"""Keeps how recordings of calls stand, as the provider tells: late, twice, in any order, before or after the call."""

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.settings import Settings
from app.telephony.base import RecordingReport
from app.telephony.progress import settle_recording
from app.telephony.told import NotYet, Told
from app.telephony.twilio import TwilioProvider
from core.ids import new_id
from store.calls import Call
from store.provider_events import CallLeg, CallRecording
from store.sessions import AccountSession, Work

log = logging.getLogger("ringtrace.telephony")

NO_ADDRESS = "the provider told no address that its sound could be fetched from"


def record_recording(work: Work, account_id: str, told: Told, *, at: datetime, settings: Settings) -> None:
    """Takes in how a recording stands; one that is complete is due to be fetched from `at` on.

    The state is a maximum over a total order, so the reports of a recording give the same in every order and number;
    what is stored already is never fetched again. Raises NotYet while its call is not known. Flushes.
    """
    report = TwilioProvider().parse_recording(told.form)
    if report.recording_id is None:
        log.warning("a recording without a usable id cannot be kept")
        return
    session = work.account(account_id)
    row = _recording(session, report.recording_id)
    if row is None:
        call_id = _call_of(session, report.call_ids)
        if call_id is None:
            raise NotYet("its call is not known yet")
        row = _insert(session, report.recording_id, call_id, told.at)
    _advance(row, report, at)
    session.flush()


def _recording(session: AccountSession, recording_id: str) -> CallRecording | None:
    """The recording of this id of the provider's, nobody else's until the transaction ends."""
    query = select(CallRecording).where(CallRecording.provider_recording_id == recording_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True))


def _call_of(session: AccountSession, provider_ids: Sequence[str]) -> str | None:
    """The call that one of these ids is, or a leg of which it is."""
    if not provider_ids:
        return None
    calls = select(Call.provider_call_id, Call.call_id).where(Call.provider_call_id.in_(provider_ids))
    known: dict[str, str] = {row.provider_call_id: row.call_id for row in session.execute(calls)}
    for provider_id in provider_ids:
        if provider_id in known:
            return known[provider_id]
    return session.scalar(select(CallLeg.call_id).where(CallLeg.provider_leg_id.in_(provider_ids)).limit(1))


def _insert(session: AccountSession, recording_id: str, call_id: str, at: datetime) -> CallRecording:
    """The new recording, or the one that a report at the same moment made first."""
    row = CallRecording(
        recording_id=new_id(at),
        call_id=call_id,
        provider_recording_id=recording_id,
        status="in-progress",
        made_at=at,
        tries=0,
    )
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        first = _recording(session, recording_id)
        if first is None:
            raise
        return first
    return row


def _advance(row: CallRecording, report: RecordingReport, at: datetime) -> None:
    """Takes in what is further along and what was not known; a repeat changes nothing."""
    row.status, row.duration_seconds = settle_recording(
        row.status, row.duration_seconds, reported=report.status, reported_duration=report.duration_seconds
    )
    # Of answers that differ the larger counts, so that their order does not.
    row.channels = max(filter(None, (row.channels, report.channels)), default=None)
    row.address = max(filter(None, (row.address, report.address)), default=None)
    if row.status != "completed" or row.stored_at is not None or row.deleted_at is not None or row.tries:
        return
    if row.address is None:
        row.problem = NO_ADDRESS
    elif row.next_try_at is None:
        row.problem, row.next_try_at = None, at
