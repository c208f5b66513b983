"""A round of inputs: a process of its own, on a database of its own."""

import logging
import tempfile
from pathlib import Path

from argon2 import PasswordHasher

from app.accounts import passwords
from tests.fuzz.run import Outcome, run_on
from tests.support.databases import migrated_sqlite

Task = tuple[str | None, str, int, int]
"""A database's URL (None: a fresh SQLite file), the seed, the first number and the one after the last."""


def play(task: Task) -> Outcome:
    """One round, in whichever process calls."""
    database, seed, first, end = task
    logging.disable(logging.CRITICAL)
    _quick_passwords()
    with tempfile.TemporaryDirectory(prefix="fuzz") as name:
        folder = Path(name)
        url = database or f"sqlite:///{migrated_sqlite(folder)}"
        return run_on(url, folder, seed, range(first, end))


def _quick_passwords() -> None:
    """The slow hash is no part of what is looked at here."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    passwords._hasher = quick
    passwords._nobody = quick.hash("nobody has this password")
