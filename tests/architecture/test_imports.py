"""The rooms keep their arrows: the tree as it is passes, and every planted forbidden import is caught."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("app", "reports", "matching", "numberpool", "attribution", "store", "core", "migrations")

# Where a forbidden import is planted, and what it imports.
PLANTS = (
    ("core/ids.py", "store.base"),
    ("core/text.py", "sqlalchemy"),
    ("core/phone.py", "flask"),
    ("store/base.py", "attribution.rules.landing"),
    ("store/migrate.py", "numberpool.assign"),
    ("attribution/arrive.py", "matching.match"),
    ("attribution/arrive.py", "numberpool.assign"),
    ("attribution/arrive.py", "store.directory"),
    ("attribution/rules/visits.py", "sqlalchemy"),
    ("attribution/rules/channel.py", "store.visits"),
    ("matching/match.py", "numberpool.assign"),
    ("matching/gather.py", "reports.calls"),
    ("matching/rules/rank.py", "store.calls"),
    ("matching/rules/model.py", "sqlalchemy"),
    ("matching/rules/phones.py", "flask"),
    ("matching/phone_history.py", "phonenumbers"),
    ("numberpool/assign.py", "matching.match"),
    ("numberpool/rules/allocation.py", "sqlalchemy"),
    ("numberpool/assign.py", "flask"),
    ("reports/calls.py", "app.settings"),
    ("reports/calls.py", "store.directory"),
    ("reports/rules/accuracy.py", "store.calls"),
    ("reports/accuracy.py", "twilio"),
    ("store/sessions.py", "app.clock"),
    ("app/serve.py", "phonenumbers"),
    ("app/snippet/swap.py", "twilio"),
    ("app/provisioning/shop.py", "twilio"),
    ("numberpool/provisioning.py", "twilio"),
    ("numberpool/rules/pool.py", "store.book"),
    ("migrations/env.py", "store.tables"),
    ("migrations/env.py", "core.ids"),
)


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [str(command), "--no-cache", "--config", str(root / "pyproject.toml")],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says about a copy of the tree with all of the imports planted."""
    copy = tmp_path_factory.mktemp("planted")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for file, module in PLANTS:
        path = copy / file
        path.write_text(path.read_text() + f"\nimport {module}  # planted\n")
    result = lint(copy)
    assert result.returncode != 0
    return result.stdout


def test_the_tree_as_it_is_passes() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("file", "module"), PLANTS)
def test_a_planted_import_is_caught(planted: str, file: str, module: str) -> None:
    importer = file.removesuffix(".py").replace("/", ".")
    lines = [line.strip() for line in planted.splitlines()]
    # The report names the importing module and what it imports, with the line, in one of two forms.
    caught = [
        line for line in lines if f"{importer} ->" in line and (f"-> {module} " in line or f"-> {module}." in line)
    ]
    assert caught, planted
