"""An installation of its own for benchmarks: a new database in a temporary folder, one business, the real server."""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from app import clock
from app.accounts.create import create_account
from app.accounts.numbers import add_number
from app.accounts.sites import create_site
from app.database import upgrade_database
from app.secretbox import SecretBox
from app.settings import PREFIX, Settings
from core.errors import RingtraceError
from numberpool.sources import create_source
from store.engine import make_engine
from store.sessions import Database

HOST = "127.0.0.1"
_UP_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A running server (`url`) with one site (`key`)."""

    url: str
    key: str


@contextmanager
def installation(*, domains: Sequence[str], number: str, pools: Mapping[str, Sequence[str]]) -> Iterator[Installation]:
    """`ringtrace serve` on SQLite with one site that has `number` and an online source per preset of `pools`.

    `pools` maps presets to tracking numbers (E.164). Raises RingtraceError where the server does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="ringtrace-bench-") as folder:
        port = _free_port()
        environ = {
            f"{PREFIX}INSTANCE_DIR": folder,
            f"{PREFIX}DATABASE_URL": f"sqlite:///{Path(folder) / 'bench.db'}",
            f"{PREFIX}SECRET_KEY": secrets.token_urlsafe(32),
            f"{PREFIX}PUBLIC_BASE_URL": f"http://{HOST}:{port}",
            f"{PREFIX}NEW_VISITORS_PER_MINUTE": "1000000",
        }
        key = _set_up(Settings.from_env(environ), domains=domains, number=number, pools=pools)
        with _served(port, environ) as url:
            yield Installation(url=url, key=key)


def _set_up(settings: Settings, *, domains: Sequence[str], number: str, pools: Mapping[str, Sequence[str]]) -> str:
    """The business in a new database; its site's key."""
    upgrade_database(settings)
    at = clock.now()
    engine = make_engine(settings.database_url)
    try:
        with Database(engine).write() as work:
            password = secrets.token_urlsafe(16)
            owner = {"name": "Benchmark", "owner": "bench@example.com", "password": password}
            session = work.account(create_account(work, SecretBox(settings), **owner, at=at).account_id)
            place = {"time_zone": "America/New_York", "country": "US", "currency": "USD"}
            site = create_site(
                work, session, {"name": "Benchmark", "domains": [*domains], "numbers": [number], **place}, at
            )
            for preset, numbers in pools.items():
                fields = {"site": site.site_id, "name": preset, "kind": "online", "preset": preset}
                source = create_source(session, {**fields, "catch_all": False, "destination": number}, at)
                for one in numbers:
                    add_number(work, session, number=one, source=source.source_id, provider="manual", at=at)
            return site.key
    finally:
        engine.dispose()


@contextmanager
def _served(port: int, environ: Mapping[str, str]) -> Iterator[str]:
    url = f"http://{HOST}:{port}"
    process = subprocess.Popen(  # noqa: S603 - our own command, no shell, no word of it from outside
        [sys.executable, "-m", "app", "serve", "--host", HOST, "--port", str(port)],
        env={**os.environ, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    pause = threading.Event()
    for _ in range(int(_UP_SECONDS / 0.05)):
        if process.poll() is not None:
            raise RingtraceError(f"the server for the benchmark ended with status {process.returncode}")
        try:
            if requests.get(f"{url}/health", timeout=5).ok:
                return
        except requests.ConnectionError:
            pause.wait(0.05)
    raise RingtraceError(f"the server for the benchmark did not come up within {_UP_SECONDS:.0f} seconds")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
