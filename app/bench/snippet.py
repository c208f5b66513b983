"""How much the snippet costs a page: bytes, processor time of its first scan, time until the number is there.

Measured in headless Chromium, with the script as the real server serves it, that server on SQLite, and pages of this
very machine. Every load is a fresh page, and kinds of loads take turns, so that whatever slows the machine down slows
all of them.

- *Bytes*: the script for a site with 1, 3 and 10 numbers.
- *First scan*: processor time in scripts on the page's thread, by Chromium's own count (`ScriptDuration` in thread
  ticks), less what running an empty script costs. The floor is a bare TreeWalker that reads every text node of the same
  page (`while (walker.nextNode()) n += walker.currentNode.data.length`), alone on a fresh page, because the first walk
  over a page also pays for the objects the browser makes for its nodes. *Steps* is that walker without the reading; it
  could find nothing. Against it stands, on another fresh page, the whole script from its first character on, for a
  visitor who returns: parsed, its handlers set, the remembered number written into 20 places, its own edits observed.
  The page is loaded, laid out and idle before either begins. On large pages frames and shadow trees are looked
  for in a task of their own right after; that one is in the longest task only.
- *After the answer*: from the server's answer being read to the number being in place, for a new visitor; by the clock
  on the wall, as Chromium does not count what follows a download as script time.
- *Longest run and task*: the script's longest stretch without a pause, and the longest task of the page's thread from
  then until the page is idle again, what the browser lays out and paints included; both by the clock on the wall.
  Browsers tell of tasks above 50 ms only; below that it is the longest run. *Without us* is the longest task after an
  empty script (0: none above 50 ms).
- *Swap*: from the first thing the script does to the number being in the page, script tag in the head, for a visitor
  who is new (one request to the server on this machine) and for one who returns (from memory).

Not measured: the download of the script, slow telephones, pages that change while they load.
"""

import gzip
import importlib
import importlib.util
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from app.bench.browser import chromium
from app.bench.installation import HOST, Installation, installation
from app.bench.shop import OWN_NUMBER, shop
from app.bench.table import table
from app.bench.visit import Visit
from app.snippet.script import script_for

ABOUT = "what the script costs a page: bytes, time of the first scan, time to the number"
SIZES = (500, 5_000, 50_000)
LOADS = 7
"""Fresh pages per kind and size."""

GZIP_BYTES_BELOW = 4096
SCAN_RATIO_TO = 2.0
LONGEST_TASK_TO = 50.0

_NUMBERS = (1, 3, 10)
_POOL = tuple(f"+1212556{n:04d}" for n in range(10))
_WALKER = "{{ const w = document.createTreeWalker(document, 4); let n = 0; while (w.nextNode()) {}; }}"
_FLOOR = _WALKER.format("n += w.currentNode.data.length")
_STEPS = _WALKER.format("n++")

Say = Callable[[str], None]


def measure(quick: bool, say: Say) -> dict[str, Any]:
    """Runs it; the values are plain JSON. Raises RingtraceError where something is missing or the script fails."""
    sizes, loads = ((SIZES[0],), 1) if quick else (SIZES, LOADS)
    with chromium() as browser, installation(domains=[HOST], number=OWN_NUMBER, pools={"google_ads": _POOL}) as there:
        address = f"{there.url}/s/{there.key}.js"
        script = requests.get(address, timeout=10).text
        with shop(address) as pages:
            scans = []
            for size in sizes:
                say(f"scanning {size:,} text nodes, {loads} times each")
                scans.append(_scan(Visit(browser.new_context(), pages), size, loads, script))
            say("waiting for the number")
            swap = _swap(Visit(browser.new_context(), pages), sizes[0], loads)
        result = {
            "chromium": browser.version,
            "loads": loads,
            "bytes": [_bytes(there, count) for count in _NUMBERS],
            "scan": scans,
            "swap": swap,
        }
    return {**result, "targets": _targets(result)}


def shown(result: dict[str, Any]) -> str:
    """The result for people."""
    size = table(
        ("numbers", "bytes", "gzip", "brotli"),
        [(row["numbers"], row["raw"], row["gzip"], row["brotli"]) for row in result["bytes"]],
    )
    scan = table(
        (
            "text nodes",
            "steps ms",
            "floor ms",
            "scan ms",
            "ratio",
            "after answer ms",
            "run ms",
            "task ms",
            "without us",
        ),
        [(f"{row['text_nodes']:,}", *list(row.values())[1:]) for row in result["scan"]],
    )
    swap = table(
        ("number shown after", "ms"),
        [(f"{kind} view", result["swap"][f"{kind}_ms"]) for kind in ("first", "returning")],
    )
    targets = table(
        ("target", "limit", "measured", "met"),
        [(one["name"], one["limit"], one["measured"], "yes" if one["met"] else "no") for one in result["targets"]],
    )
    head = f"Chromium {result['chromium']}, medians of {result['loads']} fresh pages"
    return "\n\n".join((head, size, scan, swap, targets))


