"""`ringtrace bench accuracy`: it runs small, on a history that the report counts as it was made."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.bench import accuracy
from app.bench.busy_site import Busy

COMMAND = str(Path(sys.executable).with_name("ringtrace"))
SAMPLE = {
    "rounds": 7,
    "visits": 2_160_000,
    "numbers": 1_000,
    "uncounted_ms": 9000.0,
    "days": 90,
    "count_day_ms": 300.0,
    "page_ms": 600.0,
    "json_ms": 1500.0,
    "floor_ms": 200.0,
    "page_cpu_ms": 550.0,
    "json_cpu_ms": 500.0,
    "page_bytes": 600_000,
    "page_ratio": 3.0,
    "json_ratio": 7.5,
    "targets": [{"name": "the page, warm, in ms", "limit": "< 1000", "measured": 600.0, "met": True}],
}


def test_the_smallest_run_says_what_it_measured() -> None:
    words = [COMMAND, "bench", "accuracy", "--quick", "--json"]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=environ, timeout=300)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["accuracy"]
    assert set(told) == set(SAMPLE)
    assert told["visits"] == accuracy.QUICK.visits
    assert told["page_ratio"] == pytest.approx(told["page_ms"] / told["floor_ms"])
    assert min(told["page_ms"], told["json_ms"], told["floor_ms"], told["count_day_ms"]) > 0
    assert told["days"] == accuracy.QUICK.days, "each day that is over, and yesterday"
    assert [set(one) for one in told["targets"]] == [{"name", "limit", "measured", "met"}] * 2


def test_the_whole_run_is_the_size_that_is_promised() -> None:
    assert Busy() == accuracy.FULL
    assert (Busy().days, Busy().visitors, Busy().numbers) == (90, 20_000, 1_000)
    assert Busy().visits * 5 // 6 == 90 * 20_000


def test_people_read_the_same() -> None:
    text = accuracy.shown(SAMPLE)
    rows = [line.split() for line in text.splitlines()]
    assert ["the", "page", "600.00", "200.00", "3.00"] in rows
    assert ["the", "page,", "warm,", "in", "ms", "<", "1000", "600.00", "yes"] in rows
