"""One browser profile that opens pages of a shop, and what its browser tells about the time spent there."""

from importlib import resources
from typing import TYPE_CHECKING

from app.bench.shop import PLACES
from core.errors import RingtraceError

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Route

_PATIENCE = 30
"""Seconds until the script counts as broken."""
_AD = "?gclid=Cj0KCQbenchmark"
_STILL_OWN = "() => (document.body.textContent.match(/212\\D{0,2}555\\D?0100/g) || []).length"


class Visit:
    """A profile on the pages at the address `pages` (see `app.bench.shop`)."""

    def __init__(self, context: "BrowserContext", pages: str) -> None:
        context.add_init_script((resources.files("app.bench") / "measure.js").read_text("utf-8"))
        self.context = context
        self.pages = pages
        self.page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self._held: list[Route] = []
        self._told = context.new_cdp_session(self.page)
        # Processor time of the page's own thread: what else runs on this machine is not in it.
        self._told.send("Performance.enable", {"timeDomain": "threadTicks"})

    def forget(self) -> None:
        """From here on a visitor nobody knows."""
        self.page.goto(f"{self.pages}/0")
        self.context.clear_cookies()
        self.page.evaluate("localStorage.clear()")

    def open(self, path: str) -> None:
        """Opens a page, as somebody who clicked on an ad."""
        self._held.clear()
        self.page.goto(f"{self.pages}{path}{_AD}", wait_until="load")

    def rest(self) -> None:
        """Until the page is idle; long tasks count from here."""
        self.page.evaluate("bench.rest()")

    def run(self, source: str) -> float:
        """Runs a script on the page; milliseconds by the clock on the wall."""
        return float(self.page.evaluate("source => bench.run(source)", source))

    def script_time(self) -> float:
        """Processor time spent in scripts so far, in milliseconds."""
        metrics = self._told.send("Performance.getMetrics")["metrics"]
        return 1000 * float(next(one["value"] for one in metrics if one["name"] == "ScriptDuration"))

    def when(self, name: str) -> float:
        """When something happened, waiting for it; milliseconds since the page was opened. Raises RingtraceError."""
        at = self.page.evaluate("([name, seconds]) => bench.when(name, seconds)", [name, _PATIENCE])
        if at is None:
            raise self._broken(f"it was never {name}")
        return float(at)

    def hold(self) -> None:
        """From here on, the server is not asked before `release`."""
        self.page.route("**/v1/swap", lambda route: self._held.append(route))

    def release(self) -> None:
        """Lets the question through that was held, once it was asked. Raises RingtraceError."""
        for _ in range(_PATIENCE * 100):
            if self._held:
                self._held.pop().continue_()
                return
            self.page.wait_for_timeout(10)
        raise self._broken("it never asked the server")

    def longest(self) -> float:
        """The longest task above 50 ms since `rest`, else 0; milliseconds."""
        return float(self.page.evaluate("bench.longest()"))

    def check(self) -> None:
        """Looks at every place of the number. Raises RingtraceError where the page's own is left."""
        if left := self.page.evaluate(_STILL_OWN):
            raise self._broken(f"it left the page's own number in {left} of {PLACES} places")

    def _broken(self, what: str) -> RingtraceError:
        return RingtraceError("; ".join([f"the script does not work: {what}", *self.errors]))
