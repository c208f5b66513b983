"""What more or fewer numbers would change: the same trace once more, with other pools and the model learnt by then."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from matching.rules.model import LikelihoodModel
from matching.rules.rank import Ranking
from reports.backtest.facts import AgentLike, Answer, Assigned
from reports.backtest.lines import TraceSite
from reports.backtest.outcome import expected
from reports.backtest.run import Setting, play
from reports.rules.pool_curve import NoCurve, PoolCurve, Tally, pool_curve
from reports.rules.resizing import for_sizes

FACTORS: tuple[float, ...] = (0.5, 1.0, 2.0)
"""How many times the numbers there are: half, the same, double."""


SURE_FROM = 0.9
"""From which likelihood on a match is sure; a trace names no other."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One replay: `numbers` by pool; `model` (a model's JSON) answers throughout and is not refitted."""

    setting: Setting
    model: str
    numbers: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Of one source with so many numbers: calls, and the mean likelihood of the answers (None without calls)."""

    source: str
    numbers: int
    calls: int
    expected_accuracy: float | None
    tally: Tally


def questions(
    setting: Setting, site: TraceSite, model: LikelihoodModel, factors: Sequence[float] = FACTORS
) -> list[Question]:
    """One replay per factor, all pools at once: a source's callers are told apart on that source's numbers.

    A pool never has less than one number. The model is the one that such pools would have, see `for_sizes`.
    """
    present = {p.pool: len(p.numbers) for p in site.pools if p.numbers}
    asked = []
    for factor in factors:
        numbers = {pool: max(1, math.floor(size * factor)) for pool, size in present.items()}
        text = for_sizes(model, present, numbers).dumps()
        asked.append(Question(setting=replace(setting, model=None, learning=False), model=text, numbers=numbers))
    return asked


class _Ears:
    """Keeps the answers and writes nothing."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def assigned(self, told: Assigned) -> None:
        """Not asked for."""

    def answered(self, told: Answer, ranking: Ranking) -> None:
        """Kept if a pool number rang."""
        if told.number is not None:
            self.answers.append(told)


def answers(
    setting: Setting,
    agents: Callable[[str], AgentLike],
    step: Callable[[TraceSite, datetime], None] = lambda site, at: None,
) -> tuple[TraceSite, list[Answer]]:
    """Plays the trace and returns the site as it was played, and the answers to calls that rang a pool number.

    Raises as `play` does.
    """
    ears = _Ears()
    played = play(setting, ears, agents=agents, step=step)
    return played.site, ears.answers


def tallied(told: Iterable[Answer]) -> dict[str, Tally]:
    """The answers by source."""
    found: dict[str, Tally] = {}
    for answer in told:
        given = max(answer.likelihood, answer.none)
        sure = answer.likelihood >= max(SURE_FROM, answer.none)
        found.setdefault(answer.source or "", Tally()).add(answer.day, given, sure=sure)
    return found


def replay(
    question: Question,
    agents: Callable[[str], AgentLike],
    step: Callable[[TraceSite, datetime], None] = lambda site, at: None,
) -> list[Answered]:
    """Plays the trace with these pools. Raises as `play` does."""
    setting = replace(question.setting, model=LikelihoodModel.loads(question.model), numbers=question.numbers)
    site, told = answers(setting, agents, step)
    tallies = tallied(told)
    found = []
    for pool in site.pools:
        of = [answer for answer in told if answer.source == pool.pool]
        found.append(
            Answered(
                source=pool.pool,
                numbers=len(pool.numbers),
                calls=len(of),
                expected_accuracy=expected(of)["expected_accuracy"],
                tally=tallies.get(pool.pool, Tally()),
            )
        )
    return found


def curves(present: Mapping[str, int], replays: Sequence[Sequence[Answered]]) -> dict[str, PoolCurve | NoCurve]:
    """By source what the replays say of a coming period of the same length; `present`: the numbers there were."""
    played: dict[str, dict[int, list[Tally]]] = {}
    for one in (answered for replayed in replays for answered in replayed):
        # Two factors may mean one size: a pool of one has no half.
        played.setdefault(one.source, {}).setdefault(one.numbers, [one.tally])
    return {source: pool_curve(tallies, present=present[source]) for source, tallies in played.items()}
