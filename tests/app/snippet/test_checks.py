"""Which pages are asked to look at themselves, and what is kept of what they report."""

from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import select

from app.quiet import Quiet
from app.snippet import checks
from app.snippet.check_report import address_of, host_of, page_of
from store.engine import make_engine
from store.pages import HostSign, PageCheck
from store.sessions import Database
from tests.app.web.test_guards import counting
from tests.support.office import BROWSER, OWN, Office
from tests.support.rows import START
from tests.support.serving import Served

PAGE = "https://www.example.com/contact"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
REPORT: dict[str, Any] = {
    "type": "check",
    "url": PAGE,
    "consent": "full",
    "numbers": [{"number": OWN, "shown": "+12125560001", "swapped": 2, "left": 0, "places": []}],
    "tags": [{"key": "k", "count": 1, "how": "async", "where": "head"}],
    "reverted": 0,
    "started_ms": 120,
    "ready_ms": 300,
}


def rows(office: Office, database_url: str, table: type = PageCheck) -> list[Any]:
    """What is kept, in no order."""
    engine = make_engine(database_url)
    try:
        with Database(engine).read() as work:
            found = work.account(office.account_id).scalars(select(table)).all()
            work.account(office.account_id).expunge_all()
            return list(found)
    finally:
        engine.dispose()


def report(office: Office, site: Any, *events: Any, **headers: str) -> requests.Response:
    """What a page posts after it looked at itself."""
    return office.http.post(
        f"{office.url}/v1/events",
        json={"site": site["key"], "visitor": None, "events": list(events) or [REPORT]},
        headers={"Origin": "https://www.example.com", "User-Agent": BROWSER, **headers},
        timeout=30,
    )


def asked(office: Office, site: Any, url: str = PAGE, **fields: Any) -> bool:
    """Whether the answer of a swap asks the page to look at itself."""
    answer = office.swap(site, url=url, origin="https://www.example.com", **fields)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body.get("check") in (None, True)
    return "check" in body


def test_a_page_is_asked_until_it_has_reported_and_again_after_ten_minutes(server: Served, office: Office) -> None:
    site = office.site()
    office.source(site)
    assert asked(office, site)
    assert not asked(office, site), "one is at it"
    assert asked(office, site, f"{PAGE}/other"), "another page is another matter"
    server.clock.forward(seconds=11)
    assert asked(office, site), "the one that was asked has gone"
    assert report(office, site).status_code == 202
    server.clock.forward(seconds=11)
    assert not asked(office, site)
    server.clock.forward(minutes=10)
    assert asked(office, site)


def test_another_process_knows_of_the_report_too(server: Served, office: Office) -> None:
    site = office.site()
    report(office, site)
    quiet = server.app.extensions["ringtrace"].quiet
    quiet.rest(("check", site["id"], "www.example.com/contact"), START)  # a process that knows nothing
    assert not asked(office, site)
    server.clock.forward(minutes=11)
    assert asked(office, site)


def test_a_page_that_is_asked_for_reports_whatever_is_known(lite_office: Office) -> None:
    site = lite_office.site()
    report(lite_office, site)
    assert not asked(lite_office, site, f"{PAGE}?x=ringtrace-check")
    assert asked(lite_office, site, f"{PAGE}?a=1&ringtrace-check")
    assert asked(lite_office, site, f"{PAGE}?ringtrace-check=1")


def test_staff_and_pages_without_memory_look_too_and_bots_and_refusers_never(lite_office: Office) -> None:
    office = lite_office
    site = office.site(exclude_networks=["127.0.0.0/8"])
    office.source(site)
    assert not asked(office, site, f"{PAGE}/1", user_agent=BOT)
    assert not asked(office, site, f"{PAGE}/1", consent="none")
    assert asked(office, site, f"{PAGE}/1")
    open_site = office.site()
    assert asked(office, open_site, f"{PAGE}/2", consent="source")


