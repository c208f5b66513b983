"""The call log over HTTP: a page opens, a telephone rings, staff look, write and decide."""

import math
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.office import DESTINATION, Office
from tests.support.serving import Served

CALLER = "+12125550199"


def rung(office: Office, **ring: Any) -> tuple[Any, Any, Any, Any]:
    """A site, a source, a visitor who came by it, and the call that followed."""
    site = office.site()
    source = office.source(site)
    swapped = office.swap(site).json()
    sid, _ = office.ring(source["pool"][0], **ring)
    return site, source, swapped, office.call_of(sid)


def patch(office: Office, call: Any, body: Any, expect: int = 200) -> Any:
    return office.api("PATCH", f"/calls/{call['id']}", body, expect=expect)


def put(office: Office, call: Any, body: Any, expect: int = 200) -> Any:
    return office.api("PUT", f"/calls/{call['id']}/match", body, expect=expect)


def listed(office: Office, query: str = "") -> list[str]:
    return [item["id"] for item in office.api("GET", f"/calls{query}", expect=200)["items"]]


def test_a_call_has_every_field_it_should(office: Office) -> None:
    _site, source, swapped, call = rung(office)
    assert set(call) >= {
        *("id", "provider_call_id", "number", "from", "caller", "started_at", "duration_seconds", "status"),
        *("source", "destination", "match", "none", "candidates", "caller_name", "recordings", "tags", "value"),
        *("notes", "spam", "history", "answers"),
    }
    assert (call["number"], call["from"], call["caller"]) == (source["pool"][0], CALLER, "known")
    assert (call["source"], call["destination"], call["status"]) == ("google_ads", DESTINATION, "ringing")
    assert (call["tags"], call["value"], call["notes"], call["spam"], call["recordings"]) == ([], None, [], False, [])
    assert call["started_at"].endswith("Z")
    match = call["match"]
    assert (match["visit"], match["visitor"], match["by"], match["user"]) == (
        swapped["visit"],
        swapped["visitor"],
        "model",
        None,
    )
    (candidate,) = call["candidates"]
    assert (candidate["visit"], candidate["visitor"], candidate["rank"], candidate["source"]) == (
        swapped["visit"],
        swapped["visitor"],
        1,
        "google_ads",
    )
    assert candidate["likelihood"] == match["likelihood"]
    assert candidate["likelihood"] + call["none"] == pytest.approx(1, abs=1e-12)
    assert math.fsum(row["weight"] for row in candidate["evidence"]) == pytest.approx(
        math.log2(candidate["likelihood"] / call["none"]), abs=1e-9
    )
    (first,) = call["history"]
    assert (first["by"], first["user"], first["visit"], first["reason"]) == ("model", None, swapped["visit"], None)
    assert (first["likelihood"], first["at"]) == (match["likelihood"], match["at"])
    assert first["model"]


def test_a_list_item_is_the_call_without_its_long_parts(office: Office) -> None:
    *_, call = rung(office)
    (item,) = office.api("GET", "/calls", expect=200)["items"]
    assert item == {k: v for k, v in call.items() if k not in {"candidates", "history", "notes", "answers"}}


def test_a_withheld_call_that_nobody_made(office: Office) -> None:
    site = office.site()
    source = office.source(site)
    sid, _ = office.ring(source["pool"][0], caller="anonymous")
    call = office.call_of(sid)
    assert (call["from"], call["caller"], call["match"], call["none"], call["candidates"]) == (
        None,
        "withheld",
        None,
        1.0,
        [],
    )
    assert call["model_choice"] is None
    assert listed(office, "?caller=withheld") == listed(office, "?match=none") == [call["id"]]
    assert listed(office, "?match=model") == listed(office, "?min_likelihood=0") == []


def test_pages_hold_every_call_once(office: Office) -> None:
    source = office.source(office.site())
    sids = [office.ring(source["pool"][0])[0] for _ in range(5)]
    found: list[str] = []
    cursor = ""
    while True:
        page = office.api("GET", f"/calls?limit=2{cursor}", expect=200)
        found += [item["provider_call_id"] for item in page["items"]]
        assert len(page["items"]) <= 2
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == sids[::-1]


def test_staff_write_about_a_call(office: Office) -> None:
    *_, call = rung(office)
    changed = patch(
        office, call, {"tags": ["lead", "new"], "value": {"amount_minor": 48000, "currency": "USD"}, "spam": False}
    )
    assert (changed["tags"], changed["value"], changed["spam"]) == (
        ["lead", "new"],
        {"amount_minor": 48000, "currency": "USD"},
        False,
    )
    assert changed == office.api("GET", f"/calls/{call['id']}", expect=200)
    assert patch(office, call, {})["tags"] == ["lead", "new"]
    assert patch(office, call, {"value": None, "tags": []})["value"] is None
    note = office.api("POST", f"/calls/{call['id']}/notes", {"text": "Wants a quote"}, expect=201)
    assert (note["text"], note["user"], note["user_name"]) == (
        "Wants a quote",
        office.user_id,
        office.email.partition("@")[0],
    )
    seen = office.api("GET", f"/calls/{call['id']}", expect=200)
    assert seen["notes"] == [note]
    assert seen["match"] == call["match"]


