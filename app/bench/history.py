"""A simulated business played: calls scored again, the nightly refit, and the page views of a backtest."""

import json
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from app.bench.turns import cpu, in_turn
from app.demo.simulator import Simulated, sample, simulate
from app.visitor_agent import read_agent
from matching.rules.facts import NumberKind
from matching.rules.learner import Learner
from matching.rules.ledger import Scene
from matching.rules.model import prior
from matching.rules.rank import Ranking, rank
from reports.backtest.facts import Answer, Assigned
from reports.backtest.play import Player
from reports.backtest.site import Pools
from reports.backtest.trace import Trace

SCENES = 2_000
"""Calls that are scored again at most; a million are what so many would take."""
MILLION = 1_000_000
_POLICY = "longest_rested"


class _Collecting(Learner):
    """Plays without refitting, and keeps the last scenes."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.scenes: deque[Scene] = deque(maxlen=SCENES)
        self.refitting = False

    def called(
        self, call: str, at: float, number: str, caller: str | None, *, source: str, kind: NumberKind = "pool"
    ) -> Ranking:
        """Answered as ever; a scene without candidates says nothing about speed."""
        scene = self.ledger.scene(at, number, caller, source=source, kind=kind)
        if scene.candidates:
            self.scenes.append(scene)
        return super().called(call, at, number, caller, source=source, kind=kind)

    def _refit(self, *night: Any) -> None:
        if self.refitting:
            super()._refit(*night)


class _Deaf:
    """Hears what comes up and keeps nothing."""

    def assigned(self, told: Assigned) -> None:
        """Not asked for."""

    def answered(self, told: Answer, ranking: Ranking) -> None:
        """Not asked for."""


@dataclass(frozen=True, kw_only=True)
class _Written:
    """A trace as a file, and its lines after the first as bytes."""

    path: Path
    lines: list[bytes]


def _write(simulated: Simulated, path: Path, *, only: str | None = None) -> _Written:
    """All lines of a business, or those of one type, beside its site."""
    lines = [json.dumps(line).encode() + b"\n" for line in simulated.lines if only in {None, line["type"]}]
    path.write_bytes(json.dumps(simulated.site).encode() + b"\n" + b"".join(lines))
    return _Written(path=path, lines=lines)


def _parse(lines: list[bytes]) -> None:
    for line in lines:
        json.loads(line)


def _play(path: Path, learner: Callable[[Trace], Learner]) -> Learner:
    """Plays a trace as the backtest does."""
    trace = Trace(path)
    learning = learner(trace)
    player = Player(trace.site, Pools(trace.site, _POLICY), learning, agents=read_agent, ears=_Deaf())
    for line in trace:
        player.play(line)
    player.finish()
    return learning


def calls(kind: str, seed: int, rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of one business: how many calls a second are scored again, and what a night's refit takes.

    Scoring is held against bare dot products of the same arrays, the refit against parsing the trace's lines.
    """
    simulated = simulate(sample(kind, seed), seed)
    with tempfile.TemporaryDirectory(prefix="ringtrace-bench-") as folder:
        written = _write(simulated, Path(folder) / "trace.ndjson")
        played = _play(
            written.path,
            lambda trace: _Collecting(time_zone=trace.site.time_zone, start=trace.site.start.timestamp()),
        )
        end = Trace(written.path).site.end
    assert isinstance(played, _Collecting)
    return _scored_again(played, rounds), _refitted(played, written.lines, end.timestamp(), rounds)


def _scored_again(played: _Collecting, rounds: int) -> dict[str, Any]:
    model, weights = prior(), np.asarray(prior().weights)
    scenes = list(played.scenes)
    arrays = [model.featurize(scene.candidates) for scene in scenes]

    def scored() -> None:
        for scene in scenes:
            rank(model, scene.call, scene.candidates, scene.history, evidence_for=0)

    def multiplied() -> None:
        for array in arrays:
            array @ weights

    spent = in_turn({"score_ms": scored, "dot_ms": multiplied}, min(rounds, 3))
    a_second = len(scenes) / (spent["score_ms"] / 1000.0)
    return {
        "scenes": len(scenes),
        "candidates_mean": float(np.mean([len(scene.candidates) for scene in scenes])),
        **spent,
        "ratio": spent["score_ms"] / spent["dot_ms"],
        "calls_per_second": a_second,
        "million_calls_minutes": MILLION / a_second / 60.0,
    }


def _refitted(played: _Collecting, lines: list[bytes], end: float, rounds: int) -> dict[str, Any]:
    """The first night fits from the prior; those measured begin, as every later one, from the night before."""
    played.refitting = True
    nights = iter(range(1, 10_000))
    first = cpu(lambda: played.night(end + next(nights)))
    spent = in_turn(
        {"refit_ms": lambda: played.night(end + next(nights)), "parse_ms": lambda: _parse(lines)}, min(rounds, 3)
    )
    return {
        "calls": played.refits[-1]["calls"] if played.refits else 0,
        "lines": len(lines),
        "first_ms": first,
        **spent,
        "ratio": spent["refit_ms"] / spent["parse_ms"],
    }


def page_views(kind: str, seed: int, rounds: int) -> dict[str, Any]:
    """The page views of one business played by the backtest, against parsing their lines and no more.

    Reading, checking, landings, visits, numbers and exposure are in it. User agents are read once each before, as there
    are few of them in many lines; `agents_ms` is what that took, the loading of the lists included.
    """
    simulated = simulate(sample(kind, seed), seed)
    agents = sorted({line["user_agent"] for line in simulated.lines if line["type"] == "pageview"})
    once = cpu(lambda: [read_agent(agent) for agent in agents])
    with tempfile.TemporaryDirectory(prefix="ringtrace-bench-") as folder:
        written = _write(simulated, Path(folder) / "trace.ndjson", only="pageview")

        def played() -> None:
            _play(written.path, _unlearning)

        spent = in_turn({"play_ms": played, "parse_ms": lambda: _parse(written.lines)}, rounds)
    return {
        "page_views": len(written.lines),
        "user_agents": len(agents),
        "agents_ms": once,
        **spent,
        "ratio": spent["play_ms"] / spent["parse_ms"],
        "microseconds_each": 1000.0 * spent["play_ms"] / max(len(written.lines), 1),
    }


def _unlearning(trace: Trace) -> Learner:
    start = (trace.site.start - timedelta(days=1)).timestamp()
    return Learner(time_zone=trace.site.time_zone, start=start, learning=False)
