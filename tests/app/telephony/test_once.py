"""Whatever is told, how often, in which order and how late: each thing is there once, and as it ended."""

import random
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from sqlalchemy import delete, select
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from store.calls import Call, CallCandidate, MatchDecision
from store.provider_events import CallRecording, ProviderEvent
from store.sessions import Database
from store.tables import Base
from store.webhooks import WebhookDelivery, WebhookEndpoint
from tests.app.telephony.builders import AT, Desk
from tests.support.office import DESTINATION, OWN, Office
from tests.support.serving import Served

TOKEN, ACCOUNT_SID = "a token of Twilio's", "AC" + "7" * 32
THREADS = 8


def _twilio(desk: Desk) -> None:
    desk.store_twilio(TOKEN, ACCOUNT_SID, desk.room.now())


def _steps(desk: Desk, sid: str) -> dict[str, tuple[str, dict[str, str]]]:
    """What Twilio tells of one call."""
    call = {"CallSid": sid, "AccountSid": ACCOUNT_SID, "From": "+12125550199", "To": desk.number}
    leg = {"CallSid": f"leg{sid}", "ParentCallSid": sid, "AccountSid": ACCOUNT_SID, "To": DESTINATION}
    recording = {"CallSid": sid, "AccountSid": ACCOUNT_SID, "RecordingSid": f"RE{sid[2:]}", "RecordingChannels": "2"}
    return {
        "ringing": ("voice", {**call, "CallStatus": "ringing", "CallerName": "Ada"}),
        "in-progress": ("status", {**call, "CallStatus": "in-progress"}),
        "completed": ("status", {**call, "CallStatus": "completed", "CallDuration": "42"}),
        "leg": ("status", {**leg, "CallStatus": "completed", "CallDuration": "40"}),
        "recording": ("recording", {**recording, "RecordingStatus": "completed", "RecordingDuration": "39"}),
    }


def _tell(office: Office, step: tuple[str, dict[str, str]]) -> Any:
    answer = office.webhook(step[0], step[1], token=TOKEN)
    assert answer.status_code in {200, 204}, answer.text
    return answer


def _recordings(desk: Desk) -> list[CallRecording]:
    with desk.work() as (_, session):
        return list(session.scalars(select(CallRecording)))


