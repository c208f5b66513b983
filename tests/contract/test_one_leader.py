"""Jobs of real processes on one database: each due run once, also when the leader is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from store.sessions import Database
from tests.support.models import account_with_site
from tests.support.serving import environ, wait_until

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 4
TAKEOVER_SECONDS = 5
PROCESS = """
import os, sys, threading
from datetime import timedelta
from app import jobs, regular_jobs
from app.regular_jobs import Patient
from app.settings import Settings
from store.engine import make_engine
from store.sessions import Database

marks = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def mark(name):
    def work(around):
        due = regular_jobs._due(around.at).timestamp()
        os.write(marks, f"{os.getpid()} {name} {due:.0f}\\n".encode())
        return "marked"
    return work

# Ten minutes made short, so that each look finds something due; all else is as it is.
regular_jobs.EVERY = timedelta(seconds=1)
regular_jobs.WORK = {"quick": mark("quick")}
regular_jobs.PATIENT = {"patient": Patient(lambda _: True, mark("patient"), timedelta(seconds=1))}
settings = Settings.from_env(os.environ)
jobs.Jobs(settings=settings, database=Database(make_engine(settings.database_url)), nightly={}).start(timedelta())
os.write(marks, f"{os.getpid()} up 0\\n".encode())
threading.Event().wait()
"""


@dataclass
class Crowd:
    """Processes with jobs, and what they wrote down having done."""

    marks: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def written(self) -> list[tuple[int, str, int]]:
        """Process, what it did and when that was due, in the order in which they wrote it."""
        if not self.marks.exists():
            return []
        lines = [line.split() for line in self.marks.read_text().splitlines()]
        return [(int(pid), name, int(due)) for pid, name, due in lines]

    def up(self) -> int:
        """How many have come up."""
        return sum(name == "up" for _, name, _ in self.written())

    def done(self) -> list[tuple[int, str, int]]:
        """All runs."""
        return [one for one in self.written() if one[1] != "up"]

    def leaders(self) -> list[int]:
        """Whoever did something, the first first."""
        return list(dict.fromkeys(pid for pid, _, _ in self.done()))


@pytest.fixture
def crowd(database: Database, database_url: str, tmp_path: Path) -> Iterator[Crowd]:
    account_with_site(database)
    made = Crowd(tmp_path / "marks")
    env = {**os.environ, **environ(database_url, RINGTRACE_TRAIN_AT="off"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROCESS, str(made.marks)]
    try:
        for _ in range(PROCESSES):
            made.processes.append(subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.DEVNULL))
        yield made
    finally:
        for process in made.processes:
            process.kill()
            process.wait()


def test_every_due_run_happens_once_and_a_killed_leader_is_replaced_within_seconds(crowd: Crowd) -> None:
    wait_until(lambda: crowd.up() == PROCESSES and len(crowd.done()) >= 2, 60, "nobody leads")
    for killed in range(1, PROCESSES):
        assert len(crowd.leaders()) == killed, "nobody does anything while there is a leader"
        wait_until(lambda: time.time() > crowd.done()[-1][2] + 1, 10, "the clock stands")  # so that a run is due
        os.kill(crowd.leaders()[-1], signal.SIGKILL)
        since, seen = time.monotonic(), len(crowd.done())
        wait_until(lambda seen=seen: len(crowd.done()) >= seen + 2, 30, "nobody took over")  # type: ignore[misc]
        takeover = time.monotonic() - since
        print(f"\ntaken over after {takeover:.1f} s")
        assert takeover <= TAKEOVER_SECONDS
    runs = [(name, due) for _, name, due in crowd.done()]
    assert len(runs) == len(set(runs)) >= 2 * PROCESSES
    assert len(crowd.leaders()) == PROCESSES