WRONG: list[tuple[Any, str]] = [
    ({"tags": None}, "tags"),
    ({"tags": "lead"}, "tags"),
    ({"tags": [""]}, "tags.0"),
    ({"tags": [" "]}, "tags"),
    ({"tags": ["x" * 61]}, "tags.0"),
    ({"tags": ["a\u0000b"]}, "tags.0"),
    ({"tags": [1]}, "tags.0"),
    ({"spam": "yes"}, "spam"),
    ({"spam": None}, "spam"),
    ({"value": 5}, "value"),
    ({"value": {"amount_minor": 5}}, "value.currency"),
    ({"value": {"amount_minor": 5.5, "currency": "USD"}}, "value.amount_minor"),
    ({"value": {"amount_minor": -5, "currency": "USD"}}, "value.amount_minor"),
    ({"value": {"amount_minor": 2**70, "currency": "USD"}}, "value.amount_minor"),
    ({"value": {"amount_minor": 5, "currency": "dollars"}}, "value.currency"),
    ({"value": {"amount_minor": 5, "currency": "USD\n"}}, "value.currency"),
    ({"caller_name": "Anna"}, "caller_name"),
]


def test_a_wrong_field_is_named(lite_office: Office) -> None:
    source = lite_office.source(lite_office.site())
    sid, _ = lite_office.ring(source["pool"][0])
    call = lite_office.call_of(sid)
    for body, field in WRONG:
        name, _, inside = field.partition(".")
        fields = patch(lite_office, call, body, expect=422)["error"]["fields"]
        assert list(fields) == [name], body
        assert fields[name].startswith(inside), (body, fields)
    for body in ({}, {"text": ""}, {"text": "  "}, {"text": None}, {"text": "x" * 10_001}):
        answer = lite_office.api("POST", f"/calls/{call['id']}/notes", body, expect=422)
        assert list(answer["error"]["fields"]) == ["text"], body
    assert lite_office.call_of(sid) == call


def test_staff_say_nobody_and_take_it_back(office: Office) -> None:
    _site, _source, swapped, call = rung(office)
    said = put(office, call, {"visit": None, "reason": "the supplier"})
    match = said["match"]
    assert (match["by"], match["visit"], match["visitor"], match["user"]) == ("staff", None, None, office.user_id)
    assert (match["likelihood"], said["none"]) == (call["none"], call["none"])
    assert said["model_choice"]["visit"] == swapped["visit"]
    assert said["candidates"] == call["candidates"]
    last = said["history"][-1]
    assert (last["by"], last["user"], last["visit"], last["reason"]) == ("staff", office.user_id, None, "the supplier")
    assert listed(office, "?match=staff") == listed(office, "?match=none") == [call["id"]]
    assert listed(office, "?match=model") == []
    assert office.api("DELETE", f"/calls/{call['id']}/match", expect=204) is None
    back = office.api("GET", f"/calls/{call['id']}", expect=200)
    assert (back["match"]["by"], back["match"]["visit"], back["match"]["likelihood"]) == (
        "model",
        swapped["visit"],
        call["match"]["likelihood"],
    )
    assert [line["undo"] for line in back["history"]] == [False, False, True]
    assert back["history"][:2] == said["history"]
    assert listed(office, "?match=model") == [call["id"]]
    office.api("DELETE", f"/calls/{call['id']}/match", expect=204)
    assert office.api("GET", f"/calls/{call['id']}", expect=200) == back


def test_staff_choose_someone_who_was_no_candidate(office: Office) -> None:
    site, _source, _swapped, _call = rung(office)
    office.source(site, "email")
    reader = office.swap(site, url="https://example.com/?utm_source=list&utm_medium=email").json()
    sid, _ = office.ring(_source["pool"][0])
    call = office.call_of(sid)
    said = put(office, call, {"visit": reader["visit"]})
    assert (said["match"]["visit"], said["match"]["visitor"], said["match"]["likelihood"]) == (
        reader["visit"],
        reader["visitor"],
        0,
    )
    assert listed(office, f"?visitor={reader['visitor']}") == [call["id"]]
    assert listed(office, "?max_likelihood=0") == [call["id"]]
    visitor = office.api("GET", f"/visitors/{reader['visitor']}", expect=200)
    assert [(c["id"], c["likelihood"], c["credited"]) for c in visitor["calls"]] == [(call["id"], 0, True)]


