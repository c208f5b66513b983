"""Events: kept raw before anything is made of them, processed once, again where that failed, and never lost."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError

from app.jobs import Jobs
from app.telephony import intake, process
from app.telephony.intake import ALONE, FAILED_AGAIN, GIVEN_UP, Kept, keep, process_due, retry, retry_failed
from app.telephony.told import NotYet, Told
from app.training_process import Outcome
from store.engine import make_engine
from store.sessions import Database
from store.webhooks import WebhookDelivery, WebhookEndpoint
from tests.app.telephony.builders import AT, Desk
from tests.support.office import DESTINATION, Office, fresh_numbers
from tests.support.serving import Served

SECOND = timedelta(seconds=1)


def told(desk: Desk, kind: str, /, **fields: str) -> Told:
    """An event of the desk's number, told now."""
    given = {"CallSid": "CA1", "From": "+12125550199", "To": desk.number, **fields}
    return Told(kind=kind, fields=tuple(given.items()), at=desk.room.now())  # type: ignore[arg-type]


def kept(desk: Desk, kind: str, /, **fields: str) -> Kept:
    return keep(desk.room.database, desk.office.account_id, told(desk, kind, **fields), via="webhook")


def look(desk: Desk) -> int:
    """What the leader's look does about events."""
    room = desk.room
    return process_due(room.database, room.settings, desk.office.account_id, at=room.now(), should_stop=lambda: False)


def ask_for_all(desk: Desk) -> None:
    """Somebody wants to be told of everything about calls."""
    with desk.work() as (_, session):
        session.add(
            WebhookEndpoint(
                endpoint_id="e" * 32,
                url="https://example.com/",
                events=["call.started", "call.matched", "call.ended"],
                secret=b"",
                created_at=AT,
            )
        )


def told_others(desk: Desk) -> list[str]:
    with desk.work() as (_, session):
        return list(session.scalars(select(WebhookDelivery.event).order_by(WebhookDelivery.number)))


def breaks(desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str, error: Exception) -> None:
    """Processing of this kind goes wrong."""

    def broken(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(process, "PROCESSES", {**process.PROCESSES, kind: broken})
    monkeypatch.setattr(intake, "PROCESSES", process.PROCESSES)


def test_a_webhook_is_kept_as_it_came_and_marked_when_it_was_processed(server: Served, desk: Desk) -> None:
    server.clock.frozen = AT
    sid, _ = desk.office.ring(desk.number, CallerName="Ada\x00 %0000 é 💥", Nothing="")
    event = desk.event()
    assert (event.provider, event.kind, event.via, event.sid) == ("twilio", "voice", "webhook", sid)
    assert (event.state, event.tries, event.problem, event.next_try_at) == ("done", 1, None, None)
    assert (event.received_at, event.processed_at, event.number) == (AT, AT, desk.number)
    fields = dict(intake.told_of(event).fields)
    assert (fields["CallerName"], fields["Nothing"]) == ("Ada\x00 %0000 é 💥", "")
    assert (fields["CallSid"], fields["To"]) == (sid, desk.number)


def test_the_same_event_is_kept_once_and_says_how_far_it_is(desk: Desk) -> None:
    first = kept(desk, "status", CallStatus="ringing")
    again = kept(desk, "status", CallStatus="ringing")
    assert (first.new, first.done) == (True, False)
    assert (again.new, again.done, again.event_id) == (False, False, first.event_id)
    intake.process(desk.room, desk.office.account_id, first.event_id, at=desk.room.now())
    assert kept(desk, "status", CallStatus="ringing").done
    assert kept(desk, "status", CallStatus="completed").new


def test_what_a_crash_left_behind_is_taken_up_within_a_minute(server: Served, desk: Desk) -> None:
    server.clock.frozen = AT
    ask_for_all(desk)
    kept(desk, "voice", CallStatus="ringing")  # and here the process was killed
    assert (desk.calls(), look(desk)) == ([], 0), "whoever kept it may be at it"
    server.clock.forward(seconds=ALONE.total_seconds())
    assert look(desk) == 1
    call = desk.call()
    assert (call.started_at, call.updated_at) == (AT, AT + ALONE), "dated when it came, changed when it was taken in"
    assert (desk.event().state, look(desk)) == ("done", 0)
    assert told_others(desk) == ["call.started", "call.matched"]


def test_an_event_that_came_twice_after_a_crash_is_processed_by_the_second(desk: Desk) -> None:
    fields = {"CallSid": "CA1", "From": "+12125550199", "To": desk.number, "CallStatus": "ringing"}
    keep(
        desk.room.database,
        desk.office.account_id,
        Told(kind="voice", fields=tuple(fields.items()), at=desk.room.now()),
        via="webhook",
    )
    assert desk.office.webhook("voice", fields).text == desk.dials()
    assert (desk.event().state, desk.call().status) == ("done", "ringing")


def test_others_are_told_once_of_each_thing(desk: Desk) -> None:
    ask_for_all(desk)
    sid, _ = desk.office.ring(desk.number)
    assert told_others(desk) == ["call.started", "call.matched"]
    for _ in range(2):
        desk.office.ring(desk.number, sid=sid)
        for status in ("in-progress", "completed", "busy", "completed"):
            fields = {"CallSid": sid, "To": desk.number, "CallStatus": status, "CallDuration": "7"}
            desk.office.webhook("status", fields)
    assert told_others(desk) == ["call.started", "call.matched", "call.ended"]
    desk.office.webhook("status", {"CallSid": "CA2", "To": desk.number, "CallStatus": "failed"})
    assert told_others(desk)[3:] == ["call.started", "call.matched", "call.ended"], "its end made it"


def test_a_leg_that_overtook_its_call_waits_for_it(server: Served, desk: Desk) -> None:
    leg = {"CallSid": "leg", "ParentCallSid": "CA1", "To": desk.number, "CallStatus": "completed", "CallDuration": "5"}
    assert desk.office.webhook("status", leg).status_code == 204
    event = desk.event()
    assert (event.state, event.problem, event.tries) == ("waiting", "its call is not known yet", 1)
    assert event.next_try_at is not None
    assert desk.legs() == []
    desk.office.ring(desk.number, sid="CA1")
    assert [(leg.provider_leg_id, leg.status, leg.duration_seconds) for leg in desk.legs()] == [("leg", "completed", 5)]
    assert {event.state for event in desk.events()} == {"done"}
    assert desk.call().status == "ringing", "a leg says nothing about the call"


def test_what_waits_is_tried_less_and_less_often_and_given_up_after_two_days(lite_desk: Desk) -> None:
    desk, clock = lite_desk, lite_desk.room.tell_time
    clock.frozen = AT  # type: ignore[attr-defined]
    desk.office.webhook("status", {"CallSid": "leg", "ParentCallSid": "CA1", "To": desk.number})
    pauses, tries = [], 1
    while (due := desk.event().next_try_at) is not None:
        pauses.append(due - desk.room.now())
        clock.frozen = due - SECOND  # type: ignore[attr-defined]
        assert look(desk) == 0
        clock.frozen = due  # type: ignore[attr-defined]
        assert look(desk) == 1
        tries += 1
    event = desk.event()
    assert (event.state, event.tries) == ("failed", tries)
    assert event.problem == "given up after 2 days: its call is not known yet"
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=30)
    assert GIVEN_UP <= desk.room.now() - AT <= GIVEN_UP + timedelta(hours=4)
    desk.office.ring(desk.number, sid="CA1")
    assert desk.legs() == [], "it failed: staff may ask for it"
    done = retry(desk.room, desk.office.account_id, event.event_id, at=desk.room.now())
    assert done is not None
    assert done.state == "done"


