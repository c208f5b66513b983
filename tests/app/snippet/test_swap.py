"""A page opens: the right number, the same again, evenly spread; and nothing for those who may not have one."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sqlalchemy import event

from store.book_statements import Driver
from tests.support.office import BROWSER, OWN, Office
from tests.support.serving import Served, ServeProcess, free_port, served

GOOGLE = "https://example.com/?gclid=Cj0abc&utm_source=google&utm_medium=cpc&utm_campaign=spring"
DIRECT = "https://example.com/"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def number_in(answer: requests.Response) -> str | None:
    assert answer.status_code == 200, answer.text
    return answer.json()["numbers"].get(OWN, {}).get("e164")


def test_the_answer_has_the_documented_form(office: Office) -> None:
    site = office.site()
    source = office.source(site, "google_ads", numbers=1)
    answer = office.swap(site, GOOGLE)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://example.com"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    body = answer.json()
    number = source["pool"][0]
    assert body["source"] == "google_ads"
    assert body["ttl"] == 1800
    digits = number.removeprefix("+1")
    assert body["numbers"] == {
        OWN: {
            "e164": number,
            "national": f"({digits[:3]}) {digits[3:6]}-{digits[6:]}",
            "international": f"+1 {digits[:3]}-{digits[3:6]}-{digits[6:]}",
            "href": f"tel:{number}",
            "source": "google_ads",
        }
    }
    assert body["visitor"]
    assert body["visit"]


def test_visitors_spread_evenly_and_come_back_to_their_number(office: Office) -> None:
    site = office.site()
    source = office.source(site, "google_ads", numbers=10)
    office.source(site, "direct", numbers=1)
    first = [office.swap(site, GOOGLE).json() for _ in range(30)]
    shown = Counter(b["numbers"][OWN]["e164"] for b in first)
    assert shown == dict.fromkeys(source["pool"], 3)
    for body in first[:5]:
        number = body["numbers"][OWN]["e164"]
        again = office.swap(site, GOOGLE, visitor=body["visitor"]).json()
        direct = office.swap(site, DIRECT, visitor=body["visitor"]).json()
        assert (again["visitor"], again["visit"]) == (body["visitor"], body["visit"])
        assert again["numbers"][OWN]["e164"] == direct["numbers"][OWN]["e164"] == number
        assert direct["source"] == "google_ads"


def test_a_direct_return_days_later_keeps_source_and_number(server: Served, office: Office) -> None:
    site = office.site()
    office.source(site, "google_ads", numbers=3)
    office.source(site, "direct", numbers=1)
    first = office.swap(site, GOOGLE).json()
    server.clock.forward(days=9)
    later = office.swap(site, DIRECT, visitor=first["visitor"]).json()
    assert later["visit"] != first["visit"]
    assert later["source"] == "google_ads"
    assert later["numbers"] == first["numbers"]


def test_another_campaign_is_another_visit_and_another_source_shows_its_own_number(office: Office) -> None:
    site = office.site()
    google = office.source(site, "google_ads", numbers=2)
    email = office.source(site, "email", numbers=2)
    first = office.swap(site, GOOGLE).json()
    mail = office.swap(site, "https://example.com/?utm_source=news&utm_medium=email", visitor=first["visitor"]).json()
    back = office.swap(site, DIRECT, visitor=first["visitor"]).json()
    ad = office.swap(site, GOOGLE.replace("Cj0abc", "Cj0xyz"), visitor=first["visitor"]).json()
    assert len({first["visit"], mail["visit"], ad["visit"]}) == 3
    assert mail["numbers"][OWN]["e164"] in email["pool"]
    assert back["numbers"] == mail["numbers"]
    assert ad["numbers"] == first["numbers"]
    assert first["numbers"][OWN]["e164"] in google["pool"]


def test_thirty_minutes_of_silence_end_a_visit(server: Served, office: Office) -> None:
    site = office.site()
    office.source(site)
    first = office.swap(site).json()
    server.clock.forward(minutes=29)
    second = office.swap(site, DIRECT, visitor=first["visitor"]).json()
    server.clock.forward(minutes=31)
    third = office.swap(site, DIRECT, visitor=first["visitor"]).json()
    assert first["visit"] == second["visit"] != third["visit"]


@pytest.mark.parametrize("visitor", ["", "x", "a.b", "0" * 32 + ".AAAA", 7, {"a": 1}, ["x"], "é.é", "x" * 5000])
def test_a_visitor_id_that_is_not_ours_means_a_new_visitor(lite_office: Office, visitor: Any) -> None:
    site = lite_office.site()
    lite_office.source(site)
    body = lite_office.swap(site, visitor=visitor).json()
    assert body["visitor"]
    assert body["visitor"] != visitor


def test_a_visitor_of_another_site_is_a_new_visitor(lite_office: Office) -> None:
    site, other = lite_office.site(), lite_office.site(domains=["example.org"])
    lite_office.source(site)
    visitor = lite_office.swap(site).json()["visitor"]
    body = lite_office.swap(other, "https://example.org/", origin="https://example.org", visitor=visitor).json()
    assert body["visitor"] not in (None, visitor)


@pytest.mark.parametrize(
    ("origin", "url", "status"),
    [
        ("https://example.com", "https://example.com/a", 200),
        ("https://www.example.com", "https://www.example.com/a", 200),
        ("https://shop.example.com:8443", "https://shop.example.com:8443/a", 200),
        (None, "http://example.com:81/a", 200),
        ("https://evil.example", "https://example.com/", 403),
        ("https://example.com", "https://evil.example/", 403),
        ("https://notexample.com", "https://notexample.com/", 403),
        ("https://example.com.evil.example", "https://example.com.evil.example/", 403),
        ("null", "https://example.com/", 403),
        (None, "https://evil.example/", 403),
        (None, "not an address", 403),
        (None, "javascript:alert(1)", 403),
        ("https://example.com", "file:///etc/passwd", 403),
    ],
)
def test_only_pages_on_the_sites_own_domains_may_ask(
    lite_office: Office, origin: str | None, url: str, status: int
) -> None:
    site = lite_office.site()
    lite_office.source(site)
    answer = lite_office.swap(site, url, origin=origin)
    assert answer.status_code == status
    assert ("Access-Control-Allow-Origin" in answer.headers) == (status == 200 and origin is not None)
    if status == 403:
        assert answer.json()["error"]["code"] == "forbidden"


def test_a_bot_gets_nothing_and_leaves_no_trace(lite_office: Office) -> None:
    site = lite_office.site()
    lite_office.source(site)
    body = lite_office.swap(site, user_agent=BOT).json()
    assert (body["visitor"], body["numbers"]) == (None, {})
    report = lite_office.api("GET", "/reports/accuracy", params={"from": today(lite_office)}, expect=200)
    assert report["sources"][0]["average_daily_visitors"] == 0


def today(office: Office) -> str:
    """The start of a period that holds now."""
    return "2020-01-01"


def test_staff_get_no_number(lite_office: Office) -> None:
    site = lite_office.site(exclude_networks=["127.0.0.0/8"])
    lite_office.source(site)
    body = lite_office.swap(site).json()
    assert (body["visitor"], body["numbers"]) == (None, {})


def test_consent_to_the_source_only_shows_its_first_number_and_keeps_nothing(lite_office: Office) -> None:
    site = lite_office.site()
    source = lite_office.source(site, "google_ads", numbers=3)
    bodies = [lite_office.swap(site, consent="source").json() for _ in range(3)]
    assert {b["numbers"][OWN]["e164"] for b in bodies} == {source["pool"][0]}
    assert {b["visitor"] for b in bodies} == {None}
    _, _ = lite_office.ring(source["pool"][0])
    call = lite_office.api("GET", "/calls", expect=200)["items"][0]
    assert lite_office.api("GET", f"/calls/{call['id']}", expect=200)["candidates"] == []


def test_no_consent_means_nothing(lite_office: Office) -> None:
    site = lite_office.site(consent_default="none")
    lite_office.source(site)
    assert lite_office.swap(site, consent="none").json()["visitor"] is None
    assert lite_office.swap(site, consent=None).json()["numbers"] == {}


def test_catch_all_steps_in_and_is_named(lite_office: Office) -> None:
    site = lite_office.site()
    lite_office.source(site, "google_ads", numbers=0)
    spare = lite_office.source(site, "direct", numbers=1, catch_all=True)
    body = lite_office.swap(site, GOOGLE).json()
    assert body["source"] == body["numbers"][OWN]["source"] == "direct"
    assert body["numbers"][OWN]["e164"] == spare["pool"][0]


def test_a_kept_source_that_lost_its_numbers_is_stood_in_for_too(lite_server: Served, lite_office: Office) -> None:
    site = lite_office.site()
    google = lite_office.source(site, "google_ads", numbers=1)
    spare = lite_office.source(site, "referral", numbers=1, catch_all=True)
    first = lite_office.swap(site, GOOGLE).json()
    lite_office.api("PATCH", f"/numbers/{google['pool'][0]}", {"status": "resting"}, expect=200)
    lite_server.clock.forward(hours=1)
    back = lite_office.swap(site, DIRECT, visitor=first["visitor"]).json()
    assert back["numbers"][OWN]["e164"] == spare["pool"][0]
    assert back["source"] == back["numbers"][OWN]["source"] == "referral"
    lite_office.api("PATCH", f"/numbers/{google['pool'][0]}", {"status": "active"}, expect=200)
    lite_server.clock.forward(hours=1)
    again = lite_office.swap(site, DIRECT, visitor=first["visitor"]).json()
    assert (again["source"], again["numbers"]) == ("google_ads", first["numbers"])


def test_without_numbers_and_catch_all_the_page_keeps_its_own(lite_office: Office) -> None:
    site = lite_office.site()
    lite_office.source(site, "google_ads", numbers=0)
    body = lite_office.swap(site, GOOGLE).json()
    assert (body["source"], body["numbers"]) == ("google_ads", {})
    assert body["visitor"]


def test_only_targets_are_swapped_each_by_its_own_source(lite_office: Office) -> None:
    north, south, fax = "+12125550171", "+12125550172", "+12125550173"
    site = lite_office.site(numbers=[north, south])
    one = lite_office.source(site, "google_ads", numbers=2, target=north)
    two = lite_office.source(site, "google_ads", numbers=2, target=south, name="Google Ads south")
    body = lite_office.swap(site, GOOGLE, numbers=[north, south, fax]).json()
    assert body["numbers"][north]["e164"] in one["pool"]
    assert body["numbers"][south]["e164"] in two["pool"]
    assert fax not in body["numbers"]
    direct = lite_office.swap(site, DIRECT, numbers=[north, south, fax], visitor=body["visitor"]).json()
    assert direct["numbers"] == body["numbers"]


def test_plain_text_is_read_as_json(lite_office: Office) -> None:
    site = lite_office.site()
    lite_office.source(site)
    answer = requests.post(
        f"{lite_office.url}/v1/swap",
        data=json.dumps({"site": site["key"], "url": "https://example.com/"}),
        headers={"Content-Type": "text/plain;charset=UTF-8", "User-Agent": BROWSER},
        timeout=10,
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 9000, 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"site": "x", "url": "https://example.com/"}', 422),
        (b'{"site": 5, "url": "https://example.com/"}', 422),
        (b'{"site": "\\u0000", "url": "https://example.com/"}', 422),
        (b'{"site": "\\ud800", "url": "https://example.com/"}', 422),
        (b'"' + b"x" * 17_000 + b'"', 413),
    ],
)
@pytest.mark.parametrize("path", ["/v1/swap", "/v1/events"])
def test_what_cannot_be_read_is_refused_in_the_error_form(
    lite_office: Office, path: str, body: bytes, status: int
) -> None:
    answer = requests.post(f"{lite_office.url}{path}", data=body, timeout=10)
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "fields"}


def test_a_flood_of_new_visitors_from_one_address_is_slowed(sqlite_url: str) -> None:
    with served(sqlite_url, RINGTRACE_NEW_VISITORS_PER_MINUTE="5") as server:
        office = Office.open(server.url, sqlite_url)
        site = office.site()
        office.source(site)
        answers = [office.swap(site) for _ in range(7)]
        assert [a.status_code for a in answers].count(429) >= 1
        assert answers[-1].headers["Retry-After"]
        known = office.swap(site, visitor=answers[0].json()["visitor"])
        assert known.status_code == 200


def test_forwarded_addresses_count_from_trusted_proxies_only(sqlite_url: str) -> None:
    with served(sqlite_url, RINGTRACE_NEW_VISITORS_PER_MINUTE="1", RINGTRACE_TRUSTED_PROXIES="127.0.0.0/8") as server:
        office = Office.open(server.url, sqlite_url)
        site = office.site()
        office.source(site)
        office.http.headers["X-Forwarded-For"] = "203.0.113.1"
        assert office.swap(site).status_code == 200
        office.http.headers["X-Forwarded-For"] = "203.0.113.2"
        assert office.swap(site).status_code == 200


def test_while_the_database_is_away_the_page_keeps_what_it_shows(lite_office: Office) -> None:
    site = lite_office.site()
    lite_office.source(site)
    visitor = lite_office.swap(site).json()["visitor"]
    nowhere = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"
    with served(nowhere) as server:
        lite_office.url = server.url
        for known in (visitor, None):
            answer = lite_office.swap(site, visitor=known)
            assert answer.status_code == 200
            assert answer.headers["Access-Control-Allow-Origin"] == "https://example.com"
            body = answer.json()
            assert (body["visitor"], body["visit"], body["numbers"], body["ttl"]) == (known, None, {}, 30)
        assert requests.get(f"{server.url}/health", timeout=10).status_code == 503


def test_a_page_costs_so_many_queries_and_no_more(
    office: Office, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = office.site()
    for preset in ("google_ads", "email", "direct"):
        office.source(site, preset, numbers=3)
    statements: list[str] = []
    engine = server.app.extensions["ringtrace"].database.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _x, statement, *_: statements.append(statement))
    run_by_driver = Driver.run

    def counted(driver: Driver, statement: str, parameters: object) -> object:
        statements.append(statement)
        return run_by_driver(driver, statement, parameters)

    monkeypatch.setattr(Driver, "run", counted)

    def cost(run: Callable[[], requests.Response]) -> int:
        statements.clear()
        assert run().status_code in {200, 202}
        return len([s for s in statements if not s.startswith("BEGIN")])

    swapped = office.swap(site, GOOGLE).json()
    assert cost(lambda: office.swap(site, GOOGLE)) <= 12
    assert cost(lambda: office.swap(site, DIRECT, visitor=swapped["visitor"])) <= 9
    one = cost(lambda: office.events(site, swapped, {"type": "heartbeat"}))
    many = cost(lambda: office.events(site, swapped, *({"type": "heartbeat", "age_ms": i} for i in range(20))))
    assert one <= 8
    assert many <= one + 1


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_hundred_visitors_over_ten_numbers_from_sixteen_clients(
    request: pytest.FixtureRequest, kind: str, workers: int
) -> None:
    if (kind, workers) == ("sqlite", 2):
        pytest.skip("SQLite is served by one process")
    url = str(request.getfixturevalue(f"{kind}_url"))
    server = ServeProcess(url, workers=workers).wait()
    try:
        office = Office.open(server.url, url)
        site = office.site()
        source = office.source(site, "google_ads", numbers=10)
        with ThreadPoolExecutor(16) as pool:
            bodies = [a.json() for a in pool.map(lambda _: office.swap(site, GOOGLE), range(200))]
            again = [a.json() for a in pool.map(lambda b: office.swap(site, DIRECT, visitor=b["visitor"]), bodies)]
    finally:
        server.stop()
    shown = Counter(b["numbers"][OWN]["e164"] for b in bodies)
    assert shown == dict.fromkeys(source["pool"], 20)
    assert [b["numbers"] for b in again] == [b["numbers"] for b in bodies]
    assert len({b["visitor"] for b in bodies}) == 200
