"""Recording a source's calls: its callers are told first, always, and a call's answer never changes."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.telephony.base import Dial
from app.telephony.twilio import TwilioProvider
from store.calls import Call
from tests.app.telephony.builders import Desk
from tests.app.web.staff import Staff
from tests.support.office import DESTINATION, Office

NOTICE = "This call is recorded for <quality> & training."
SAID = "This call is recorded for &lt;quality&gt; &amp; training."


def switch(desk: Desk, **fields: object) -> None:
    desk.office.api("PATCH", f"/sources/{desk.source_id}", fields, expect=200)


def test_a_recorded_sources_callers_are_told_and_then_recorded(desk: Desk) -> None:
    switch(desk, recorded=True, notice=NOTICE)
    sid, answer = desk.office.ring(desk.number)
    assert answer.text == desk.dials(notice=SAID)
    verbs = [verb.tag for verb in ElementTree.fromstring(answer.text)]
    assert verbs == ["Say", "Dial"]
    with desk.room.database.read() as work:
        (call,) = work.account(desk.office.account_id).query(Call)
    assert (call.notice, call.provider_call_id) == (NOTICE, sid)


def test_the_same_call_gets_the_same_answer_whatever_the_source_is_set_to_meanwhile(desk: Desk) -> None:
    switch(desk, recorded=True, notice=NOTICE)
    recorded, first = desk.office.ring(desk.number)
    switch(desk, recorded=False, notice=None)
    plain, second = desk.office.ring(desk.number)
    assert second.text == desk.dials()
    switch(desk, recorded=True, notice="Another notice.")
    assert desk.office.ring(desk.number, sid=recorded)[1].content == first.content
    assert desk.office.ring(desk.number, sid=plain)[1].content == second.content
    assert desk.office.ring(desk.number)[1].text == desk.dials(notice="Another notice.")


def test_a_notice_alone_records_nothing(desk: Desk) -> None:
    switch(desk, notice=NOTICE)
    assert desk.office.ring(desk.number)[1].text == desk.dials()


def test_nobody_is_recorded_who_was_not_told() -> None:
    with pytest.raises(ValueError, match="told"):
        Dial(destination=DESTINATION, record_to="https://example.com/webhooks/twilio/recording")


@given(st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cc"], max_codepoint=0xFFFD), min_size=1))
def test_a_notice_cannot_become_twiml(notice: str) -> None:
    plan = Dial(destination=DESTINATION, notice=notice, record_to="https://example.com/r")
    root = ElementTree.fromstring(TwilioProvider().answer(plan).body)
    assert [verb.tag for verb in root] == ["Say", "Dial"]
    assert root.findtext("Say") == notice


def test_sources_are_recorded_only_with_a_notice(office: Office) -> None:
    site = office.site()
    body = {"site": site["id"], "name": "Ads", "kind": "online", "preset": "google_ads", "destination": DESTINATION}
    for notice in (None, "", "   ", "x" * 501, "bell\x07", "no XML \ufffe"):
        answer = office.api("POST", "/sources", {**body, "recorded": True, "notice": notice})
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, ["notice"]), notice
    made = office.api("POST", "/sources", {**body, "recorded": True, "notice": "  We  record\nthis. "}, expect=201)
    assert (made["recorded"], made["notice"]) == (True, "We record this.")
    path = f"/sources/{made['id']}"
    assert office.api("PATCH", path, {"notice": None}).status_code == 422
    assert office.api("PATCH", path, {"recorded": None}).status_code == 422
    assert office.api("GET", path, expect=200) == made
    changed = office.api("PATCH", path, {"recorded": False, "notice": None}, expect=200)
    assert (changed["recorded"], changed["notice"]) == (False, None)
    assert office.api("PATCH", path, {"recorded": True}).status_code == 422
    plain = office.api("POST", "/sources", {**body, "preset": "email"}, expect=201)
    assert (plain["recorded"], plain["notice"]) == (False, None)


def test_what_became_of_each_attempt_stands_with_the_call(desk: Desk) -> None:
    sid, _ = desk.office.ring(desk.number)
    for leg, status, more in (
        ("CA-a", "ringing", {}),
        ("CA-a", "busy", {"CallDuration": "0"}),
        ("CA-a", "initiated", {}),
        ("CA-b", "in-progress", {}),
        ("CA-b", "completed", {"CallDuration": "95"}),
    ):
        fields = {"CallSid": leg, "ParentCallSid": sid, "To": DESTINATION, "CallStatus": status, **more}
        assert desk.office.webhook("status", fields).status_code == 204
    call = desk.office.call_of(sid)
    assert [(leg["id"], leg["status"], leg["duration_seconds"]) for leg in call["legs"]] == [
        ("CA-a", "busy", 0),
        ("CA-b", "completed", 95),
    ]
    assert call["status"] == "ringing"
    page = Staff.of(desk.office).get(f"/calls/{call['id']}").text
    assert "rang at the destination: busy; answered, 1:35 talk" in page
