"""The page of what the provider told us: all of it, as it came, safe to look at, and processed again on demand."""

import re
from datetime import timedelta

import pytest

from app.telephony import intake, process
from app.telephony.intake import keep
from app.telephony.told import Told
from tests.app.telephony.builders import AT, Desk
from tests.app.web.staff import Staff
from tests.app.web.test_guards import counting
from tests.support.office import Office
from tests.support.serving import Served

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\x00'


@pytest.fixture
def desk(lite_server: Served, lite_office: Office) -> Desk:
    return Desk.open(lite_server, lite_office)


def _rows(page: str) -> list[str]:
    return re.findall(r"<tr>(.*?)</tr>", page.partition("<tbody>")[2], re.DOTALL)


def _fail(desk: Desk, monkeypatch: pytest.MonkeyPatch, sid: str = "CA1") -> None:
    """A call whose event could not be processed."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("<b>a mistake</b>")

    with monkeypatch.context() as wrong:
        wrong.setattr(intake, "PROCESSES", {**process.PROCESSES, "voice": broken})
        assert desk.office.ring(desk.number, sid=sid)[1].text == desk.dials()


def test_before_anything_came_the_page_says_so(desk: Desk, staff: Staff) -> None:
    page = staff.get("/events").text
    assert "The provider has told us nothing yet" in page
    assert "Nothing has failed." in page
    assert 'aria-current="page">Events</a>' in page


def test_an_event_is_shown_with_its_call_and_every_field_as_it_came(desk: Desk, staff: Staff) -> None:
    sid, _ = desk.office.ring(desk.number, CallerName=HOSTILE, **{"<script>": "a name", "Nothing": ""})
    desk.office.webhook("status", {"CallSid": sid, "To": desk.number, "CallStatus": "completed"})
    page = staff.get("/events").text
    status, voice = _rows(page)
    assert "Report of a call" in status
    assert "completed" in status
    assert "A call came in" in voice
    for shown in (sid, "told by webhook", "processed", f'href="/calls/{desk.call().call_id}"', "ringing"):
        assert shown in voice, shown
    assert "<dt>Nothing</dt><dd></dd>" in voice
    assert "<dt>&lt;script&gt;</dt><dd>a name</dd>" in voice
    assert "onerror=alert" in voice
    assert "<img" not in page
    assert "<script>" not in page


def test_filters_are_in_the_address_and_find_what_they_say(
    desk: Desk, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    sid, _ = desk.office.ring(desk.number)
    desk.office.webhook("status", {"CallSid": sid, "To": desk.number, "CallStatus": "completed"})
    desk.office.webhook("status", {"CallSid": "leg", "ParentCallSid": "CA-unknown", "To": desk.number})
    _fail(desk, monkeypatch)
    call_id = desk.call().call_id
    national = f"({desk.number[2:5]}) {desk.number[5:8]}-{desk.number[8:]}"
    for query, count in (
        ("", 4),
        ("state=failed", 1),
        ("state=waiting", 1),
        ("state=done", 2),
        ("kind=voice", 2),
        ("kind=sms", 0),
        ("via=webhook", 4),
        ("via=sweep", 0),
        (f"q={sid}", 2),
        (f"q={call_id}", 2),
        ("q=CA-unknown", 1),
        (f"q={desk.number.replace('+', '%2B')}", 4),
        (f"q={national}", 4),
        ("q=nothing+like+it", 0),
        (f"state=done&kind=voice&q={sid}", 1),
    ):
        page = staff.get(f"/events?{query}").text
        assert len(_rows(page)) == count, query
        assert ("No event fits these filters" in page) == (count == 0)
    assert "1 event failed." in staff.get("/events").text
    assert "1 event waits" in staff.get("/events").text
    for wrong in ("state=x", "kind=x", "via=x", "older=x"):
        assert staff.get(f"/events?{wrong}").status_code == 422


def test_a_failed_event_is_processed_again_by_a_button(
    desk: Desk, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail(desk, monkeypatch)
    page = staff.get("/events?state=failed").text
    assert "ZeroDivisionError: &lt;b&gt;a mistake&lt;/b&gt;" in page
    [path] = re.findall(r'action="(/events/[0-9a-f]{32}/again)"', page)
    assert staff.http.post(f"{staff.url}{path}", timeout=30).status_code == 400, "without a form token"
    assert desk.calls() == []
    answer = staff.post(path, {"state": "failed"})
    assert answer.url.endswith("/events?state=failed")
    assert "The event was processed again." in answer.text
    assert (desk.call().provider_call_id, desk.event().state) == ("CA1", "done")
    assert staff.post(f"/events/{'0' * 32}/again").status_code == 404


def test_all_that_failed_is_processed_again_by_one_button(
    desk: Desk, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sid in ("CA1", "CA2", "CA3"):
        _fail(desk, monkeypatch, sid)
    assert "Process all 3 failed events again" in staff.get("/events").text
    assert "Of 3 failed events 3 went through." in staff.post("/events/again").text
    assert len(desk.calls()) == 3
    assert "Nothing has failed." in staff.post("/events/again").text


def test_an_event_that_still_waits_says_for_what(desk: Desk, staff: Staff) -> None:
    desk.office.webhook("status", {"CallSid": "leg", "ParentCallSid": "CA1", "To": desk.number})
    answer = staff.post(f"/events/{desk.event().event_id}/again")
    assert "It still waits: its call is not known yet" in answer.text
    assert "tried again by itself" in answer.text


def test_a_long_list_comes_in_pages_and_asks_the_database_no_more_for_it(
    desk: Desk, staff: Staff, lite_server: Served
) -> None:
    desk.office.ring(desk.number, sid="CA0")
    with counting(lite_server) as few:
        staff.get("/events")
    for i in range(120):
        fields = (("CallSid", f"CA{i}"), ("To", desk.number), ("CallStatus", "ringing"))
        told = Told(kind="status", fields=fields, at=AT + timedelta(seconds=i % 7))
        keep(desk.room.database, desk.office.account_id, told, via="spool")
    with counting(lite_server) as many:
        page = staff.get("/events?via=spool").text
    assert len(many) == len(few) < 8
    seen, pages = [], 1
    while True:
        seen += re.findall(r"/events/([0-9a-f]{32})/again", page)
        older = re.search(r'href="(/events\?[^"]*older=[^"]+)"', page)
        if older is None:
            break
        pages += 1
        page = staff.get(older[1].replace("&amp;", "&")).text
    assert (pages, len(seen), len(set(seen))) == (3, 120, 120)
