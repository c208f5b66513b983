"""Real HTTP: the application on a port of its own, in this process (time can be set) or as `ringtrace serve`."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from flask import Flask
from werkzeug.serving import make_server

from app.factory import create_app
from app.settings import Settings

SECRET = "a secret key for tests only"


@dataclass
class Clock:
    """The time as the server under test sees it: the real one until it is set."""

    offset: timedelta = field(default_factory=timedelta)
    frozen: datetime | None = None

    def __call__(self) -> datetime:
        return (self.frozen or datetime.now(UTC)) + self.offset

    def forward(self, **by: float) -> None:
        """Moves the clock on by `timedelta(**by)`."""
        self.offset += timedelta(**by)


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    app: Flask
    clock: Clock


_instances = tempfile.TemporaryDirectory(prefix="ringtrace-instances-")


def environ(database_url: str, **more: str) -> dict[str, str]:
    """The settings of a test server."""
    return {
        "RINGTRACE_DATABASE_URL": database_url,
        "RINGTRACE_SECRET_KEY": SECRET,
        "RINGTRACE_INSTANCE_DIR": f"{_instances.name}/{hashlib.sha256(database_url.encode()).hexdigest()[:16]}",
        **more,
    }


@contextmanager
def served(database_url: str, **more: str) -> Iterator[Served]:
    """The application in this process on a free port."""
    port = free_port()
    settings = Settings.from_env(environ(database_url, **more), serves_at=f"http://127.0.0.1:{port}")
    clock = Clock()
    app = create_app(settings, now=clock)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{port}", app, clock)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["ringtrace"].database.engine.dispose()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class ServeProcess:
    """`ringtrace serve` as a process group of its own, to be stopped or killed."""

    def __init__(self, database_url: str, *, workers: int = 1, port: int | None = None, **more: str) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = Path(sys.executable).with_name("ringtrace")
        self.process = subprocess.Popen(
            [str(command), "serve", "--port", str(self.port), "--workers", str(workers)],
            env={**os.environ, **environ(database_url, **more)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait(self, seconds: float = 30) -> "ServeProcess":
        """Until `/health` answers."""
        wait_until(self._healthy, seconds, "the server did not come up")
        return self

    def _healthy(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=1).ok
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        """`kill -9` of the server and all its workers."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """As Ctrl-C."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def wait_until(true: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Polls until `true()`; AssertionError with `otherwise` after `seconds`."""
    end = time.monotonic() + seconds
    poll = threading.Event()
    while not true():
        assert time.monotonic() < end, otherwise
        poll.wait(0.02)
