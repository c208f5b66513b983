"""`ringtrace bench matching`: it runs small, its database is a sound one, and its floors ask for the same holders."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.bench import holders, matching
from app.bench.retrieval import retrieval
from app.bench.turns import in_turn
from core.errors import RingtraceError
from matching import phone_history
from matching.gather import gather
from matching.incoming import of_call
from store.calls import Call
from store.engine import make_engine
from store.migrate import upgrade
from store.sessions import Database

COMMAND = str(Path(sys.executable).with_name("ringtrace"))
CALL = {"assignments": 10_000_000, "bytes": 3_280_000_000, "candidates": 300, "gather_ms": 30.0, "bare_ms": 10.0}
SAMPLE: dict[str, Any] = {
    "rounds": 15,
    "call": {**CALL, "rank_ms": 6.0, "dot_ms": 0.05, "gather_ratio": 3.0, "rank_ratio": 120.0},
    "process": {"memory_mb": 249.9, "sklearn": True, "model_version": "prior"},
    "page_views": {
        **{"page_views": 44_205, "user_agents": 11, "agents_ms": 2000.0, "play_ms": 810.0, "parse_ms": 100.0},
        **{"ratio": 8.1, "microseconds_each": 18.0},
    },
    "again": {
        **{"scenes": 2000, "candidates_mean": 415.0, "score_ms": 4000.0, "dot_ms": 25.0, "ratio": 160.0},
        **{"calls_per_second": 500.0, "million_calls_minutes": 33.3},
    },
    "refit": {"calls": 2417, "lines": 30_000, "first_ms": 4700.0, "refit_ms": 2000.0, "parse_ms": 80.0, "ratio": 25.0},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> holders.Made:
    return holders.make(tmp_path_factory.mktemp("bench") / "bench.db", 20_000)


def test_the_smallest_run_says_what_it_measured() -> None:
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = [COMMAND, "bench", "matching", "--quick", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, env=environ, timeout=300)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told) == {"matching"}
    result = told["matching"]
    assert set(result) == {*SAMPLE, "targets"}
    assert all(set(result[part]) == set(SAMPLE[part]) for part in SAMPLE if part != "rounds")
    call, again, refit, views = (result[part] for part in ("call", "again", "refit", "page_views"))
    assert call["assignments"] == matching.QUICK_ASSIGNMENTS
    assert call["candidates"] == pytest.approx(holders.CANDIDATES, abs=10)
    assert call["gather_ratio"] == pytest.approx(call["gather_ms"] / call["bare_ms"])
    assert views["ratio"] == pytest.approx(views["play_ms"] / views["parse_ms"])
    assert refit["ratio"] == pytest.approx(refit["refit_ms"] / refit["parse_ms"])
    assert again["million_calls_minutes"] == pytest.approx(1e6 / again["calls_per_second"] / 60)
    assert min(again["scenes"], refit["calls"], views["page_views"], again["candidates_mean"]) > 10
    assert result["process"]["sklearn"] is False
    assert result["process"]["model_version"]
    assert 30 < result["process"]["memory_mb"] < 2000
    assert len(result["targets"]) == 5
    assert "making 20,000 assignments" in done.stderr


def test_what_is_demanded_is_held_against_what_was_measured() -> None:
    met = [target["met"] for target in matching._targets(SAMPLE)]
    assert met == [True, False, False, True, False]
    text = matching.shown({**SAMPLE, "targets": matching._targets(SAMPLE)})
    assert "10,000,000 assignments, 3.28 GB" in text
    assert "measured on 2,000, not on a million" in text
    assert [line.rpartition(" ")[2] for line in text.splitlines()[-5:]] == ["yes", "no", "no", "yes", "no"]


def _declared(rows: Iterable[tuple[str, str, str | None]]) -> list[tuple[str, str, list[str]]]:
    """What is declared, whatever the order of a table's constraints (a table that was copied has them in any)."""
    return [(name, table, sorted(line.strip(" \t,") for line in (sql or "").splitlines())) for name, table, sql in rows]


def test_the_database_is_one_that_migrations_and_keys_agree_with(made: holders.Made, tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    upgrade(engine)
    engine.dispose()
    indexes = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type IN ('index', 'table') ORDER BY name"
    with closing(sqlite3.connect(made.path)) as full, closing(sqlite3.connect(tmp_path / "empty.db")) as empty:
        assert _declared(full.execute(indexes)) == _declared(empty.execute(indexes))
        assert full.execute("PRAGMA foreign_key_check").fetchall() == []
        assert full.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert full.execute("SELECT count(*) FROM assignments").fetchone() == (made.assignments,) == (20_000,)
        assert full.execute(
            "SELECT DISTINCT count(*), count(DISTINCT source_id) FROM assignments GROUP BY visitor_id"
        ).fetchall() == [(4, 4)]
        per_number = full.execute("SELECT count(*) FROM assignments GROUP BY number").fetchall()
        assert all(abs(count - 2_500) < 50 for (count,) in per_number), "spread evenly over the numbers"


def test_clicks_forms_and_other_phones_are_found_among_the_holders(made: holders.Made) -> None:
    with Database(make_engine(f"sqlite:///{made.path}")).read() as work:
        session = work.account(holders.ACCOUNT)
        call = session.get_one(Call, (holders.ACCOUNT, holders.CALL))
        scene = gather(session, of_call(call), at=holders.AT, days=holders.WINDOW_DAYS)
    assert len(scene.candidates) == pytest.approx(holders.CANDIDATES, abs=10)
    assert any(candidate.tel_click_seconds is not None for candidate in scene.candidates)
    assert any(candidate.form_seconds is not None for candidate in scene.candidates)
    assert any(candidate.other_phone > 0 for candidate in scene.candidates)
    assert {candidate.shown for candidate in scene.candidates} == {True, False}
    assert len(scene.history.calls) == 1


def test_a_scene_is_the_same_in_portions(made: holders.Made, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = []
    for portion in (10_000, 7):
        monkeypatch.setattr(phone_history, "_NAMED", portion)
        with Database(make_engine(f"sqlite:///{made.path}")).read() as work:
            session = work.account(holders.ACCOUNT)
            call = session.get_one(Call, (holders.ACCOUNT, holders.CALL))
            scenes.append(gather(session, of_call(call), at=holders.AT, days=holders.WINDOW_DAYS))
    assert scenes[0] == scenes[1]


def test_a_floor_that_finds_others_is_no_floor(made: holders.Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.bench.retrieval._BARE", "SELECT 1 WHERE ? = ? OR ? = ? OR ? = 0")
    with pytest.raises(RingtraceError, match="the bare query finds"):
        retrieval(made, 1)


def test_without_room_it_says_so_and_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("app.bench.holders.shutil.disk_usage", lambda _: used._replace(free=10**9))
    with pytest.raises(RingtraceError, match=r"10,000,000 assignments need 7\.0 GB .*1\.0 are free") as refused:
        holders.make(tmp_path / "bench.db", 10_000_000)
    assert "\n" not in refused.value.message
    assert not list(tmp_path.iterdir())


def test_what_is_compared_takes_turns_and_the_first_round_warms_up() -> None:
    order: list[str] = []
    spent = in_turn({"one": lambda: order.append("one"), "two": lambda: order.append("two")}, 3)
    assert order == ["one", "two"] * 4
    assert set(spent) == {"one", "two"}
    assert all(value >= 0 for value in spent.values())
