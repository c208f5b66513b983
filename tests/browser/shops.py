"""Customers' pages with planted faults, each on a domain of its own, served to a real browser."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.office import OWN, Office

AD = "?utm_source=google&utm_medium=cpc&gclid=Cj0KCQjwabc123&session=secret-of-the-visitor"
ORDINARY = '<p id="text">Call (212) 555-0100 today.</p><p><a id="link" href="tel:+12125550100">212.555.0100</a></p>'
HEALTHY = """<h1>Acme Plumbing</h1><header><a href="tel:+1-212-555-0100">+1 212-555-0100</a></header>
<p>Call (212) 555-0100 or <b>212</b>-<span>555</span>-0100, <a href="sms:+12125550100">text us</a>.</p>
<p title="Call 212-555-0100" aria-label="Call 212-555-0100">Since 2001-12-31, order 4711-0815-2125550, $1,212.55</p>
<svg width="200" height="20"><text y="15">(212) 555-0100</text></svg>
<p data-ringtrace="off">Fax <a href="tel:+12125550199">(212) 555-0199</a></p>
<p>Fax: (212) 555-0177. Our part 212-555-01001 is in stock; mail a1@example.com.</p>
<p>https://example.com/2125550100, IBAN DE89 3704 2125 5501 00, part A2125550100, 555-0100 inside town.</p>
<form><input name="phone" type="tel" value="(310) 555-0144"><textarea name="t">(310) 555-0145</textarea></form>
<div id="host"></div><iframe srcdoc="<p>Call (212) 555-0100</p>"></iframe>
<script type="application/ld+json">{"telephone": "+12125550100", "faxNumber": "+13105550123"}</script>
<script>document.getElementById("host").attachShadow({mode: "open"}).innerHTML = "<p>212 555 0100</p>";</script>"""
HYDRATED = (
    ORDINARY
    + """<script>document.addEventListener("ringtrace:swapped", () => setTimeout(() => {
document.getElementById("text").textContent = "Call (212) 555-0100 today."; }, 50), {once: true});</script>"""
)
OBSTINATE = (
    ORDINARY
    + """<script>const text = document.getElementById("text"), old = text.textContent;
new MutationObserver(() => { if (text.textContent !== old) text.textContent = old; })
.observe(text, {childList: true, subtree: true, characterData: true});</script>"""
)
IN_PLACE = OBSTINATE.replace("textContent = old", "firstChild.data = old")
BY_THE_CLOCK = (
    ORDINARY
    + """<script>const text = document.getElementById("text"), old = text.textContent;
setInterval(() => { text.textContent = old }, 40);</script>"""
)
DELAYED = ORDINARY + (
    '<script>setTimeout(() => {{ const late = document.createElement("script"); late.src = "{src}"; '
    "document.head.append(late) }}, 4300)</script>"
)
ASYNC = '<script async src="{src}"></script>'
DEFER = '<script defer src="{src}"></script>'
NO_CONNECTIONS = """<meta http-equiv="Content-Security-Policy" content="connect-src 'self'">"""


@dataclass(frozen=True)
class Shop:
    """One planted page: what its head and body hold (`{src}` is the script's address) and what is to be found."""

    found: str
    body: str = ORDINARY
    head: str = ASYNC
    query: str = AD
    path: str = "/"
    numbers: int = 2
    more_sources: tuple[tuple[str, dict[str, Any]], ...] = ()
    catch_all: bool = True
    reports: bool = True
    domains: tuple[str, ...] = ()


SHOPS: dict[str, Shop] = {
    "healthy": Shop("healthy", HEALTHY, path="/contact"),
    "hydrated": Shop("healthy", HYDRATED),
    "never": Shop("never_loaded", head="", reports=False),
    "twokeys": Shop("other_site_tag", head=DEFER + DEFER.replace("{src}", "{other}")),
    "otherfirst": Shop("other_site_tag", head=DEFER.replace("{src}", "{other}") + DEFER, reports=False),
    "duplicate": Shop("duplicate_tag", head=ASYNC * 2),
    "elsewhere": Shop("wrong_domain", domains=("listed.test",), reports=False),
    "stranger": Shop("stranger", '<p>Call <a href="tel:+13105550123">(310) 555-0123</a></p>'),
    "printed": Shop("stranger", "<p>Call us: (310) 555-0123.</p>"),
    "half": Shop("half_swapped", '<a href="tel:+12125550188">(212) 555-0100</a>'),
    "reverted": Shop("reverted", OBSTINATE),
    "inplace": Shop("reverted", IN_PLACE),
    "clockwork": Shop("reverted", BY_THE_CLOCK),
    "nonumbers": Shop("no_numbers", numbers=0),
    "norule": Shop("no_rule", query="", catch_all=False),
    "off": Shop("switched_off", ORDINARY + '<footer data-ringtrace="off">(212) 555-0100</footer>'),
    "field": Shop("in_form_field", ORDINARY + '<form><input name="n" value="(212) 555-0100"></form>'),
    "early": Shop("too_early", head='<script src="{src}"></script>'),
    "silent": Shop("loaded_but_silent", head=NO_CONNECTIONS + ASYNC, reports=False),
    "late": Shop("late", DELAYED, head=""),
    "picture": Shop("in_image", ORDINARY + '<img src="data:," alt="Call (212) 555-0100">'),
    "nothing": Shop("not_found", "<p>Since 1999.</p>"),
}


@dataclass
class Street:
    """All shops on one port; `address` opens one, `sites` are what the office made for them."""

    office: Office
    port: int = 0
    sites: dict[str, Any] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)

    def address(self, name: str) -> str:
        """Where the page of a shop is."""
        return f"http://www.{name}.test:{self.port}{SHOPS[name].path}{SHOPS[name].query}"

    def found(self, name: str) -> str:
        """The installation page of a shop's site."""
        return f"/sites/{self.sites[name]['id']}/installation"

    def build(self) -> None:
        """Makes a site, a source and numbers for every shop, and its page."""
        other = self.office.site(name="Another", domains=["another.test"])
        for name, shop in SHOPS.items():
            site = self.office.site(name=name, domains=list(shop.domains or (f"{name}.test",)), numbers=[OWN])
            self.office.source(site, numbers=shop.numbers, catch_all=shop.catch_all)
            self.sites[name] = site
            names = {"src": self._script(site), "other": self._script(other)}
            head = shop.head.format(**names)
            body = shop.body.format(**names) if "{src}" in shop.body else shop.body
            self.pages[f"www.{name}.test"] = (
                f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>{head}</head>'
                f"<body>{body}</body></html>"
            )

    def _script(self, site: Any) -> str:
        return f"{self.office.url}/s/{site['key']}.js"


@contextmanager
def street(office: Office, prepare: Callable[[Street], None] = Street.build) -> Iterator[Street]:
    """The shops' pages, served by host name until the block ends."""
    made = Street(office)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = made.pages.get((self.headers["Host"] or "").partition(":")[0])
            body = (page or "").encode()
            self.send_response(200 if page and "favicon" not in self.path else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        prepare(made)
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
