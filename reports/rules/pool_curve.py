"""How many numbers: what the likelihoods of one source's calls would be with more numbers or fewer. Pure.

A curve is made from replays of past weeks with pools of several sizes. Its intervals are *predictive*: they are for the
mean over the calls of a coming period, not for what is true in the long run, so they hold what two finite periods
differ by and what changes between them.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, log

from reports.rules.predictive import CONFIDENCE, SURE_DRIFT, Prediction, TalliedDay, predict

LEAST_CALLS = 8
"""Calls of a source below which nothing is predicted."""
KNEE_GAIN = 0.005
"""What all further numbers together bring, in expected likelihood, where the curve counts as flat: half a point."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CurvePoint:
    """What so many numbers mean for a coming period, each as a share from 0 to 1.

    ``likelihood``: the mean likelihood of the answer given, a visitor or nobody, between ``low`` and ``high``.
    ``sure``: the share of the calls with a sure match, between ``sure_low`` and ``sure_high``.
    """

    numbers: int
    likelihood: float
    low: float
    high: float
    sure: float
    sure_low: float
    sure_high: float


SHARES: tuple[str, ...] = ("likelihood", "low", "high", "sure", "sure_low", "sure_high")
"""The fields of a point that rise with the numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolCurve:
    """Numbers against likelihood for one source.

    ``points``: the sizes that were played, fewest numbers first; nothing in them falls with more numbers. ``present``:
    the numbers there were when it was made. ``calls``: how many calls one replay had; ``expected_calls``: how many the
    intervals are for; ``confidence``: the probability with which each of them holds the coming period's outcome.
    """

    present: int
    calls: int
    expected_calls: float
    confidence: float = CONFIDENCE
    points: tuple[CurvePoint, ...]

    def __post_init__(self) -> None:
        sizes = [point.numbers for point in self.points]
        if not sizes or sizes[0] < 1 or sizes != sorted(set(sizes)):
            raise ValueError("a curve needs points of rising numbers from 1 on")

    @property
    def least(self) -> int:
        """The fewest numbers that were played."""
        return self.points[0].numbers

    @property
    def most(self) -> int:
        """The most numbers that were played."""
        return self.points[-1].numbers

    @property
    def now(self) -> CurvePoint:
        """The point of the present numbers."""
        return self.at(self.present)

    def at(self, numbers: int) -> CurvePoint:
        """The point of so many numbers: between played sizes along the logarithm of the numbers.

        Outside the sizes played nothing is known: the answer is then the nearest point, whose ``numbers`` say so.
        """
        sizes = [point.numbers for point in self.points]
        after = bisect_left(sizes, numbers)
        if after == len(sizes):
            return self.points[-1]
        if sizes[after] == numbers or after == 0:
            return self.points[after]
        low, high = self.points[after - 1], self.points[after]
        way = log(numbers / low.numbers) / log(high.numbers / low.numbers)
        shares = {name: _between(getattr(low, name), getattr(high, name), way) for name in SHARES}
        return CurvePoint(numbers=numbers, **shares)

    @property
    def knee(self) -> int | None:
        """The fewest numbers beyond which nothing changes; None where the curve still rises at the most played.

        Nothing changes where all further numbers that were played bring less than ``KNEE_GAIN`` together.
        """
        top = self.points[-1].likelihood
        fewest, most = self.least, self.most
        while fewest < most:
            middle = (fewest + most) // 2
            if top - self.at(middle).likelihood < KNEE_GAIN:
                most = middle
            else:
                fewest = middle + 1
        return fewest if fewest < self.most or len(self.points) == 1 else None


def _between(low: float, high: float, way: float) -> float:
    # Never beyond its ends, whatever the last binary digit says.
    return min(max(low + (high - low) * way, low), high)


@dataclass(frozen=True, kw_only=True, slots=True)
class NoCurve:
    """Why there is no curve, in a clause for people."""

    reason: str


class Tally:
    """The answers to one source's calls in one replay, summed by local day as they come."""

    def __init__(self) -> None:
        self._days: dict[str, list[float]] = {}
        self.calls = 0

    def add(self, day: str, likelihood: float, *, sure: bool) -> None:
        """One call: the likelihood of its answer (a visitor or nobody), and whether it is a sure match."""
        sums = self._days.setdefault(day, [0.0, 0.0, 0.0, 0.0])
        for place, value in enumerate((1.0, likelihood, likelihood * likelihood, float(sure))):
            sums[place] += value
        self.calls += 1

    @property
    def likelihood(self) -> float:
        """The mean likelihood of the answers; 0 without calls."""
        return fsum(day[1] for day in self._days.values()) / max(self.calls, 1)

    @property
    def sure(self) -> float:
        """The share of the calls with a sure match; 0 without calls."""
        return fsum(day[3] for day in self._days.values()) / max(self.calls, 1)

    def likelihoods(self) -> tuple[TalliedDay, ...]:
        """Per day calls, the sum of the likelihoods and of their squares."""
        return tuple(TalliedDay(calls, total, squares) for calls, total, squares, _ in self._days.values())

    def sures(self) -> tuple[TalliedDay, ...]:
        """Per day calls and the sure ones among them (a one is its own square)."""
        return tuple(TalliedDay(calls, sure, sure) for calls, _, _, sure in self._days.values())


