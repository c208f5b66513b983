"""A bounded part of the fuzz run; `python -m tests.fuzz` is the whole."""

from pathlib import Path

import pytest

from tests.fuzz.inputs import Input
from tests.fuzz.run import Answered, Outcome, problem_of, run_on


def _sound(outcome: Outcome, inputs: int) -> None:
    assert outcome.failures == []
    assert outcome.inputs == inputs
    assert sum(count for status, count in outcome.statuses.items() if status < 300) > inputs // 6, "it gets somewhere"


def test_nothing_breaks_on_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    _sound(run_on(sqlite_url, tmp_path, "suite", range(1_200)), 1_200)


def test_nothing_breaks_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    _sound(run_on(postgres_url, tmp_path, "suite", range(1_200, 1_800)), 600)


@pytest.mark.parametrize(
    ("path", "answered", "problem"),
    [
        ("/calls", Answered(500, [], b"", 0.0), "status 500"),
        ("/calls", Answered(200, [], b"<pre>Traceback (most recent call last)", 0.0), "traceback"),
        ("/calls", Answered(302, [("Location", "/\r\nX: 1")], b"", 0.0), "line break"),
        ("/api/v1/calls", Answered(404, [], b"<h1>Not found</h1>", 0.0), "one form"),
        ("/calls", Answered(404, [], b"<h1>Not found</h1>", 0.0), None),
    ],
)
def test_what_is_wrong_is_seen(path: str, answered: Answered, problem: str | None) -> None:
    found = problem_of(Input(1, path, "GET", path, "", (), b"", None), answered)
    assert (found is None) if problem is None else problem in (found or "")