def test_a_site_with_very_many_pages_is_asked_in_measure(lite_office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ASKED_PER_MINUTE", 3)
    site = lite_office.site()
    assert [asked(lite_office, site, f"{PAGE}/{i}") for i in range(5)] == [True] * 3 + [False] * 2


def test_a_report_takes_the_place_of_the_last_one_and_keeps_no_query(office: Office, database_url: str) -> None:
    site = office.site()
    first = {**REPORT, "url": "https://www.Example.com:8443/contact?email=a@b.example#me"}
    assert report(office, site, first).status_code == 202
    answer = report(office, site, {**first, "reverted": 7, "unknown": {"of": "a newer script"}})
    assert answer.status_code == 202
    assert answer.headers["Access-Control-Allow-Origin"] == "https://www.example.com"
    (kept,) = rows(office, database_url)
    assert (kept.page, kept.reports, kept.report["reverted"]) == ("www.example.com/contact", 2, 7)
    assert kept.first_seen_at < kept.last_seen_at
    assert kept.report["url"] == "https://www.example.com:8443/contact"
    assert "a@b" not in str(kept.report)
    assert kept.report["staff"] is False
    assert kept.report["numbers"][0]["swapped"] == 2


def test_text_that_cannot_be_kept_is_left_out(office: Office, database_url: str) -> None:
    odd = "a\x00b\x1bc\u202e"
    place = {"at": odd, "text": odd, "why": "text"}
    number = {**REPORT["numbers"][0], "places": [place]}
    bad = {**REPORT, "url": f"{PAGE}/{odd}", "numbers": [number], "strangers": [{"at": odd, "number": "9" * 240}]}
    assert report(office, office.site(), bad).status_code == 202
    (kept,) = rows(office, database_url)
    assert kept.page == "www.example.com/contact/abc\u202e"
    assert kept.report["numbers"][0]["places"][0]["text"] == "abc\u202e"
    assert kept.report["strangers"][0]["number"] == "9" * 60


def test_a_report_beside_other_events_leaves_those_alone(office: Office, database_url: str) -> None:
    site = office.site()
    office.source(site)
    swapped = office.swap(site).json()
    assert office.events(site, swapped, REPORT, {"type": "heartbeat"}).status_code == 202
    visit = office.api("GET", f"/visits/{swapped['visit']}", expect=200)
    assert [e["type"] for e in visit["events"]] == ["pageview", "heartbeat"]
    assert len(rows(office, database_url)) == 1


def test_the_office_itself_reports_and_says_so(office: Office, database_url: str) -> None:
    site = office.site(exclude_networks=["127.0.0.0/8"])
    assert report(office, site, {**REPORT, "staff": False}).status_code == 202
    assert [row.report["staff"] for row in rows(office, database_url)] == [True]


@pytest.mark.parametrize("headers", [{"User-Agent": BOT}, {"Sec-Purpose": "prefetch;prerender"}])
def test_bots_and_pages_nobody_sees_leave_nothing(
    lite_office: Office, sqlite_url: str, headers: dict[str, str]
) -> None:
    assert report(lite_office, lite_office.site(), **headers).status_code == 202
    assert rows(lite_office, sqlite_url) == []


def test_a_flood_from_one_address_is_dropped(
    lite_office: Office, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "REPORTS_PER_MINUTE", 2)
    site = lite_office.site()
    for i in range(4):
        assert report(lite_office, site, {**REPORT, "url": f"{PAGE}/{i}"}).status_code == 202
    assert {row.page[-1] for row in rows(lite_office, sqlite_url)} == {"0", "1"}


def test_of_too_many_pages_those_longest_unseen_go(
    server: Served, office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "MOST_PAGES", 3)
    site, other = office.site(), office.site()
    report(office, other, {**REPORT, "url": f"{PAGE}/other"})
    for i in (0, 1, 2, 0, 3):
        server.clock.forward(seconds=1)
        report(office, site, {**REPORT, "url": f"{PAGE}/{i}"})
    kept = rows(office, database_url)
    assert sorted(row.page[-1] for row in kept if row.site_id == site["id"]) == ["0", "2", "3"]
    assert [row.page for row in kept if row.site_id == other["id"]] == ["www.example.com/contact/other"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": None}, "events"),
        ({"numbers": "many"}, "events"),
        ({"numbers": [{"number": "(212) 555-0100"}]}, "events"),
        ({"numbers": [{"number": OWN}] * 21}, "events"),
        ({"strangers": [{"at": "p", "number": "1" * 241}]}, "events"),
        ({"tags": [{"key": "<script>"}]}, "events"),
        ({"reverted": -1}, "events"),
        ({"consent": "none"}, "events"),
    ],
)
def test_a_malformed_report_is_refused_by_name(
    lite_office: Office, sqlite_url: str, change: dict[str, Any], field: str
) -> None:
    answer = report(lite_office, lite_office.site(), {"type": "heartbeat"}, {**REPORT, **change})
    assert answer.status_code == 422, answer.text
    assert field in answer.json()["error"]["fields"]
    assert rows(lite_office, sqlite_url) == []


def test_a_report_of_another_website_is_refused(lite_office: Office, sqlite_url: str) -> None:
    answer = report(lite_office, lite_office.site(), {**REPORT, "url": "https://evil.example/"})
    assert answer.status_code == 403
    assert rows(lite_office, sqlite_url) == []


def test_reports_of_one_account_are_nothing_to_another(office: Office, database_url: str) -> None:
    report(office, office.site())
    other = Office.open(office.url, database_url)
    assert rows(other, database_url) == []


# --- Where the script was seen ---------------------------------------------------------------------------------------


