"""The system's Chromium, driven by Playwright: both are asked for by benchmarks alone, not by the program."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import RingtraceError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# --expose-gc: so that a measurement never pays for what was thrown away before it.
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--js-flags=--expose-gc"]


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A headless Chromium. Raises RingtraceError, which says what to install, where there is none to drive."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise RingtraceError(
            "this benchmark needs Playwright; install it with: pip install 'playwright>=1.65'"
        ) from None
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, NAMES)), playwright.chromium.executable_path)
        if not Path(path).exists():
            raise RingtraceError(
                "this benchmark needs Chromium; install the package 'chromium' (or: playwright install chromium)"
            )
        try:
            browser = playwright.chromium.launch(executable_path=path, args=_OPTIONS)
            yield browser
            browser.close()
        except Error as error:
            raise RingtraceError(f"Chromium gave up: {error.message.splitlines()[0]}") from None
