"""`ringtrace reclassify` from outside."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from app.cli import main
from attribution.rules.reference import RULES_VERSION
from core.ids import new_id
from store.directory import SiteKey
from store.engine import make_engine
from store.sessions import Database
from store.visits import Visit
from tests.support.rows import START, Business

AD = "https://example.com/?gclid=Cj0abc"


def run(database_url: str, tmp_path: Path, *arguments: str) -> Result:
    settings = {"RINGTRACE_DATABASE_URL": database_url, "RINGTRACE_INSTANCE_DIR": str(tmp_path)}
    return CliRunner().invoke(main, ["reclassify", *arguments], env=settings)


def told(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def spoilt(database_url: str, accounts: int = 1) -> list[tuple[str, str]]:
    """Accounts whose visits came by an ad and were taken for direct by older rules; their ids and sites'."""
    engine = make_engine(database_url)
    places = []
    with Database(engine).write() as work:
        for index in range(accounts):
            business = Business.open(work)
            direct = business.source("direct", [f"+1212557{index}001"], position=180)
            business.source("google_ads", [f"+1212557{index}002"], position=10)
            for _ in range(3):
                business.visitor(source=direct, landing_url=AD, rules_version="2020.1.1")
            account_id, site_id = business.session.account_id, business.site.site_id
            work.directory.add(SiteKey(site_key=new_id(START), account_id=account_id, site_id=site_id))
            places.append((account_id, site_id))
    engine.dispose()
    return places


def test_it_tells_what_it_changed_and_the_second_run_changes_nothing(database_url: str, tmp_path: Path) -> None:
    spoilt(database_url, accounts=2)
    expected = {
        "rules_version": RULES_VERSION,
        "dry_run": False,
        "visits": 6,
        "changed": 6,
        "channels": [{"from": "Direct", "to": "Paid Search", "visits": 6}],
        "sources": [{"from": "direct", "to": "google_ads", "visits": 6}],
    }
    assert told(run(database_url, tmp_path, "--dry-run", "--json")) == {**expected, "dry_run": True}
    assert told(run(database_url, tmp_path, "--json")) == expected
    nothing = {**expected, "visits": 0, "changed": 0, "channels": [], "sources": []}
    assert told(run(database_url, tmp_path, "--json")) == nothing
    assert told(run(database_url, tmp_path, "--json", "--all")) == {**nothing, "visits": 6}


def test_one_account_one_site_some_days(sqlite_url: str, tmp_path: Path) -> None:
    (one, first), (two, second) = spoilt(sqlite_url, accounts=2)
    assert told(run(sqlite_url, tmp_path, "--json", "--since", "2026-03-03"))["visits"] == 0
    assert told(run(sqlite_url, tmp_path, "--json", "--account", one, "--since", "2026-03-02"))["visits"] == 3
    assert told(run(sqlite_url, tmp_path, "--json", "--site", first))["visits"] == 0
    assert told(run(sqlite_url, tmp_path, "--json", "--site", second, "--account", two))["visits"] == 3


def test_people_read_it_and_the_bar_is_on_stderr(sqlite_url: str, tmp_path: Path) -> None:
    spoilt(sqlite_url)
    done = run(sqlite_url, tmp_path)
    assert done.stdout.splitlines() == [
        f"3 visits read by the rules {RULES_VERSION}, 3 changed",
        "channel: Direct -> Paid Search: 3",
        "source: direct -> google_ads: 3",
    ]
    assert "visits" in done.stderr


@pytest.mark.parametrize(("option", "says"), [("--account", "no account"), ("--site", "no site")])
def test_what_is_not_there_is_said_in_one_line(sqlite_url: str, tmp_path: Path, option: str, says: str) -> None:
    spoilt(sqlite_url)
    done = run(sqlite_url, tmp_path, option, "nope")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert says in done.stderr
    assert run(sqlite_url, tmp_path, "--since", "yesterday").exit_code == 2


def test_it_explains_itself(sqlite_url: str, tmp_path: Path) -> None:
    done = run(sqlite_url, tmp_path, "--help")
    assert done.exit_code == 0
    assert all(option in done.stdout for option in ("--account", "--site", "--since", "--dry-run", "--json", "--all"))


def test_a_run_that_broke_off_is_taken_up(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt(sqlite_url, accounts=2)
    real, calls = __import__("app.reclassify", fromlist=["x"]).reclassify, []

    def breaks(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError("the machine goes down")
        return real(*arguments, visitors=2, **options)

    monkeypatch.setattr("app.reclassify.reclassify", breaks)
    assert isinstance(run(sqlite_url, tmp_path).exception, RuntimeError)
    monkeypatch.undo()
    assert told(run(sqlite_url, tmp_path, "--json"))["visits"] == 3
    engine = make_engine(sqlite_url)
    with engine.begin() as connection:
        changed = connection.execute(update(Visit).where(Visit.channel == "Paid Search").values(page_views=2)).rowcount
    engine.dispose()
    assert changed == 6
