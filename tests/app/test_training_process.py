"""Training in a process of its own: what it says arrives, it ends when told to, and never outlives its server."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app import training_process
from app.settings import Settings
from app.training_process import _environ, train_in_process
from core.ids import new_id
from tests.support.rows import START
from tests.support.serving import environ, wait_until

ROOT = Path(__file__).resolve().parents[2]


def never() -> bool:
    return False


def test_a_failure_comes_back_in_a_sentence(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise RuntimeError('a folder of the same name')")
    nobody = new_id(START)
    outcome = train_in_process(Settings.from_env(environ(sqlite_url)), nobody, never)
    assert (outcome.failed, outcome.stopped) == (True, False)
    assert outcome.said == f"there is no account {nobody}"


def test_a_database_that_is_not_there_is_said(tmp_path: Path) -> None:
    outcome = train_in_process(Settings.from_env(environ(f"sqlite:///{tmp_path}/no.db")), new_id(START), never)
    assert outcome.failed
    assert "db upgrade" in outcome.said


def test_it_ends_when_told_to(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def seen(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        children.append(real(*arguments, **options))  # type: ignore[call-overload]
        return children[-1]

    monkeypatch.setattr(subprocess, "Popen", seen)
    outcome = train_in_process(Settings.from_env(environ(sqlite_url)), new_id(START), lambda: bool(children))
    assert (outcome.stopped, outcome.failed) == (True, False)
    assert children[0].returncode == -signal.SIGTERM


def test_it_ends_when_it_takes_too_long(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_process, "LIMIT_SECONDS", 0.0)
    outcome = train_in_process(Settings.from_env(environ(sqlite_url)), new_id(START), never)
    assert (outcome.failed, outcome.stopped) == (True, False)
    assert "took longer" in outcome.said


@pytest.mark.parametrize(
    ("status", "told", "complaints", "said", "failed"),
    [
        (0, json.dumps({"said": "done"}), "", "done", False),
        (0, "[]", "", "ended without telling what it did", True),
        (0, "", "", "ended without telling what it did", True),
        (1, "", "Traceback\nValueError: no\n", "ValueError: no", True),
        (1, "", "", "it said nothing", True),
        (-9, "", "", "ended by signal 9: it said nothing", True),
    ],
)
def test_how_it_ended_in_words(status: int, told: str, complaints: str, said: str, failed: bool) -> None:
    outcome = training_process._outcome(status, told, complaints)
    assert (outcome.said, outcome.failed) == (said, failed)


def test_the_child_has_the_servers_settings(tmp_path: Path) -> None:
    given = environ(f"sqlite:///{tmp_path}/x.db", RINGTRACE_CANDIDATE_DAYS="7", RINGTRACE_INSTANCE_DIR=str(tmp_path))
    handed = _environ(Settings.from_env(given))
    again = Settings.from_env(handed)
    assert (again.database_url, again.candidate_days, again.instance) == (given["RINGTRACE_DATABASE_URL"], 7, tmp_path)
    assert handed["OMP_NUM_THREADS"] == "1"


ORPHAN = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", '''
import sys, threading
from app.training_process import be_nightly_child
be_nightly_child()
print("ready", flush=True)
threading.Event().wait()
'''], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True)
child.stdout.readline()
print(child.pid, os.getpriority(os.PRIO_PROCESS, child.pid), flush=True)
sys.stdin.read()
"""


def test_it_does_not_outlive_a_server_that_was_killed() -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", ORPHAN], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    pid, niceness = map(int, server.stdout.readline().split())
    try:
        assert niceness >= 10, "it gives way"
        os.kill(pid, 0)
        server.kill()
        server.communicate()
        wait_until(lambda: not _lives(pid), 10, "it lives on")
    finally:
        if _lives(pid):
            os.kill(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    """Whether the process is there and not merely waiting to be buried."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
