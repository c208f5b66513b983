"""`ringtrace backtest` from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app import backtest as command
from app.cli import main
from tests.reports.backtest.traces import ADS, call, site, view, write

LINES = [
    site(),
    *(view(i * 60, f"v{i}", ADS + f"c{i}") for i in range(6)),
    call(400, "c1", {"visitor": "v3"}),
    call(500, "c2", {"number": "+12125550999"}),
]
FILES = {"assignments.ndjson", "matches.ndjson", "summary.json", "report.html"}


def run(*arguments: Any, what_if: bool = False) -> Result:
    more = [] if what_if else ["--no-what-if"]
    return CliRunner().invoke(main, ["backtest", *map(str, arguments), *more])


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return write(tmp_path / "trace.ndjson", LINES)


def test_four_files_and_one_object(trace: Path, tmp_path: Path):
    out, truth = tmp_path / "deep" / "out", write(tmp_path / "truth", [{"call": "c1", "visitor": "v3"}])
    done = run(trace, "--out", out, "--json", "--truth", truth)
    assert (done.exit_code, done.stderr) == (0, "")
    summary = json.loads(done.stdout)
    assert {p.name for p in out.iterdir()} == FILES
    assert json.loads((out / "summary.json").read_text()) == summary
    assert (summary["calls"], summary["calls_without_number"], summary["bad_lines"]) == (2, 1, 0)
    assert (summary["truth"]["from"], summary["truth"]["calls"]) == ("file", 1)
    assigned = [json.loads(line) for line in (out / "assignments.ndjson").read_text().splitlines()]
    assert assigned[0] == {
        "at": "2026-03-02T05:00:00.000Z",
        "visitor": "v0",
        "number": "+12125550101",
        "pool": "google_ads",
    }
    assert len(assigned) == 6
    matches = [json.loads(line) for line in (out / "matches.ndjson").read_text().splitlines()]
    assert matches[1] == {"call": "c2", "number": None, "candidates": [], "none": 1.0}
    assert {c["visitor"] for c in matches[0]["candidates"]} == {"v0", "v3"}


def test_people_read_a_few_lines(trace: Path, tmp_path: Path):
    done = run(trace, "--out", tmp_path / "o", "--no-learning", "--allocation", "round_robin", "--numbers", "email=5")
    assert done.exit_code == 0
    assert "expected accuracy" in done.stdout
    summary = json.loads((tmp_path / "o" / "summary.json").read_text())
    assert (summary["learning"], summary["allocation"]) == (False, "round_robin")
    assert [s["numbers"] for s in summary["sources"]] == [3, 5]


def test_other_pool_sizes_are_asked_in_processes_of_their_own(trace: Path, tmp_path: Path):
    done = run(trace, "--out", tmp_path / "o", "--json", what_if=True)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["what_if"]
    assert [w["numbers"] for w in found["google_ads"]] == [1, 3, 6]
    assert [w["calls"] for w in found["google_ads"]] == [1, 1, 1]
    assert "More or fewer numbers" in (tmp_path / "o" / "report.html").read_text()


def test_a_replay_that_takes_too_long_is_left_out(trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    many = write(tmp_path / "many", [*LINES, *(view(600 + i, f"w{i}", ADS + f"w{i}") for i in range(1100))])
    monkeypatch.setattr(command, "WHAT_IF_SECONDS", -1.0)
    done = run(many, "--out", tmp_path / "o", "--json", what_if=True)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["what_if"] is None
    assert "left out" in done.stderr


def test_bad_lines_end_it_or_are_counted(trace: Path, tmp_path: Path):
    with trace.open("a") as file:
        file.write("{oops\n")
    out = tmp_path / "out"
    done = run(trace, "--out", out, "--json")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: trace.ndjson, line 10: is not valid JSON")
    assert done.stderr.count("\n") == 1
    assert list(out.iterdir()) == []
    done = run(trace, "--out", out, "--json", "--skip-bad-lines")
    assert (done.exit_code, json.loads(done.stdout)["bad_lines"]) == (0, 1)
    assert done.stderr.startswith("1 bad line was passed over: line 10")


def test_what_cannot_be_read_or_written_says_so_in_one_line(trace: Path, tmp_path: Path):
    for arguments in (
        (tmp_path / "missing", "--out", tmp_path / "o"),
        (tmp_path, "--out", tmp_path / "o"),
        (trace, "--out", trace),
        (trace, "--out", tmp_path / "o", "--truth", tmp_path / "missing"),
        (trace, "--out", tmp_path / "o", "--truth", trace),
    ):
        done = run(*arguments)
        assert done.exit_code == 1, arguments
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--allocation", "random"),
        ("--numbers", "email"),
        ("--numbers", "email=0"),
        ("--numbers", "email=x"),
        ("--numbers", "email=-1"),
        ("--numbers", "=3"),
        ("--numbers", "email=9999999"),
        ("--numbers", "sms=3"),
        ("--nonsense",),
    ],
)
def test_wrong_usage_is_2(trace: Path, tmp_path: Path, arguments: tuple[str, ...]):
    done = run(trace, "--out", tmp_path / "o", *arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr


def test_a_folder_for_the_results_is_needed(trace: Path):
    assert run(trace).exit_code == 2
