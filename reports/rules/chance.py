"""What chance alone does to shares: intervals, the calibration error of an honest model, and when to be alarmed.

`stated` are the probabilities (0 to 1) that answers were given, `right` whether each turned out so.
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]

MOST_BINS = 15
PER_BIN = 25
"""Answers a bin should hold: with fewer, its interval spans half the scale. Equal values make some bins smaller."""
DRAWS = 1_000
SEED = 20_260_101
_Z = 1.6448536269514722  # 90 % of a normal distribution lie within
_FLOOR = 1e-4  # no answer is taken for more certain than this
_EXACT_UP_TO = 1_000
_DRAWN_UP_TO = 1_000


def share_interval(right: int, of: int) -> tuple[float, float]:
    """The 90 % interval of a share: Wilson (1927), honest for small numbers too. (0, 1) for none."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = right / of, _Z * _Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    # Rounding must not push the share itself out of its interval.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def equal_mass_bins(stated: Floats) -> Places:
    """The bin of each answer, from 0 (the least certain): as many in each as equal values allow, 15 bins at most.

    Equal values share a bin, so that the order of the calls makes no difference.
    """
    count = min(MOST_BINS, max(1, stated.size // PER_BIN))
    edges = np.quantile(stated, np.arange(1, count) / count, method="higher") if stated.size else stated[:0]
    places = np.searchsorted(np.unique(edges), stated, side="right")
    # Where many values are equal an edge may leave nothing below it.
    return np.asarray(np.unique(places, return_inverse=True)[1], dtype=np.intp)


def calibration_error(stated: Floats, right: Flags, bins: Places) -> float:
    """The expected calibration error: mean of |share right − mean stated| over the bins, weighed by their answers."""
    gaps = np.bincount(bins, weights=right - stated)
    return float(np.abs(gaps).sum() / stated.size)


def error_by_chance(stated: Floats, bins: Places) -> float:
    """What the calibration error of a perfectly calibrated model stays below in 95 of 100 cases, for these answers.

    Simulated: each answer is right with its stated probability, DRAWS times from a fixed seed. For many answers the
    count of right ones in a bin is drawn as a whole, from the normal distribution with the same mean and variance.
    """
    rng = np.random.default_rng(SEED)
    size = int(bins.max()) + 1
    if stated.size <= _DRAWN_UP_TO:
        off = (rng.random((DRAWS, stated.size)) < stated) - stated
        gaps = np.stack([off[:, bins == place].sum(axis=1) for place in range(size)])
    else:
        spread = np.sqrt(np.bincount(bins, weights=stated * (1 - stated)))
        gaps = rng.standard_normal((DRAWS, size)).T * spread[:, None]
    return float(np.quantile(np.abs(gaps).sum(axis=0) / stated.size, 0.95))


def surprise(stated: Floats, right: int) -> float:
    """How improbable so few, or so many, right answers are if the stated probabilities hold (two-sided, 0 to 1).

    An alarm below α is false in at most α of all cases: the count's distribution is exact (Poisson binomial, by
    convolution) up to 1,000 answers, normal with continuity correction beyond. 1 where there are no answers.
    """
    if stated.size == 0:
        return 1.0
    chances = np.clip(stated, _FLOOR, 1 - _FLOOR)
    if stated.size <= _EXACT_UP_TO:
        counts = np.ones(1)
        for chance in chances:
            counts = np.convolve(counts, (1 - chance, chance))
        below, above = float(counts[: right + 1].sum()), float(counts[right:].sum())
    else:
        mean, deviation = float(chances.sum()), math.sqrt(float((chances * (1 - chances)).sum()))
        below = _normal((right + 0.5 - mean) / deviation)
        above = _normal((mean - right + 0.5) / deviation)
    return min(1.0, 2 * min(below, above))


def _normal(z: float) -> float:
    """The standard normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2))