def test_a_mistake_of_ours_costs_no_call_and_is_written_down(
    server: Served, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.clock.frozen = AT
    with monkeypatch.context() as wrong:
        breaks(desk, wrong, "voice", ZeroDivisionError("a mistake of ours"))
        sid, answer = desk.office.ring(desk.number)
        assert answer.text == desk.dials()
        assert desk.office.ring(desk.number, sid=sid)[1].text == answer.text
        event = desk.event()
        assert (event.state, event.problem, event.tries) == ("failed", "ZeroDivisionError: a mistake of ours", 2)
        assert event.next_try_at == AT + FAILED_AGAIN[1]
        assert retry_failed(desk.room, desk.office.account_id, at=AT) == (1, 0)
    assert retry_failed(desk.room, desk.office.account_id, at=AT) == (1, 1)
    assert retry_failed(desk.room, desk.office.account_id, at=AT) == (0, 0)
    assert (desk.event().state, desk.call().provider_call_id) == ("done", sid)
    assert desk.office.ring(desk.number, sid=sid)[1].text == answer.text


def test_what_failed_is_tried_again_by_itself_and_then_rests(lite_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, clock = lite_desk, lite_desk.room.tell_time
    clock.frozen = AT  # type: ignore[attr-defined]
    with monkeypatch.context() as wrong:
        breaks(desk, wrong, "status", IntegrityError("INSERT", {}, Exception("taken")))
        desk.office.webhook("status", {"CallSid": "CA1", "To": desk.number, "CallStatus": "busy"})
        pauses = []
        while (due := desk.event().next_try_at) is not None:
            pauses.append(due - desk.room.now())
            clock.frozen = due  # type: ignore[attr-defined]
            look(desk)
    assert tuple(pauses) == FAILED_AGAIN
    assert (desk.event().state, desk.event().tries) == ("failed", len(FAILED_AGAIN) + 1)
    clock.forward(days=300)  # type: ignore[attr-defined]
    assert look(desk) == 0
    assert retry(desk.room, desk.office.account_id, desk.event().event_id, at=desk.room.now()) is not None
    assert (desk.event().state, desk.call().status) == ("done", "busy")
    assert desk.call().started_at == AT, "as of when it was told"


def test_a_database_that_fails_leaves_the_event_as_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    event = kept(desk, "voice")
    with monkeypatch.context() as wrong:
        breaks(desk, wrong, "voice", OperationalError("SELECT", {}, Exception("gone")))
        with pytest.raises(OperationalError):
            intake.process(desk.room, desk.office.account_id, event.event_id, at=desk.room.now())
    assert (desk.event().state, desk.event().tries, desk.event().problem) == ("waiting", 0, None)
    intake.process(desk.room, desk.office.account_id, event.event_id, at=desk.room.now())
    assert desk.call().destination == DESTINATION


def test_what_an_event_half_did_before_it_failed_is_undone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = process.PROCESSES["voice"]

    def half(work: Any, account_id: str, told: Told, **more: Any) -> Any:
        whole(work, account_id, told, **more)
        raise NotYet("the second half")

    with monkeypatch.context() as wrong:
        wrong.setattr(intake, "PROCESSES", {**process.PROCESSES, "voice": half})
        desk.office.ring(desk.number, sid="CA1")
    assert (desk.calls(), desk.event().state) == ([], "waiting")
    desk.office.ring(desk.number, sid="CA1")
    assert (len(desk.calls()), desk.event().state) == (1, "done")


def test_an_event_of_nobodys_number_says_that_nothing_was_made_of_it(lite_desk: Desk) -> None:
    lite_desk.store_twilio("tw", "AC77", lite_desk.room.now())
    [elsewhere] = fresh_numbers(1)
    lite_desk.office.webhook("voice", {"CallSid": "CA7", "AccountSid": "AC77", "To": elsewhere}, token="tw")
    event = lite_desk.event()
    assert (event.state, event.problem) == ("done", process.NOTHING_OF_OURS)


def test_a_leg_of_accounts_that_share_a_provider_account_finds_the_one_whose_call_it_is(
    server: Served, desk: Desk, database_url: str
) -> None:
    other = Desk.open(server, Office.open(server.url, database_url))
    sid, now = "AC" + "5" * 32, server.clock()
    for mine in (desk, other):
        mine.store_twilio("shared", sid, now - timedelta(days=2))
    leg = {"CallSid": "leg", "ParentCallSid": "CA1", "AccountSid": sid, "To": DESTINATION, "CallStatus": "busy"}
    assert desk.office.webhook("status", leg, token="shared").status_code == 204
    assert [event.state for event in (desk.event(), other.event())] == ["waiting", "waiting"]
    call = {"CallSid": "CA1", "AccountSid": sid, "To": other.number, "From": "+12125550199"}
    other.office.webhook("voice", call, token="shared")
    assert [(leg.provider_leg_id, leg.status) for leg in other.legs()] == [("leg", "busy")]
    server.clock.forward(hours=1)
    assert look(desk) == 1
    assert (desk.events(), desk.legs()) == ([], []), "it was never this account's"


def test_nobody_can_ask_for_another_accounts_event(server: Served, desk: Desk, database_url: str) -> None:
    other = Desk.open(server, Office.open(server.url, database_url))
    event = kept(desk, "voice")
    assert retry(other.room, other.office.account_id, event.event_id, at=server.clock()) is None
    assert (desk.event().tries, desk.calls()) == (0, [])


def test_a_recording_of_a_leg_waits_for_the_leg(desk: Desk) -> None:
    sid = "AC" + "8" * 32
    desk.store_twilio("tw", sid, desk.room.now())
    recording = {"CallSid": "leg", "RecordingSid": "RE1", "AccountSid": sid, "RecordingStatus": "completed"}
    leg = {"CallSid": "leg", "ParentCallSid": "CA1", "AccountSid": sid, "To": DESTINATION, "CallStatus": "completed"}
    call = {"CallSid": "CA1", "AccountSid": sid, "To": desk.number}
    for kind, fields in (("recording", recording), ("status", leg)):
        assert desk.office.webhook(kind, fields, token="tw").status_code == 204
    assert {event.state for event in desk.events()} == {"waiting"}
    desk.office.webhook("voice", call, token="tw")
    assert [(event.kind, event.state) for event in desk.events()] == [
        ("recording", "done"),
        ("status", "done"),
        ("voice", "done"),
    ]


def test_the_leader_looks_for_what_waits_before_anything_else(desk: Desk) -> None:
    """Of two processes one does it; a training that is due takes its time afterwards."""
    desk.office.site()  # jobs look at accounts that have one by the book
    kept(desk, "voice", CallStatus="ringing")
    order: list[str] = []

    def train(*_: Any) -> Outcome:
        order.append(f"training with {len(desk.calls())} calls")
        return Outcome(said="trained")

    at = desk.room.now() + timedelta(days=2)
    engine = make_engine(desk.room.settings.database_url)
    jobs = [
        Jobs(settings=desk.room.settings, database=database, tell_time=lambda: at, train=train, nightly={})
        for database in (desk.room.database, Database(engine))
    ]
    try:
        for each in jobs:
            each.look()
    finally:
        for each in jobs:
            each.stop()
        engine.dispose()
    assert (desk.event().state, desk.event().tries) == ("done", 1)
    assert order == ["training with 1 calls"]
