"""What a policy of allocation is worth: figures over the same calls, with numbers shared in other ways. Pure."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reports.backtest.outcome import FLOOR, Judged

FACTORS: tuple[float, ...] = (0.5, 1.0, 2.0)
"""How many times the numbers there are: half, the same, double."""
PLAIN = "longest_rested"
"""What the others are held against."""
PER_DAY = 20
"""Visitors per number and day for which evenness is told: the 1:20 rule."""
_DRAWS = 10_000

Way = tuple[str, float]
"""A policy, and how many times the numbers there are."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one play. `loss`: mean log-loss, nats per call. `top_1`: share of the callers named first.

    `apart`: for each `day` of each pool, the visitors of the number that got most minus of the one that got least.
    A day has PER_DAY visitors for each number of the pool, whenever they came.
    """

    calls: int
    top_1: float
    loss: float
    apart: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One line of the table: means over businesses, each counted alike. Shares, and nats per call.

    `better` and `loss_more` are the differences to PLAIN with the same numbers, each with a 95 % interval; None for
    PLAIN itself. `apart` is the mean and the worst of evenness, None where no pool has several numbers.
    """

    top_1: float
    loss: float
    better: tuple[float, float, float] | None
    loss_more: tuple[float, float, float] | None
    apart: tuple[float, int] | None


def outcome(judged: Sequence[Judged], shown: Mapping[str, Sequence[str]], sizes: Mapping[str, int]) -> Outcome | None:
    """The outcome of a play. `shown`: by pool, the numbers given to newcomers in order; `sizes`: numbers by pool.

    None where no visitor made any of the calls.
    """
    made = [j for j in judged if j.truth is not None]
    if not made:
        return None
    return Outcome(
        calls=len(judged),
        top_1=sum(1 for j in made if j.answer.visitor == j.truth) / len(made),
        loss=math.fsum(-math.log(max(j.given, FLOOR)) for j in judged) / len(judged),
        apart=tuple(gap for pool, given in shown.items() for gap in gaps(given, sizes[pool])),
    )


def gaps(given: Sequence[str], size: int) -> list[int]:
    """Of every full day of a pool of `size` numbers: most minus fewest visitors of a number. Nothing for one number."""
    if size < 2:
        return []
    day = PER_DAY * size
    found = []
    for begin in range(0, len(given) - day + 1, day):
        counts = Counter(given[begin : begin + day])
        found.append(max(counts.values()) - (min(counts.values()) if len(counts) == size else 0))
    return found


def figures(outcomes: Sequence[Mapping[Way, Outcome]], way: Way) -> Figures:
    """The figures of one policy with so many numbers, over all businesses."""
    of, plain = [o[way] for o in outcomes], [o[PLAIN, way[1]] for o in outcomes]
    apart = [gap for o in of for gap in o.apart]
    return Figures(
        top_1=_mean([o.top_1 for o in of]),
        loss=_mean([o.loss for o in of]),
        better=None if way[0] == PLAIN else interval([o.top_1 - p.top_1 for o, p in zip(of, plain, strict=True)]),
        loss_more=None if way[0] == PLAIN else interval([o.loss - p.loss for o, p in zip(of, plain, strict=True)]),
        apart=(_mean(apart), max(apart)) if apart else None,
    )


def interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """The mean, and the 95 % interval of the mean over other such businesses (bootstrap, percentiles; Efron 1979)."""
    values = np.asarray(differences, dtype=np.float64)
    drawn = np.random.default_rng(0).choice(values, (_DRAWS, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
