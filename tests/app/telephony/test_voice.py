"""A call comes in: connected, kept once, whatever is missing or odd."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from app.telephony import record
from store.calls import MatchDecision
from store.directory import ProviderCall
from store.sessions import Database
from tests.app.telephony.builders import Desk
from tests.core.test_phone import WITHHELD
from tests.support.office import DESTINATION, Office, fresh_numbers
from tests.support.serving import Served, served


def _xml(answer: Any, body: str) -> None:
    assert (answer.status_code, answer.text) == (200, body)
    assert answer.headers["Content-Type"].startswith("text/xml")


def test_a_call_is_connected_and_kept_with_all_that_is_known(server: Served, desk: Desk) -> None:
    server.clock.frozen = datetime(2026, 5, 5, 2, 30, tzinfo=UTC)
    sid, answer = desk.office.ring(desk.number, CallerName="  Ada\x07 Lovelace ")
    _xml(answer, desk.dials())
    call = desk.call()
    assert (call.provider, call.provider_call_id, call.number) == ("twilio", sid, desk.number)
    assert (call.site_id, call.source_id, call.destination) == (desk.site_id, desk.source_id, DESTINATION)
    assert (call.from_number, call.caller_name, call.status) == ("+12125550199", "Ada Lovelace", "ringing")
    assert (call.started_at, call.duration_seconds) == (server.clock.frozen, None)
    assert call.local_day == date(2026, 5, 4), "half past ten in the evening in New York"
    with desk.work() as (work, _):
        assert work.directory.get_one(ProviderCall, sid).account_id == desk.office.account_id


def test_a_new_call_is_scored_before_it_is_answered(desk: Desk) -> None:
    desk.office.ring(desk.number)
    call = desk.call()
    assert call.model_version is not None
    assert (call.none_likelihood, call.matched_visit_id) == (1.0, None), "nobody was on the site"
    with desk.work() as (_, session):
        assert len(session.scalars(select(MatchDecision)).all()) == 1


def test_five_deliveries_of_one_call_are_one_call_and_one_answer(desk: Desk) -> None:
    sid = f"CA{uuid.uuid4().hex}"
    bodies = {desk.office.ring(desk.number, sid=sid)[1].content for _ in range(5)}
    assert bodies == {desk.dials().encode()}
    before = desk.call()
    desk.office.ring(desk.number, sid=sid)
    assert desk.call().updated_at == before.updated_at, "a repeat changes nothing"
    with desk.work() as (_, session):
        assert len(session.scalars(select(MatchDecision)).all()) == 1


def test_five_deliveries_at_the_same_moment_are_one_call(desk: Desk) -> None:
    for _ in range(4):
        sid = f"CA{uuid.uuid4().hex}"
        offices = [Office(**{**vars(desk.office), "http": requests.Session()}) for _ in range(5)]
        with ThreadPoolExecutor(5) as pool:
            answers = [pool.submit(o.ring, desk.number, sid=sid) for o in offices]
        assert {a.result()[1].content for a in answers} == {desk.dials().encode()}
        for o in offices:
            o.http.close()
    assert len(desk.calls()) == 4
    with desk.work() as (_, session):
        assert len(session.scalars(select(MatchDecision)).all()) == 4


def test_a_repeat_rings_where_the_call_was_sent_though_its_source_moved_since(desk: Desk) -> None:
    sid, first = desk.office.ring(desk.number)
    desk.retarget("+12125559111")
    assert desk.office.ring(desk.number, sid=sid)[1].content == first.content
    _xml(desk.office.ring(desk.number)[1], desk.dials("+12125559111"))


def test_a_repeat_is_known_by_its_id_though_the_number_is_missing(lite_desk: Desk) -> None:
    sid, first = lite_desk.office.ring(lite_desk.number)
    for more in ({"CallSid": sid}, {"CallSid": "CA-leg", "ParentCallSid": sid}):
        answer = lite_desk.office.webhook("voice", {**more, "From": "x"})
        assert answer.content == first.content
    assert len(lite_desk.calls()) == 1


@pytest.mark.parametrize("status", ["resting", "quarantined", "released"])
def test_a_number_that_is_shown_no_more_still_connects(lite_desk: Desk, status: str) -> None:
    lite_desk.set_number(status=status)
    _xml(lite_desk.office.ring(lite_desk.number)[1], lite_desk.dials())
    assert lite_desk.call().source_id == lite_desk.source_id


def test_a_plus_decoded_as_a_space_is_the_same_number(lite_desk: Desk) -> None:
    _xml(lite_desk.office.ring(lite_desk.number.replace("+", " "), caller=" 12125550199")[1], lite_desk.dials())
    assert (lite_desk.call().number, lite_desk.call().from_number) == (lite_desk.number, "+12125550199")


def test_withheld_callers_are_connected_and_nobody_in_all_their_spellings(desk: Desk) -> None:
    for spelling in WITHHELD:
        _xml(desk.office.ring(desk.number, caller=spelling)[1], desk.dials())
    calls = desk.calls()
    assert len(calls) == len(WITHHELD)
    assert {c.from_number for c in calls} == {None}


def test_a_number_that_is_nobodys_is_told_so_and_hung_up(lite_desk: Desk) -> None:
    lite_desk.store_twilio("tw-token", "AC" + "1" * 32, lite_desk.room.now())
    [number] = fresh_numbers(1)
    params = {"CallSid": "CA9", "AccountSid": "AC" + "1" * 32, "From": "+12125550199", "To": number}
    answer = lite_desk.office.webhook("voice", params, token="tw-token")
    assert answer.status_code == 200
    assert "<Say>" in answer.text
    assert "<Hangup />" in answer.text
    assert "<Dial" not in answer.text
    assert lite_desk.calls() == []


@pytest.mark.parametrize("sid", [None, "", " ", "C" * 129, "CA\x00"])
def test_a_call_without_a_usable_id_is_connected_though_it_cannot_be_kept(desk: Desk, sid: str | None) -> None:
    params = {"From": "+12125550199", "To": desk.number} | ({} if sid is None else {"CallSid": sid})
    _xml(desk.office.webhook("voice", params), desk.dials())
    assert desk.calls() == []


def test_a_call_is_kept_and_connected_though_scoring_fails(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(session: Any, call: Any, **_: Any) -> None:
        call.matched_by = "model"
        session.add(
            MatchDecision(decision_id="d", call_id="no such call", at=call.started_at, by="model", likelihood=1)
        )
        session.flush()  # the database refuses it

    monkeypatch.setattr(record, "match_call", broken)
    _, answer = desk.office.ring(desk.number)
    _xml(answer, desk.dials())
    call = desk.call()
    assert (call.matched_by, call.status, call.from_number) == (None, "ringing", "+12125550199")


def test_a_call_is_connected_though_it_cannot_be_written(lite_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Database) -> Any:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Database, "write", full)
        _xml(lite_desk.office.ring(lite_desk.number)[1], lite_desk.dials())
    assert lite_desk.calls() == []


def test_without_a_database_the_answer_is_503_in_the_error_form(lite_desk: Desk) -> None:
    with lite_desk.room.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE number_owners")
    _, answer = lite_desk.office.ring(lite_desk.number)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")


NAMES = ["CallSid", "ParentCallSid", "AccountSid", "From", "CallStatus", "CallerName", "Direction", "Called", "X"]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=150) | st.sampled_from(["\x00", "+1", "completed", "💥" * 70])


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(NAMES) | TEXTS.filter(lambda t: t != "To"), TEXTS), max_size=14))
def test_any_form_to_a_known_number_is_connected(kind: str, any_desk: dict[str, Desk], pairs: list[Any]) -> None:
    desk = any_desk[kind]
    form = MultiDict([*pairs, ("To", desk.number)])
    url = f"{desk.office.url}/webhooks/twilio/voice"
    signed = RequestValidator(desk.office.provider_token).compute_signature(url, form)
    answer = desk.office.http.post(
        url, data=list(form.items(multi=True)), headers={"X-Twilio-Signature": signed}, timeout=30
    )
    _xml(answer, desk.dials())


@pytest.fixture
def any_desk(sqlite_url: str, postgres_url: str, request: pytest.FixtureRequest) -> Any:
    """A desk on the kind of database the test names."""
    kind = request.node.callspec.params["kind"]
    url = {"sqlite": sqlite_url, "postgres": postgres_url}[kind]
    with served(url) as server:
        yield {kind: Desk.open(server, Office.open(server.url, url))}
