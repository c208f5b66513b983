"""One backtest: a trace played once, from its first line to its last."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from matching.rules.learner import Learner
from matching.rules.model import LikelihoodModel
from reports.backtest.facts import AgentLike, Counts, Hears
from reports.backtest.lines import Override, TraceSite
from reports.backtest.play import LOOKBACK, Player
from reports.backtest.site import Pools, resized
from reports.backtest.trace import Trace

STEP = 1024
"""Lines between two calls of `step`."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is to be played, and how.

    `numbers`: other pool sizes, by pool. `model`: the one to begin with, the shipped prior where None.
    `learning`: refit it every night. `skip_bad_lines`: count bad lines and pass over them.
    """

    trace: Path
    allocation: str = "least_ambiguous"
    numbers: Mapping[str, int]
    learning: bool = True
    model: LikelihoodModel | None = None
    skip_bad_lines: bool = False


@dataclass(frozen=True, kw_only=True)
class Played:
    """What came of it. `decisions`: what staff last said of each call; `refits`: one entry a night."""

    site: TraceSite
    lines: int
    bad_lines: int
    complaints: tuple[str, ...]
    counts: Counts
    model: LikelihoodModel
    refits: tuple[Mapping[str, Any], ...]
    decisions: Mapping[str, str | None]


def play(
    setting: Setting,
    ears: Hears,
    *,
    agents: Callable[[str], AgentLike],
    step: Callable[[TraceSite, datetime], None] = lambda site, at: None,
) -> Played:
    """Plays a trace; `ears` hear assignments and answers, `step` every thousand lines how far it has come.

    `agents` reads a user agent. Raises OSError where the file cannot be read, TraceError for a bad line, InvalidInput
    for a pool that is not there, and whatever `step` raises.
    """
    trace = Trace(setting.trace, skip_bad_lines=setting.skip_bad_lines)
    site = resized(trace.site, setting.numbers)
    lines, decisions = iter(trace), dict[str, str | None]()
    first = next(lines, None)
    learner = Learner(
        time_zone=site.time_zone,
        start=min(site.start, first[0] if first else site.start).timestamp(),
        model=setting.model,
        learning=setting.learning,
        days=LOOKBACK.total_seconds() / 86_400.0,
    )
    player = Player(site, Pools(site, setting.allocation), learner, agents=agents, ears=ears)
    line, left = first, STEP
    while line is not None:
        player.play(line)
        if type(line) is Override:
            decisions[line.call] = line.visitor
        left -= 1
        if not left:
            left = STEP
            step(site, line[0])
        line = next(lines, None)
    player.finish()
    return Played(
        site=site,
        lines=trace.lines,
        bad_lines=trace.bad_lines,
        complaints=tuple(trace.complaints),
        counts=player.counts,
        model=learner.model,
        refits=tuple(learner.refits),
        decisions=decisions,
    )
