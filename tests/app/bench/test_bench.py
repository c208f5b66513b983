"""`ringtrace bench`: it runs, says what it measured in a fixed form, and says what is missing."""

import json
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from app.bench.browser import NAMES
from app.bench.register import BENCHES
from app.bench.shop import OWN_NUMBER, PLACES, page
from app.bench.snippet import SIZES, shown
from app.bench.table import table

COMMAND = str(Path(sys.executable).with_name("ringtrace"))
SAMPLE = {
    "chromium": "1.2",
    "loads": 9,
    "bytes": [{"numbers": 1, "raw": 9000, "gzip": 4001, "brotli": None}],
    "scan": [
        {
            "text_nodes": 50_000,
            "steps_ms": 5.0,
            "floor_ms": 10.0,
            "scan_ms": 15.0,
            "ratio": 1.5,
            "after_answer_ms": 20.0,
            "longest_run_ms": 20.0,
            "longest_task_ms": 20.0,
            "longest_task_without_us_ms": 0.0,
        }
    ],
    "swap": {"first_ms": 12.5, "returning_ms": 2.25},
    "targets": [{"name": "bytes", "limit": "< 4096", "measured": 4001, "met": True}],
}


def run(*words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([COMMAND, *words], capture_output=True, text=True, env={**os.environ, **environ}, timeout=180)


@pytest.mark.browser
def test_the_smallest_run_says_what_it_measured() -> None:
    if not any(map(shutil.which, NAMES)):
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is not installed")
        pytest.skip("Chromium is not installed")
    done = run("bench", "snippet", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told) == {"snippet"}
    result = told["snippet"]
    assert set(result) == set(SAMPLE)
    assert [row["numbers"] for row in result["bytes"]] == [1, 3, 10]
    assert all(row["gzip"] < row["raw"] for row in result["bytes"])
    (scan,) = result["scan"]
    assert set(scan) == set(SAMPLE["scan"][0])
    assert scan["text_nodes"] == SIZES[0]
    assert scan["ratio"] == pytest.approx(scan["scan_ms"] / scan["floor_ms"])
    assert scan["longest_task_ms"] >= scan["longest_run_ms"] >= scan["after_answer_ms"]
    assert min(scan["floor_ms"], scan["scan_ms"], scan["after_answer_ms"], *result["swap"].values()) > 0
    assert len(result["targets"]) == 3
    assert all(set(target) == {"name", "limit", "measured", "met"} for target in result["targets"])
    assert "scanning 500 text nodes" in done.stderr


def test_without_chromium_it_says_what_to_install(tmp_path: Path) -> None:
    done = run("bench", PATH="", PLAYWRIGHT_BROWSERS_PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "install the package 'chromium'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_playwright_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['playwright'] = None; from app.cli import main; main(['bench', 'snippet', '--json'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'playwright" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_benchmark_is_wrong_usage() -> None:
    done = run("bench", "nothing")
    assert done.returncode == 2
    assert all(name in done.stderr for name in BENCHES)


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("size", SIZES)
def test_a_page_has_the_size_it_says_and_the_number_in_its_places(size: int) -> None:
    parser = _Texts()
    parser.feed(page(size, None).decode().partition("<body>")[2])
    assert len(parser.texts) == size
    assert 35 < sum(map(len, parser.texts)) / size < 65
    digits = ["".join(filter(str.isdigit, text)) for text in parser.texts]
    places = [i for i, text in enumerate(digits) if OWN_NUMBER[2:] in text]
    assert len(places) == PLACES
    assert places[0] < size / PLACES
    assert places[-1] > size * (1 - 1 / PLACES)
    assert parser.links.count(f"tel:{OWN_NUMBER}") == 1
    assert page(size, None) == page.__wrapped__(size, None), "the same in every run"


def test_people_read_aligned_columns() -> None:
    lines = table(("what", "ms"), [("one", 1234.5), ("a longer one", None), ("whole", 1000)]).splitlines()
    assert lines == [
        "what                ms",
        "one           1,234.50",
        "a longer one         –",
        "whole            1,000",
    ]
    text = shown(SAMPLE)
    assert "50,000" in text
    assert "< 4096     4,001  yes" in text
