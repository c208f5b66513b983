"""Pages nobody has thought of: made up from seeds, played with the script and without it, and compared.

`RINGTRACE_FUZZ_PAGES=2000` plays that many instead of a few; `RINGTRACE_FUZZ_SEED=5000` begins at another seed.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from app.snippet.script import script_for
from tests.browser.customer import CALLS, KEY, Website
from tests.browser.fuzz import page as made_up
from tests.browser.fuzz_oracle import faults

pytestmark = pytest.mark.browser
HARNESS = Path(__file__).with_name("fuzz.js")
PAGES = int(os.environ.get("RINGTRACE_FUZZ_PAGES", "24"))
FIRST = int(os.environ.get("RINGTRACE_FUZZ_SEED", "7000"))
# A fresh window now and then: what many frames leave behind slows it down.
AT_ONCE = 100


@pytest.fixture
def stage(browser: Browser, site: Website) -> Iterator[Page]:
    """An empty page of the site that can play made-up ones."""
    page = browser.new_page()
    page.set_default_timeout(30_000)
    page.add_init_script(path=HARNESS)
    page.goto(f"{site.url}/blank.html")
    yield page
    page.close()


@pytest.mark.parametrize("first", range(FIRST, FIRST + PAGES, AT_ONCE))
def test_made_up_pages_stay_whole_and_show_the_right_numbers(stage: Page, first: int) -> None:
    wrong = []
    showing = 0
    kinds = set()
    for seed in range(first, min(first + AT_ONCE, FIRST + PAGES)):
        made = made_up(seed)
        script = script_for(KEY, CALLS, made.own, "full")[0].decode()
        result = stage.evaluate("([made, script]) => fuzz.run(made, script)", [made.to_json(), script])
        kinds.add(made.kind)
        assert len(result["states"]) == len(made.steps) + 1
        showing += any(numbers for *_, numbers in result["states"])
        wrong += [(seed, made.kind, *fault) for fault in faults(made, result)][:3]
    assert wrong == []
    assert len(kinds) == 3 or PAGES < 24
    # Else the comparison would say nothing.
    assert showing > min(PAGES, AT_ONCE) * 0.5
