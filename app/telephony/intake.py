"""The way of an event: kept raw first, made something of afterwards, again and again until that works.

Both steps are transactions of their own, so that what was verified is there whatever becomes of it. Errors of the
database itself (`is_away`) leave both; everything else that goes wrong is written into the event.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import select, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, TimeoutError

from app.engine_room import EngineRoom
from app.later_answers import after_the_end
from app.settings import Settings
from app.telephony.process import PROCESSES, Made
from app.telephony.record import RecordedCall
from app.telephony.told import Kind, NotYet, Told, fields_from_stored
from app.telling.calls import tell_call
from app.telling.outbox import CALL_ENDED, CALL_MATCHED, CALL_STARTED
from core.ids import new_id
from core.text import clean
from store.directory import ProviderCall
from store.provider_events import ProviderEvent
from store.sessions import AccountSession, Database, Work

log = logging.getLogger("ringtrace.telephony")

WAITING: Final = "waiting"
DONE: Final = "done"
FAILED: Final = "failed"
Via = Literal["webhook", "spool", "sweep"]

ALONE = timedelta(seconds=20)
"""For how long a new event is left to whoever kept it; then it was forgotten (a crash) and is taken up."""
GIVEN_UP = timedelta(days=2)
"""How long an event waits for its call. A recording comes minutes after its call, a spool hours."""
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=4)
FAILED_AGAIN = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
"""After how long what failed is tried again by itself; then it rests until staff ask for it."""
AT_ONCE = 500
"""Events of an account that one look takes up."""
WHILE_ASKED = 50
"""Failed events that are processed while the person who asked waits."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An event that is kept: whether this very telling was the first, and whether it was processed already."""

    event_id: str
    new: bool
    done: bool


@dataclass(frozen=True, kw_only=True)
class Processed:
    """Where an event stands after processing, and the call it made or changed by this very processing."""

    state: str
    problem: str | None = None
    call: RecordedCall | None = None


def is_away(error: BaseException) -> bool:
    """Whether the database itself failed (gone, locked, full), and not what we asked of it."""
    if isinstance(error, IntegrityError | DataError | ProgrammingError):
        return False
    return isinstance(error, DBAPIError | TimeoutError)


def keep(database: Database, account_id: str, told: Told, *, via: Via) -> Kept:
    """Keeps an event, committed when this returns. The same event again is found, not doubled.

    Raises SQLAlchemyError where the database fails.
    """
    key = told.key
    with database.write() as work:
        session = work.account(account_id)
        if (known := _known(session, key)) is not None:
            return known
        event = ProviderEvent(
            event_id=new_id(told.at),
            event_key=key,
            provider=told.provider,
            kind=told.kind,
            sid=told.sid,
            number=told.number,
            fields=told.stored_fields(),
            via=via,
            received_at=told.at,
            state=WAITING,
            next_try_at=told.at + ALONE,
        )
        try:
            with session.begin_nested():
                session.add(event)
                session.flush()
        except IntegrityError:
            first = _known(session, key)
            if first is None:
                raise
            return first
        return Kept(event_id=event.event_id, new=True, done=False)


def process(room: EngineRoom, account_id: str, event_id: str, *, at: datetime) -> Processed:
    """Makes of an event what it tells, once, and marks how that went. What waited for its call follows at once.

    `at` is now, the event's own time is its `received_at`. Raises SQLAlchemyError where the database fails: the event
    is as it was, and due again.
    """
    try:
        with room.database.write() as work:
            session = work.account(account_id)
            event = _held(session, event_id)
            if event is None or event.state == DONE:
                return Processed(state=DONE)
            told = told_of(event)
            made = PROCESSES[told.kind](work, account_id, told, at=at, settings=room.settings)
            event.tries += 1
            event.state, event.problem, event.processed_at, event.next_try_at = DONE, made.remark, at, None
            following = _waiting_for(session, made.known, event_id)
            _tell(room, work, account_id, made, at)
    except NotYet as wait:
        return _put_off(room.database, account_id, event_id, str(wait), at)
    except Exception as error:
        if is_away(error):
            raise
        log.exception("event %s could not be processed", event_id)
        return _fail(room.database, account_id, event_id, f"{type(error).__name__}: {error}", at)
    for other in following:
        process(room, account_id, other, at=at)
    if made.call is not None and made.call.ended and not made.call.made:
        after_the_end(room, account_id, made.call.call_id)
    return Processed(state=DONE, call=made.call)


def process_due(
    database: Database, settings: Settings, account_id: str, *, at: datetime, should_stop: Callable[[], bool]
) -> int:
    """Takes up what is due: forgotten in a crash, waiting, failed. One query where nothing is; returns how many."""
    with database.read() as work:
        due = list(
            work.account(account_id).scalars(
                select(ProviderEvent.event_id)
                .where(ProviderEvent.next_try_at <= at)
                .order_by(ProviderEvent.next_try_at, ProviderEvent.event_id)
                .limit(AT_ONCE)
            )
        )
    if not due:
        return 0
    room, taken = EngineRoom.over(settings, database, lambda: at), 0
    for event_id in due:
        if should_stop():
            break
        process(room, account_id, event_id, at=at)
        taken += 1
    return taken


