"""How fast "who called" is answered: one call among millions of assignments, a million again, a night, a backtest.

All times are processor time of one process, medians of rounds in turn with their floor. `retrieval.py` and `history.py`
say what each floor is; `holders.py` how the database is made (its making is not measured). Businesses are simulated,
always the same ones.

Not measured: PostgreSQL, several processes at once, a cold disk.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.bench import history, retrieval
from app.bench.holders import make
from app.bench.table import table

ABOUT = "what it costs to say who called: one call, a million calls, a night's refit, a backtest's page views"
ASSIGNMENTS, QUICK_ASSIGNMENTS = 10_000_000, 20_000
ROUNDS, QUICK_ROUNDS = 15, 1
SEED = 5
BUSY, QUICK_BUSY = "call_center", "tiny"
"""The business whose calls are scored again and whose nights are refitted."""
BROWSED, QUICK_BROWSED = "shop", "tiny"
"""The business whose page views are played."""

GATHER_RATIO_TO = 3.0
RANK_MS_BELOW = 5.0
PAGE_VIEW_RATIO_TO = 8.0
MEMORY_MB_BELOW = 250.0

Say = Callable[[str], None]


def measure(quick: bool, say: Say) -> dict[str, Any]:
    """Runs it; the values are plain JSON. Raises RingtraceError where the disk has no room, or a part of it fails."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    result: dict[str, Any] = {"rounds": rounds}
    with tempfile.TemporaryDirectory(prefix="ringtrace-bench-") as folder:
        assignments = QUICK_ASSIGNMENTS if quick else ASSIGNMENTS
        say(f"making {assignments:,} assignments")
        made = make(Path(folder) / "bench.db", assignments)
        say("looking for who may have called")
        result["call"] = retrieval.retrieval(made, rounds)
        result["process"] = retrieval.memory(made, Path(folder))
    busy, browsed = (QUICK_BUSY, QUICK_BROWSED) if quick else (BUSY, BROWSED)
    say("playing the page views of a backtest")
    result["page_views"] = history.page_views(browsed, SEED, min(rounds, 5))
    say("scoring calls again and refitting")
    result["again"], result["refit"] = history.calls(busy, SEED, rounds)
    return {**result, "targets": _targets(result)}


def shown(result: dict[str, Any]) -> str:
    """The result for people."""
    call, again, refit, views = (result[name] for name in ("call", "again", "refit", "page_views"))
    process = result["process"]
    costs = table(
        ("what", "ms", "floor ms", "ratio"),
        [
            (f"finding {call['candidates']:,} candidates", call["gather_ms"], call["bare_ms"], call["gather_ratio"]),
            ("ranking them with evidence", call["rank_ms"], call["dot_ms"], call["rank_ratio"]),
            (f"scoring {again['scenes']:,} calls again", again["score_ms"], again["dot_ms"], again["ratio"]),
            (f"a refit over {refit['calls']:,} calls", refit["refit_ms"], refit["parse_ms"], refit["ratio"]),
            (f"playing {views['page_views']:,} page views", views["play_ms"], views["parse_ms"], views["ratio"]),
        ],
    )
    targets = table(
        ("target", "limit", "measured", "met"),
        [(one["name"], one["limit"], one["measured"], "yes" if one["met"] else "no") for one in result["targets"]],
    )
    words = [
        f"{call['assignments']:,} assignments, {call['bytes'] / 1e9:.2f} GB of SQLite; medians of processor time",
        f"a million calls with {again['candidates_mean']:.0f} candidates each would take "
        f"{again['million_calls_minutes']:.0f} minutes of one processor ({again['calls_per_second']:,.0f} a second; "
        f"measured on {again['scenes']:,}, not on a million)",
        f"the first refit takes {refit['first_ms']:,.0f} ms; {views['user_agents']:,} user agents are read once in "
        f"{views['agents_ms']:,.0f} ms; a process that scores holds {process['memory_mb']:.0f} MB",
    ]
    return "\n\n".join((words[0], costs, "\n".join(words[1:]), targets))


def _targets(result: dict[str, Any]) -> list[dict[str, Any]]:
    """What is demanded, beside what was measured."""
    call, views, process = result["call"], result["page_views"], result["process"]
    found, ranked, played, held = call["gather_ratio"], call["rank_ms"], views["ratio"], process["memory_mb"]
    candidates = f"{call['candidates']:,} candidates"
    return [
        {"name": f"finding {candidates} ÷ floor", "limit": f"≤ {GATHER_RATIO_TO:g}", "measured": found,
         "met": found <= GATHER_RATIO_TO},
        {"name": f"ranking {candidates} in ms", "limit": f"< {RANK_MS_BELOW:g}", "measured": ranked,
         "met": ranked < RANK_MS_BELOW},
        {"name": "page views ÷ floor", "limit": f"≤ {PAGE_VIEW_RATIO_TO:g}", "measured": played,
         "met": played <= PAGE_VIEW_RATIO_TO},
        {"name": "memory of a scoring process in MB", "limit": f"< {MEMORY_MB_BELOW:g}", "measured": held,
         "met": held < MEMORY_MB_BELOW},
        {"name": "scikit-learn loaded by scoring", "limit": "no", "measured": "yes" if process["sklearn"] else "no",
         "met": not process["sklearn"]},
    ]  # fmt: skip
