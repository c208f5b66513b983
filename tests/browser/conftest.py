"""Fixtures of the browser tests: Chromium, a customer's website, and somebody who visits it."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.customer import Customer, Website, website

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium. Without one the tests skip; with CI=true they fail."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        missing = "Chromium is not installed (looked for " + ", ".join(NAMES) + ")"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def site() -> Iterator[Website]:
    """The customer's site."""
    with website() as running:
        yield running


@pytest.fixture
def customer(browser: Browser, site: Website) -> Iterator[Customer]:
    """Somebody with a fresh profile on the customer's site; no test may leave an error in the page."""
    site.received.clear()
    context = browser.new_context()
    context.set_default_timeout(10_000)
    visiting = Customer(context, site)
    yield visiting
    context.close()
    assert visiting.errors == []
