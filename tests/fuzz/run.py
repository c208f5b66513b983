"""Sends inputs to an application, in this process, and says what is wrong with its answers."""

import io
import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.http_errors import MACHINE_PATHS
from tests.fuzz.ground import Ground, ground
from tests.fuzz.inputs import Input, Maker

SLOW_SECONDS = 1.0
MOST_FAILURES = 50
_TRACES = (b"Traceback (most recent", b'File "/', b"sqlalchemy.exc", b"psycopg.errors")


@dataclass
class Answered:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    seconds: float


@dataclass
class Outcome:
    """What a run found; `failures` are lines that say what and how to have it again."""

    inputs: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    worked: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        """Joins another run's."""
        self.inputs += other.inputs
        self.statuses += other.statuses
        self.rules += other.rules
        self.worked += other.worked
        self.slowest = max(self.slowest, other.slowest)
        self.failures += other.failures


def send(wsgi: Any, given: Input) -> Answered:
    """Has the application answer. Raises what escapes it."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    environ = given.environ()
    environ |= {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(given.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        started.append((status, headers))

    begin = time.perf_counter()
    answer = wsgi(environ, start_response)
    try:
        body = b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    seconds = time.perf_counter() - begin
    status, headers = started[-1]
    return Answered(int(status.split()[0]), headers, body, seconds)


def problem_of(given: Input, got: Answered) -> str | None:
    """What is wrong with an answer; None where nothing is."""
    if got.status >= 500:
        return f"status {got.status}"
    if any(trace in got.body for trace in _TRACES):
        return "a traceback in the body"
    if any(not isinstance(v, str) or "\r" in v or "\n" in v for _, v in got.headers):
        return "a header with a line break"
    machine = given.path.startswith(MACHINE_PATHS)
    if machine and got.status >= 400 and given.method != "HEAD" and not _in_form(got.body):
        return f"an error ({got.status}) that has not the one form: {got.body[:80]!r}"
    return None


def _in_form(body: bytes) -> bool:
    try:
        return set(json.loads(body)["error"]) == {"code", "message", "fields"}
    except (ValueError, KeyError, TypeError):
        return False


def try_one(on: Ground, given: Input) -> tuple[Answered | None, str | None]:
    """The answer to an input and what is wrong with it; slow ones get a second chance, machines have other work."""
    got = None
    for _ in range(3):
        try:
            got = send(on.app.wsgi_app, given)
        except Exception as error:
            return None, f"{type(error).__name__} escaped: {error}"
        if problem := problem_of(given, got):
            return got, problem
        if got.seconds <= SLOW_SECONDS or got.seconds * _share() <= SLOW_SECONDS:
            return got, None
    return got, f"took {got.seconds:.2f} s" if got else None


def _share() -> float:
    """How much of a processor this thread gets at the moment (at most 1): a busy machine makes everything slow."""
    begin, used = time.perf_counter(), time.thread_time()
    while time.thread_time() - used < 0.05:
        pass
    return min(1.0, 0.05 / (time.perf_counter() - begin))


def run(on: Ground, seed: str, numbers: range) -> Outcome:
    """Sends the inputs of these numbers."""
    outcome, maker = Outcome(), Maker(on, seed)
    for number in numbers:
        given = maker.make(number)
        got, problem = try_one(on, given)
        outcome.inputs += 1
        outcome.rules[given.rule] += 1
        if got is not None:
            outcome.statuses[got.status] += 1
            outcome.worked[given.rule] += got.status < 400
            outcome.slowest = max(outcome.slowest, (got.seconds, f"{number} {given.method} {given.rule}"))
        if problem is not None:
            outcome.failures.append(told(seed, given, problem))
            if len(outcome.failures) >= MOST_FAILURES:
                break
        if given.rule in {"/sign-out", "/sign-in", "/accounts"}:
            on.restore()
    return outcome


def told(seed: str, given: Input, problem: str) -> str:
    """A failure in one line, with what has it again."""
    what = f"{given.method} {given.path[:120]!r}?{given.query[:200]} {given.body[:300]!r}"
    return f"{problem}: {what} -- again: python -m tests.fuzz --seed {seed} --only {given.number}"


@contextmanager
def closed_network() -> Iterator[None]:
    """No way out of this machine meanwhile: names are not resolved, and only loopback is connected to."""
    resolve, connect = socket.getaddrinfo, socket.socket.connect

    def resolve_own(host: Any, *args: Any, **more: Any) -> Any:
        if host in {None, "127.0.0.1", "::1", "localhost"}:
            return resolve(host, *args, **more)
        raise socket.gaierror(socket.EAI_NONAME, "this network is closed")

    def connect_own(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in {"127.0.0.1", "::1"}:
            raise OSError(101, "this network is closed")
        connect(self, address)

    socket.getaddrinfo, socket.socket.connect = resolve_own, connect_own  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        socket.getaddrinfo, socket.socket.connect = resolve, connect  # type: ignore[method-assign]


def run_on(database_url: str, folder: Path, seed: str, numbers: range) -> Outcome:
    """The same on a ground of its own in a migrated database."""
    with closed_network(), ground(database_url, folder) as on:
        return run(on, seed, numbers)
