"""Faults planted on customers' pages, seen by the real script: the installation page names each by its cause."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from app.snippet.findings import TITLES
from tests.app.web.staff import Staff
from tests.browser.hostile import PAYLOADS
from tests.browser.shops import SHOPS, Street, street
from tests.browser.test_pages import CONTRAST
from tests.support.databases import sqlite_copy
from tests.support.office import BROWSER, OWN, PASSWORD, Office
from tests.support.serving import Served, served, wait_until

pytestmark = pytest.mark.browser

CAUSE = re.compile(r'<article class="cause">.*?</article>', re.S)


@dataclass(frozen=True)
class Visited:
    """The street after somebody was in every shop, and the owner who reads what came of it."""

    street: Street
    staff: Staff
    server: Served
    posted: dict[str, list[str]]

    def causes(self, name: str) -> list[str]:
        """The headings on a site's installation page, in their order."""
        return [re.sub(r"<[^>]+>", "", h).strip() for h in re.findall(r"<h3[^>]*>.*?</h3>", self.found(name), re.S)]

    def found(self, name: str) -> str:
        """What the installation page says was found."""
        return html.unescape("".join(CAUSE.findall(self.staff.get(self.street.found(name)).text)))


@pytest.fixture(scope="module")
def visited(browser: Browser, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    """Every shop visited once, all at the same time."""
    url = sqlite_copy(sqlite_template, tmp_path_factory.mktemp("street"))
    with served(url) as server:
        office = Office.open(server.url, url)
        with street(office) as built:
            context = browser.new_context()
            context.set_default_timeout(15_000)
            posted: dict[str, list[str]] = {name: [] for name in SHOPS}
            tabs = {}
            for name in SHOPS:
                tabs[name] = page = context.new_page()
                page.on(
                    "request",
                    lambda r, name=name: (
                        posted[name].append(r.post_data or "") if r.url.endswith("/v1/events") else None
                    ),
                )
                page.goto(built.address(name))
            staff = Staff.of(office)
            done = Visited(built, staff, server, posted)
            for name, shop in SHOPS.items():
                if shop.reports:
                    wait_until(
                        lambda name=name: "www." + name in staff.get(built.found(name)).text,
                        60,
                        f"{name} did not report",
                    )
            tabs["healthy"].evaluate("0")  # what was posted is known here now
            server.clock.forward(seconds=15)
            yield done
            context.close()


@pytest.mark.parametrize("name", SHOPS)
def test_a_planted_fault_is_named_by_its_cause_and_by_no_other(visited: Visited, name: str) -> None:
    assert visited.causes(name) == [TITLES[SHOPS[name].found]], visited.found(name)


def test_the_page_names_numbers_places_and_what_to_do(visited: Visited) -> None:
    for name, words in {
        "stranger": ["dials (310) 555-0123", "p > a", "add it to the site"],
        "printed": ["(310) 555-0123", "shows"],
        "half": ["reads (212) 555-0100 and dials (212) 555-0188", "Write the same number"],
        "reverted": ["(212) 555-0100", "p#text", "ringtrace.numbers()"],
        "elsewhere": ["www.elsewhere.test", "listed.test", "Add www.elsewhere.test"],
        "silent": ["www.silent.test", f"Allow {visited.server.url} under connect-src"],
        "twokeys": [visited.street.sites["twokeys"]["key"]],
        "duplicate": ["2 times"],
        "off": ["footer"],
        "field": ["form > input"],
        "norule": ["(212) 555-0100"],
    }.items():
        for word in words:
            assert word in visited.found(name), (name, word, visited.found(name))


def test_the_tag_of_another_site_of_the_account_is_named_where_it_runs(visited: Visited) -> None:
    office = visited.street.office
    right = office.site(name="Right", domains=["elsewhere.test"])
    text = visited.staff.get(f"/sites/{right['id']}/installation").text
    assert "Pages on www.elsewhere.test carry the tag of the site “elsewhere”" in text
    assert TITLES["never_loaded"] not in text


def test_a_report_says_nothing_of_the_visitor(visited: Visited) -> None:
    reports = [text for texts in visited.posted.values() for text in texts if '"check"' in text]
    assert len(reports) > 10
    for text in reports:
        assert '"visitor":null' in text
        for secret in ("secret-of-the-visitor", "gclid", "555-0144", "555-0145", "5550144"):
            assert secret not in text
        assert len(text.encode()) <= 12 * 1024


def test_a_page_reports_once_and_again_when_it_is_asked_to(browser: Browser, visited: Visited) -> None:
    page = browser.new_context().new_page()
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if r.url.endswith("/s/check.js") else None)
    page.goto(visited.street.address("healthy"))
    page.wait_for_function("ringtrace.state().answered")
    page.evaluate("() => fetch('/blank').then((r) => r.text())")
    assert asked == []
    with page.expect_request(is_report, timeout=15_000):
        page.goto(visited.street.address("healthy").replace("?", "?ringtrace-check&"))
    assert len(asked) == 1
    assert page.locator("script[src$='check.js']").count() == 0
    page.context.close()


NAMELESS = """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select")]
  .filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.ariaLabel || e.labels?.length))
  .map((e) => e.outerHTML)"""
