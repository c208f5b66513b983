"""What is learnt after a call reaches it over HTTP: forms, ends, spam marks, decisions. And never fails its cause."""

import math
from typing import Any

import pytest

from app import later_answers
from matching.rules.hindsight import SPAM
from tests.app.web.staff import Staff
from tests.support.office import OWN, Office
from tests.support.serving import Served

PAGE = "https://example.com/contact"
CALLER = "+12125550199"


def two_visitors(server: Served, office: Office) -> tuple[Any, Any, Any, str]:
    """A site, two visitors with its only number, the later one more recent, and that number."""
    site = office.site()
    number = office.source(site)["pool"][0]
    first = office.swap(site).json()
    server.clock.forward(minutes=3)
    second = office.swap(site).json()
    assert first["numbers"][OWN]["e164"] == second["numbers"][OWN]["e164"] == number
    server.clock.forward(minutes=2)
    return site, first, second, number


def check_books(call: Any) -> None:
    assert math.fsum([call["none"], *(c["likelihood"] for c in call["candidates"])]) == pytest.approx(1, abs=1e-12)
    for candidate in call["candidates"]:
        stated = math.log2(candidate["likelihood"] / call["none"])
        assert math.fsum(row["weight"] for row in candidate["evidence"]) == pytest.approx(stated, abs=1e-9)


def end(office: Office, sid: str, number: str, seconds: int = 42) -> int:
    fields = {"CallSid": sid, "From": CALLER, "To": number, "CallStatus": "completed", "CallDuration": str(seconds)}
    return int(office.webhook("status", fields).status_code)


def test_a_form_after_the_call_gives_a_better_answer_and_keeps_the_first(server: Served, office: Office) -> None:
    site, first, second, number = two_visitors(server, office)
    sid, _ = office.ring(number, CALLER)
    before = office.call_of(sid)
    assert before["match"]["visitor"] == second["visitor"]
    assert before["answers"] == []
    server.clock.forward(minutes=4)
    left = {"type": "form", "url": PAGE, "phone": "(212) 555-0199"}
    assert office.events(site, first, left).status_code == 202
    after = office.call_of(sid)
    assert after["match"]["visitor"] == first["visitor"]
    assert after["match"]["likelihood"] > 0.9
    check_books(after)
    (kept,) = after["answers"]
    assert (kept["at"], kept["reason"], kept["model"], kept["none"]) == (
        before["match"]["at"],
        None,
        before["history"][0]["model"],
        before["none"],
    )
    assert kept["match"] == {k: before["match"][k] for k in ("visit", "visitor", "likelihood")}
    assert kept["candidates"] == before["candidates"]
    assert [line["reason"] for line in after["history"]] == [None, "form"]
    assert (after["history"][1]["by"], after["history"][1]["visit"]) == ("model", first["visit"])
    office.events(site, first, left)
    assert office.call_of(sid) == after, "saying it twice is saying it once"


def test_a_form_with_another_phone_changes_nothing(lite_server: Served, lite_office: Office) -> None:
    site, first, _, number = two_visitors(lite_server, lite_office)
    sid, _ = lite_office.ring(number, CALLER)
    before = lite_office.call_of(sid)
    lite_office.events(site, first, {"type": "form", "url": PAGE, "phone": "(212) 555-0177"})
    assert lite_office.call_of(sid) == before


def test_a_spam_mark_is_answered_at_once(server: Served, office: Office) -> None:
    _, _, second, number = two_visitors(server, office)
    sid, _ = office.ring(number, CALLER)
    call = office.call_of(sid)
    marked = office.api("PATCH", f"/calls/{call['id']}", {"spam": True}, expect=200)
    assert (marked["spam"], marked["match"]) == (True, None)
    assert marked["none"] >= SPAM - 1e-12
    check_books(marked)
    assert marked["history"][-1]["reason"] == "spam"
    assert office.api("PATCH", f"/calls/{call['id']}", {"spam": True}, expect=200)["history"] == marked["history"]
    cleared = office.api("PATCH", f"/calls/{call['id']}", {"spam": False}, expect=200)
    assert cleared["match"]["visitor"] == second["visitor"]
    assert cleared["none"] == pytest.approx(call["none"], abs=1e-3)
    assert [a["reason"] for a in cleared["answers"]] == [None, "spam"]
    assert cleared["answers"][1]["match"] is None