def _tell(room: EngineRoom, work: Work, account_id: str, made: Made, at: datetime) -> None:
    """Writes down for others what became true with this transaction."""
    if made.call is None:
        return
    for news, event in (
        (made.call.made, CALL_STARTED),
        (made.call.scored, CALL_MATCHED),
        (made.call.ended, CALL_ENDED),
    ):
        if news:
            tell_call(room, work, account_id, event, made.call.call_id, at=at)


def retry(room: EngineRoom, account_id: str, event_id: str, *, at: datetime) -> Processed | None:
    """Processes an event once more because staff ask for it, whatever became of it; None where there is no such event.

    One that was processed changes nothing. Raises SQLAlchemyError where the database fails.
    """
    with room.database.write() as work:
        event = _held(work.account(account_id), event_id)
        if event is None:
            return None
        event.state, event.next_try_at = WAITING, at
    return process(room, account_id, event_id, at=at)


def retry_failed(room: EngineRoom, account_id: str, *, at: datetime) -> tuple[int, int]:
    """Takes up all that failed: some at once, the rest at the next look. How many there are, how many are done now."""
    with room.database.write() as work:
        session = work.account(account_id)
        failed = list(
            session.scalars(
                select(ProviderEvent.event_id)
                .where(ProviderEvent.state == FAILED)
                .order_by(ProviderEvent.received_at, ProviderEvent.event_id)
            )
        )
        session.execute(
            update(ProviderEvent)
            .where(ProviderEvent.state == FAILED)
            .values(state=WAITING, next_try_at=at)
            .execution_options(synchronize_session=False)
        )
    now_done = [process(room, account_id, event_id, at=at).state == DONE for event_id in failed[:WHILE_ASKED]]
    return len(failed), sum(now_done)


def told_of(event: ProviderEvent) -> Told:
    """The event as it came."""
    kind: Kind = event.kind  # type: ignore[assignment]
    return Told(provider=event.provider, kind=kind, fields=fields_from_stored(event.fields), at=event.received_at)


def _known(session: AccountSession, key: bytes) -> Kept | None:
    found = session.execute(
        select(ProviderEvent.event_id, ProviderEvent.state).where(ProviderEvent.event_key == key)
    ).one_or_none()
    return None if found is None else Kept(event_id=found.event_id, new=False, done=found.state == DONE)


def _held(session: AccountSession, event_id: str) -> ProviderEvent | None:
    """The event, nobody else's until this transaction ends."""
    return session.scalar(
        select(ProviderEvent)
        .where(ProviderEvent.event_id == event_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _waiting_for(session: AccountSession, sid: str | None, but: str) -> list[str]:
    """Events of this call that came before it."""
    if sid is None:
        return []
    return list(
        session.scalars(
            select(ProviderEvent.event_id)
            .where(ProviderEvent.sid == sid, ProviderEvent.state == WAITING, ProviderEvent.event_id != but)
            .order_by(ProviderEvent.received_at, ProviderEvent.event_id)
        )
    )


def _put_off(database: Database, account_id: str, event_id: str, why: str, at: datetime) -> Processed:
    """Waits longer each time; what waited for `GIVEN_UP` has failed."""
    with database.write() as work:
        session = work.account(account_id)
        event = _held(session, event_id)
        if event is None or event.state == DONE:
            return Processed(state=DONE)
        if _is_anothers(work, event):
            session.delete(event)
            return Processed(state=DONE)
        event.tries += 1
        if at - event.received_at >= GIVEN_UP:
            event.state, event.next_try_at = FAILED, None
            event.problem = clean(f"given up after {GIVEN_UP.days} days: {why}", 300)
        else:
            pause = min(FIRST_WAIT * 2 ** min(event.tries - 1, 20), LONGEST_WAIT)
            event.state, event.problem, event.next_try_at = WAITING, clean(why, 300), at + pause
        return Processed(state=event.state, problem=event.problem)


def _is_anothers(work: Work, event: ProviderEvent) -> bool:
    """Whether the call it waits for came to be known as the call of another account that shares the provider's."""
    known = work.directory.get(ProviderCall, event.sid) if event.sid else None
    return known is not None and known.account_id != event.account_id


def _fail(database: Database, account_id: str, event_id: str, why: str, at: datetime) -> Processed:
    """Writes down what went wrong, and when it is tried again by itself."""
    with database.write() as work:
        event = _held(work.account(account_id), event_id)
        if event is None or event.state == DONE:
            return Processed(state=DONE)
        later = FAILED_AGAIN[event.tries] if event.tries < len(FAILED_AGAIN) else None
        event.tries += 1
        event.state, event.problem = FAILED, clean(why, 300)
        event.next_try_at = at + later if later is not None else None
        return Processed(state=FAILED, problem=event.problem)
