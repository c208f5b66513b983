"""What the mean over the calls of a coming period will be, from the calls of a past one: an interval to predict. Pure.

Calls of one day have weather, weekday and campaigns in common, so a day is drawn as a whole: the sampling error is that
of a ratio of sums over days (Cochran 1977, section 6; the jackknife over days agrees with it), of the past period and,
scaled to its calls, of the coming one. To it come what replays of the same past differ by where it is not known who
called (multiple imputation, Rubin 1987), and a drift between periods that no past period shows: seasons, campaigns, and
a model that goes on learning. Student's t takes the few days into account.
"""

from collections.abc import Sequence
from math import fsum, sqrt
from typing import NamedTuple

CONFIDENCE = 0.9
"""The probability with which an interval claims to hold the coming period's outcome."""
_Z = 1.6448536269514722
"""The normal quantile that leaves (1 - CONFIDENCE) / 2 above it."""
DRIFT, SURE_DRIFT = 0.05, 0.1
"""Standard deviation of what changes between periods, in units of sqrt(p (1 - p)) at the mean p.

Of mean likelihoods, and of shares of sure matches, which turn with the small changes of likelihoods near the threshold.
Measured over businesses of the simulator other than those that the coverage is published for.
"""
_DOUBT = 0.25
"""Squared distance of one imaginary further call: calls that were all alike do not prove that the next will be."""


class TalliedDay(NamedTuple):
    """A day: how many calls, the sum of some figure of each (0 to 1), and the sum of its squares."""

    calls: float
    total: float
    squares: float


class Prediction(NamedTuple):
    """A mean (0 to 1) and the interval in which the coming period's lies with the probability CONFIDENCE."""

    mean: float
    low: float
    high: float


def predict(draws: Sequence[Sequence[TalliedDay]], expected_calls: float, drift: float = DRIFT) -> Prediction:
    """What the mean over `expected_calls` calls will be. `draws`: replays of the past, each with a call at least."""
    within = [_mean_and_variance(days, expected_calls) for days in draws]
    mean = fsum(m for m, _ in within) / len(within)
    variance = fsum(v for _, v in within) / len(within)
    if len(draws) > 1:
        between = fsum((m - mean) ** 2 for m, _ in within) / (len(draws) - 1)
        variance += (1.0 + 1.0 / len(draws)) * between
    variance += drift * drift * mean * (1.0 - mean)
    freedom = max(1, round(fsum(len(days) for days in draws) / len(draws)) - 1)
    reach = student(freedom) * sqrt(variance)
    return Prediction(mean=mean, low=max(0.0, mean - reach), high=min(1.0, mean + reach))


def _mean_and_variance(days: Sequence[TalliedDay], expected_calls: float) -> tuple[float, float]:
    """The mean over the calls of these days, and the variance of past and coming mean together."""
    calls = fsum(day.calls for day in days)
    mean = fsum(day.total for day in days) / calls
    alone = (fsum(day.squares for day in days) - calls * mean * mean + _DOUBT) / (calls + 1.0) / calls
    together = 0.0
    if len(days) > 1:
        off = fsum((day.total - mean * day.calls) ** 2 for day in days)
        together = off * len(days) / (len(days) - 1) / (calls * calls)
    # Days that happen to be more alike than calls drawn one by one prove no more than those would.
    past = max(alone, together)
    return mean, past * (1.0 + calls / expected_calls)


def student(freedom: int) -> float:
    """The quantile of Student's t that leaves (1 - CONFIDENCE) / 2 above it.

    Exact for 1 and 2 degrees of freedom, the expansion of Cornish and Fisher (Abramowitz and Stegun 26.7.5) from 3 on,
    where it is off by less than 1 %.
    """
    if freedom == 1:
        return 6.313751514675043
    if freedom == 2:
        return 2.919985580355516
    z, z3, z5, z7 = _Z, _Z**3, _Z**5, _Z**7
    return (
        z
        + (z3 + z) / (4.0 * freedom)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * freedom**2)
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * freedom**3)
    )
