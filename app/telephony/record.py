"""Keeps calls: once each, with where they went, as far as they got. And scores them, which may never cost a call.

Each use case takes two times: `at`, when the provider told it, and `now`, when it is taken in, which is later where it
was kept in the meantime. A call is dated and scored as of the former.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.telephony.base import IncomingCall, StatusReport
from app.telephony.progress import is_end, settle
from app.telephony.told import NotYet
from core.ids import new_id
from core.time import local_day
from matching.match import match_call
from matching.models import model_in_use
from numberpool.called import note_call
from store.calls import Call
from store.directory import ProviderCall
from store.provider_events import CallLeg
from store.sessions import AccountSession, Work
from store.sites import Site, TrackingNumber, TrackingSource

log = logging.getLogger("ringtrace.telephony")

PROVIDER = "twilio"
LONGEST = timedelta(hours=24)
"""A duration beyond it tells nothing of when a call began: no provider connects one for longer."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A tracking number as it is set up now: whose source and site it is, where its calls go (E.164).

    `notice` is what callers hear before their call is recorded; None: it is not.
    """

    number: str
    source_id: str
    site_id: str
    destination: str
    notice: str | None
    time_zone: str


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How a call is connected: where to (E.164), and the `notice` before it is recorded; None: it is not."""

    destination: str
    notice: str | None


@dataclass(frozen=True, kw_only=True)
class RecordedCall:
    """A call that is kept: its id, and how it is connected.

    What this very delivery did: `made` it, `scored` it, `ended` it (one that makes a call may end it as well).
    """

    call_id: str
    connection: Connection
    made: bool
    scored: bool
    ended: bool


def connection_of(session: AccountSession, incoming: IncomingCall) -> Connection | None:
    """How this call is to be connected: as when it first came in, else as its number is set up; or None."""
    call = _call(session, incoming.call_id)
    if call is None and incoming.number is None:
        call = _call(session, incoming.parent_call_id)
    if call is not None:
        return Connection(destination=call.destination, notice=call.notice)
    line = line_of(session, incoming.number)
    return Connection(destination=line.destination, notice=line.notice) if line else None


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
        notice=source.notice if source.recorded else None,
        time_zone=time_zone,
    )


def record_call(
    work: Work, account_id: str, incoming: IncomingCall, *, at: datetime, now: datetime, days: int
) -> RecordedCall | None:
    """Keeps a call that came in at `at`, once however often it is told, and scores it when it is new.

    None where there is nothing to keep it by: no id, or a number that is not the account's. `days`: how far back
    candidates are looked for.
    """
    return _keep(work, account_id, incoming, None, at=at, now=now, days=days)


def record_status(
    work: Work, account_id: str, report: StatusReport, *, at: datetime, now: datetime, days: int
) -> RecordedCall | None:
    """Takes in how a call stands. A report that overtook its call makes the call, which began before its duration.

    None where nothing was kept, as `record_call`.
    """
    duration = report.duration_seconds
    ended = report.call.status is not None and is_end(report.call.status)
    if ended and duration is not None and timedelta(seconds=duration) <= LONGEST:
        at -= timedelta(seconds=duration)
    return _keep(work, account_id, report.call, duration, at=at, now=now, days=days)


def record_listed(
    work: Work, account_id: str, report: StatusReport, *, began: datetime, now: datetime, days: int
) -> RecordedCall | None:
    """Takes in a call as the provider's list has it, which tells when it began. None as `record_call`."""
    return _keep(work, account_id, report.call, report.duration_seconds, at=began, now=now, days=days)


