"""A customer's website for benchmarks: pages of a chosen size, the same in every run."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OWN_NUMBER = "+12125550100"
PLACES = 20
"""How often the number stands on a page."""

_FORMS = ("(212) 555-0100", "212-555-0100", "212.555.0100", "+1 212 555 0100", "+1 (212) 555-0100")
_WORDS = [
    *("repair", "boiler", "warm", "water", "kitchen", "family", "service", "since", "every", "winter", "morning"),
    *("quick", "honest", "price", "visit", "customer", "house", "street", "garden", "pipe", "copper", "leak"),
    *("summer", "question", "answer", "engineer", "week", "month", "quality", "evening"),
]
_LENGTH = 60
_SEED = 7


class _Writer:
    """Text nodes of about sixty characters, some with digits as shops have them, some with the number."""

    def __init__(self, text_nodes: int) -> None:
        self.draw = random.Random(_SEED)  # noqa: S311 - the same page in every run, no secret
        step = max(1, text_nodes // PLACES)
        self.places = {step // 2 + i * step for i in range(PLACES)}
        self.written = 0

    def words(self) -> str:
        self.written += 1
        picked = self.draw.choices(_WORDS, k=8)
        kind = self.draw.random()
        if kind < 0.08:
            picked[3] = f"${self.draw.randrange(20, 900)}.00"
        elif kind < 0.12:
            picked[3] = (
                f"2026-0{self.draw.randrange(1, 9)}-1{self.draw.randrange(9)} order {self.draw.randrange(10**8)}"
            )
        elif kind < 0.14:
            picked[3] = f"({self.draw.randrange(213, 989)}) 555-01{self.draw.randrange(10, 99)}"
        if self.written - 1 in self.places:
            picked[2] = _FORMS[(self.written - 1) % len(_FORMS)]
        return " ".join(picked)[:_LENGTH]

    def block(self, link: str) -> str:
        """Ten text nodes in the elements that pages are made of; `link` is where one of its links leads."""
        w = self.words
        return (
            f'<section class="card"><h2>{w()}</h2><p>{w()} <a href="/about">{w()}</a> {w()} <b>{w()}</b></p>'
            f"<ul><li>{w()}</li><li><span>{w()}</span></li></ul><div><div><div><em>{w()}</em></div>"
            f'<a href="{link}">{w()}</a></div><small>{w()}</small></div></section>'
        )


@cache
def page(text_nodes: int, script: str | None) -> bytes:
    """A page of `text_nodes` (a multiple of ten); `script` is the address of the script it loads, None for none."""
    writer = _Writer(text_nodes)
    links = (f"tel:{OWN_NUMBER}" if i == 0 else "/prices" for i in range(text_nodes // 10))
    blocks = "".join(writer.block(link) for link in links)
    tag = f'<script async src="{script}"></script>' if script else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>{tag}'
        f"<style>.card{{border:1px solid #ccc}}</style></head><body>{blocks}</body></html>"
    ).encode()


@contextmanager
def shop(script: str) -> Iterator[str]:
    """Serves `/N` (a page of N text nodes), `/N/tagged` (with the script tag) and `/0` (empty); yields its address.

    Its pages are isolated from others, which gives their clocks a resolution of 5 µs instead of 100.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size, _, tagged = self.path.partition("?")[0].strip("/").partition("/")
            body = page(int(size), script if tagged == "tagged" else None) if size.isdigit() else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
