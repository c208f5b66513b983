"""Curves over time: sums of exponential scales and a floor. Plain NumPy, log2 out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Decay:
    """``floor + sum(height_j * exp(-seconds / scale_j))``: a rate that fades on several time scales.

    ``heights`` and ``floor`` share a unit (calls per second, or a plain ratio); ``scales`` are seconds.
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
        """Return each scale's share at ``seconds``, shape (n, scales); negative times count as 0."""
        late = np.maximum(np.asarray(seconds, dtype=np.float64), 0.0).reshape(-1, 1)
        return np.asarray(np.asarray(self.heights) * np.exp(-late / np.asarray(self.scales)), dtype=np.float64)

    def at(self, seconds: npt.ArrayLike) -> Floats:
        """Return the value at ``seconds``, shape (n,)."""
        return np.asarray(self.parts(seconds).sum(axis=1) + self.floor, dtype=np.float64)

    @property
    def peak(self) -> float:
        """The value at 0 seconds."""
        return float(sum(self.heights)) + self.floor

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


def week(weekday: Sequence[float], saturday: Sequence[float], sunday: Sequence[float]) -> Floats:
    """Return 168 factors with mean 1, Monday 00:00 first, from three days of 24 positive values."""
    days = [list(weekday)] * 5 + [list(saturday), list(sunday)]
    if any(len(day) != 24 for day in days):
        raise ValueError("a day needs 24 values")
    hours = np.asarray(days, dtype=np.float64).ravel()
    if not (np.isfinite(hours).all() and (hours > 0.0).all()):
        raise ValueError("hours need values above 0")
    return np.asarray(hours / hours.mean(), dtype=np.float64)