def record_leg(work: Work, account_id: str, report: StatusReport, *, now: datetime) -> bool:
    """Takes in how a child leg stands: an attempt to reach the destination. It says nothing about the call itself.

    True where this is the first that is told of it. Raises NotYet while its call is not known.
    """
    session, leg_id, status = work.account(account_id), report.call.call_id, report.call.status
    call = _call(session, report.call.parent_call_id, lock=True)
    if call is None:
        raise NotYet("its call is not known yet")
    if leg_id is None or status is None:
        return False
    leg = session.get(CallLeg, (account_id, call.call_id, leg_id), populate_existing=True)
    first = leg is None
    if leg is None:
        leg = CallLeg(call_id=call.call_id, provider_leg_id=leg_id, status="queued", updated_at=now)
        session.add(leg)
    reached = settle(leg.status, leg.duration_seconds, reported=status, reported_duration=report.duration_seconds)
    if reached != (leg.status, leg.duration_seconds):
        leg.status, leg.duration_seconds = reached
        leg.updated_at = now
    session.flush()
    return first


def _keep(
    work: Work,
    account_id: str,
    incoming: IncomingCall,
    duration: int | None,
    *,
    at: datetime,
    now: datetime,
    days: int,
) -> RecordedCall | None:
    session = work.account(account_id)
    if incoming.call_id is None:
        log.warning("a call without a usable id is connected but cannot be kept")
        return None
    call, made = _call(session, incoming.call_id, lock=True), False
    if call is None:
        line = line_of(session, incoming.number)
        if line is None or _was_removed(work, account_id, incoming.call_id):
            return None
        call, made = _insert(work, session, incoming, line, at, now)
    went_on = not is_end(call.status)
    _advance(call, incoming, duration, now)
    session.flush()
    scored = made and _score(session, call, days)
    if made:
        _note(session, call)
    return RecordedCall(
        call_id=call.call_id,
        connection=Connection(destination=call.destination, notice=call.notice),
        made=made,
        scored=scored,
        ended=went_on and is_end(call.status),
    )


def _call(session: AccountSession, provider_call_id: str | None, *, lock: bool = False) -> Call | None:
    if provider_call_id is None:
        return None
    query = select(Call).where(Call.provider_call_id == provider_call_id)
    # Two reports at once must not both build on the state before either; SQLite has one writer anyway.
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalar(query)


def _insert(
    work: Work, session: AccountSession, incoming: IncomingCall, line: Line, at: datetime, now: datetime
) -> tuple[Call, bool]:
    """The new call, or the one that a delivery at the same moment made first."""
    call = Call(
        call_id=new_id(at),
        provider=PROVIDER,
        provider_call_id=incoming.call_id,
        site_id=line.site_id,
        source_id=line.source_id,
        number=line.number,
        destination=line.destination,
        notice=line.notice,
        from_number=incoming.caller,
        caller_name=incoming.caller_name,
        started_at=at,
        local_day=local_day(at, line.time_zone),
        status="queued",
        updated_at=now,
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


def _was_removed(work: Work, account_id: str, provider_call_id: str) -> bool:
    """Whether the account had this call before: it was removed, by policy, and no copied request brings it back."""
    known = work.directory.get(ProviderCall, provider_call_id)
    return known is not None and known.account_id == account_id


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


def _advance(call: Call, incoming: IncomingCall, duration: int | None, now: datetime) -> None:
    """Takes in what is further along and what was not known; a repeat changes nothing, not even `updated_at`."""
    status, length = settle(call.status, call.duration_seconds, reported=incoming.status, reported_duration=duration)
    name = call.caller_name or incoming.caller_name
    if (status, length, name) != (call.status, call.duration_seconds, call.caller_name):
        call.status, call.duration_seconds, call.caller_name = status, length, name
        call.updated_at = max(now, call.updated_at)


def _note(session: AccountSession, call: Call) -> None:
    """Lets the number's pool know. Whatever goes wrong here, the call stays."""
    try:
        with session.begin_nested():
            note_call(session, source_id=call.source_id, number=call.number, at=call.started_at)
    except Exception:
        log.exception("call %s is kept, but its pool does not know of it", call.call_id)


def _score(session: AccountSession, call: Call, days: int) -> bool:
    """Finds who may have called. Whatever goes wrong here, the call stays, without candidates."""
    call_id = call.call_id
    try:
        with session.begin_nested():
            match_call(session, call, at=call.started_at, model=model_in_use(session), days=days)
            session.flush()
    except Exception:
        log.exception("call %s is kept but could not be scored", call_id)
        return False
    return True