def test_the_end_brings_a_click_that_was_reported_late(server: Served, office: Office) -> None:
    site, first, second, number = two_visitors(server, office)
    sid, _ = office.ring(number, CALLER)
    assert office.call_of(sid)["match"]["visitor"] == second["visitor"]
    server.clock.forward(seconds=40)
    office.events(site, first, {"type": "tel_click", "number": number, "age_ms": 44_000})
    assert office.call_of(sid)["match"]["visitor"] == second["visitor"]
    assert end(office, sid, number) == 204
    after = office.call_of(sid)
    assert after["match"]["visitor"] == first["visitor"]
    assert after["history"][-1]["reason"] == "ended"
    assert end(office, sid, number) == 204
    assert office.call_of(sid) == after


def test_a_decision_reaches_the_other_calls_of_the_phone(server: Served, office: Office) -> None:
    _, first, second, number = two_visitors(server, office)
    sids = []
    for _ in range(2):
        sids.append(office.ring(number, CALLER)[0])
        server.clock.forward(days=1)
    calls = [office.call_of(sid) for sid in sids]
    assert calls[0]["match"]["visitor"] == second["visitor"]
    office.api("PUT", f"/calls/{calls[1]['id']}/match", {"visit": first["visit"]}, expect=200)
    told = office.call_of(sids[0])
    assert told["match"]["visitor"] == first["visitor"]
    assert told["match"]["by"] == "model"
    assert told["history"][-1]["reason"] == "override"
    check_books(told)
    office.api("DELETE", f"/calls/{calls[1]['id']}/match", expect=204)
    assert office.call_of(sids[0])["match"]["visitor"] == second["visitor"]


def test_a_failure_never_fails_its_cause(
    lite_server: Served, lite_office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the model is out of order")

    site, first, _, number = two_visitors(lite_server, lite_office)
    sid, _ = lite_office.ring(number, CALLER)
    other, _ = lite_office.ring(number, CALLER)
    call = lite_office.call_of(sid)
    staff = Staff.of(lite_office)
    monkeypatch.setattr(later_answers, "answer_again", broken)
    assert lite_office.events(site, first, {"type": "form", "url": PAGE, "phone": CALLER}).status_code == 202
    assert end(lite_office, sid, number) == 204
    assert lite_office.api("PATCH", f"/calls/{call['id']}", {"spam": True}, expect=200)["spam"] is True
    lite_office.api("PUT", f"/calls/{call['id']}/match", {"visit": None}, expect=200)
    lite_office.api("DELETE", f"/calls/{call['id']}/match", expect=204)
    assert "No spam" in staff.post(f"/calls/{call['id']}/spam", {"spam": "no"}).text
    assert "credited to nobody" in staff.post(f"/calls/{call['id']}/match", {"visit": ""}).text
    assert "counts again" in staff.post(f"/calls/{call['id']}/match/undo").text
    after = lite_office.call_of(sid)
    assert (after["duration_seconds"], after["match"]["likelihood"]) == (42, call["match"]["likelihood"])
    assert after["answers"] == lite_office.call_of(other)["answers"] == []
    said = [r.getMessage() for r in caplog.records if "could not be answered again" in r.getMessage()]
    assert {message.rpartition("(")[2] for message in said} == {"form)", "ended)", "spam)", "not_spam)", "override)"}
    monkeypatch.setattr(later_answers, "other_calls_of_phone", broken)
    lite_office.api("PUT", f"/calls/{call['id']}/match", {"visit": None}, expect=200)
    assert "which calls to answer again (override) could not be found" in caplog.text


def test_a_call_that_comes_in_waits_for_nothing_of_this(
    lite_server: Served, lite_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(later_answers, "answer_again", lambda *_, reason, **__: asked.append(reason))
    *_, number = two_visitors(lite_server, lite_office)
    sid, answer = lite_office.ring(number, CALLER)
    assert answer.status_code == 200
    lite_office.ring(number, CALLER, sid)
    assert asked == []
    for status in ("ringing", "in-progress"):
        lite_office.webhook("status", {"CallSid": sid, "From": CALLER, "To": number, "CallStatus": status})
    assert asked == []
    for _ in range(2):
        assert end(lite_office, sid, number) == 204
    assert asked == ["ended"]


def test_the_page_says_what_was_known_first_and_what_is_known_now(lite_server: Served, lite_office: Office) -> None:
    site, first, _, number = two_visitors(lite_server, lite_office)
    sid, _ = lite_office.ring(number, CALLER)
    staff = Staff.of(lite_office)
    call = lite_office.call_of(sid)
    assert "First answer" not in staff.get(f"/calls/{call['id']}").text
    lite_office.events(site, first, {"type": "form", "url": PAGE, "phone": CALLER})
    page = staff.get(f"/calls/{call['id']}").text
    assert "First answer" in page
    assert "since a form came with the caller&#39;s phone" in page
    assert "“form”" not in page
