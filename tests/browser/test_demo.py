"""The demo by hand: arrive by an ad, call, and see the call come into the log without a reload."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from app.demo.business import OWN_NUMBER, OWNER_EMAIL
from tests.support.demo import served_demo
from tests.support.serving import Served

pytestmark = pytest.mark.browser


@pytest.fixture
def demo(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Served, str]]:
    """The demo's server, its business without a past, and the owner's password."""
    with served_demo(sqlite_url, monkeypatch) as (server, made):
        yield server, made.password


def open_page(browser: Browser, errors: list[str]) -> Page:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    return page


def test_a_call_from_the_demo_website_comes_into_the_log(browser: Browser, demo: tuple[Served, str]) -> None:
    server, password = demo
    errors: list[str] = []
    staff = open_page(browser, errors)
    staff.goto(f"{server.url}/sign-in")
    staff.fill("#email", OWNER_EMAIL)
    staff.fill("#password", password)
    staff.click("button:has-text('Sign in')")
    expect(staff.locator("[data-empty]")).to_contain_text("No calls yet")
    staff.evaluate("window.__same = true")

    guest = open_page(browser, errors)
    guest.goto(f"{server.url}/demo/")
    guest.click("text=Google Ads click")
    number = guest.locator("header a[href^='tel:']")
    expect(number).not_to_have_attribute("href", f"tel:{OWN_NUMBER}")
    guest.click("text=Call as this visitor")
    row = staff.locator("tr.call").first
    expect(row).to_contain_text("Google Ads")
    expect(row).to_contain_text("sure")
    guest.click("text=Hang up")
    expect(staff.locator("tr.call .dot")).to_have_count(0)

    guest.click("text=Call as somebody else")
    expect(staff.locator("tr.call")).to_have_count(2)
    guest.click("text=Hang up")
    assert staff.evaluate("window.__same") is True, "the log was never loaded anew"
    row.locator(".open-call").click()
    expect(staff.locator(".candidate").first).to_contain_text("visitor")
    assert errors == []
    for page in (guest, staff):
        page.context.close()