def signs(office: Office, database_url: str) -> set[tuple[str, str]]:
    return {(row.kind, row.host) for row in rows(office, database_url, HostSign)}


def script(office: Office, site: Any, **headers: str) -> requests.Response:
    return office.http.get(f"{office.url}/s/{site['key']}.js", headers={"User-Agent": BROWSER, **headers}, timeout=30)


def test_hosts_that_load_ask_and_are_refused_are_known(server: Served, office: Office, database_url: str) -> None:
    site = office.site()
    assert script(office, site, Referer="https://www.example.com/").status_code == 200
    assert script(office, site, Referer="https://shop.example.org:8443/").status_code == 200
    office.swap(site, url="https://m.example.com/?email=a@b.example")
    refused = office.swap(site, url="https://shop.example.org/cart?secret=1", origin="https://shop.example.org")
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "forbidden"
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert signs(office, database_url) == {
        ("loaded", "www.example.com"),
        ("loaded", "shop.example.org"),
        ("answered", "m.example.com"),
        ("refused", "shop.example.org"),
    }
    server.clock.forward(minutes=2)
    office.swap(site, url="https://shop.example.org/", origin="https://shop.example.org")
    again = {(r.kind, r.host): r.last_seen_at - r.first_seen_at for r in rows(office, database_url, HostSign)}
    assert again["refused", "shop.example.org"].total_seconds() > 100


def test_bots_and_pages_without_a_name_are_no_signs(lite_office: Office, sqlite_url: str) -> None:
    site = lite_office.site()
    script(lite_office, site)
    script(lite_office, site, Referer="about:blank")
    script(lite_office, site, **{"Referer": "https://www.example.com/", "User-Agent": BOT})
    lite_office.swap(site, url="https://x.example/", origin="https://x.example", user_agent=BOT)
    lite_office.swap(site, url="https://www.example.com/", user_agent=BOT)
    lite_office.swap(site, url="https://www.example.com/", consent="none")
    lite_office.swap(site, url="https://www.example.com/", origin="null")
    assert signs(lite_office, sqlite_url) == set()


def test_hosts_are_kept_in_measure(
    server: Served, office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "MOST_HOSTS", 2)
    monkeypatch.setattr(checks, "SIGNS_PER_MINUTE", 3)
    site = office.site()
    for i in range(5):
        server.clock.forward(seconds=1)
        script(office, site, Referer=f"https://h{i}.example/")
    assert signs(office, database_url) == {("loaded", "h1.example"), ("loaded", "h2.example")}


def test_a_host_is_written_down_once_a_minute_however_busy_it_is(lite_server: Served, lite_office: Office) -> None:
    site = lite_office.site()
    script(lite_office, site, Referer="https://www.example.com/")
    with counting(lite_server) as seen:
        for _ in range(5):
            script(lite_office, site, Referer="https://www.example.com/")
    assert [s for s in seen if not s.startswith("SELECT")] == []


# --- The script that looks -------------------------------------------------------------------------------------------


def test_the_script_that_looks_is_the_same_for_all_and_may_be_kept(lite_office: Office) -> None:
    url = f"{lite_office.url}/s/check.js"
    answer = requests.get(url, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert requests.get(url, headers={"If-None-Match": answer.headers["ETag"]}, timeout=30).status_code == 304


# --- The small parts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "page", "address"),
    [
        ("https://www.Example.com", "www.example.com/", "https://www.example.com/"),
        ("http://a.example:81/x/?q=1#f", "a.example/x/", "http://a.example:81/x/"),
        ("https://user:secret@a.example/x", "a.example/x", "https://a.example/x"),
        ("javascript:alert(1)", None, None),
        ("data:text/html,x", None, None),
        ("//a.example/", None, None),
        ("https://[broken/", None, None),
        ("", None, None),
    ],
)
def test_a_page_is_its_host_and_path(url: str, page: str | None, address: str | None) -> None:
    assert page_of(url) == page
    assert address_of(url) == address


def test_a_host_with_what_cannot_be_kept_is_none() -> None:
    assert host_of("https://exam\x01ple.com/") is None
    assert host_of(None) is None
    assert len(page_of("https://a.example/" + "x" * 900) or "") == 400


def test_what_rests_is_bounded_and_wakes() -> None:
    quiet = Quiet(most=3)
    assert quiet.first("a", START, timedelta(seconds=5))
    assert not quiet.first("a", START + timedelta(seconds=4), timedelta(seconds=5))
    assert quiet.first("a", START + timedelta(seconds=5), timedelta(seconds=5))
    for key in "bcd":
        quiet.rest(key, START + timedelta(minutes=1))
    assert len(quiet) == 3
    assert not quiet.rests("a", START + timedelta(seconds=6)), "the longest known is forgotten first"
    assert quiet.rests("d", START)
