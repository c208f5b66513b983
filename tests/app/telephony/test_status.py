"""How a call stands: late, twice, in any order, before the call itself."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations

import requests

from tests.app.telephony.builders import Desk
from tests.support.office import DESTINATION, Office, fresh_numbers
from tests.support.serving import Served


def _report(desk: Desk, sid: str, status: str, **more: str) -> int:
    fields = {"CallSid": sid, "From": "+12125550199", "To": desk.number, "CallStatus": status, **more}
    return int(desk.office.webhook("status", fields).status_code)


def test_the_end_of_a_call_brings_its_duration(server: Served, desk: Desk) -> None:
    sid, _ = desk.office.ring(desk.number)
    started = desk.call().started_at
    server.clock.forward(minutes=2)
    assert _report(desk, sid, "completed", CallDuration="117") == 204
    call = desk.call()
    assert (call.status, call.duration_seconds, call.started_at) == ("completed", 117, started)
    assert call.updated_at >= started + timedelta(minutes=2)


def test_a_report_told_twice_changes_nothing_the_second_time(server: Served, desk: Desk) -> None:
    sid, _ = desk.office.ring(desk.number)
    _report(desk, sid, "completed", CallDuration="60")
    before = desk.call().updated_at
    server.clock.forward(days=30)
    for status in ("completed", "ringing", "in-progress", "busy"):
        assert _report(desk, sid, status, CallDuration="60") == 204
    call = desk.call()
    assert (call.status, call.duration_seconds, call.updated_at) == ("completed", 60, before)


def test_every_order_of_a_call_and_its_reports_ends_alike(lite_desk: Desk) -> None:
    steps = ["voice", "ringing", "in-progress", "completed", "no-answer"]
    for order in permutations(steps):
        sid = f"CA{uuid.uuid4().hex}"
        for step in order:
            if step == "voice":
                assert lite_desk.office.ring(lite_desk.number, sid=sid, CallerName="Ada")[1].text == lite_desk.dials()
            elif step == "completed":
                assert _report(lite_desk, sid, step, CallDuration="42") == 204
            else:
                assert _report(lite_desk, sid, step, CallDuration="0") == 204
    calls = lite_desk.calls()
    assert len(calls) == 120
    assert {(c.status, c.duration_seconds, c.caller_name, c.from_number, c.destination) for c in calls} == {
        ("completed", 42, "Ada", "+12125550199", DESTINATION)
    }


def test_reports_at_the_same_moment_as_the_call_settle_alike(desk: Desk) -> None:
    sids = [f"CA{uuid.uuid4().hex}" for _ in range(4)]
    for sid in sids:
        offices = [Office(**{**vars(desk.office), "http": requests.Session()}) for _ in range(4)]
        fields = {"CallSid": sid, "From": "+12125550199", "To": desk.number}
        with ThreadPoolExecutor(4) as pool:
            jobs = [
                pool.submit(offices[0].ring, desk.number, sid=sid),
                pool.submit(offices[1].webhook, "status", {**fields, "CallStatus": "in-progress"}),
                pool.submit(offices[2].webhook, "status", {**fields, "CallStatus": "completed", "CallDuration": "9"}),
                pool.submit(offices[3].webhook, "status", {**fields, "CallStatus": "ringing"}),
            ]
        assert jobs[0].result()[1].text == desk.dials()
        assert [job.result().status_code for job in jobs[1:]] == [204] * 3
        for o in offices:
            o.http.close()
    calls = desk.calls()
    assert sorted(c.provider_call_id for c in calls) == sorted(sids)
    assert {(c.status, c.duration_seconds) for c in calls} == {("completed", 9)}


def test_a_report_that_overtook_its_call_makes_it(desk: Desk) -> None:
    assert _report(desk, "CA1", "completed", CallDuration="30") == 204
    call = desk.call()
    assert (call.number, call.destination, call.source_id) == (desk.number, DESTINATION, desk.source_id)
    assert (call.status, call.duration_seconds) == ("completed", 30)
    assert call.model_version is not None, "it is scored like any other"


def test_the_end_of_a_leg_is_not_the_end_of_the_call(desk: Desk) -> None:
    sid, _ = desk.office.ring(desk.number)
    for leg in ("CA-leg", sid):
        assert _report(desk, leg, "completed", ParentCallSid=sid, CallDuration="5") == 204
    assert (desk.call().status, desk.call().duration_seconds) == ("ringing", None)


def test_odd_reports_are_taken_and_change_nothing(desk: Desk) -> None:
    sid, _ = desk.office.ring(desk.number)
    before = desk.call()
    for fields in (
        {"CallSid": sid},
        {"CallSid": sid, "CallStatus": "exploded", "CallDuration": "12"},
        {"CallSid": sid, "CallStatus": "", "CallDuration": "\x00"},
        {"CallSid": sid, "CallDuration": "9" * 400},
        {"To": desk.number, "CallStatus": "completed"},
        {"To": desk.number, "CallSid": "C" * 400, "CallStatus": "completed"},
    ):
        assert desk.office.webhook("status", fields).status_code == 204
    after = desk.call()
    assert (after.status, after.duration_seconds, after.updated_at) == ("ringing", None, before.updated_at)


def test_a_late_report_finds_its_call_by_id_alone(lite_desk: Desk) -> None:
    sid, _ = lite_desk.office.ring(lite_desk.number)
    [elsewhere] = fresh_numbers(1)
    fields = {"CallSid": sid, "To": elsewhere, "CallStatus": "no-answer", "CallDuration": "0"}
    assert lite_desk.office.webhook("status", fields).status_code == 204
    assert (lite_desk.call().status, lite_desk.call().duration_seconds) == ("no-answer", 0)


def test_a_report_on_nobodys_number_makes_no_call(lite_desk: Desk) -> None:
    lite_desk.store_twilio("tw", "AC77", lite_desk.room.now())
    [elsewhere] = fresh_numbers(1)
    fields = {"CallSid": "CA7", "AccountSid": "AC77", "To": elsewhere, "CallStatus": "completed"}
    assert lite_desk.office.webhook("status", fields, token="tw").status_code == 204
    assert lite_desk.calls() == []
