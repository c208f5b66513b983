"""Heals what no webhook told: the provider's own list of calls, compared with ours.

What the list knows and we do not becomes an event like any other, kept first and processed afterwards. Calls of numbers
that are not ours, legs and outgoing calls are left alone; a call that we know is only taken to its end, never back.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.accounts.providers import TWILIO
from app.engine_room import EngineRoom
from app.secretbox import SecretBox
from app.settings import Settings
from app.telephony.call_list import CallList, ListedCall
from app.telephony.intake import keep, process
from app.telephony.progress import STATUSES, is_end, settle
from app.telephony.told import Told
from core.phone import dialled
from core.time import format_time
from numberpool.provider import Doubtful, Refused
from store.calls import Call
from store.directory import NumberOwner, ProviderCall
from store.provider_events import ProviderSweep
from store.sessions import AccountSession, Database, Work
from store.sites import ProviderCredential, TrackingNumber

log = logging.getLogger("ringtrace.telephony")

GRACE = timedelta(minutes=1)
"""What began or ended that lately may still be told by webhooks that are under way, and is left to the next look."""
LONGEST_CALL = timedelta(hours=4, minutes=30)
"""Twilio ends a call after four hours, and it rings before: one that began earlier is over."""
FURTHEST = timedelta(days=14)
"""After a long silence calls that began earlier than this are not asked for any more."""
WINDOW = timedelta(hours=6)
MOST_PAGES = 400
"""Of the list that one look reads; after a long silence the next look goes on where this one ended."""
TOO_LONG = "the list is longer than one look can read"
_SECOND = timedelta(seconds=1)
_OPEN = tuple(sorted(status for status in STATUSES if not is_end(status)))

Make = Callable[[str, str], CallList]


def twilio_calls(account_sid: str, auth_token: str) -> CallList:
    """Twilio's list; its library is loaded when first needed, never by a page or a call."""
    from app.telephony.twilio_calls import TwilioCalls

    return TwilioCalls(account_sid, auth_token)


@dataclass(kw_only=True)
class Swept:
    """What a look found: calls that were listed, those that nobody had told of, those whose end nobody had.

    `unended` calls began more than `LONGEST_CALL` ago and nobody, the list included, told of their end. `until`: how
    far the list is compared; `problem` is what kept the look from more, `unfinished` that the next one simply goes on.
    """

    until: datetime
    listed: int = 0
    made: int = 0
    ended: int = 0
    pages: int = 0
    windows: int = 0
    unended: int = 0
    unfinished: bool = False
    problem: str | None = None

    def sentence(self) -> str:
        """All of it in one line for people."""
        said = [f"{_calls(self.listed)} listed, {self.made} of them new to us, {self.ended} ended unheard"]
        if self.unended:
            said.append(f"of {_calls(self.unended)} neither webhook nor list tells an end")
        if self.problem:
            said.append(self.problem)
        if self.problem or self.unfinished:
            said.append(f"compared until {format_time(self.until)}, the next look goes on")
        return "; ".join(said)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Whose list is compared, as of `at` (aware UTC), and what that needs."""

    room: EngineRoom
    account_id: str
    at: datetime
    calls: CallList
    should_stop: Callable[[], bool]

    @property
    def database(self) -> Database:
        """The room's."""
        return self.room.database


def list_of(database: Database, settings: Settings, account_id: str, make: Make = twilio_calls) -> CallList | None:
    """The account's list of calls at its provider, or None where no credentials are kept that our keys open."""
    with database.read() as work:
        session = work.account(account_id)
        row = session.get(ProviderCredential, (session.account_id, TWILIO))
    token = SecretBox(settings).open(row.token) if row is not None else None
    return make(row.account_sid, token) if row is not None and token else None


def compare(sweep: Sweep) -> Swept:
    """Compares window by window, the oldest first, and remembers after each how far it came.

    Begins `LONGEST_CALL` before where the last look ended, since calls that were open then may be over. Raises
    SQLAlchemyError where the database fails.
    """
    with sweep.database.read() as work:
        session = work.account(sweep.account_id)
        numbers = {row.number: row.created_at for row in session.scalars(select(TrackingNumber))}
        kept = session.get(ProviderSweep, (sweep.account_id, TWILIO, sweep.calls.account_sid))
    furthest = sweep.at - FURTHEST
    until = max(kept.compared_until, furthest) if kept else furthest
    swept = Swept(until=until)
    if not numbers:
        return swept
    since = max(until - LONGEST_CALL, furthest, min(numbers.values()) - _SECOND)
    for begin, end in _windows(since, sweep.at - GRACE):
        _compare_window(sweep, swept, numbers, begin, end)
        if swept.problem or swept.unfinished:
            break
        swept.until = end
        swept.windows += 1
        _remember(sweep, end)
    with sweep.database.read() as work:
        swept.unended = _unended(work.account(sweep.account_id), sweep.at)
    return swept


def _windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    while since < until:
        end = min(since + WINDOW, until)
        yield since, end
        since = end


