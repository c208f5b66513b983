"""The Installation page: what it says, to whom, and that nothing a page reports can run in it."""

import html
import re
from typing import Any

import requests

from app.snippet.findings import TITLES
from app.web.headers import POLICY
from tests.app.snippet.test_checks import PAGE, REPORT, report, script
from tests.app.web.staff import Staff
from tests.app.web.test_guards import counting
from tests.browser.hostile import PAYLOADS
from tests.support.office import OWN, Office
from tests.support.serving import Served

STRANGER = {"at": "main > a", "number": "+13105550123", "link": True}


def path(site: Any) -> str:
    return f"/sites/{site['id']}/installation"


def text(answer: requests.Response) -> str:
    """What a reader sees, on one line."""
    assert answer.status_code == 200, answer.text
    body = re.sub(r"<(script|style)\b.*?</\1>", "", answer.text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_before_anything_it_shows_the_tag_and_the_next_step(office: Office) -> None:
    staff = Staff.of(office)
    assert "There is no site yet" in text(staff.get("/installation"))
    site = office.site()
    answer = staff.get("/installation")
    assert answer.url.endswith(path(site))
    assert f'<script async src="{office.url}/s/{site["key"]}.js"></script>' in html.unescape(answer.text)
    seen = text(answer)
    assert "The script was never loaded." in seen
    assert "No page has reported yet" in seen
    assert f"connect-src {office.url}" in seen
    assert 'data-consent="none"' in seen
    assert requests.get(f"{office.url}/s/{site['key']}.js", timeout=30).status_code == 200


def test_it_tells_what_works_and_what_does_not(office: Office) -> None:
    staff, site = Staff.of(office), office.site()
    office.source(site)
    for name in ("a", "b", "c"):
        report(office, site, {**REPORT, "url": f"{PAGE}/{name}", "tags": [{"key": site["key"]}]})
    seen = text(staff.get(path(site)))
    assert "The script works on 3 of 3 pages." in seen
    assert TITLES["healthy"] in seen
    half = {"at": "header > a", "text": OWN, "link": "+12125550188"}
    report(office, site, {**REPORT, "url": f"{PAGE}/b", "tags": [{"key": site["key"]}], "halves": [half]})
    seen = text(staff.get(path(site)))
    assert "The script works on 2 of 3 pages. 1 page needs attention." in seen
    assert "A link (header > a) reads (212) 555-0100 and dials (212) 555-0188." in seen
    assert "needs attention 2 2 0 today" in seen, "found, swapped and left of that page"
    assert f"{PAGE}/b?ringtrace-check" in staff.get(path(site)).text


def test_a_tracking_number_of_ours_in_a_page_is_known_by_its_source(office: Office, database_url: str) -> None:
    staff, site = Staff.of(office), office.site()
    source = office.source(site, name="Newsletter")
    foreign = Office.open(office.url, database_url)
    theirs = foreign.source(foreign.site(), name="Not Yours")["pool"][0]
    for name, number in (("mine", source["pool"][0]), ("theirs", theirs)):
        report(
            office,
            site,
            {**REPORT, "url": f"{PAGE}/{name}", "numbers": [], "strangers": [{**STRANGER, "number": number}]},
        )
    seen = text(staff.get(path(site)))
    assert "a tracking number of Newsletter" in seen
    assert TITLES["stranger"] in seen
    assert "Not Yours" not in seen


def test_another_site_of_the_account_whose_tag_runs_here_is_named(office: Office) -> None:
    staff = Staff.of(office)
    office.site(name="The Shop", domains=["shop.example"])
    site = office.site(name="Main", domains=["example.com"])
    shop = office.api("GET", "/sites", expect=200)["items"][-1]
    assert shop["name"] == "The Shop"
    assert office.swap(shop, url=PAGE, origin="https://www.example.com").status_code == 403
    assert "Pages on www.example.com carry the tag of the site “The Shop”." in text(staff.get(path(site)))
    seen = text(staff.get(path(shop)))
    assert "The tag also runs on www.example.com, which is not one of this site's domains (shop.example)" in seen


def test_a_script_that_is_loaded_and_never_asks_is_told_after_a_moment(server: Served, office: Office) -> None:
    staff, site = Staff.of(office), office.site()
    office.source(site)
    script(office, site, Referer="https://www.example.com/")
    assert TITLES["loaded_but_silent"] not in text(staff.get(path(site)))
    server.clock.forward(seconds=11)
    assert f"Allow {office.url} under connect-src" in text(staff.get(path(site)))
    office.swap(site, url=PAGE, origin="https://www.example.com")
    assert TITLES["loaded_but_silent"] not in text(staff.get(path(site)))


def test_sites_are_chosen_and_another_accounts_are_not_there(office: Office, database_url: str) -> None:
    staff = Staff.of(office)
    first, second = office.site(name="First"), office.site(name="Second")
    assert "The script tag of First" in text(staff.get("/installation"))
    assert "The script tag of Second" in text(staff.get(f"/installation?site={second['id']}"))
    stranger = Staff.of(Office.open(office.url, database_url))
    for wanted in (first["id"], "0" * 32, "x", "%00"):
        assert stranger.get(f"/sites/{wanted}/installation").status_code == 404
        assert stranger.get(f"/installation?site={wanted}").status_code == 404
    fresh = Staff(office.url, office.email)
    assert "/sign-in" in fresh.get(path(first), allow_redirects=False).headers["Location"]


def test_the_rule_tester_says_which_source_and_why(office: Office) -> None:
    staff, site = Staff.of(office), office.site()
    office.source(site, "google_ads", name="Google Ads", catch_all=True)
    office.source(site, "email", name="Letters", numbers=0)
    ask = {"url": "https://example.com/?gclid=Cj0KCQjw123&utm_medium=email", "referrer": "", "agent": ""}
    seen = text(staff.get(path(site), params=ask))
    assert "It belongs to Google Ads" in seen
    assert "Google Ads is the first source that fits." in seen
    assert "The click id gclid and the UTM medium “email” disagree" in seen
    seen = text(staff.get(path(site), params={"url": "https://example.com/?utm_medium=email&utm_source=news"}))
    assert "Letters fits first but has no numbers, so Google Ads, marked as catch-all, steps in." in seen
    assert "Letters fits, but has no numbers" in seen
    bot = {"url": "https://example.com/", "agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}
    seen = text(staff.get(path(site), params=bot))
    assert "Bot yes: gets no number" in seen
    assert "No source fits, so Google Ads" in seen
    for odd in ("x", "https://[", "javascript:alert(1)", "\x00", "%", "https://example.com/" + "a" * 9000):
        assert staff.get(path(site), params={"url": odd, "referrer": odd, "agent": odd}).status_code == 200


def test_many_pages_are_shown_in_part_until_all_are_asked_for(lite_office: Office, monkeypatch: Any) -> None:
    monkeypatch.setattr("app.web.installation.MOST_PAGES", 3)
    monkeypatch.setattr("app.web.installation.MOST_PLACES", 2)
    staff, site = Staff.of(lite_office), lite_office.site()
    lite_office.source(site)
    for i in range(5):
        report(lite_office, site, {**REPORT, "url": f"{PAGE}/{i}", "tags": [{"key": "other"}]})
    seen = text(staff.get(path(site)))
    assert "Show 2 more pages" in seen
    assert "and 3 more pages" in seen
    assert "more pages" not in text(staff.get(path(site) + "?pages=all")).replace("and 3 more pages", "")


def test_it_carries_its_headers_and_asks_the_database_seldom(lite_server: Served, lite_office: Office) -> None:
    staff, site = Staff.of(lite_office), lite_office.site()
    lite_office.source(site)
    for i in range(20):
        report(lite_office, site, {**REPORT, "url": f"{PAGE}/{i}", "strangers": [STRANGER]})
    with counting(lite_server) as seen:
        answer = staff.get(path(site), params={"url": "https://example.com/?gclid=x"})
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<[a-z]+[^>]*\s(style|on[a-z]+)=", answer.text)
    assert not re.search(r"<script(?![^>]*src=)|<style", answer.text)
    assert len(seen) <= 15, seen


def test_hostile_text_stays_text(lite_office: Office) -> None:
    """What a page reports is written by whoever owns or forges it; the browser's own view is in tests/browser."""
    staff, site = Staff.of(lite_office), lite_office.site(name="<b>Acme</b>")
    lite_office.source(site)
    for i, payload in enumerate(PAYLOADS[::8]):
        place = {"at": payload[:120], "text": payload[:60], "why": "text"}
        answer = report(
            lite_office,
            site,
            {
                **REPORT,
                "url": f"{PAGE}/{i}/{payload}",
                "numbers": [{**REPORT["numbers"][0], "left": 1, "places": [place]}],
                "halves": [{"at": payload[:120], "text": payload[:60], "link": payload[:60]}],
                "strangers": [{"at": payload[:120], "number": payload[:60], "link": True}],
                "pictures": [place],
            },
        )
        assert answer.status_code in {202, 422}, answer.text
    page = staff.get(path(site), params={"pages": "all", "url": PAYLOADS[0], "referrer": PAYLOADS[3]}).text
    assert "<b>Acme" not in page
    plain = re.sub(r"<(/?)(?:script src=|/script|svg class|/svg|svg|a href)", "", page)
    for start in ("<script>", "<img src=x", "<svg/onload", "<svg onload", "<iframe", "<base", "<embed", "<object"):
        assert start not in plain, start
    for href in re.findall(r'href="([^"]*)"', page):
        assert href.startswith(("/", "#", "https://www.example.com/")), href
