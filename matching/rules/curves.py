"""Curves over time: broken lines over knots, sums of exponential scales. Plain NumPy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Knots:
    """A broken line over log2(seconds + ``offset``), constant before its first knot and after its last.

    A value between two knots belongs to both in proportion, so a curve is linear in its heights at the knots and a
    log-linear model can learn it.
    """

    seconds: tuple[float, ...]
    offset: float

    def __post_init__(self) -> None:
        if not self.seconds or list(self.seconds) != sorted(set(self.seconds)) or self.seconds[0] < 0:
            raise ValueError("knots must be rising and not negative")

    def hats(self, seconds: npt.ArrayLike) -> Floats:
        """Return each knot's share at ``seconds``, shape (n, knots); NaN (it never happened) has none."""
        given = np.asarray(seconds, dtype=np.float64).ravel()
        shares = np.zeros((len(given), len(self.seconds)))
        happened = np.flatnonzero(~np.isnan(given))
        if happened.size:
            at = np.log2(np.asarray(self.seconds) + self.offset)
            place = np.clip(np.log2(np.maximum(given[happened], 0.0) + self.offset), at[0], at[-1])
            below = np.clip(np.searchsorted(at, place, side="right") - 1, 0, len(at) - 2)
            share = (place - at[below]) / (at[below + 1] - at[below])
            shares[happened, below] = 1.0 - share
            shares[happened, below + 1] += share
        return shares


@dataclass(frozen=True, kw_only=True)
class Decay:
    """``floor + sum(height_j * exp(-seconds / scale_j))``: a rate that fades on several time scales.

    ``heights`` and ``floor`` share a unit (calls per second); ``scales`` are seconds.
    Raises ValueError for negative heights, for scales that are not positive, or where nothing is left above
    zero.
    """

    scales: tuple[float, ...]
    heights: tuple[float, ...]
    floor: float

    def __post_init__(self) -> None:
        if len(self.scales) != len(self.heights):
            raise ValueError("a decay needs as many heights as scales")
        if any(not scale > 0.0 for scale in self.scales) or any(not height >= 0.0 for height in self.heights):
            raise ValueError("a decay needs positive scales and heights of at least 0")
        if not self.floor > 0.0:
            raise ValueError("a decay needs a floor above 0")

    def parts(self, seconds: npt.ArrayLike) -> Floats:
        """Return each scale's rate at ``seconds``, shape (n, scales); negative times count as 0."""
        late = np.maximum(np.asarray(seconds, dtype=np.float64), 0.0).reshape(-1, 1)
        return np.asarray(np.asarray(self.heights) * np.exp(-late / np.asarray(self.scales)), dtype=np.float64)

    def at(self, seconds: npt.ArrayLike) -> Floats:
        """Return the value at ``seconds``, shape (n,)."""
        return np.asarray(self.parts(seconds).sum(axis=1) + self.floor, dtype=np.float64)

    def spent(self, seconds: npt.ArrayLike) -> Floats:
        """Return each scale's part of the integral from 0 to ``seconds``, shape (n, scales + 1), the floor last."""
        late = np.maximum(np.asarray(seconds, dtype=np.float64), 0.0).reshape(-1, 1)
        scales = np.asarray(self.scales)
        parts = np.asarray(self.heights) * scales * -np.expm1(-late / scales)
        return np.hstack([parts, self.floor * late])

    def scaled(self, factors: npt.ArrayLike) -> "Decay":
        """The same scales with each height, and the floor last, multiplied by its factor."""
        *heights, floor = (float(f) for f in np.asarray(factors, dtype=np.float64))
        return Decay(
            scales=self.scales,
            heights=tuple(h * f for h, f in zip(self.heights, heights, strict=True)),
            floor=self.floor * floor,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the plain values a model file holds."""
        return {"scale_seconds": list(self.scales), "heights": list(self.heights), "floor": self.floor}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Decay":
        """Read what ``as_json`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            scales=tuple(float(scale) for scale in data["scale_seconds"]),
            heights=tuple(float(height) for height in data["heights"]),
            floor=float(data["floor"]),
        )


def sums(places: npt.ArrayLike, values: npt.ArrayLike, size: int) -> Floats:
    """Sum of the values that share a place, for places 0 to ``size`` - 1, shape (size,)."""
    return np.asarray(np.bincount(np.asarray(places), np.asarray(values), minlength=size), dtype=np.float64)


HOURS = 72
"""Hours of three kinds of day: a weekday's 24, Saturday's, Sunday's."""


def hour_kind(hour_of_week: int) -> int:
    """The hour among the HOURS of an hour of the week (0 = Monday, midnight to one)."""
    day, hour = divmod(hour_of_week, 24)
    return max(day - 4, 0) * 24 + hour


def check_hours(values: Sequence[float]) -> tuple[float, ...]:
    """The values as HOURS finite floats. Raises ValueError for anything else."""
    hours = tuple(float(value) for value in values)
    if len(hours) != HOURS or not np.isfinite(hours).all():
        raise ValueError(f"hours need {HOURS} finite values")
    return hours
