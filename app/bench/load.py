"""Load on one address: connections that stay open, each with one request under way. `python -m app.bench.load`.

Reads a JSON object on stdin: `port`, `connections`, `seconds`, `bodies` (texts to be posted to /v1/swap, taken in
turn). Prints one on stdout: `requests`, `failed`, `seconds`, and `p50_ms`, `p99_ms`, `worst_ms` of the answers' times.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle

ORIGIN = "https://example.com"
AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1"  # noqa: E501


def message(body: str, port: int) -> bytes:
    """A whole request."""
    sent = body.encode()
    head = (
        f"POST /v1/swap HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {ORIGIN}\r\nUser-Agent: {AGENT}\r\n"
        f"Accept: */*\r\nContent-Type: text/plain\r\nContent-Length: {len(sent)}\r\n\r\n"
    )
    return head.encode() + sent


class _Connection(asyncio.Protocol):
    """One connection: the next request leaves when the last was answered."""

    def __init__(self, requests: Iterator[bytes], until: float, times: list[float], over: asyncio.Future[None]) -> None:
        self._requests, self._until, self._times, self._over = requests, until, times, over
        self._got, self._wanted = b"", -1
        self.failed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._got, self._wanted = b"", -1
        self._began = time.perf_counter()
        self._transport.write(next(self._requests))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._got += data
        if self._wanted < 0:
            end = self._got.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._got[:end].lower()
            length = head.index(b"content-length:") + 15
            stop = head.find(b"\r\n", length)
            self._wanted = end + 4 + int(head[length : stop if stop >= 0 else None])
        if len(self._got) < self._wanted:
            return
        now = time.perf_counter()
        self._times.append(now - self._began)
        self.failed += not self._got.startswith(b"HTTP/1.1 200") or b'"numbers":{}' in self._got
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed, by us or by a server that broke."""
        if not self._over.done():
            self._over.set_result(None)


def _itself(connection: _Connection) -> _Connection:
    return connection


async def run(port: int, connections: int, seconds: float, bodies: list[str]) -> dict[str, float]:
    """Loads the server for so long."""
    loop = asyncio.get_running_loop()
    requests = cycle([message(body, port) for body in bodies])
    times: list[float] = []
    began = time.perf_counter()
    until, made, ends = began + seconds, [], []
    for _ in range(connections):
        over: asyncio.Future[None] = loop.create_future()
        connection = _Connection(requests, until, times, over)
        await loop.create_connection(partial(_itself, connection), "127.0.0.1", port)
        made.append(connection)
        ends.append(over)
    await asyncio.gather(*ends)
    spent = time.perf_counter() - began
    times.sort()
    return {
        "requests": len(times),
        "failed": sum(c.failed for c in made),
        "seconds": spent,
        "p50_ms": 1000 * times[len(times) // 2],
        "p99_ms": 1000 * times[min(len(times) - 1, int(len(times) * 0.99))],
        "worst_ms": 1000 * times[-1],
    }


def main() -> None:
    """Does what stdin says."""
    asked = json.load(sys.stdin)
    json.dump(asyncio.run(run(asked["port"], asked["connections"], asked["seconds"], asked["bodies"])), sys.stdout)


if __name__ == "__main__":
    main()
