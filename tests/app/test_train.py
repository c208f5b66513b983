"""`ringtrace train` from outside: what changed, in words and figures, and what is in use afterwards."""

import json
import sys
import types
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from core.ids import new_id
from matching.models import in_use, keep, use, versions
from matching.rules.model import LikelihoodModel, prior
from store.engine import make_engine
from store.sessions import AccountSession, Database
from tests.support.models import Fitted, account_with_site, fitted
from tests.support.rows import START

Refit = Callable[..., Fitted | None]


@pytest.fixture
def learn(monkeypatch: pytest.MonkeyPatch) -> Callable[[Refit], None]:
    """Says what learning comes to."""

    def say(refit: Refit) -> None:
        module = types.ModuleType("matching.learn")
        module.refit = refit  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "matching.learn", module)

    return say


def run(database_url: str, tmp_path: Path, *arguments: str) -> Result:
    settings = {"RINGTRACE_DATABASE_URL": database_url, "RINGTRACE_INSTANCE_DIR": str(tmp_path)}
    return CliRunner().invoke(main, ["train", *arguments], env=settings)


def told(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.stderr == "", "no bar where a program reads"
    return answer


@pytest.fixture
def account_id(database_url: str) -> Iterator[str]:
    engine = make_engine(database_url)
    yield account_with_site(Database(engine))
    engine.dispose()


def look(database_url: str, account_id: str, see: Callable[[AccountSession], Any]) -> Any:
    engine = make_engine(database_url)
    with Database(engine).write() as work:
        seen = see(work.account(account_id))
    engine.dispose()
    return seen


def test_a_better_model_is_used_and_the_next_training_starts_from_it(
    database_url: str, tmp_path: Path, account_id: str, learn: Callable[[Refit], None]
) -> None:
    asked: list[dict[str, Any]] = []

    def refit(session: AccountSession, **given: Any) -> Fitted:
        assert session.account_id == account_id
        asked.append(given)
        given["progress"](0.5)
        given["progress"](1.0)
        return fitted(given["version"], by=len(asked))

    learn(refit)
    first = told(run(database_url, tmp_path, "--account", account_id, "--json"))
    assert (first["better"], first["used"], first["before"]) == (True, True, prior().version)
    assert first["version"] == asked[0]["version"]
    assert first["training"]["held_out"] == {"calls": 120, "before": 0.4731, "after": 0.4158}
    [moved] = first["weights"]
    assert moved["by_log2"] == pytest.approx(1.0)
    second = told(run(database_url, tmp_path, "--account", account_id, "--json"))
    assert second["before"] == first["version"]
    assert second["version"] not in {first["version"], prior().version}
    assert (asked[0]["current"], asked[1]["current"].version) == (prior(), first["version"])
    assert asked[0]["days"] == 60
    assert isinstance(asked[0]["at"], datetime)
    scoring = look(database_url, account_id, in_use)
    assert (scoring.model_id, scoring.model.version) == (second["model_id"], second["version"])


def test_one_that_is_no_better_is_kept_and_not_used(
    sqlite_url: str, tmp_path: Path, learn: Callable[[Refit], None]
) -> None:
    account = _account(sqlite_url)
    learn(lambda *_, version, **__: Fitted(model=fitted(version).model, better=False, reason="it predicts no better"))
    answer = told(run(sqlite_url, tmp_path, "--account", account, "--json"))
    assert (answer["better"], answer["used"]) == (False, False)
    assert answer["said"] == f"version {answer['version']} is kept, not used: it predicts no better"
    assert look(sqlite_url, account, in_use).model is prior()
    [kept] = look(sqlite_url, account, lambda session: list(versions(session)))
    assert (kept.made_by, kept.better, kept.reason) == ("command", False, "it predicts no better")


def test_what_was_put_to_use_meanwhile_stays(sqlite_url: str, tmp_path: Path, learn: Callable[[Refit], None]) -> None:
    account = _account(sqlite_url)

    def refit(*_: Any, version: str, at: datetime, **__: Any) -> Fitted:
        def decide(session: AccountSession) -> str:
            model_id = keep(session, fitted("by staff"), at=at, by="command").model_id
            use(session, model_id, at=at, user_id="u", reason=None)
            return model_id

        look(sqlite_url, account, decide)
        return fitted(version, 2)

    learn(refit)
    answer = told(run(sqlite_url, tmp_path, "--account", account, "--json"))
    assert (answer["better"], answer["used"]) == (True, False)
    assert "put to use meanwhile" in answer["said"]
    assert look(sqlite_url, account, in_use).model.version == "by staff"


def test_people_read_what_changed_and_the_bar_is_on_stderr(
    sqlite_url: str, tmp_path: Path, learn: Callable[[Refit], None]
) -> None:
    account = _account(sqlite_url)

    def refit(*_: Any, version: str, progress: Callable[[float], None], **__: Any) -> Fitted:
        progress(0.31)
        progress(1.0)
        data = fitted(version, 1.5).model.as_json()
        data["phones"]["rho"] = 0.45
        return Fitted(model=LikelihoodModel.from_json(data), reason="it is less surprised by held-out calls")

    learn(refit)
    done = run(sqlite_url, tmp_path, "--account", account)
    version = look(sqlite_url, account, in_use).model.version
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        f"Version {version} is in use now: it is less surprised by held-out calls.",
        "Learnt from 812 calls and 31 overrides from 2026-01-05 to 2026-03-02.",
        "Log-loss on 120 held-out calls: 0.473 before, 0.416 after (less is better).",
    ]
    assert lines[3].startswith("Weights that moved most")
    before = prior().weights[0]
    assert lines[4].split()[-3:] == [f"{before:+.2f}", "->", f"{before + 1.5:+.2f}"]
    assert any(line.strip().startswith("phones rho") and line.endswith("-> 0.45") for line in lines)
    assert "learning" in done.stderr


def test_too_little_to_learn_from_changes_nothing(
    sqlite_url: str, tmp_path: Path, learn: Callable[[Refit], None]
) -> None:
    account = _account(sqlite_url)
    learn(lambda *_, **__: None)
    done = run(sqlite_url, tmp_path, "--account", account)
    assert done.stdout == f"There is too little to learn from yet; version {prior().version} stays in use.\n"
    answer = told(run(sqlite_url, tmp_path, "--account", account, "--json"))
    assert (answer["version"], answer["used"], answer["model_id"]) == (None, False, None)
    assert look(sqlite_url, account, lambda session: list(versions(session))) == []


def test_an_account_that_is_not_there_is_said_in_one_line(
    sqlite_url: str, tmp_path: Path, learn: Callable[[Refit], None]
) -> None:
    learn(lambda *_, **__: None)
    done = run(sqlite_url, tmp_path, "--account", new_id(START), "--json")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "there is no account" in done.stderr
    assert run(sqlite_url, tmp_path).exit_code == 2


def test_it_explains_itself(sqlite_url: str, tmp_path: Path) -> None:
    done = run(sqlite_url, tmp_path, "--help")
    assert done.exit_code == 0
    assert all(word in done.stdout for word in ("--account", "--json", "held-out"))
    assert "--nightly" not in done.stdout


def _account(url: str) -> str:
    engine = make_engine(url)
    made = account_with_site(Database(engine))
    engine.dispose()
    return made