def _all_rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Everything the database holds."""
    with database.engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


@contextmanager
def _offices(desk: Desk, count: int) -> Iterator[list[Office]]:
    """The same office with so many connections."""
    many = [Office(**{**vars(desk.office), "http": requests.Session()}) for _ in range(count)]
    try:
        yield many
    finally:
        for office in many:
            office.http.close()


def test_events_told_one_to_five_times_from_eight_threads_are_each_there_once(desk: Desk) -> None:
    """Told at least once by the provider, at most once in what we made of it: calls, their ends, what others heard."""
    rng = random.Random(61)
    _twilio(desk)
    with desk.work() as (_, session):
        names = ["call.started", "call.matched", "call.ended"]
        session.add(
            WebhookEndpoint(endpoint_id="e" * 32, url="https://x.test/", events=names, secret=b"", created_at=AT)
        )
    sids = [f"CA{uuid.uuid4().hex}" for _ in range(70)]
    steps = [_steps(desk, sid)[name] for sid in sids for name in ("ringing", "in-progress", "completed")]
    told = [step for step in steps for _ in range(rng.randint(1, 5))]
    rng.shuffle(told)
    with _offices(desk, THREADS) as offices, ThreadPoolExecutor(THREADS) as pool:

        def work(mine: int) -> set[bytes]:
            answers = [(step[0], _tell(offices[mine], step)) for step in told[mine::THREADS]]
            return {answer.content for kind, answer in answers if kind == "voice"}

        voices = set().union(*pool.map(work, range(THREADS)))
    assert voices == {desk.dials().encode()}
    assert len(told) > 500
    calls = desk.calls()
    assert sorted(call.provider_call_id for call in calls) == sorted(sids)
    assert {(call.status, call.duration_seconds, call.caller_name) for call in calls} == {("completed", 42, "Ada")}
    events = desk.events()
    assert (len(events), {event.state for event in events}) == (len(steps), {"done"})
    with desk.work() as (_, session):
        deliveries = session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.number)).all()
    assert [delivery.number for delivery in deliveries] == list(range(1, 3 * len(sids) + 1))
    assert len({(delivery.event, delivery.subject) for delivery in deliveries}) == 3 * len(sids)


def test_every_order_of_a_call_its_reports_a_leg_and_a_recording_ends_alike(server: Served, desk: Desk) -> None:
    _twilio(desk)
    orders = list(permutations(["ringing", "in-progress", "completed", "leg", "recording"]))
    # Which order it was matters to the rules, and all of them are tried there; here those of a few are told for real.
    orders = orders[:: 7 if desk.room.database.engine.dialect.name == "postgresql" else 3]
    for order in orders:
        steps = _steps(desk, f"CA{uuid.uuid4().hex}")
        for name in order:
            _tell(desk.office, steps[name])
    calls, legs, recordings = desk.calls(), desk.legs(), _recordings(desk)
    assert len(calls) == len(legs) == len(recordings) == len(orders)
    assert {(c.status, c.duration_seconds, c.caller_name, c.from_number, c.destination) for c in calls} == {
        ("completed", 42, "Ada", "+12125550199", DESTINATION)
    }
    assert {(leg.status, leg.duration_seconds) for leg in legs} == {("completed", 40)}
    assert {(r.status, r.duration_seconds, r.channels) for r in recordings} == {("completed", 39, 2)}
    of_calls = {c.call_id: c.provider_call_id for c in calls}
    assert {of_calls[leg.call_id] for leg in legs} == set(of_calls.values())
    assert {of_calls[r.call_id] for r in recordings} == set(of_calls.values())
    assert {event.state for event in desk.events()} == {"done"}


def test_what_is_told_days_later_is_taken_in_and_the_match_stays_as_of_the_call(server: Served, desk: Desk) -> None:
    site = desk.office.site()
    number = desk.office.source(site)["pool"][0]
    shown = desk.office.swap(site).json()
    assert shown["numbers"][OWN]["e164"] == number
    _twilio(desk)
    sid = f"CA{uuid.uuid4().hex}"
    desk.numbers = [number]
    steps = _steps(desk, sid)
    server.clock.forward(seconds=30)
    _tell(desk.office, steps["ringing"])
    call = desk.call()
    assert call.matched_visit_id is not None
    server.clock.forward(hours=24)
    _tell(desk.office, steps["recording"])
    server.clock.forward(days=6)
    desk.office.swap(site)  # others come in the meantime
    _tell(desk.office, steps["completed"])
    late = desk.call()
    assert (late.status, late.duration_seconds, late.started_at) == ("completed", 42, call.started_at)
    assert (late.matched_visit_id, late.matched_likelihood) == (call.matched_visit_id, call.matched_likelihood)
    assert [r.duration_seconds for r in _recordings(desk)] == [39]


def test_a_call_that_only_its_end_tells_of_began_before_it(server: Served, desk: Desk) -> None:
    server.clock.frozen = AT
    _twilio(desk)
    _tell(desk.office, _steps(desk, "CA1")["completed"])
    assert desk.call().started_at == AT - timedelta(seconds=42)
    kind, fields = _steps(desk, "CA2")["completed"]
    _tell(desk.office, (kind, {**fields, "CallDuration": "9999999"}))
    assert desk.calls()[1].started_at == AT, "no call lasts for months"


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=31)])
def test_a_replayed_request_changes_nothing(server: Served, desk: Desk, later: timedelta) -> None:
    server.clock.frozen = datetime(2026, 5, 4, 13, tzinfo=AT.tzinfo)
    _twilio(desk)
    steps = list(_steps(desk, "CA1").values())
    text = {"MessageSid": "SM1", "AccountSid": ACCOUNT_SID, "From": "+12125550199", "To": desk.number, "Body": "hi"}
    steps.append(("sms", text))
    first = [_tell(desk.office, step).content for step in steps]
    before = _all_rows(desk.room.database)
    server.clock.forward(seconds=later.total_seconds())
    for _ in range(20):
        assert [_tell(desk.office, step).content for step in steps] == first
    assert _all_rows(desk.room.database) == before
    assert {len(before["calls"]), len(before["messages"]), len(before["call_recordings"])} == {1}
    assert len(before["provider_events"]) == len(steps)


def test_a_replayed_signature_with_the_borders_of_its_fields_moved_changes_nothing(desk: Desk) -> None:
    """Twilio signs names and values without anything between them: whoever copied a request could move the borders."""
    fields = {"CallSid": "CA1", "CallStatus": "ringing", "From": "+12125550199", "To": desk.number}
    url = f"{desk.office.url}/webhooks/twilio/voice"
    signed = RequestValidator(desk.office.provider_token).compute_signature(url, fields)
    moved: list[list[tuple[str, str]]] = [
        [("CallSid", "CA1CallStatusringing"), ("From", "+12125550199"), ("To", desk.number)],
        [("CallSid", "CA1"), ("CallStatus", "ringingFrom+12125550199"), ("To", desk.number)],
        [("CallSi", "dCA1"), ("CallStatus", "ringing"), ("From", "+12125550199"), ("To", desk.number)],
        [("CallSid", "CA1"), ("CallStatus", "ringing"), ("From+", "12125550199"), ("To", desk.number)],
        [*fields.items(), ("To", desk.number)],
    ]
    for form in moved:
        again = RequestValidator(desk.office.provider_token).compute_signature(url, MultiDict(form))
        assert again == signed, "the signature cannot tell them apart"

    def send(form: list[tuple[str, str]]) -> Any:
        headers = {"X-Twilio-Signature": signed, "Content-Type": "application/x-www-form-urlencoded"}
        return desk.office.http.post(url, data=urlencode(form), headers=headers, timeout=30)

    assert send(list(fields.items())).text == desk.dials()
    before = _all_rows(desk.room.database)
    for form in moved:
        assert send(form).status_code == 200
    assert _all_rows(desk.room.database) == before


def test_a_call_that_was_removed_does_not_come_back(desk: Desk) -> None:
    _twilio(desk)
    ringing = _steps(desk, f"CA{uuid.uuid4().hex}")["ringing"]
    first = _tell(desk.office, ringing)
    with desk.work() as (_, session):
        for table in (CallCandidate, MatchDecision, ProviderEvent, Call):
            session.execute(delete(table), execution_options={"synchronize_session": False})
    assert _tell(desk.office, ringing).text == first.text
    assert desk.calls() == []
