"""A web server on loopback that has sounds, and tells of who asked for them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SOUND = b"ID3\x04" + bytes(range(256)) * 40
"""So many bytes that a range of them is worth asking for."""


@dataclass
class Sounds:
    """What it answers, and the paths and headers it was asked with."""

    url: str
    status: int = 200
    body: bytes = SOUND
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "audio/mpeg"})
    length: int | None = None
    before: Callable[[], None] = lambda: None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def sounds() -> Iterator[Sounds]:
    """The server; `length` tells another length than the body has, -1 none at all."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            found.before()
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            length = len(found.body) if found.length is None else found.length
            if length >= 0:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Sounds(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
