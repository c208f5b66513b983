"""Whether a curve of numbers against likelihood holds: a trace's second half predicted from its first.

The model is the one learnt from the first half, in the prediction and in the outcome alike: the curve says what numbers
change, and a model that goes on learning would be another thing to predict. What such a model moves in a period is part
of the drift that the interval allows for.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from app.demo.simulate import write
from app.demo.simulator import Simulated
from app.visitor_agent import read_agent
from core.time import format_time
from matching.rules.model import LikelihoodModel
from matching.rules.rank import Ranking
from reports.backtest.facts import Answer, Assigned
from reports.backtest.run import Setting, play
from reports.backtest.trace import Trace, decoded, raw_lines
from reports.backtest.what_if import FACTORS, Question, answers, questions, tallied
from reports.rules.pool_curve import CurvePoint, PoolCurve, Tally, pool_curve


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A pool at one size: what was predicted of the second half, and what came of it.

    `factor`: how many times the numbers there were. `before` and `after`: calls of the two halves. `likelihood` and
    `sure`: the second half's mean likelihood of the answers, and its share of sure matches.
    """

    pool: str
    factor: float
    before: int
    after: int
    point: CurvePoint
    likelihood: float
    sure: float

    @property
    def inside(self) -> bool:
        """Whether the mean likelihood lies in its interval."""
        return self.point.low <= self.likelihood <= self.point.high

    @property
    def sure_inside(self) -> bool:
        """Whether the share of sure matches lies in its interval."""
        return self.point.sure_low <= self.sure <= self.point.sure_high


def cases_of_simulation(simulated: Simulated, factors: Sequence[float] = FACTORS) -> tuple[Case, ...]:
    """The cases of a simulated business."""
    with tempfile.TemporaryDirectory(prefix="ringtrace-coverage-") as folder:
        write(simulated, Path(folder))
        return cases_of(Path(folder) / "trace.ndjson.gz", factors)


def cases_of(trace: Path, factors: Sequence[float] = FACTORS) -> tuple[Case, ...]:
    """The cases of a trace: by pool one for each size that a factor means. Raises as a backtest does.

    A pool has none where its first half has too few calls to predict from, or its second half none.
    """
    with tempfile.TemporaryDirectory(prefix="ringtrace-coverage-") as folder:
        half = Path(folder) / "half.ndjson"
        middle = write_first_half(trace, half)
        model = play(Setting(trace=half, numbers={}), _Deaf(), agents=read_agent).model
    setting = Setting(trace=trace, numbers={}, learning=False)
    site = Trace(trace).site
    present = {pool.pool: len(pool.numbers) for pool in site.pools if pool.numbers}
    sides = [_sides(question, middle) for question in questions(setting, site, model, factors)]
    found: list[Case] = []
    for pool, numbers in present.items():
        halves = [(sizes[pool], early.get(pool, Tally()), late.get(pool, Tally())) for sizes, early, late in sides]
        found += _of_pool(pool, numbers, factors, halves)
    return tuple(found)


def _of_pool(
    pool: str, present: int, factors: Sequence[float], halves: Sequence[tuple[int, Tally, Tally]]
) -> list[Case]:
    """The cases of one pool; for each factor its numbers, and the answers before and after the middle."""
    sizes: dict[int, tuple[float, Tally, Tally]] = {}
    for factor, (size, early, late) in zip(factors, halves, strict=True):
        # A pool of one has no half: that would count the same thing twice. What there is counts as what there is.
        if size not in sizes or factor == 1.0:
            sizes[size] = factor, early, late
    curve = pool_curve({size: [early] for size, (_, early, _) in sizes.items()}, present=present)
    if not isinstance(curve, PoolCurve):
        return []
    return [
        Case(
            pool=pool,
            factor=factor,
            before=early.calls,
            after=late.calls,
            point=curve.at(size),
            likelihood=late.likelihood,
            sure=late.sure,
        )
        for size, (factor, early, late) in sizes.items()
        if late.calls
    ]


def _sides(question: Question, middle: datetime) -> tuple[dict[str, int], dict[str, Tally], dict[str, Tally]]:
    """The sizes played, and the answers before and after the middle."""
    model = LikelihoodModel.loads(question.model)
    _, told = answers(replace(question.setting, model=model, numbers=question.numbers), read_agent)
    early, late = [a for a in told if a.at < middle], [a for a in told if a.at >= middle]
    return question.numbers, tallied(early), tallied(late)


def write_first_half(trace: Path, half: Path) -> datetime:
    """Writes what happened until the middle of a trace's time, and returns that moment. Raises as `Trace` does."""
    reading = Trace(trace)
    site = reading.site
    middle = site.start + (site.end - site.start) / 2
    lines = 1 + sum(1 for line in reading if line[0] < middle)
    with half.open("wb") as file:
        for place, raw in enumerate(raw_lines(trace)):
            if place == lines:
                break
            if not place:
                raw = json.dumps(decoded(raw) | {"end": format_time(middle)}).encode() + b"\n"
            file.write(raw)
    return middle


class _Deaf:
    """Hears a play and keeps nothing of it."""

    def assigned(self, told: Assigned) -> None:
        """Not asked for."""

    def answered(self, told: Answer, ranking: Ranking) -> None:
        """Not asked for."""
