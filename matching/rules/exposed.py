"""Exposure as a fit needs it: few rows of columns instead of many cells, and what the prior foresees of nobody."""

from dataclasses import dataclass

import numpy as np

from matching.rules.cells import Ints, delay_bins_of, kin_of, middles, sources_of
from matching.rules.curves import Floats, sums
from matching.rules.expect import Batch
from matching.rules.lessons import Lessons
from matching.rules.model import LikelihoodModel

WEEK = np.asarray([5 / 168] * 24 + [1 / 168] * 48)
"""Share of a week that each hour kind takes."""

_SMALL = 3e-3
"""Expected calls below which a cell is pooled with its kin,"""
LIKELY = 0.05
"""unless a call came from it with this probability."""


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """Exposure as the M-step needs it: rows of X with their delay bin, source and seconds, and where cells are in it.

    ``hours``: share of the seconds of each delay bin that fall on each hour kind.
    """

    cells: Ints
    row: Ints
    features: Floats
    source: Ints
    delay: Ints
    seconds: Floats
    hours: Floats

    @classmethod
    def of(cls, lessons: Lessons, also: Ints, prior: LikelihoodModel) -> "Exposed":
        """From lessons; ``also`` are cells that calls probably came from, which stay rows of their own."""
        cells = np.unique(np.concatenate([lessons.cells, also, *(call.cells for call in lessons.calls)]))
        seconds = np.zeros(len(cells))
        seconds[np.searchsorted(cells, lessons.cells)] = lessons.seconds
        features = middles(cells)
        small = seconds * np.exp2(features @ np.asarray(prior.weights)) < _SMALL
        small[np.searchsorted(cells, np.unique(also))] = False
        # Most cells are rare states that will hardly ever bring a call: kin share a row, with the mean of their X.
        _, kin = np.unique(np.where(small, -1 - kin_of(cells), cells), return_inverse=True)
        total = sums(kin, seconds, 0)
        first = np.zeros(len(total), dtype=np.int64)
        first[kin[::-1]] = np.arange(len(cells))[::-1]
        mean = np.empty((len(total), features.shape[1]))
        weight = np.where(total[kin] > 0, seconds / np.maximum(total[kin], 1e-300), 1.0)
        for column in range(features.shape[1]):
            mean[:, column] = np.bincount(kin, features[:, column] * weight)
        whole = lessons.hours.sum(axis=1, keepdims=True)
        return cls(
            cells=cells,
            row=kin,
            features=mean,
            source=sources_of(cells[first]),
            delay=delay_bins_of(cells[first]),
            seconds=total,
            hours=np.where(whole > 0, lessons.hours / np.maximum(whole, 1e-300), WEEK),
        )

    def rows_of(self, cells: Ints) -> Ints:
        """The rows of these cells."""
        return np.asarray(self.row[np.searchsorted(self.cells, cells)], dtype=np.int64)

    def by_row(self, hours: Floats) -> Floats:
        """Seconds per row, each counted with its hour's factor (log2)."""
        return np.asarray(self.seconds * (self.hours @ np.exp2(hours))[self.delay], dtype=np.float64)

    def by_hour(self, rates: Floats) -> Floats:
        """Sum of seconds × rate per hour kind, ``rates`` per row."""
        by_bin = np.bincount(self.delay, self.seconds * rates, minlength=len(self.hours))
        return np.asarray(by_bin @ self.hours, dtype=np.float64)


def foreseen_calls(lessons: Lessons, batch: Batch, model: LikelihoodModel, prior: LikelihoodModel) -> dict[str, float]:
    """How many calls by nobody the prior foresees per number, over the time it was watched."""
    factor = float((WEEK * np.exp2(np.asarray(model.background.hours))).sum())
    kinds: dict[str, str] = {call.number: call.kind for call in batch.calls}
    return {
        number: prior.background.rate(kinds.get(number, "pool")) * seconds * factor
        for number, (_, seconds) in lessons.numbers.items()
    }
