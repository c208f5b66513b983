"""A proxy between our client and the outside references: it counts, and loses or delays answers when told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import requests

Fault = Literal["cut", "lost", "held"]
"""`cut`: done, and the answer cut off. `lost`: never arrived. `held`: done, and the answer kept until `let_go`."""


@dataclass
class Between:
    """What went through, and what is to go wrong next.

    `seen` is what arrived, `answered` also what was answered from behind; `instead` holds answers by kind, `answers`
    those to the next requests.
    """

    url: str
    behind: str
    offers: str
    seen: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)
    instead: dict[str, tuple[int, str]] = field(default_factory=dict)
    answered: list[str] = field(default_factory=list)
    silent: bool = False
    let_go: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)

    def never_blindly(self) -> bool:
        """Whether before every purchase after the first a search was answered, the purchase before being past."""
        searched = True
        for kind in self.answered:
            if kind == "asked to buy":
                if not searched:
                    return False
                searched = False
            searched = searched or kind == "search"
        return True

    def purchases(self) -> list[str]:
        """`buy` and `search` in the order in which they came."""
        return [kind for kind in self.seen if kind in {"buy", "search"}]


class _Handler(BaseHTTPRequestHandler):
    """One request; the proxy itself hangs on the server."""

    protocol_version = "HTTP/1.0"

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def _pass_on(self) -> None:
        between: Between = self.server.between  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = _kind(self.command, self.path)
        between.seen.append(kind)
        if kind == "buy":
            between.answered.append("asked to buy")
        if between.silent:
            return
        if between.answers or kind in between.instead:
            status, text = between.instead[kind] if kind in between.instead else between.answers.pop(0)
            self._answer(status, text.encode(), "application/json")
            return
        fault = between.faults.pop(0) if kind == "buy" and between.faults else None
        if fault == "lost":
            return
        base = between.offers if "/AvailablePhoneNumbers/" in self.path else between.behind
        headers = {n: v for n, v in self.headers.items() if n in {"Authorization", "Content-Type", "Accept"}}
        answer = requests.request(self.command, base + self.path, data=body, headers=headers, timeout=30)
        if fault == "cut":
            return
        if fault == "held":
            between.held.set()
            between.let_go.wait(30)
        between.answered.append(kind)
        self._answer(answer.status_code, answer.content, answer.headers.get("Content-Type", "text/plain"))

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # whoever asked did not wait

    do_GET = do_POST = do_DELETE = _pass_on


def _kind(method: str, path: str) -> str:
    if "/AvailablePhoneNumbers/" in path:
        return "offers"
    bare, _, query = path.partition("?")
    if bare.endswith("/IncomingPhoneNumbers.json"):
        return "buy" if method == "POST" else "search" if "FriendlyName=" in query else "list"
    return {"POST": "configure", "DELETE": "release"}.get(method, "other")


@contextmanager
def between(behind: str, offers: str) -> Iterator[Between]:
    """A proxy in front of the emulator (`behind`); searches for numbers go to the mock (`offers`)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    made = Between(f"http://127.0.0.1:{server.server_address[1]}", behind, offers)
    server.between = made  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()