def _compare_window(
    sweep: Sweep, swept: Swept, numbers: Mapping[str, datetime], begin: datetime, end: datetime
) -> None:
    """Reads a window of the list to its end; what keeps it from doing so is the look's `problem`."""
    following: str | None = None
    while True:
        if sweep.should_stop() or swept.pages >= MOST_PAGES:
            swept.unfinished = True
            if swept.windows == 0 and not sweep.should_stop():
                swept.problem = TOO_LONG
            return
        page = sweep.calls.page(since=begin, before=end, following=following)
        swept.pages += 1
        if isinstance(page, Refused | Doubtful):
            swept.problem = page.reason
            return
        swept.listed += len(page.calls)
        with sweep.database.read() as work:
            news = _news(work, sweep.account_id, numbers, page.calls, sweep.at)
        for call, known in news:
            _take_in(sweep, call)
            swept.made += not known
            swept.ended += known
        if page.following is None:
            return
        following = page.following


def _news(
    work: Work, account_id: str, numbers: Mapping[str, datetime], listed: Sequence[ListedCall], at: datetime
) -> list[tuple[ListedCall, bool]]:
    """The calls of ours of which we do not know, or not the end; the earliest first, and whether we know each."""
    incoming = [call for call in listed if call.direction == "inbound" and call.parent_sid is None]
    known = _known(work.account(account_id), [call.sid for call in incoming])
    new = [call for call in incoming if call.sid not in known and _since_it_is_ours(call, numbers)]
    mine = _mine(work, account_id, new)
    more = [(call, True) for call in incoming if call.sid in known and _tells_an_end(call, *known[call.sid], at)]
    more += [(call, False) for call in new if call.sid in mine]
    return sorted(more, key=lambda one: (one[0].started_at, one[0].sid))


def _known(session: AccountSession, sids: Sequence[str]) -> dict[str, tuple[str, int | None]]:
    """Status and duration, as we know them, of those calls that we have."""
    rows = session.execute(
        select(Call.provider_call_id, Call.status, Call.duration_seconds).where(Call.provider_call_id.in_(sids))
    )
    return {row.provider_call_id: (row.status, row.duration_seconds) for row in rows}


def _tells_an_end(call: ListedCall, status: str, duration: int | None, at: datetime) -> bool:
    """Whether the list knows of an end, or of a length, that nobody told. Calls that go on tell nothing here."""
    if call.status not in STATUSES or not is_end(call.status):
        return False
    if call.ended_at is not None and call.ended_at > at - GRACE:
        return False
    now = (status, duration)
    return settle(*now, reported=call.status, reported_duration=call.duration_seconds) != now


def _since_it_is_ours(call: ListedCall, numbers: Mapping[str, datetime]) -> bool:
    """Before a number was brought here its calls went elsewhere. The list knows whole seconds only."""
    since = numbers.get(dialled(call.number) or "")
    return since is not None and call.started_at is not None and call.started_at + _SECOND > since


def _mine(work: Work, account_id: str, calls: Iterable[ListedCall]) -> set[str]:
    """Which of these calls are this account's: accounts may share one at the provider, and numbers move on."""
    by_sid = {call.sid: dialled(call.number) for call in calls}
    taken = set(
        work.directory.scalars(
            select(ProviderCall.provider_call_id).where(
                ProviderCall.provider_call_id.in_(by_sid), ProviderCall.account_id != account_id
            )
        )
    )
    owned = set(
        work.directory.scalars(
            select(NumberOwner.number).where(
                NumberOwner.number.in_(set(by_sid.values())), NumberOwner.account_id == account_id
            )
        )
    )
    return {sid for sid, number in by_sid.items() if number in owned and sid not in taken}


def _take_in(sweep: Sweep, call: ListedCall) -> None:
    """Keeps what the list told as an event, and processes it; an event that fails stays, as those of webhooks do."""
    told = Told(kind="sweep", fields=fields_of(call), at=sweep.at)
    kept = keep(sweep.database, sweep.account_id, told, via="sweep")
    if not kept.done:
        process(sweep.room, sweep.account_id, kept.event_id, at=sweep.at)


def fields_of(call: ListedCall) -> tuple[tuple[str, str], ...]:
    """The call in the names of Twilio's webhooks, with when it began and ended besides."""
    fields = {
        "CallSid": call.sid,
        "AccountSid": call.account_sid,
        "From": call.caller,
        "To": call.number,
        "CallStatus": call.status,
        "Direction": call.direction,
        "CallDuration": None if call.duration_seconds is None else str(call.duration_seconds),
        "CallerName": call.caller_name,
        "StartTime": format_time(call.started_at) if call.started_at else None,
        "EndTime": format_time(call.ended_at) if call.ended_at else None,
    }
    return tuple((name, value) for name, value in fields.items() if value is not None)


def _remember(sweep: Sweep, until: datetime) -> None:
    with sweep.database.write() as work:
        session = work.account(sweep.account_id)
        row = session.get(ProviderSweep, (sweep.account_id, TWILIO, sweep.calls.account_sid))
        if row is None:
            session.add(ProviderSweep(provider=TWILIO, account_sid=sweep.calls.account_sid, compared_until=until))
        else:
            row.compared_until = max(row.compared_until, until)


def _unended(session: AccountSession, at: datetime) -> int:
    """Calls that must be over and whose end nobody told. Nothing is made up for them: they stay as they were."""
    began = (Call.started_at < at - LONGEST_CALL, Call.started_at >= at - FURTHEST)
    return session.scalar(select(func.count(Call.call_id)).where(*began, Call.status.in_(_OPEN))) or 0


def _calls(count: int) -> str:
    return f"{count} call" if count == 1 else f"{count} calls"
