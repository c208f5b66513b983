"""A customer's website in a real browser, with the calls server played by the test."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Error, Page, Route

from app.snippet.script import script_for
from core.phone import international, national

PAGES = Path(__file__).with_name("pages")
KEY = "shopkey"
CALLS = "https://calls.ringtrace.test"
OWN = "+12125550100"
OURS = "+12125550142"
LONDON = "+442071234567"
LONDON_OURS = "+442079460123"
BERLIN = "+4930901820"
BERLIN_OURS = "+4930901855"
THREE = {OWN: OURS, LONDON: LONDON_OURS, BERLIN: BERLIN_OURS}
PROBE = Path(__file__).with_name("probe.js")
HANG = "hang"
HOLD = "hold"
ABORT = "abort"

Answer = tuple[int, Any] | str


@dataclass
class Website:
    """A running site, what pages that went away posted to it (path, content type, body), and pages made by tests."""

    url: str
    received: list[tuple[str, str, bytes]] = field(default_factory=list)
    made: dict[str, tuple[str, bytes]] = field(default_factory=dict)


class _Handler(SimpleHTTPRequestHandler):
    received: list[tuple[str, str, bytes]]
    made: dict[str, tuple[str, bytes]]

    def do_GET(self) -> None:
        """A page that a test has made, else a file."""
        made = self.made.get(self.path.partition("?")[0])
        if made is None:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", made[0])
        self.end_headers()
        self.wfile.write(made[1])

    def do_POST(self) -> None:
        """Takes what a page sends as it leaves."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, self.headers["Content-Type"], body))
        self.send_response(202)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Tests say what went wrong themselves."""


@contextmanager
def website() -> Iterator[Website]:
    """The static pages on a port of their own, as `http://www.shop.test:PORT`."""
    site = Website("")
    handler = type("Handler", (_Handler,), {"received": site.received, "made": site.made})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(PAGES)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    site.url = f"http://www.shop.test:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def assigned(number: str, source: str = "google_ads") -> dict[str, str]:
    """A number as the server gives it."""
    return {
        "e164": number,
        "national": national(number),
        "international": international(number),
        "href": f"tel:{number}",
        "source": source,
    }


def swapped(numbers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """An answer of `/v1/swap`."""
    numbers = {OWN: OURS} if numbers is None else numbers
    return {
        "visitor": "visitor-1.sig",
        "visit": "visit-1",
        "source": "google_ads",
        "numbers": {own: assigned(ours) for own, ours in numbers.items()},
        "ttl": 1800,
        **more,
    }


@dataclass
class Customer:
    """One browser profile on the customer's site: what it asked, what it reported, what went wrong in it."""

    context: BrowserContext
    site: Website
    numbers: tuple[str, ...] = (OWN,)
    consent: str = "full"
    base: str = CALLS
    answer: Callable[[dict[str, Any]], Answer] = field(default=lambda body: (200, swapped()))
    events_status: int = 202
    swaps: list[dict[str, Any]] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    script_status: int = 200
    held: list[Route] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.add_init_script(path=PROBE)
        self.context.route(f"{CALLS}/s/*.js*", self._script)
        self.context.route("**/v1/swap", self._swap)
        self.context.route(f"{CALLS}/v1/events", self._events)
        self.page = self.new_page()

    def new_page(self) -> Page:
        """Another tab of the same profile, with its errors noted."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._console(message.type, message.text))
        return page

    def open(self, name: str, query: str = "", host: str = "www") -> Page:
        """Loads a page of the site."""
        file = name if "." in name else f"{name}.html"
        self.page.goto(f"{self.site.url.replace('www', host)}/{file}{query}")
        return self.page

    def made(self, html: str, query: str = "", content_type: str = "text/html; charset=utf-8") -> Page:
        """Loads a page that the test has written; `TAG` in it is the script tag."""
        body = html.replace("TAG", f'<script async src="{CALLS}/s/{KEY}.js"></script>')
        self.site.made["/made.html"] = (content_type, body.encode())
        return self.open("made", query)

    def serves(self, numbers: dict[str, str]) -> None:
        """The site's own numbers (keys), each with the tracking number the server will give for it."""
        self.numbers = tuple(numbers)
        self.answer = lambda body: (200, swapped(numbers))

    def swapped(self) -> Page:
        """Waits until the page has heard that numbers were swapped."""
        self.page.wait_for_function("() => window.probe && probe.heard.length > 0")
        return self.page

    def wrong(self) -> list[list[str]]:
        """What does not show what its `data-want` says: [wanted, found]."""
        found: list[list[str]] = self.page.evaluate("() => probe.wrong()")
        return found

    def becomes_right(self, action: str = "") -> list[list[str]]:
        """The page does something (as in `did`); what is still wrong a second later, at once if nothing is."""
        found: list[list[str]] = self.page.evaluate(f"async () => {{ {{ {action} }} return await probe.settled() }}")
        return found

    def touched(self) -> list[str]:
        """What had to stay (`data-stays`) and was written to all the same."""
        found: list[str] = self.page.evaluate("() => probe.touched()")
        return found

    def edits(self) -> dict[str, int]:
        """How many texts, attributes and nodes were changed since the page was loaded or `did` something."""
        found: dict[str, int] = self.page.evaluate("() => probe.edits()")
        return found

    def did(self, action: str) -> None:
        """The page does something (a JavaScript expression or block); `edits` counts what others do then."""
        self.page.evaluate(f"() => probe.after(() => {{ {action} }})")

    def as_served(self) -> bool:
        """Whether the document is, to the letter, what the site delivered."""
        same: bool = self.page.evaluate("async () => await probe.served() === document.documentElement.outerHTML")
        return same

    def shows(self, selector: str, text: str) -> None:
        """Waits until the element's text is `text`, white space as written."""
        self.page.wait_for_function(
            "([s, t]) => { const e = document.querySelector(s); return e && e.textContent === t }", arg=[selector, text]
        )

    def until(self, true: Callable[[], object], otherwise: str) -> None:
        """Lets the browser go on until `true()`."""
        end = time.monotonic() + 10
        while not true():
            assert time.monotonic() < end, otherwise
            self.settle()

    def settle(self) -> None:
        """Until every request the page has sent before is known here: requests are reported in their order."""
        self.page.evaluate("() => fetch('/blank.html').then(r => r.text())")

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events reported, in order."""
        return [event for post in self.posts for event in post["events"]]

    def types(self) -> list[str]:
        """The types of all events reported, in order."""
        return [event["type"] for event in self.events]

    def kept(self) -> tuple[Any, str]:
        """What the page's storage and cookies hold."""
        found = self.page.evaluate("() => [localStorage.getItem('ringtrace'), document.cookie]")
        return (json.loads(found[0]) if found[0] else None), found[1]

    def _console(self, kind: str, text: str) -> None:
        # The browser itself reports failed requests; no script can keep it from that.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.errors.append(text)

    def _script(self, route: Route) -> None:
        if route.request.url.endswith("/s/check.js"):
            self.requests["check"] += 1
            route.fulfill(body="window.checked = (window.checked || 0) + 1", content_type="text/javascript")
            return
        self.requests["script"] += 1
        if self.script_status != 200:
            route.fulfill(status=self.script_status, body="not found")
            return
        body, _ = script_for(KEY, self.base, self.numbers, self.consent)
        route.fulfill(body=body, content_type="text/javascript")

    def _swap(self, route: Route) -> None:
        assert route.request.method == "POST", "no preflight is needed"
        assert route.request.headers["content-type"].startswith("text/plain")
        body = json.loads(route.request.post_data or "")
        self.swaps.append(body)
        self.requests["swap"] += 1
        answer = self.answer(body)
        if answer == HOLD:
            self.held.append(route)
        elif answer == ABORT:
            route.abort()
        elif not isinstance(answer, str):
            self._reply(route, *answer)

    def release(self, status: int, content: Any) -> None:
        """What was held back is answered after all; a request that was given up meanwhile takes no harm."""
        for route in self.held:
            with suppress(Error):
                self._reply(route, status, content)
        self.held.clear()
        self.settle()
        self.settle()

    def _reply(self, route: Route, status: int, content: Any) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        origin = {"Access-Control-Allow-Origin": route.request.headers.get("origin", self.site.url)}
        route.fulfill(status=status, body=text, content_type="application/json", headers=origin)

    def _events(self, route: Route) -> None:
        assert route.request.headers["content-type"].startswith("text/plain")
        self.posts.append(json.loads(route.request.post_data or ""))
        self.requests["events"] += 1
        route.fulfill(
            status=self.events_status,
            headers={"Access-Control-Allow-Origin": route.request.headers.get("origin", self.site.url)},
        )
