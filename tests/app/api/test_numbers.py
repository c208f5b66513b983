"""`/numbers` over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.office import DESTINATION, OWN, Office, fresh_numbers
from tests.support.serving import Served


def add(office: Office, number: str, source: Any, expect: int | None = 201, **fields: Any) -> Any:
    return office.api("POST", "/numbers", {"number": number, "source": source["id"], **fields}, expect=expect)


def billboard(office: Office, site: Any) -> Any:
    return office.source(site, kind="offline", name="Billboard", numbers=0)


def test_a_number_has_all_its_fields(office: Office) -> None:
    site = office.site()
    source = office.source(site, numbers=0)
    number = fresh_numbers(1)[0]
    made = office.api("POST", "/numbers", {"number": number, "source": "google_ads", "provider": "twilio"}, expect=201)
    assert made["since"] == made["created_at"]
    assert {k: v for k, v in made.items() if k not in {"since", "created_at"}} == {
        "number": number,
        "source": "google_ads",
        "source_id": source["id"],
        "site": site["id"],
        "provider": "twilio",
        "status": "active",
        "printed": False,
        "monthly_price_minor": None,
        "currency": None,
        "quarantined_until": None,
        "release_at": None,
        "calls_without_views": None,
        "warning": None,
    }
    for spelling in (number, number.removeprefix("+"), "%2B" + number.removeprefix("+")):
        assert office.api("GET", f"/numbers/{spelling}", expect=200) == made


def test_lists_are_newest_first_and_filtered(office: Office) -> None:
    site = office.site()
    ads, bing = office.source(site, numbers=3), office.source(site, "bing", numbers=1)
    other_site = office.site()
    elsewhere = office.source(other_site, "direct", numbers=1)
    numbers = [*ads["pool"], *bing["pool"], *elsewhere["pool"]]

    def listed(**params: Any) -> list[str]:
        return [n["number"] for n in office.api("GET", "/numbers", params=params, expect=200)["items"]]

    assert listed() == numbers[::-1]
    assert listed(source="google_ads") == listed(source=ads["id"]) == ads["pool"][::-1]
    assert listed(site=other_site["id"]) == elsewhere["pool"]
    office.api("PATCH", f"/numbers/{bing['pool'][0]}", {"status": "resting"}, expect=200)
    assert listed(status="resting") == bing["pool"]
    assert listed(status="active", site=site["id"]) == ads["pool"][::-1]
    first = office.api("GET", "/numbers?limit=2", expect=200)
    rest = office.api("GET", "/numbers", params={"cursor": first["next_cursor"]}, expect=200)
    assert [n["number"] for n in [*first["items"], *rest["items"]]] == numbers[::-1]
    for query in ("source=nope", "source=%00", f"site={'0' * 32}", "site=nope"):
        assert office.api("GET", f"/numbers?{query}").status_code == 404, query
    assert office.api("GET", "/numbers?status=lost").status_code == 422


def test_a_number_is_used_once_over_all_accounts(server: Served, office: Office, database_url: str) -> None:
    other = Office.open(server.url, database_url)
    site = office.site()
    ads, bing = office.source(site, numbers=1), office.source(site, "bing", numbers=0)
    number = ads["pool"][0]
    for source in (ads, bing):
        assert add(office, number, source, expect=409)["error"]["code"] == "conflict"
    theirs = other.source(other.site(), numbers=0)
    error = add(other, number, theirs, expect=409)["error"]
    assert office.account_id not in str(error)
    for method, body in (("GET", None), ("PATCH", {"status": "active"}), ("DELETE", None)):
        assert other.api(method, f"/numbers/{number}", body).status_code == 404
    assert office.api("GET", f"/numbers/{number}", expect=200)["status"] == "active"


def test_an_offline_source_has_exactly_one_number(office: Office) -> None:
    site = office.site()
    source, ads = billboard(office, site), office.source(site)
    first, second = fresh_numbers(2)
    add(office, first, source)
    add(office, second, source, expect=409)
    office.api("PATCH", f"/numbers/{ads['pool'][0]}", {"source": source["id"]}, expect=409)
    office.api("PATCH", f"/numbers/{first}", {"status": "resting"}, expect=200)
    add(office, second, source, expect=409)
    office.api("DELETE", f"/numbers/{first}", expect=204)
    add(office, second, source)
    office.api("PATCH", f"/numbers/{first}", {"status": "active"}, expect=409)
    # A refused number is nobody's.
    add(office, fresh_numbers(1)[0], ads)


def test_wrong_numbers_are_422_and_named(lite_office: Office) -> None:
    site = lite_office.site()
    source = lite_office.source(site, numbers=1)
    good = {"number": fresh_numbers(1)[0], "source": source["id"], "provider": "manual"}
    for field, value in (
        ("number", "12"),
        ("number", None),
        ("number", "(212) 555-0142"),
        ("number", OWN),
        ("number", DESTINATION),
        ("number", "+1212556\x00000"),
        ("number", "+1\ud800"),
        ("source", "nope"),
        ("source", "a\x00"),
        ("source", ""),
        ("provider", "demo"),
        ("provider", "carrier pigeon"),
        ("status", "lost"),
        ("status", "released"),
        ("since", "2026-01-01T00:00:00Z"),
    ):
        error = lite_office.api("POST", "/numbers", {**good, field: value}, expect=422)["error"]
        assert list(error["fields"]) == [field], (value, error)
    path = f"/numbers/{source['pool'][0]}"
    for field, value in (
        ("source", "nope"),
        ("source", None),
        ("status", "lost"),
        ("provider", "demo"),
        ("number", "x"),
    ):
        assert list(lite_office.api("PATCH", path, {field: value}, expect=422)["error"]["fields"]) == [field], value
    # What was refused stays free for whoever asks properly.
    add(lite_office, good["number"], source)


def test_a_destination_is_never_a_tracking_number_afterwards(lite_office: Office) -> None:
    source = lite_office.source(lite_office.site())
    body = {"destination": source["pool"][0]}
    assert "destination" in lite_office.api("PATCH", f"/sources/{source['id']}", body, expect=422)["error"]["fields"]


def test_numbers_that_are_not_there_are_404(office: Office) -> None:
    for path in ("+12125550188", "nope", "%00", "+", "+" + "1" * 100, "%ED%A0%80", "12%2F5"):
        for method, body in (("GET", None), ("PATCH", {"status": "active"}), ("DELETE", None)):
            assert office.api(method, f"/numbers/{path}", body).status_code == 404, path


def test_a_number_changes_source_status_and_provider(office: Office, server: Served) -> None:
    site = office.site()
    ads, bing = office.source(site), office.source(site, "bing", numbers=0)
    path = f"/numbers/{ads['pool'][0]}"
    before = office.api("GET", path, expect=200)
    server.clock.forward(minutes=5)
    moved = office.api("PATCH", path, {"source": "bing", "provider": "twilio"}, expect=200)
    assert moved == {**before, "source": "bing", "source_id": bing["id"], "provider": "twilio"}
    rested = office.api("PATCH", path, {"status": "resting"}, expect=200)
    assert rested["status"] == "resting"
    assert rested["since"] > moved["since"]
    assert office.api("PATCH", path, {"status": "resting"}, expect=200) == rested
    assert office.api("PATCH", path, {"status": "active"}, expect=200)["status"] == "active"
    assert office.api("PATCH", path, {"status": "quarantined"}, expect=200)["status"] == "quarantined"
    assert office.api("PATCH", path, {}, expect=200)["status"] == "quarantined"


def test_a_released_number_keeps_its_history_and_may_come_back(office: Office) -> None:
    site = office.site()
    ads, bing = office.source(site), office.source(site, "bing", numbers=0)
    path = f"/numbers/{ads['pool'][0]}"
    office.api("DELETE", path, expect=204)
    office.api("DELETE", path, expect=204)
    assert office.api("GET", path, expect=200)["status"] == "released"
    assert office.api("GET", "/numbers?status=released", expect=200)["items"][0]["number"] == ads["pool"][0]
    assert office.api("PATCH", path, {"status": "active"}, expect=200)["status"] == "active"
    assert office.api("PATCH", path, {"status": "released"}, expect=200)["status"] == "released"
    again = add(office, ads["pool"][0], bing)
    assert (again["status"], again["source"]) == ("active", "bing")
    office.api("DELETE", path, expect=204)
    office.api("DELETE", f"/sources/{bing['id']}", expect=204)
    assert "source" in office.api("PATCH", path, {"status": "active"}, expect=409)["error"]["fields"]
    assert office.api("PATCH", path, {"status": "active", "source": ads["id"]}, expect=200)["source"] == "google_ads"


def test_another_account_may_take_a_released_number(server: Served, office: Office, database_url: str) -> None:
    other = Office.open(server.url, database_url)
    ours = office.source(office.site())
    theirs = other.source(other.site(), numbers=0)
    number = ours["pool"][0]
    office.api("DELETE", f"/numbers/{number}", expect=204)
    add(other, number, theirs)
    # The first owner keeps the history, but neither gets the number back nor takes it from the second.
    assert office.api("GET", f"/numbers/{number}", expect=200)["status"] == "released"
    office.api("PATCH", f"/numbers/{number}", {"status": "active"}, expect=409)
    add(office, number, ours, expect=409)
    office.api("DELETE", f"/numbers/{number}", expect=204)
    add(office, number, ours, expect=409)
    assert other.api("GET", f"/numbers/{number}", expect=200)["status"] == "active"
    other.api("DELETE", f"/numbers/{number}", expect=204)
    assert add(office, number, ours)["status"] == "active"


def test_of_requests_for_one_number_one_wins(server: Served, office: Office, database_url: str) -> None:
    other = Office.open(server.url, database_url)
    pairs = [(office, office.source(office.site())), (other, other.source(other.site()))] * 3
    for number in fresh_numbers(3):

        def ask(pair: tuple[Office, Any], number: str = number) -> int:
            return int(add(pair[0], number, pair[1], expect=None).status_code)

        with ThreadPoolExecutor(6) as pool:
            assert sorted(pool.map(ask, pairs)) == [201, 409, 409, 409, 409, 409]


def test_an_offline_source_gets_one_of_many_numbers_asked_for_at_once(office: Office) -> None:
    source = billboard(office, office.site())
    with ThreadPoolExecutor(5) as pool:
        answers = pool.map(lambda n: add(office, n, source, expect=None).status_code, fresh_numbers(5))
    assert sorted(answers) == [201, 409, 409, 409, 409]


def test_history_tells_who_changed_what_and_why(office: Office, server: Served) -> None:
    site = office.site()
    ads = office.source(site)
    office.source(site, "bing", numbers=0)
    number = ads["pool"][0]
    path = f"/numbers/{number}"
    for body in (
        {"source": "bing", "reason": "Bing needs it more"},
        {"status": "resting"},
        {"provider": "twilio", "printed": True},
        {"status": "released", "reason": "  gone "},
    ):
        server.clock.forward(minutes=1)
        office.api("PATCH", path, body, expect=200)
    assert office.api("GET", path, expect=200)["printed"] is True
    items = office.api("GET", f"{path}/history", expect=200)["items"]
    told = [(h["from"], h["to"], h["from_source"], h["to_source"], h["by"], h["reason"]) for h in items]
    assert told == [
        ("resting", "released", "bing", "bing", "api", "gone"),
        ("active", "resting", "bing", "bing", "api", None),
        ("active", "active", "google_ads", "bing", "api", "Bing needs it more"),
        (None, "active", None, "google_ads", "api", None),
    ]
    assert all(h["user"] for h in items)
    first = office.api("GET", f"{path}/history?limit=3", expect=200)
    rest = office.api("GET", f"{path}/history", params={"cursor": first["next_cursor"]}, expect=200)
    assert [*first["items"], *rest["items"]] == items
    # Nobody sees another account's.
    other = Office.open(server.url, server.app.extensions["ringtrace"].settings.database_url)
    assert other.api("GET", f"{path}/history").status_code == 404
    assert office.api("GET", "/numbers/+12125550188/history").status_code == 404
    for reason in ("a\x00", "x" * 1001, 7):
        assert list(office.api("PATCH", path, {"reason": reason}, expect=422)["error"]["fields"]) == ["reason"]


def test_a_number_put_into_quarantine_by_hand_has_an_end(office: Office, server: Served) -> None:
    source = office.source(office.site(), numbers=0)
    number = fresh_numbers(1)[0]
    made = add(office, number, source, status="quarantined", reason="was somebody else's")
    assert made["quarantined_until"] > made["since"]
    assert made["calls_without_views"] == 0
    office.ring(number)
    assert office.api("GET", f"/numbers/{number}", expect=200)["calls_without_views"] == 1
    listed = office.api("GET", "/numbers?status=quarantined", expect=200)["items"]
    assert [(n["number"], n["calls_without_views"]) for n in listed] == [(number, 1)]
    early = office.api("PATCH", f"/numbers/{number}", {"status": "active"}, expect=200)
    assert "1 call without views" in early["warning"]
    assert office.api("GET", f"/numbers/{number}", expect=200)["warning"] is None


def test_giving_back_needs_a_provider(office: Office) -> None:
    number = office.source(office.site())["pool"][0]
    error = office.api("DELETE", f"/numbers/{number}?at_provider=true", expect=409)["error"]
    assert "nobody to give it back to" in error["message"]
    assert office.api("DELETE", f"/numbers/{number}?at_provider=maybe").status_code == 422
    office.api("DELETE", f"/numbers/{number}", expect=204)
    office.api("DELETE", f"/numbers/{number}", expect=204)


def test_a_number_taken_away_while_visitors_hold_it_goes_on_being_matched(office: Office) -> None:
    site = office.site()
    source = office.source(site, numbers=2)
    swapped = office.swap(site).json()
    held = swapped["numbers"][OWN]["e164"]
    for body in ({"status": "resting"}, {"status": "quarantined"}, {"status": "released"}):
        office.api("PATCH", f"/numbers/{held}", body, expect=200)
        sid, answer = office.ring(held, f"+1212555{100 + len(body['status']):04d}")
        assert DESTINATION in answer.text
        call = office.call_of(sid)
        assert swapped["visitor"].startswith(call["candidates"][0]["visitor"].partition(".")[0])
        assert call["source"] == source["slug"]
    shown = office.swap(site, visitor=swapped["visitor"]).json()["numbers"][OWN]["e164"]
    assert shown in set(source["pool"]) - {held}
