"""Training in a process of its own, so that a web process neither loads the learning library nor waits for it."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

from app.settings import PREFIX, PROJECT, Settings

LIMIT_SECONDS = 3600.0
"""A training that takes longer is ended and counts as failed."""
_LOOK_SECONDS = 0.1
_END_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a run, in a sentence. `stopped`: it was ended on request and counts as not done."""

    said: str
    failed: bool = False
    stopped: bool = False


def train_in_process(settings: Settings, account_id: str, stopping: Callable[[], bool]) -> Outcome:
    """Runs `ringtrace train` for the account and waits for it, or ends it as soon as `stopping()`."""
    return run_in_process(settings, ("app", "train", "--account", account_id, "--json", "--nightly"), stopping)


def run_in_process(settings: Settings, words: Sequence[str], stopping: Callable[[], bool]) -> Outcome:
    """Runs a module of ours (`words`: its name and arguments) and waits for it, or ends it as soon as `stopping()`.

    It prints one JSON object with `said`, and calls `be_nightly_child` first.
    """
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as complaints:
        child = subprocess.Popen(  # noqa: S603 - our own program, no shell, an id of ours
            # -P: a folder of the same name where the server was started must not be taken for ours.
            [sys.executable, "-P", "-m", *words],
            env=_environ(settings),
            stdin=subprocess.PIPE,  # its end tells the child that this process is gone, however it went
            stdout=told,
            stderr=complaints,
            start_new_session=True,  # Ctrl-C is for us; we tell the child
        )
        waited = 0.0
        pause = threading.Event()
        while child.poll() is None and waited < LIMIT_SECONDS and not stopping():
            pause.wait(_LOOK_SECONDS)
            waited += _LOOK_SECONDS
        if child.poll() is None:
            _end(child)
            if waited < LIMIT_SECONDS:
                return Outcome(said="stopped with the server", stopped=True)
            return Outcome(said=f"took longer than {LIMIT_SECONDS / 60:.0f} minutes and was ended", failed=True)
        _close(child)
        return _outcome(child.returncode, _text(told), _text(complaints))


def _environ(settings: Settings) -> dict[str, str]:
    """The server's own settings, one thread for arithmetic: the rest of the machine answers visitors."""
    paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": "1",
        f"{PREFIX}DATABASE_URL": settings.database_url,
        f"{PREFIX}INSTANCE_DIR": str(settings.instance),
        f"{PREFIX}CANDIDATE_DAYS": str(settings.candidate_days),
    }


def _outcome(status: int, told: str, complaints: str) -> Outcome:
    if status == 0:
        try:
            return Outcome(said=str(json.loads(told)["said"]))
        except (ValueError, KeyError, TypeError):
            return Outcome(said="ended without telling what it did", failed=True)
    why = complaints.strip().splitlines()[-1:] or ["it said nothing"]
    ended = f"ended by signal {-status}: " if status < 0 else ""
    return Outcome(said=f"{ended}{why[0].removeprefix('Error: ')}", failed=True)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    _close(child)


def _close(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(65_536).decode("utf-8", "replace")


def be_nightly_child() -> None:
    """In the training process: gives way to everybody else, and ends when the process that started it is gone."""
    os.nice(10)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # Read without a buffer: a buffer's lock, held by a thread that waits, would trouble the end of the process.
    while os.read(0, 64):
        pass
    os._exit(1)
