"""What is made of an event, by its kind: in the transaction it is given, and nothing more the second time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.settings import Settings
from app.telephony.record import RecordedCall, record_call, record_leg, record_listed, record_status
from app.telephony.recordings import record_recording
from app.telephony.texts import record_text
from app.telephony.told import Kind, Told
from app.telephony.twilio import TwilioProvider
from core.errors import InvalidInput
from core.time import parse_time
from store.sessions import Work

TWILIO = TwilioProvider()
NOTHING_OF_OURS = "nothing was kept: no usable id, or a number that is not among the account's"


@dataclass(frozen=True, kw_only=True)
class Made:
    """What an event brought: a call it made or changed, or nothing, and then perhaps why.

    `known` is the provider's id of a call or leg that was not known before: something may be waiting for it.
    """

    call: RecordedCall | None = None
    remark: str | None = None
    known: str | None = None


class Process(Protocol):
    """Takes in an event that was told at `told.at`, now that it is `at`. Raises NotYet where that is too early."""

    def __call__(self, work: Work, account_id: str, told: Told, *, at: datetime, settings: Settings) -> Made:
        """Flushes, never commits."""


def voice(work: Work, account_id: str, told: Told, *, at: datetime, settings: Settings) -> Made:
    """A call came in."""
    incoming = TWILIO.parse_call(told.form)
    return _of(told, record_call(work, account_id, incoming, at=told.at, now=at, days=settings.candidate_days))


def status(work: Work, account_id: str, told: Told, *, at: datetime, settings: Settings) -> Made:
    """How a call stands, or one of its legs."""
    report = TWILIO.parse_status(told.form)
    parent = report.call.parent_call_id
    if parent is not None:
        first = parent != report.call.call_id and record_leg(work, account_id, report, now=at)
        return Made(known=report.call.call_id if first else None)
    return _of(told, record_status(work, account_id, report, at=told.at, now=at, days=settings.candidate_days))


def recording(work: Work, account_id: str, told: Told, *, at: datetime, settings: Settings) -> Made:
    """A recording of a call begins, is there, or is not coming."""
    record_recording(work, account_id, told, at=told.at, settings=settings)
    return Made()


def sms(work: Work, account_id: str, told: Told, *, at: datetime, settings: Settings) -> Made:
    """A text came in."""
    record_text(work, account_id, told, at=told.at, settings=settings)
    return Made()


def sweep(work: Work, account_id: str, told: Told, *, at: datetime, settings: Settings) -> Made:
    """A call that the provider's list knows of, begun when the list says so."""
    report = TWILIO.parse_status(told.form)
    try:
        began = min(parse_time(told.form.get("StartTime")), told.at)
    except InvalidInput:
        began = told.at
    return _of(told, record_listed(work, account_id, report, began=began, now=at, days=settings.candidate_days))


PROCESSES: Mapping[Kind, Process] = {
    "voice": voice,
    "status": status,
    "recording": recording,
    "sms": sms,
    "sweep": sweep,
}


def _of(told: Told, call: RecordedCall | None) -> Made:
    if call is None:
        return Made(remark=NOTHING_OF_OURS)
    return Made(call=call, known=told.sid if call.made else None)