def test_a_visit_that_cannot_be_chosen_is_422(office: Office, server: Served) -> None:
    site, _source, _swapped, call = rung(office)
    server.clock.forward(minutes=5)
    after = office.swap(site).json()["visit"]
    other = Office.open(server.url, str(server.app.extensions["ringtrace"].settings.database_url))
    foreign = rung(other)[2]["visit"]
    unwanted: list[Any] = [after, foreign, "x", "", "\u0000", call["id"], 5, [], {}]
    for wrong in unwanted:
        answer = put(office, call, {"visit": wrong}, expect=422)
        assert list(answer["error"]["fields"]) == ["visit"]
    put(office, call, {}, expect=422)
    put(office, call, {"visit": None, "reason": "x" * 1001}, expect=422)
    put(office, call, {"visit": None, "because": "x"}, expect=422)
    assert office.call_of(call["provider_call_id"]) == call


def test_what_is_not_there_is_404_whatever_is_asked_of_it(office: Office, server: Served) -> None:
    other = Office.open(server.url, str(server.app.extensions["ringtrace"].settings.database_url))
    theirs = rung(other)[3]["id"]
    for call_id in (theirs, "0" * 32, "x", "%00", "a%20b"):
        office.api("GET", f"/calls/{call_id}", expect=404)
        office.api("PATCH", f"/calls/{call_id}", {"spam": True}, expect=404)
        office.api("POST", f"/calls/{call_id}/notes", {"text": "hello"}, expect=404)
        office.api("PUT", f"/calls/{call_id}/match", {"visit": None}, expect=404)
        office.api("DELETE", f"/calls/{call_id}/match", expect=404)
    assert other.api("GET", f"/calls/{theirs}", expect=200)["spam"] is False
    assert listed(office) == []


def test_filters_and_what_they_refuse(lite_office: Office, lite_server: Served) -> None:
    office = lite_office
    site = office.site()
    ads, email = office.source(site), office.source(site, "email")
    first = office.call_of(office.ring(ads["pool"][0], CallerName="ANNA FIELD")[0])
    lite_server.clock.forward(days=1)
    second = office.call_of(office.ring(email["pool"][0], caller="+12125550177")[0])
    patch(office, second, {"tags": ["50% off", "lead"]})
    one, two = [first["id"]], [second["id"]]
    assert listed(office) == two + one
    assert listed(office, "?source=google_ads") == listed(office, f"?source={ads['id']}") == one
    assert listed(office, f"?to={second['started_at']}") == one
    assert listed(office, f"?from={second['started_at']}") == two
    assert listed(office, f"?number=%2B{email['pool'][0][1:]}") == two
    assert listed(office, "?caller=%2B12125550177") == two
    assert listed(office, "?tag=lead&spam=false&status=ringing") == two
    assert listed(office, "?q=0177") == listed(office, "?q=50%25") == listed(office, "?q=LEAD") == two
    assert listed(office, f"?site={site['id']}&from=2020-01-01") == two + one
    assert listed(office, "?from=2020-01-01&to=2020-01-02") == []
    refused = {
        "limit=0": "limit",
        "limit=501": "limit",
        "cursor=abc": "cursor",
        "from=yesterday": "from",
        "to=2026-02-30": "to",
        "status=done": "status",
        "match=both": "match",
        "min_likelihood=1.1": "min_likelihood",
        "max_likelihood=nan": "max_likelihood",
        "caller=nobody": "caller",
        "number=12": "number",
        "spam=perhaps": "spam",
        "colour=red": "colour",
    }
    for query, field in refused.items():
        assert list(office.api("GET", f"/calls?{query}", expect=422)["error"]["fields"]) == [field]


def test_dates_begin_at_the_sites_midnight(lite_office: Office, lite_server: Served) -> None:
    office = lite_office
    source = office.source(office.site(time_zone="Pacific/Auckland"))
    call = office.call_of(office.ring(source["pool"][0])[0])
    today = datetime.fromisoformat(call["started_at"]).astimezone(ZoneInfo("Pacific/Auckland")).date()
    assert listed(office, f"?from={today}&to={today + timedelta(days=1)}") == [call["id"]]
    assert listed(office, f"?to={today}") == []


def test_without_a_token_nothing_is_told(lite_office: Office) -> None:
    for path in ("/calls", "/calls/x", "/visitors/x", "/visits/x", "/reports/accuracy"):
        answer = lite_office.http.get(f"{lite_office.url}/api/v1{path}", timeout=30)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


def test_an_empty_filter_is_none_and_a_number_needs_no_plus(lite_office: Office) -> None:
    source = lite_office.source(lite_office.site())
    sid, _ = lite_office.ring(source["pool"][0])
    empty = "&".join(f"{name}=" for name in ("from", "to", "source", "status", "min_likelihood", "q", "min_likelihood"))
    assert [c["provider_call_id"] for c in lite_office.api("GET", f"/calls?{empty}", expect=200)["items"]] == [sid]
    for written in (source["pool"][0], source["pool"][0][1:], "%2B" + source["pool"][0][1:]):
        assert len(lite_office.api("GET", f"/calls?number={written}", expect=200)["items"]) == 1
    assert lite_office.api("GET", "/reports/accuracy?site=&from=&to=", expect=200)["sources"]
