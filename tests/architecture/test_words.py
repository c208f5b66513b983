"""What a linter cannot say: where campaign words may stand, and that nobody below `app` reads the clock."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("app", "reports", "matching", "numberpool", "attribution", "store", "core")
# attribution reads campaign words, the tables keep them, the snippet sends them, links of demo and bench carry them.
MAY_SAY_UTM = ("attribution/", "store/", "app/snippet/", "app/demo/", "app/bench/swap_world.py")
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time"), ("time", "monotonic")}


def sources() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("path", list(sources()), ids=lambda p: str(p.relative_to(ROOT)))
def test_campaign_words_stay_in_their_rooms(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    if name.startswith(MAY_SAY_UTM):
        return
    strings = [n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)]
    assert not [s for s in strings if isinstance(s, str) and "utm_" in s]


@pytest.mark.parametrize(
    "path",
    [p for p in sources() if not str(p.relative_to(ROOT)).startswith("app/")],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_nobody_below_app_reads_the_clock(path: Path) -> None:
    calls = [
        (n.func.value.id, n.func.attr)
        for n in ast.walk(ast.parse(path.read_text()))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and isinstance(n.func.value, ast.Name)
    ]
    assert not CLOCKS.intersection(calls)
