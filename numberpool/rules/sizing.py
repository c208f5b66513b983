"""The 1:20 rule: how many numbers a source needs, and whether those it has are too few or too many.

One number per so many average daily visitors keeps the crowd behind a number small enough to tell callers apart.
"""

import math
from collections.abc import Iterable
from typing import Literal

Verdict = Literal["more", "right", "fewer"]


def average_daily_visitors(by_day: Iterable[int], days: float) -> float:
    """Distinct visitors of each local day, summed and divided by the days of the period (at least one day)."""
    return sum(by_day) / max(days, 1.0)


def recommended_numbers(kind: str, average: float, visitors_per_number: float) -> int:
    """How many numbers a source needs: one per `visitors_per_number` average daily visitors, rounded up, at least one.

    An offline source is printed somewhere: it needs exactly one.
    """
    if kind == "offline":
        return 1
    # Twenty visitors on average are twenty, whatever the last binary digit of a division says.
    return max(1, math.ceil(average / visitors_per_number - 1e-9))


def verdict(numbers: int, recommended: int) -> Verdict:
    """Whether `numbers` are too few, right, or too many: a tenth above the recommendation is still right."""
    if numbers < recommended:
        return "more"
    return "fewer" if (numbers - recommended) * 10 > recommended else "right"
