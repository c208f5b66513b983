"""What no webhook told is healed from the provider's list: here the emulator's, and lists of long silences."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from app.engine_room import EngineRoom
from app.jobs import Jobs
from app.regular_jobs import PATIENT, SWEEP, Around, Wanting, has_list, sweep
from app.telephony.call_list import CallPage, ListedCall
from app.telephony.sweep import FURTHEST, GRACE, LONGEST_CALL, MOST_PAGES, WINDOW, Sweep, Swept, compare
from app.telephony.twilio_calls import TwilioCalls
from app.training_process import Outcome
from numberpool.provider import Doubtful, Failed
from store.models import JobRun
from store.provider_events import ProviderEvent
from tests.support.between import Between
from tests.support.office import Office, fresh_numbers
from tests.support.outside import API, SID, TOKEN, Outside
from tests.support.serving import Served, wait_until
from tests.support.trading import put_there

NOTHING_NEW = "0 of them new to us, 0 ended unheard"
CALLER = "+12125550199"
SOON = timedelta(seconds=90)
"""When what just happened is told by no webhook any more."""


def room_of(server: Served) -> EngineRoom:
    room: EngineRoom = server.app.extensions["ringtrace"]
    return room


def look(server: Served, office: Office, behind: str, **later: float) -> str:
    """The job of every ten minutes, asking the list at `behind`."""
    room = room_of(server)
    at = server.clock() + SOON + timedelta(**later)
    around = Around(
        database=room.database,
        settings=room.settings,
        account_id=office.account_id,
        at=at,
        should_stop=lambda: False,
    )
    return sweep(around, lambda sid, token: TwilioCalls(sid, token, elsewhere={API: behind}, timeout=1))


def events(server: Served, office: Office) -> list[ProviderEvent]:
    with room_of(server).database.read() as work:
        session = work.account(office.account_id)
        return list(session.scalars(select(ProviderEvent).order_by(ProviderEvent.event_id)))


def line(office: Office, emulator: Outside) -> tuple[str, Any]:
    """A number that the emulator has and that tells us nothing, and its source."""
    source = office.source(office.site(), numbers=0)
    [number] = fresh_numbers(1)
    put_there(emulator, number)
    office.api("POST", "/numbers", {"number": number, "source": source["id"], "provider": "twilio"}, expect=201)
    office.provider_token = TOKEN
    return number, source


def dial(emulator: Outside, number: str) -> Any:
    """A call that comes in there; as the emulator tells of it."""
    answer = emulator.ask("POST", "/_twilio/simulate/inbound-call", data={"To": number, "From": CALLER})
    assert answer.status_code == 201, answer.text
    return answer.json()


def end(emulator: Outside, sid: str, status: str = "completed") -> Any:
    """The call ends there; as the emulator tells of it."""
    path = f"/2010-04-01/Accounts/{SID}/Calls/{sid}.json"
    answer = emulator.ask("POST", path, data={"Status": status})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_call_that_nobody_told_of_is_there_afterwards_and_once(
    trader: Served, shop: Office, twilio_emulator: Outside
) -> None:
    number, source = line(shop, twilio_emulator)
    listed = end(twilio_emulator, dial(twilio_emulator, number)["sid"], "busy")
    assert "1 of them new to us, 0 ended unheard" in look(trader, shop, twilio_emulator.url)
    call = shop.call_of(listed["sid"])
    assert (call["status"], call["number"], call["from"]) == ("busy", number, CALLER)
    assert (call["source"], call["duration_seconds"]) == (source["slug"], int(listed["duration"]))
    # It began when the list says so, not when we heard of it.
    began = datetime.strptime(listed["start_time"], "%a, %d %b %Y %H:%M:%S %z")
    assert datetime.fromisoformat(call["started_at"]) == began
    for _ in range(2):
        assert NOTHING_NEW in look(trader, shop, twilio_emulator.url)
    [event] = events(trader, shop)
    assert (event.kind, event.via, event.state, event.sid) == ("sweep", "sweep", "done", listed["sid"])
    assert len(shop.api("GET", "/calls", expect=200)["items"]) == 1


def test_a_healed_call_is_scored_as_of_when_it_began(trader: Served, shop: Office, twilio_emulator: Outside) -> None:
    number, _ = line(shop, twilio_emulator)
    [site] = shop.api("GET", "/sites", expect=200)["items"]
    trader.clock.forward(seconds=-5)
    before = shop.swap(site).json()
    trader.clock.forward(seconds=5)
    sid = dial(twilio_emulator, number)["sid"]
    trader.clock.forward(seconds=5)
    after = shop.swap(site).json()
    assert [shown["e164"] for shown in (*before["numbers"].values(), *after["numbers"].values())] == [number] * 2
    look(trader, shop, twilio_emulator.url)
    call = shop.call_of(sid)
    assert [candidate["visitor"] for candidate in call["candidates"]] == [before["visitor"]]
    assert call["match"]["visitor"] == before["visitor"]


def test_a_call_that_goes_on_is_taken_further_when_it_ends(
    trader: Served, shop: Office, twilio_emulator: Outside
) -> None:
    number, _ = line(shop, twilio_emulator)
    sid = dial(twilio_emulator, number)["sid"]
    assert "1 of them new to us" in look(trader, shop, twilio_emulator.url)
    assert shop.call_of(sid)["status"] == "in-progress"
    end(twilio_emulator, sid)
    assert "0 of them new to us, 1 ended unheard" in look(trader, shop, twilio_emulator.url)
    assert shop.call_of(sid)["status"] == "completed"
    # Webhooks that come at last change nothing.
    before = shop.call_of(sid)
    _, answer = shop.ring(number, CALLER, sid=sid)
    assert (answer.status_code, source_number(answer.text)) == (200, before["destination"])
    shop.webhook("status", {"CallSid": sid, "To": number, "From": CALLER, "CallStatus": "ringing"})
    assert shop.call_of(sid) == before


def source_number(twiml: str) -> str:
    found = re.search(r">([^<]*)</Number>", twiml)
    return found[1] if found else ""


def test_a_lost_end_is_healed_and_a_known_one_never_undone(
    trader: Served, shop: Office, twilio_emulator: Outside
) -> None:
    number, _ = line(shop, twilio_emulator)
    ended, known = (dial(twilio_emulator, number)["sid"] for _ in range(2))
    for sid in (ended, known):
        shop.ring(number, CALLER, sid=sid)
    end(twilio_emulator, ended)
    # This end we were told of, and the list has not heard of it.
    form = {"CallSid": known, "To": number, "From": CALLER, "CallStatus": "completed", "CallDuration": "42"}
    assert shop.webhook("status", form).status_code == 204
    assert "0 of them new to us, 1 ended unheard" in look(trader, shop, twilio_emulator.url)
    assert shop.call_of(ended)["status"] == "completed"
    assert (shop.call_of(known)["status"], shop.call_of(known)["duration_seconds"]) == ("completed", 42)


def test_what_is_not_ours_is_left_alone(trader: Served, shop: Office, twilio_emulator: Outside) -> None:
    number, source = line(shop, twilio_emulator)
    unknown, later = fresh_numbers(2)
    for other in (unknown, later):
        put_there(twilio_emulator, other)
    dial(twilio_emulator, unknown)
    # Before a number is brought here its calls go elsewhere.
    dial(twilio_emulator, later)
    trader.clock.forward(hours=1)
    shop.api("POST", "/numbers", {"number": later, "source": source["id"], "provider": "manual"}, expect=201)
    # A call that goes out.
    form = {"To": number, "From": unknown, "Twiml": "<Response/>"}
    out = twilio_emulator.ask("POST", f"/2010-04-01/Accounts/{SID}/Calls.json", data=form)
    assert out.status_code == 201
    assert NOTHING_NEW in look(trader, shop, twilio_emulator.url)
    assert shop.api("GET", "/calls", expect=200)["items"] == []


def test_what_webhooks_may_still_tell_is_left_to_them(trader: Served, shop: Office, twilio_emulator: Outside) -> None:
    number, _ = line(shop, twilio_emulator)
    dial(twilio_emulator, number)
    known = dial(twilio_emulator, number)["sid"]
    shop.ring(number, CALLER, sid=known)
    end(twilio_emulator, known)
    # The list may hold calls of tests before, so that only what is made of it counts.
    just_now = {"seconds": 2 - SOON.total_seconds()}
    assert NOTHING_NEW in look(trader, shop, twilio_emulator.url, **just_now)
    # A call that goes on is no news; neither is its end while that may still be told.
    assert "1 of them new to us, 1 ended unheard" in look(trader, shop, twilio_emulator.url)
    assert NOTHING_NEW in look(trader, shop, twilio_emulator.url)


def test_calls_of_a_released_number_are_still_ours(trader: Served, shop: Office, twilio_emulator: Outside) -> None:
    number, _ = line(shop, twilio_emulator)
    shop.api("DELETE", f"/numbers/{number}", expect=204)
    sid = dial(twilio_emulator, number)["sid"]
    assert "1 of them new to us" in look(trader, shop, twilio_emulator.url)
    assert shop.call_of(sid)["number"] == number


def test_of_two_accounts_with_one_at_the_provider_each_gets_its_own(
    trader: Served, shop: Office, twilio_emulator: Outside, sqlite_url: str
) -> None:
    other = Office.open(trader.url, sqlite_url, "Bolt Electric")
    other.api("PUT", "/providers/twilio", {"account_sid": SID, "auth_token": TOKEN}, expect=200)
    moved, _ = line(shop, twilio_emulator)
    # Released by the one, taken by the other: its calls are the other's from now on.
    shop.api("DELETE", f"/numbers/{moved}", expect=204)
    source = other.source(other.site(), numbers=0)
    other.api("POST", "/numbers", {"number": moved, "source": source["id"], "provider": "twilio"}, expect=201)
    sid = dial(twilio_emulator, moved)["sid"]
    assert NOTHING_NEW in look(trader, shop, twilio_emulator.url)
    assert "1 of them new to us" in look(trader, other, twilio_emulator.url)
    assert NOTHING_NEW in look(trader, shop, twilio_emulator.url)
    assert other.call_of(sid)["number"] == moved


def test_a_provider_that_refuses_or_is_silent_is_told_of_and_asked_again(
    trader: Served, shop: Office, proxy: Between, twilio_emulator: Outside
) -> None:
    number, _ = line(shop, twilio_emulator)
    sid = dial(twilio_emulator, number)["sid"]
    shop.api("PUT", "/providers/twilio", {"account_sid": SID, "auth_token": "wrong"}, expect=200)
    with pytest.raises(Wanting, match=r"does not accept the stored credentials.*the next look goes on"):
        look(trader, shop, twilio_emulator.url)
    shop.api("PUT", "/providers/twilio", {"account_sid": SID, "auth_token": TOKEN}, expect=200)
    proxy.silent = True
    with pytest.raises(Wanting, match="did not answer in time"):
        look(trader, shop, proxy.url)
    proxy.silent = False
    assert "1 of them new to us" in look(trader, shop, proxy.url)
    assert shop.call_of(sid)["status"] == "in-progress"


def test_a_call_whose_end_nobody_tells_stays_as_it_is_and_is_counted(
    trader: Served, shop: Office, twilio_emulator: Outside
) -> None:
    number, _ = line(shop, twilio_emulator)
    sid, _ = shop.ring(number)
    assert "neither webhook nor list" not in look(trader, shop, twilio_emulator.url)
    assert "of 1 call neither webhook nor list tells an end" in look(trader, shop, twilio_emulator.url, hours=4.6)
    assert shop.call_of(sid)["status"] == "ringing"


def test_who_has_no_credentials_has_no_list(trader: Served, shop: Office, sqlite_url: str) -> None:
    room = room_of(trader)

    def around(office: Office) -> Around:
        return Around(
            database=room.database,
            settings=room.settings,
            account_id=office.account_id,
            at=trader.clock(),
            should_stop=lambda: False,
        )

    alone = Office.open(trader.url, sqlite_url)
    assert (has_list(around(shop)), has_list(around(alone))) == (True, False)
    assert sweep(around(alone)) == "no provider to ask"


def test_the_job_heals_by_itself_and_writes_down_what_it_did(
    trader: Served, shop: Office, twilio_emulator: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, _ = line(shop, twilio_emulator)
    sid = end(twilio_emulator, dial(twilio_emulator, number)["sid"])["sid"]
    emulated = partial(sweep, make=lambda sid, token: TwilioCalls(sid, token, elsewhere={API: twilio_emulator.url}))
    monkeypatch.setitem(PATIENT, SWEEP, PATIENT[SWEEP]._replace(work=emulated))
    room, at = room_of(trader), trader.clock() + SOON
    jobs = Jobs(
        settings=room.settings,
        database=room.database,
        tell_time=lambda: at,
        train=lambda *_: Outcome(said="not here"),
        nightly={},
    )

    def run() -> JobRun | None:
        with room.database.read() as work:
            return work.account(shop.account_id).scalar(select(JobRun).where(JobRun.job == SWEEP))

    try:
        jobs.look()
        wait_until(lambda: (row := run()) is not None and row.ended_at is not None, 20, "nothing was compared")
    finally:
        jobs.stop()
    row = run()
    assert row is not None
    assert (row.failed, row.due_at.minute % 5, row.due_at <= at < row.due_at + timedelta(minutes=5)) == (False, 0, True)
    assert "1 of them new to us, 0 ended unheard" in str(row.outcome)
    assert shop.call_of(sid)["status"] == "completed"


# Long silences: no emulator can be brought to list calls of weeks ago.


@dataclass
class Scripted:
    """A list of calls that holds what it is given, and is silent about what it is told to."""

    calls: list[ListedCall]
    account_sid: str = SID
    page_size: int = 3
    silent_from: datetime | None = None
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    def page(self, *, since: datetime, before: datetime, following: str | None = None) -> CallPage | Failed:
        if following is None:
            self.asked.append((since, before))
        if self.silent_from is not None and before > self.silent_from:
            return Doubtful(reason="silence")
        found = [c for c in reversed(self.calls) if c.started_at and since <= c.started_at < before]
        first = int(following or 0)
        more = first + self.page_size < len(found)
        return CallPage(
            calls=tuple(found[first : first + self.page_size]), following=str(first + self.page_size) if more else None
        )


NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


def listed_call(number: str, began: datetime, name: int) -> ListedCall:
    return ListedCall(
        sid=f"CA{name:032x}",
        parent_sid=None,
        account_sid=SID,
        caller=CALLER,
        number=number,
        status="completed",
        direction="inbound",
        started_at=began,
        ended_at=began + timedelta(seconds=60),
        duration_seconds=60,
        caller_name=None,
    )


@pytest.fixture
def silence(trader: Served, shop: Office, twilio_emulator: Outside) -> Callable[..., Swept]:
    """Compares a scripted list at a moment of March, the number having been there for a year."""
    trader.clock.frozen = NOW - timedelta(days=365)
    number, _ = line(shop, twilio_emulator)
    trader.clock.frozen = NOW

    def compared(calls: Scripted, at: datetime = NOW, stop: Callable[[], bool] = lambda: False) -> Swept:
        for index, call in enumerate(calls.calls):
            calls.calls[index] = ListedCall(**{**vars(call), "number": number})
        room = EngineRoom.over(room_of(trader).settings, room_of(trader).database, lambda: at)
        return compare(Sweep(room=room, account_id=shop.account_id, at=at, calls=calls, should_stop=stop))

    return compared


def every(hours: int, back: timedelta) -> list[ListedCall]:
    """Calls at a regular distance, the oldest first."""
    count = int(back.total_seconds() // 3600) // hours
    return [listed_call("", NOW - back + timedelta(hours=hours * n, minutes=1), n) for n in range(count)]


def began(office: Office) -> list[datetime]:
    items: Sequence[Any] = office.api("GET", "/calls?limit=500", expect=200)["items"]
    return sorted(datetime.fromisoformat(item["started_at"]) for item in items)


def test_an_end_of_this_moment_is_left_to_the_webhooks(silence: Callable[..., Swept], shop: Office) -> None:
    [number] = shop.api("GET", "/numbers", expect=200)["items"]
    call = replace(listed_call("", NOW - timedelta(minutes=5), 1), ended_at=NOW - timedelta(seconds=10))
    shop.ring(number["number"], CALLER, sid=call.sid)
    assert silence(Scripted([call])).ended == 0
    assert silence(Scripted([call]), NOW + GRACE).ended == 1
    assert shop.call_of(call.sid)["duration_seconds"] == 60


def test_after_a_long_silence_two_weeks_are_made_up_for(silence: Callable[..., Swept], shop: Office) -> None:
    calls = Scripted(every(7, timedelta(days=20)))
    done = silence(calls)
    assert (done.problem, done.unfinished, done.until) == (None, False, NOW - GRACE)
    assert began(shop) == [c.started_at for c in calls.calls if c.started_at and c.started_at >= NOW - FURTHEST]
    # The oldest first, one window after the other, without a gap.
    assert calls.asked[0][0] == NOW - FURTHEST
    assert all(before == since for (_, before), (since, _) in zip(calls.asked, calls.asked[1:], strict=False))
    assert all(before - since <= WINDOW for since, before in calls.asked)
    assert calls.asked[-1][1] == NOW - GRACE
    # And the next look begins where calls may have gone on.
    calls.asked.clear()
    later = NOW + timedelta(minutes=10)
    assert silence(calls, later).made == 0
    assert calls.asked == [(NOW - GRACE - LONGEST_CALL, later - GRACE)]


def test_a_look_that_breaks_off_goes_on_where_it_was(silence: Callable[..., Swept], shop: Office) -> None:
    calls = Scripted(every(7, FURTHEST), silent_from=NOW - timedelta(days=3))
    done = silence(calls)
    assert done.problem == "silence"
    assert NOW - timedelta(days=3) - WINDOW <= done.until <= NOW - timedelta(days=3)
    assert "silence; compared until 2026-03-17T" in done.sentence()
    half = len(began(shop))
    assert 0 < half < len(calls.calls)
    calls.silent_from, calls.asked = None, []
    done = silence(calls, NOW + timedelta(minutes=10))
    assert calls.asked[0][0] >= NOW - timedelta(days=3) - WINDOW - LONGEST_CALL
    assert (done.problem, done.made) == (None, len(calls.calls) - half)
    assert began(shop) == [call.started_at for call in calls.calls]


def test_a_server_that_stops_leaves_the_rest_to_the_next_look(silence: Callable[..., Swept], shop: Office) -> None:
    calls = Scripted(every(7, FURTHEST))
    looks = iter(range(1000))
    done = silence(calls, stop=lambda: next(looks) > 10)
    assert (done.problem, done.unfinished) == (None, True)
    assert "the next look goes on" in done.sentence()
    assert 0 < len(began(shop)) < len(calls.calls)
    assert silence(calls).unfinished is False
    assert began(shop) == [call.started_at for call in calls.calls]


def test_a_list_that_never_ends_is_not_read_for_ever(silence: Callable[..., Swept]) -> None:
    @dataclass
    class Endless(Scripted):
        def page(self, *, since: datetime, before: datetime, following: str | None = None) -> CallPage | Failed:
            return CallPage(calls=(), following="again")

    done = silence(Endless([]))
    assert (done.until, done.pages) == (NOW - FURTHEST, MOST_PAGES)
    assert done.problem == "the list is longer than one look can read"
