"""Calls that no visit explains: their intensity on a number, its hours, and how a dialler gives itself away."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, inf, isfinite, log2
from typing import Any

import numpy as np

from matching.rules.curves import check_hours, hour_kind
from matching.rules.facts import CallFacts

DAY = 86_400.0
RECENT_SECONDS = 900.0
"""How far back calls on other numbers are looked at."""
RECENT_SCALE = 180.0
"""How fast they fade: a dialler goes through a site's numbers within minutes."""


@dataclass(frozen=True, kw_only=True)
class Background:
    """The intensity of "nobody from the site".

    ``calls_per_day``: per number, by kind of number (``other`` for kinds without an entry). ``sources`` and
    ``numbers``: log2 of what was learnt of a source and of a number beyond that. ``hours``: log2 by hour (HOURS of
    them). ``burst``: calls per second and number that one recent call by nobody on another number brings along.
    """

    calls_per_day: Mapping[str, float]
    hours: tuple[float, ...]
    burst: float
    sources: Mapping[str, float]
    numbers: Mapping[str, float]

    def __post_init__(self) -> None:
        if "other" not in self.calls_per_day or any(not 0.0 < rate < inf for rate in self.calls_per_day.values()):
            raise ValueError("calls_per_day needs finite rates above 0 and one for 'other'")
        if not 0.0 <= self.burst < inf:
            raise ValueError("burst must be finite and at least 0")
        if not all(isfinite(value) for value in (*self.sources.values(), *self.numbers.values())):
            raise ValueError("sources and numbers need finite values")
        check_hours(self.hours)

    def rate(self, kind: str) -> float:
        """Return the calls per second of this kind of number, before anything is known of the number itself."""
        return self.calls_per_day.get(kind, self.calls_per_day["other"]) / DAY

    def terms(self, call: CallFacts) -> dict[str, float]:
        """Return the named log2 terms of the intensity; their sum is log2 calls per second."""
        base = log2(self.rate(call.number_kind))
        history = self.sources.get(call.source, 0.0) + self.numbers.get(call.number, 0.0)
        hour = self.hours[hour_kind(call.local_hour_of_week)]
        excess = self.burst * max(call.recent_nobody, 0.0)
        # log2(1 + excess / rate), in a form that no absurd rate breaks.
        burst = float(np.logaddexp2(0.0, log2(excess) - (base + history + hour))) if excess > 0.0 else 0.0
        return {
            "base_rate": base,
            "number_history": history,
            "hour_of_week": hour,
            "robocall_burst": burst,
        }

    def as_json(self) -> dict[str, Any]:
        """Return the plain values a model file holds."""
        return {
            "calls_per_day": dict(self.calls_per_day),
            "burst": self.burst,
            "hours": list(self.hours),
            "sources": dict(self.sources),
            "numbers": dict(self.numbers),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Background":
        """Read what ``as_json`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            calls_per_day={str(kind): float(rate) for kind, rate in data["calls_per_day"].items()},
            hours=check_hours(data["hours"]),
            burst=float(data["burst"]),
            sources={str(name): float(value) for name, value in data["sources"].items()},
            numbers={str(name): float(value) for name, value in data["numbers"].items()},
        )


def recent(calls: Iterable[tuple[float, float]]) -> float:
    """``CallFacts.recent_nobody`` from (seconds ago, probability of being nobody's) of calls on other numbers."""
    # In one order, whatever order they are read in: the same calls give the same sum to the last bit.
    return sum(none * exp(-ago / RECENT_SCALE) for ago, none in sorted(calls))
