"""Keeps calls: once each, with where they went, as far as they got. And scores them, which may never cost a call."""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.telephony.base import IncomingCall, StatusReport
from app.telephony.progress import is_end, settle
from core.ids import new_id
from core.time import local_day
from matching.match import match_call
from matching.models import model_in_use
from numberpool.called import note_call
from store.calls import Call
from store.directory import ProviderCall
from store.sessions import AccountSession, Work
from store.sites import Site, TrackingNumber, TrackingSource

log = logging.getLogger("ringtrace.telephony")

PROVIDER = "twilio"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A tracking number as it is set up now: whose source and site it is, where its calls go (E.164)."""

    number: str
    source_id: str
    site_id: str
    destination: str
    time_zone: str


@dataclass(frozen=True, kw_only=True)
class RecordedCall:
    """A call that is kept: its id, where it is connected (E.164), whether this very delivery made it, or ended it."""

    call_id: str
    destination: str
    made: bool
    ended: bool


def destination_of(session: AccountSession, incoming: IncomingCall) -> str | None:
    """Where this call is to be connected (E.164): as when it first came in, else as its number is set up; or None."""
    call = _call(session, incoming.call_id)
    if call is None and incoming.number is None:
        call = _call(session, incoming.parent_call_id)
    if call is not None:
        return call.destination
    line = line_of(session, incoming.number)
    return line.destination if line else None


def line_of(session: AccountSession, number: str | None) -> Line | None:
    """The set-up of a number of this account, resting and released ones included, since late calls still come."""
    if number is None:
        return None
    found = session.execute(
        select(TrackingSource, Site.time_zone)
        .join(TrackingNumber, TrackingNumber.source_id == TrackingSource.source_id)
        .join(Site, Site.site_id == TrackingSource.site_id)
        .where(TrackingNumber.number == number)
    ).one_or_none()
    if found is None:
        return None
    source, time_zone = found
    return Line(
        number=number,
        source_id=source.source_id,
        site_id=source.site_id,
        destination=source.destination,
        time_zone=time_zone,
    )


def record_call(work: Work, account_id: str, incoming: IncomingCall, *, at: datetime, days: int) -> RecordedCall | None:
    """Keeps a call that came in at `at`, once however often it is told, and scores it when it is new.

    None where there is nothing to keep it by: no id, or a number that is not the account's. `days`: how far back
    candidates are looked for.
    """
    return _keep(work, account_id, incoming, None, at=at, days=days)


def record_status(work: Work, account_id: str, report: StatusReport, *, at: datetime, days: int) -> RecordedCall | None:
    """Takes in how a call stands. A report that overtook its call makes the call.

    Reports of child legs say nothing about the call itself and change nothing. None where nothing was kept.
    """
    if report.call.parent_call_id is not None:
        return None
    return _keep(work, account_id, report.call, report.duration_seconds, at=at, days=days)


def _keep(
    work: Work, account_id: str, incoming: IncomingCall, duration: int | None, *, at: datetime, days: int
) -> RecordedCall | None:
    session = work.account(account_id)
    if incoming.call_id is None:
        log.warning("a call without a usable id is connected but cannot be kept")
        return None
    call, made = _call(session, incoming.call_id, lock=True), False
    if call is None:
        line = line_of(session, incoming.number)
        if line is None:
            return None
        call, made = _insert(work, session, incoming, line, at)
    went_on = not is_end(call.status)
    _advance(call, incoming, duration, at)
    session.flush()
    kept = RecordedCall(
        call_id=call.call_id,
        destination=call.destination,
        made=made,
        ended=went_on and is_end(call.status) and not made,
    )
    if made:
        _score(session, call, at, days)
        _note(session, call)
    return kept


def _call(session: AccountSession, provider_call_id: str | None, *, lock: bool = False) -> Call | None:
    if provider_call_id is None:
        return None
    query = select(Call).where(Call.provider_call_id == provider_call_id)
    # Two reports at once must not both build on the state before either; SQLite has one writer anyway.
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalar(query)


def _insert(work: Work, session: AccountSession, incoming: IncomingCall, line: Line, at: datetime) -> tuple[Call, bool]:
    """The new call, or the one that a delivery at the same moment made first."""
    call = Call(
        call_id=new_id(at),
        provider=PROVIDER,
        provider_call_id=incoming.call_id,
        site_id=line.site_id,
        source_id=line.source_id,
        number=line.number,
        destination=line.destination,
        from_number=incoming.caller,
        caller_name=incoming.caller_name,
        started_at=at,
        local_day=local_day(at, line.time_zone),
        status="queued",
        updated_at=at,
    )
    try:
        with session.begin_nested():
            session.add(call)
            session.flush()
    except IntegrityError:
        first = _call(session, incoming.call_id, lock=True)
        if first is None:
            raise
        return first, False
    _tell_directory(work, session.account_id, call.provider_call_id)
    return call, True


def _tell_directory(work: Work, account_id: str, provider_call_id: str) -> None:
    """Lets late reports find the account. Whoever has the id already keeps it: no account can take it over."""
    if work.directory.get(ProviderCall, provider_call_id) is not None:
        return
    try:
        with work.directory.begin_nested():
            work.directory.add(ProviderCall(provider_call_id=provider_call_id, account_id=account_id))
            work.directory.flush()
    except IntegrityError:
        log.warning("a call's provider id is another account's already")


def _advance(call: Call, incoming: IncomingCall, duration: int | None, at: datetime) -> None:
    """Takes in what is further along and what was not known; a repeat changes nothing, not even `updated_at`."""
    status, length = settle(call.status, call.duration_seconds, reported=incoming.status, reported_duration=duration)
    name = call.caller_name or incoming.caller_name
    if (status, length, name) != (call.status, call.duration_seconds, call.caller_name):
        call.status, call.duration_seconds, call.caller_name = status, length, name
        call.updated_at = max(at, call.updated_at)


def _note(session: AccountSession, call: Call) -> None:
    """Lets the number's pool know. Whatever goes wrong here, the call stays."""
    try:
        with session.begin_nested():
            note_call(session, source_id=call.source_id, number=call.number, at=call.started_at)
    except Exception:
        log.exception("call %s is kept, but its pool does not know of it", call.call_id)


def _score(session: AccountSession, call: Call, at: datetime, days: int) -> None:
    """Finds who may have called. Whatever goes wrong here, the call stays, without candidates."""
    call_id = call.call_id
    try:
        with session.begin_nested():
            match_call(session, call, at=at, model=model_in_use(session), days=days)
            session.flush()
    except Exception:
        log.exception("call %s is kept but could not be scored", call_id)