# A clock that goes on by 4 µs whenever it is read, so that 8 ms are 2,000 steps on any machine, and what was read of it
# when the page was given its turn.
STEPS = """window.turns = [0];
let reads = 0;
performance.now = () => ++reads * 0.004;
const turn = window.requestIdleCallback;
window.requestIdleCallback = (go, options) => turn.call(window, deadline => {
  turns.push(reads);
  go(deadline);
}, options);"""
LARGE = """() => {
  const box = document.createElement("div");
  box.innerHTML = "<p>Some <b>words</b> of <a href='/x'>a page</a>, 12 of them, part 4711</p>".repeat(2000);
  document.body.append(box);
}"""


def is_report(request: Request) -> bool:
    return request.url.endswith("/v1/events") and '"check"' in (request.post_data or "")


def test_looking_at_a_large_page_holds_nobody_up(browser: Browser, visited: Visited) -> None:
    page = browser.new_context().new_page()
    page.add_init_script(STEPS)
    with page.expect_request(is_report, timeout=30_000):
        page.goto(visited.street.address("healthy").replace("?", "?ringtrace-check&"))
        page.wait_for_function("ringtrace.state().answered")
        page.evaluate(LARGE)
    turns = page.evaluate("turns")
    assert len(turns) > 10, "the page had its turn again and again"
    assert max(after - before for before, after in pairwise(turns)) <= 2_003
    page.context.close()


@contextmanager
def desk(browser: Browser, office: Office, **settings: Any) -> Iterator[Page]:
    """The owner at the pages; none may err."""
    context = browser.new_context(**settings)
    context.set_default_timeout(10_000)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("dialog", lambda dialog: (errors.append(dialog.message), dialog.dismiss()))
    page.goto(f"{office.url}/sign-in")
    page.fill("#email", office.email)
    page.fill("#password", PASSWORD)
    page.click("button:has-text('Sign in')")
    yield page
    context.close()
    assert errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_fits_and_can_be_read(browser: Browser, visited: Visited, width: int, scheme: Any) -> None:
    office = visited.street.office
    with desk(browser, office, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        for name in ("half", "never", "norule"):
            page.goto(office.url + visited.street.found(name) + "?url=https://x.example/?gclid=Cj0KCQjw12345")
            page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(CONTRAST) == []
            assert page.evaluate(NAMELESS) == []


def test_staff_choose_a_site_copy_its_tag_and_try_an_address(browser: Browser, visited: Visited) -> None:
    with desk(browser, visited.street.office) as page:
        page.click("nav >> text=Installation")
        page.select_option("#site", label="half")
        expect(page.locator(".cause h3")).to_have_text(TITLES["half_swapped"])
        expect(page.locator(".sentence")).to_contain_text("1 page needs attention.")
        page.click("[data-copy=the-tag]")
        expect(page.locator("[data-copy=the-tag] span").first).to_have_text(re.compile("Copied|Selected"))
        assert page.evaluate("getSelection().toString()").endswith('.js"></script>')
        page.fill("#url", "https://www.half.test/?gclid=Cj0KCQjw12345")
        page.click("text=Try it")
        expect(page.locator(".outcome .word")).to_have_text("google_ads")
        assert "gclid" in page.url


def test_all_of_it_works_without_scripts(browser: Browser, visited: Visited) -> None:
    with desk(browser, visited.street.office, java_script_enabled=False) as page:
        page.click("nav >> text=Installation")
        page.select_option("#site", label="off")
        page.click("button:has-text('Show')")
        expect(page.locator(".cause h3")).to_have_text(TITLES["switched_off"])
        expect(page.locator("[data-copy=the-tag]")).to_be_hidden()
        page.fill("#url", "https://www.off.test/")
        page.click("text=Try it")
        expect(page.locator(".outcome")).to_contain_text("steps in")


def test_nothing_hostile_in_a_report_runs(browser: Browser, visited: Visited) -> None:
    office = visited.street.office
    site = office.site(domains=["example.com"])
    office.source(site)
    for i, payload in enumerate(PAYLOADS[::2]):
        place = {"at": payload[:120], "text": payload[:60], "why": "text"}
        texts = {"at": payload[:120], "text": payload[:60], "link": payload[:60]}
        strange = {"at": payload[:120], "number": payload[:60], "link": True}
        number = {"number": OWN, "shown": "+12125560001", "left": 1, "places": [place]}
        told = {"halves": [texts]} if i % 2 else {"strangers": [strange], "numbers": [number], "pictures": [place]}
        url = f"https://example.com/{i}/{payload}"
        message = {"site": site["key"], "visitor": None, "events": [{"type": "check", "url": url, **told}]}
        headers = {"Origin": "https://example.com", "User-Agent": BROWSER, "X-Forwarded-For": "1.1.1.1"}
        visited.server.clock.forward(seconds=1)
        office.http.post(f"{office.url}/v1/events", json=message, headers=headers, timeout=30)
    with desk(browser, office) as page:
        page.goto(f"{office.url}/sites/{site['id']}/installation?pages=all&url={quote(PAYLOADS[0])}")
        assert page.locator(".cause li").count() > 5
        assert page.locator(".pages tbody tr").count() > 20
        links = page.eval_on_selector_all("main a[href]", "all => all.map((a) => a.protocol)")
        assert set(links) <= {"https:", "http:"}
        assert page.evaluate("window.__ran") is None