def _scan(visit: Visit, size: int, loads: int, script: str) -> dict[str, Any]:
    """The kinds of loads in turn; medians, and a ratio of medians."""
    steps, floor, returning, new = [], [], [], []
    visit.hold()
    for _ in range(loads):
        empty = _alone(visit, size, ";")
        steps.append(_alone(visit, size, _STEPS)[0])
        floor.append((_alone(visit, size, _FLOOR)[0], empty))
        new.append(_new(visit, size, script))
        returning.append(_returning(visit, size, script))
    visit.context.close()
    idle = statistics.median(empty[0] for _, empty in floor)
    # An empty script costs nearly as much as a floor over few nodes: no less than a hundredth of a millisecond is left.
    least = max(0.01, statistics.median(spent for spent, _ in floor) - idle)
    most = max(0.01, statistics.median(load.spent for load in returning) - idle)
    pairs = list(zip(new, returning, strict=True))
    return {
        "text_nodes": size,
        "steps_ms": max(0.01, statistics.median(steps) - idle),
        "floor_ms": least,
        "scan_ms": most,
        "ratio": most / least,
        "after_answer_ms": statistics.median(load.run for load in new),
        "longest_run_ms": statistics.median(max(one.run, other.run) for one, other in pairs),
        "longest_task_ms": statistics.median(max(one.task, other.task) for one, other in pairs),
        "longest_task_without_us_ms": statistics.median(empty[1] for _, empty in floor),
    }


@dataclass(frozen=True, kw_only=True)
class _Load:
    """One load, in milliseconds: script time, the longest run of the script, the longest task."""

    spent: float
    run: float
    task: float


def _alone(visit: Visit, size: int, source: str) -> tuple[float, float]:
    """A script on a page of its own: script time, and the longest task above 50 ms; milliseconds."""
    visit.open(f"/{size}")
    visit.rest()
    before = visit.script_time()
    visit.run(source)
    return visit.script_time() - before, visit.longest()


def _new(visit: Visit, size: int, script: str) -> _Load:
    """Somebody nobody knows, from the answer on."""
    visit.forget()
    visit.open(f"/{size}")
    visit.rest()
    visit.run(script)
    visit.release()
    run = visit.when("swapped") - visit.when("answered")
    task = max(run, visit.longest())
    visit.check()
    return _Load(spent=run, run=run, task=task)


def _returning(visit: Visit, size: int, script: str) -> _Load:
    """The same visitor again, from the script's first character on."""
    visit.open(f"/{size}")
    visit.rest()
    before = visit.script_time()
    run = visit.run(script)
    spent = visit.script_time() - before
    visit.when("swapped")
    visit.release()
    visit.when("answered")
    task = max(run, visit.longest())
    visit.check()
    return _Load(spent=spent, run=run, task=task)


def _swap(visit: Visit, size: int, loads: int) -> dict[str, Any]:
    """The script in a tag, in turn for somebody new and for the same visitor again; the first pair warms up."""
    times: dict[str, list[float]] = {"first_ms": [], "returning_ms": []}
    for _ in range(1 + loads):
        visit.forget()
        for kind in times:
            visit.open(f"/{size}/tagged")
            times[kind].append(visit.when("swapped") - visit.when("started"))
            visit.when("answered")
            visit.check()
    visit.context.close()
    return {kind: statistics.median(values[1:]) for kind, values in times.items()}


def _bytes(there: Installation, count: int) -> dict[str, Any]:
    numbers = [f"+1212555{n:04d}" for n in range(100, 100 + count)]
    text = script_for(there.key, there.url, numbers, "full")[0]
    return {"numbers": count, "raw": len(text), "gzip": len(gzip.compress(text, 9)), "brotli": _brotli(text)}


def _brotli(text: bytes) -> int | None:
    """What brotli makes of it, where the library is there."""
    if importlib.util.find_spec("brotli") is None:
        return None
    return len(importlib.import_module("brotli").compress(text, quality=11))


def _targets(result: dict[str, Any]) -> list[dict[str, Any]]:
    """What is demanded, of the largest page measured, beside what was measured."""
    largest = result["scan"][-1]
    nodes = f"{largest['text_nodes']:,} text nodes"
    size = result["bytes"][0]["gzip"]
    ratio, task = largest["ratio"], largest["longest_task_ms"]
    return [
        {"name": "bytes gzipped, one number", "limit": f"< {GZIP_BYTES_BELOW}", "measured": size,
         "met": size < GZIP_BYTES_BELOW},
        {"name": f"first scan ÷ floor, {nodes}", "limit": f"≤ {SCAN_RATIO_TO:g}", "measured": ratio,
         "met": ratio <= SCAN_RATIO_TO},
        {"name": f"longest task in ms, {nodes}", "limit": f"≤ {LONGEST_TASK_TO:g}", "measured": task,
         "met": task <= LONGEST_TASK_TO},
    ]  # fmt: skip
