"""A bad road between a provider and us: what it sends is lost, doubled, or comes much later, byte for byte."""

import random
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOST, DOUBLED, LATE = 0.2, 0.2, 0.3
_HOPS = {"connection", "keep-alive", "transfer-encoding"}


@dataclass(frozen=True)
class Passing:
    """A request as it came."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def call(self) -> str:
        """The CallSid of a webhook."""
        found = re.search(rb"(?:^|&)CallSid=(\w+)", self.body)
        return found[1].decode() if found else ""


@dataclass
class Chaos:
    """Stands where the provider thinks we are. A fifth is lost, a fifth comes twice; statuses wait and overtake."""

    url: str
    port: int = 0
    """Where we really are (on this machine)."""
    fate: random.Random = field(default_factory=lambda: random.Random(0))
    fates: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    lost: set[str] = field(default_factory=set)
    """The calls of which something was lost."""
    waiting: list[Passing] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def meets(self, passing: Passing) -> tuple[int, bytes, str] | None:
        """What becomes of a request: the answer to its sender, or None where the sender is cut off."""
        with self.guard:
            draw = self.fate.random()
            what = "lost" if draw < LOST else "doubled" if draw < LOST + DOUBLED else "passed"
            late = passing.target.startswith("/webhooks/twilio/status") and self.fate.random() < LATE
            self.fates[what] += 1
            if what == "lost":
                self.lost.add(passing.call)
                return None
            if late:
                self.fates["late"] += 1
                self.waiting += [passing] * (2 if what == "doubled" else 1)
                overtaken = self._some_of_the_waiting()
            else:
                overtaken = []
        answer = (204, b"", "text/plain")
        if not late:
            answer = self.send(passing)
            if what == "doubled":
                self.send(passing)
        for other in overtaken:
            self.send(other)
        return answer

    def _some_of_the_waiting(self) -> list[Passing]:
        """About as many as come in leave, in any order."""
        if len(self.waiting) < 20:
            return []
        self.fate.shuffle(self.waiting)
        chosen, self.waiting = self.waiting[:2], self.waiting[2:]
        return chosen

    def let_go(self, keep: int = 0) -> None:
        """Delivers what waits, in any order, but for so many."""
        with self.guard:
            self.fate.shuffle(self.waiting)
            leave, self.waiting = self.waiting[keep:], self.waiting[:keep]
        for passing in leave:
            self.send(passing)

    def send(self, passing: Passing) -> tuple[int, bytes, str]:
        """Hands a request on as it came."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(passing.method, passing.target, skip_host=True, skip_accept_encoding=True)
            for name, value in passing.headers:
                connection.putheader(name, value)
            connection.endheaders(passing.body)
            answer = connection.getresponse()
            body, kind = answer.read(), answer.getheader("Content-Type") or "text/plain"
        except (OSError, HTTPException):
            with self.guard:
                self.answers[0] += 1
            return 502, b"", "text/plain"
        finally:
            connection.close()
        with self.guard:
            self.answers[answer.status] += 1
        return answer.status, body, kind


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        """Everything a provider sends us is posted."""
        chaos: Chaos = self.server.chaos  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = tuple((name, value) for name, value in self.headers.items() if name.lower() not in _HOPS)
        answer = chaos.meets(Passing(self.command, self.path, headers, body))
        if answer is None:
            return
        status, content, kind = answer
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            pass  # whoever asked did not wait


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def chaos(seed: int = 6) -> Iterator[Chaos]:
    """The road, without an end yet (`port`)."""
    server = _Server(("127.0.0.1", 0), _Handler)
    made = Chaos(f"http://127.0.0.1:{server.server_address[1]}", fate=random.Random(seed))
    server.chaos = made  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
