"""What more or fewer numbers would change: the same trace once more, with other pools and the model learnt by then."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from matching.rules.model import LikelihoodModel
from matching.rules.rank import Ranking
from reports.backtest.facts import AgentLike, Answer, Assigned
from reports.backtest.lines import TraceSite
from reports.backtest.outcome import expected, grouped
from reports.backtest.run import Setting, play

FACTORS: tuple[float, ...] = (0.5, 1.0, 2.0)
"""How many times the numbers there are: half, the same, double."""


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


def questions(setting: Setting, site: TraceSite, model: LikelihoodModel) -> list[Question]:
    """One replay per factor, all pools at once: a source's callers are told apart on that source's numbers.

    A pool never has less than one number.
    """
    text = model.dumps()
    return [
        Question(
            setting=replace(setting, model=None, learning=False),
            model=text,
            numbers={p.pool: max(1, math.floor(len(p.numbers) * factor)) for p in site.pools if p.numbers},
        )
        for factor in FACTORS
    ]


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


def replay(
    question: Question,
    agents: Callable[[str], AgentLike],
    step: Callable[[TraceSite, datetime], None] = lambda site, at: None,
) -> list[Answered]:
    """Plays the trace with these pools. Raises as `play` does."""
    ears = _Ears()
    setting = replace(question.setting, model=LikelihoodModel.loads(question.model), numbers=question.numbers)
    played = play(setting, ears, agents=agents, step=step)
    by_source = grouped(ears.answers, lambda a: a.source or "")
    found = []
    for pool in played.site.pools:
        answers = by_source.get(pool.pool, [])
        accuracy = expected(answers)["expected_accuracy"]
        found.append(
            Answered(source=pool.pool, numbers=len(pool.numbers), calls=len(answers), expected_accuracy=accuracy)
        )
    return found