def pool_curve(
    played: Mapping[int, Sequence[Tally]], *, present: int, expected_calls: float | None = None
) -> PoolCurve | NoCurve:
    """The curve of a source from replays by number of numbers; several of one size differ in who made the calls.

    ``expected_calls``: of the coming period, as many as were played where None. Where too few calls were played there
    is no curve.
    """
    calls = round(_mean([tally.calls for tallies in played.values() for tally in tallies]))
    if calls < LEAST_CALLS or any(tally.calls < 1 for tallies in played.values() for tally in tallies):
        few = f"{calls} {'call' if calls == 1 else 'calls'}" if calls else "no call"
        return NoCurve(reason=f"only {few} in the period; a prediction takes {LEAST_CALLS}" if calls else f"{few} yet")
    sizes = sorted(played)
    coming = max(1.0, calls if expected_calls is None else expected_calls)
    likelihood = _monotone([predict([t.likelihoods() for t in played[size]], coming) for size in sizes])
    sure = _monotone([predict([t.sures() for t in played[size]], coming, SURE_DRIFT) for size in sizes])
    points = tuple(
        CurvePoint(
            numbers=size,
            likelihood=one.mean,
            low=one.low,
            high=one.high,
            sure=other.mean,
            sure_low=other.low,
            sure_high=other.high,
        )
        for size, one, other in zip(sizes, likelihood, sure, strict=True)
    )
    return PoolCurve(present=present, calls=calls, expected_calls=coming, points=points)


def sizes_to_play(present: int, factors: Iterable[float]) -> tuple[int, ...]:
    """How many numbers each factor means, at least one each; half a number counts as one."""
    return tuple(max(1, int(present * factor + 0.5)) for factor in factors)


def _monotone(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Predictions by rising size: more numbers are never worse, so what contradicts that is chance and is evened out.

    The means by isotonic regression (pool adjacent violators, Barlow et al. 1972); each keeps the width of its
    interval. Then both ends may only rise, too: they give way outwards.
    """
    means = isotonic([p.mean for p in predictions])
    lows = [max(0.0, mean - (p.mean - p.low)) for mean, p in zip(means, predictions, strict=True)]
    highs = [min(1.0, mean + (p.high - p.mean)) for mean, p in zip(means, predictions, strict=True)]
    lows = _running(reversed(lows), min)[::-1]
    highs = _running(highs, max)
    return [Prediction(mean=m, low=low, high=high) for m, low, high in zip(means, lows, highs, strict=True)]


def isotonic(values: Sequence[float]) -> list[float]:
    """The rising sequence nearest to `values` by least squares."""
    blocks: list[list[float]] = []
    for value in values:
        blocks.append([value])
        while len(blocks) > 1 and _mean(blocks[-2]) > _mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    means = [(_mean(block), len(block)) for block in blocks]
    return _running([mean for mean, count in means for _ in range(count)], max)


def _running(values: Iterable[float], pick: Callable[[float, float], float]) -> list[float]:
    found: list[float] = []
    for value in values:
        found.append(pick(found[-1], value) if found else value)
    return found


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values) if values else 0.0


__all__ = [
    "KNEE_GAIN",
    "LEAST_CALLS",
    "CurvePoint",
    "NoCurve",
    "PoolCurve",
    "Tally",
    "isotonic",
    "pool_curve",
    "sizes_to_play",
]
