"""Where several processes of one server count together, so that any of them can tell what all of them counted.

The library maps a file of each process into memory. A page of such a file that finds no place on a full disk kills the
process that touches it (SIGBUS), and a server must go on taking calls then: every file is given its place on the disk
before it is used, and where there is none, each process counts for itself.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own environment variable."""
SIZE = 4 * 1024 * 1024
"""Bytes per file: several times what all routes with all their answers take."""
_KINDS = ("counter", "histogram")
_NAME = "metrics-"


def prepare(instance: Path, workers: int) -> None:
    """Before workers are started: an empty folder for this server. One process needs none. Never raises."""
    os.environ.pop(VARIABLE, None)
    if workers < 2:
        return
    with suppress(OSError):
        for old in instance.glob(f"{_NAME}*"):
            if not _runs(old.name.removeprefix(_NAME)):
                shutil.rmtree(old, ignore_errors=True)
        folder = instance / f"{_NAME}{os.getpid()}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        os.environ[VARIABLE] = str(folder)


def reserve() -> None:
    """In a worker, before it counts anything: gives its files their place on the disk."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return
    paths = [Path(folder) / f"{kind}_{os.getpid()}.db" for kind in _KINDS]
    try:
        for path in paths:
            with path.open("a+b") as file:
                os.posix_fallocate(file.fileno(), 0, SIZE)
    except OSError:
        for path in paths:
            path.unlink(missing_ok=True)
        os.environ.pop(VARIABLE, None)


def _runs(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
