"""Calls that no visit explains: their intensity on a number, its hours, and how a dialler gives itself away."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from matching.rules.facts import CallFacts

_DAY = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Background:
    """The intensity of "nobody from the site".

    ``calls_per_day``: per number, by kind of number (``other`` for kinds without an entry).
    ``number_strength`` and ``account_strength``: how many calls of belief those rates are worth before a
    number's and an account's own count weighs more (Gamma-Poisson shrinkage; a number is pulled towards its
    account, the account towards the shipped rate). ``hour``: weight of the hour of the week. ``burst``: log2
    per doubling of (1 + other numbers of the account rung by the same caller within minutes), at most
    ``burst_most``. ``withheld``: log2 for withheld callers.
    """

    calls_per_day: Mapping[str, float]
    number_strength: float
    account_strength: float
    hour: float
    burst: float
    burst_most: float
    withheld: float

    def __post_init__(self) -> None:
        if "other" not in self.calls_per_day or any(not rate > 0.0 for rate in self.calls_per_day.values()):
            raise ValueError("calls_per_day needs rates above 0 and one for 'other'")
        if not (self.number_strength > 0.0 and self.account_strength > 0.0 and self.burst >= 0.0):
            raise ValueError("strengths must be above 0 and burst at least 0")

    def shipped_rate(self, call: CallFacts) -> float:
        """Return the calls per second of this kind of number before anything is learnt."""
        return self.calls_per_day.get(call.number_kind, self.calls_per_day["other"]) / _DAY

    def learnt_rate(self, call: CallFacts) -> float:
        """Return this very number's calls per second, shrunk to its account's and that to the shipped rate."""
        return self.shipped_rate(call) * self._learnt(call)

    def _learnt(self, call: CallFacts) -> float:
        """Return the learnt rate as a multiple of the shipped one; exactly 1 before anything is learnt."""
        shipped = self.shipped_rate(call)
        expected = shipped * call.account_number_seconds
        account = (self.account_strength + call.account_none_calls) / (self.account_strength + expected)
        expected = shipped * account * call.number_seconds
        return account * (self.number_strength + call.number_none_calls) / (self.number_strength + expected)

    def terms(self, call: CallFacts, hours: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
        """Return the named log2 terms of the intensity; their sum is log2 calls per second."""
        doublings = float(np.log2(1.0 + max(call.recent_calls_other_numbers, 0)))
        return {
            "base_rate": float(np.log2(self.shipped_rate(call))),
            "number_history": float(np.log2(self._learnt(call))),
            "hour_of_week": self.hour * float(hours[call.local_hour_of_week]),
            "robocall_burst": min(self.burst * doublings, self.burst_most),
            "withheld": self.withheld if call.caller is None else 0.0,
        }

    def as_json(self) -> dict[str, Any]:
        """Return the plain values a model file holds."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return plain | {"calls_per_day": dict(self.calls_per_day)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Background":
        """Read what ``as_json`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        rates = {str(kind): float(rate) for kind, rate in data["calls_per_day"].items()}
        names = [name for name in cls.__dataclass_fields__ if name != "calls_per_day"]
        return cls(calls_per_day=rates, **{name: float(data[name]) for name in names})
