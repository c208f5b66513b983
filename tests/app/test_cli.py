import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("ringtrace")
SECRET = "a secret key for tests only"


def _run(folder: Path, *arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """The command from a folder of its own, without settings but those named."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RINGTRACE_")}
    given = {"INSTANCE_DIR": str(folder / "instance"), **settings}
    return subprocess.run(
        [str(COMMAND), *arguments],
        env={**clean, **{f"RINGTRACE_{k}": v for k, v in given.items()}},
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


def _is_one_line(done: subprocess.CompletedProcess[str]) -> bool:
    return done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1 and done.stdout == ""


def test_an_account_from_nothing_from_any_folder(tmp_path: Path):
    assert "migrated from empty" in _run(tmp_path, "db", "upgrade").stdout
    again = _run(tmp_path, "db", "upgrade")
    assert (again.returncode, "already" in again.stdout) == (0, True)
    create = ("account", "create", "Acme", "--owner", "a@example.com", "--password-stdin", "--json")
    made = _run(tmp_path, *create, stdin="a good password\n", SECRET_KEY=SECRET)
    assert made.returncode == 0, made.stderr
    assert {"account_id", "user_id", "api_token"} <= json.loads(made.stdout).keys()
    second = _run(tmp_path, *create, stdin="a good password\n", SECRET_KEY=SECRET)
    assert json.loads(second.stdout)["user_id"] == json.loads(made.stdout)["user_id"], "one person, two accounts"
    taken = _run(tmp_path, *create, stdin="not their password\n", SECRET_KEY=SECRET)
    assert (taken.returncode, _is_one_line(taken)) == (1, True)
    changed = _run(tmp_path, "user", "password", "a@example.com", "--password-stdin", stdin="another password\n")
    assert changed.returncode == 0
    unknown = _run(tmp_path, "user", "password", "b@example.com", "--password-stdin", stdin="another password\n")
    assert (unknown.returncode, _is_one_line(unknown)) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "stdin", "settings", "says"),
    [
        (("serve",), "", {}, "RINGTRACE_SECRET_KEY"),
        (("account", "create", "A", "--owner", "a@b.c", "--password-stdin"), "x" * 9, {}, "RINGTRACE_SECRET_KEY"),
        (("account", "create", "A", "--owner", "a@b.c", "--password-stdin"), "", {"SECRET_KEY": SECRET}, "password"),
        (("user", "password", "a@b.c", "--password-stdin"), "long enough\n", {}, "db upgrade"),
        (("db", "upgrade"), "", {"DATABASE_URL": "mysql://x", "LOG_LEVEL": "x"}, "RINGTRACE_LOG_LEVEL"),
        (("demo",), "", {"DATABASE_URL": "mysql://x", "LOG_LEVEL": "x"}, "RINGTRACE_DATABASE_URL"),
    ],
)
def test_what_fails_says_so_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], stdin: str, settings: dict[str, str], says: str
):
    (tmp_path / "instance").mkdir()
    done = _run(tmp_path, *arguments, stdin=stdin, **settings)
    assert done.returncode == 1
    assert _is_one_line(done), done.stderr
    assert says in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("serve", "--port", "0"),
        ("serve", "--port", "http"),
        ("demo", "--workers", "2"),
        ("account", "create", "Acme", "--password-stdin"),
        ("user", "password", "a@example.com"),
    ],
)
def test_wrong_usage_is_2(tmp_path: Path, arguments: tuple[str, ...]):
    done = _run(tmp_path, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command", ["", "db", "db upgrade", "account create", "user password", "train", "serve", "demo"]
)
def test_every_command_explains_itself(tmp_path: Path, command: str):
    done = _run(tmp_path, *command.split(), "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout
