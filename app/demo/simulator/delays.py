"""Waiting times: mixtures of a few scales, with density, chance to have passed, and draws. Seconds throughout.

``exponential``: ``1 − e^(−x/s)``. ``lomax`` (a power-law tail): ``1 − (1 + x/s)^(−k)``. ``loglogistic`` (rises, then
falls; close to a log-normal with a closed form): ``1 ÷ (1 + (x/s)^(−k))``. ``s`` is the scale, ``k`` the power.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Shape = Literal["exponential", "lomax", "loglogistic"]


@dataclass(frozen=True, kw_only=True)
class Delay:
    """One scale of a mixture. ``weight``: its share; ``scale`` in seconds; ``power`` above 1 for ``loglogistic``."""

    shape: Shape
    weight: float
    scale: float
    power: float = 1.0

    def passed(self, x: Floats) -> Floats:
        """The chance that the wait is at most ``x``."""
        z = np.maximum(x, 0.0) / self.scale
        if self.shape == "exponential":
            return np.asarray(-np.expm1(-z))
        if self.shape == "lomax":
            return 1.0 - (1.0 + z) ** (-self.power)
        powered = z**self.power
        return powered / (1.0 + powered)

    def density(self, x: Floats) -> Floats:
        """The density at ``x``, per second; 0 before 0."""
        z = np.maximum(x, 0.0) / self.scale
        if self.shape == "exponential":
            value = np.exp(-z)
        elif self.shape == "lomax":
            value = self.power * (1.0 + z) ** (-self.power - 1.0)
        else:
            value = self.power * z ** (self.power - 1.0) / (1.0 + z**self.power) ** 2
        return np.where(x < 0, 0.0, value / self.scale)

    def wait_of(self, chance: Floats) -> Floats:
        """The wait by which a share ``chance`` (below 1) has passed: the inverse of ``passed``."""
        if self.shape == "exponential":
            return np.asarray(-self.scale * np.log1p(-chance))
        if self.shape == "lomax":
            return np.asarray(self.scale * ((1.0 - chance) ** (-1.0 / self.power) - 1.0))
        return np.asarray(self.scale * (chance / (1.0 - chance)) ** (1.0 / self.power))


Delays = tuple[Delay, ...]
"""A mixture; the weights sum to 1."""


def passed(delays: Delays, x: Floats) -> Floats:
    """The chance that a wait of the mixture is at most ``x`` seconds."""
    return np.asarray(np.sum([delay.weight * delay.passed(x) for delay in delays], axis=0))


def density(delays: Delays, x: Floats) -> Floats:
    """The mixture's density at ``x`` seconds."""
    return np.asarray(np.sum([delay.weight * delay.density(x) for delay in delays], axis=0))


def draw_below(delays: Delays, limit: Floats, rng: np.random.Generator) -> Floats:
    """One wait for each limit, given that it is at most that limit (infinite for no limit)."""
    limit = np.asarray(limit, dtype=np.float64)
    below = np.stack([delay.passed(np.minimum(limit, 1e15)) for delay in delays])
    weights = below * np.array([delay.weight for delay in delays])[:, None]
    edges = np.cumsum(weights, axis=0)
    part = np.sum(rng.random(len(limit)) * edges[-1] >= edges[:-1], axis=0) if len(delays) > 1 else np.zeros(len(limit))
    chance = rng.random(len(limit))
    waits = np.zeros(len(limit))
    for index, delay in enumerate(delays):
        of_part = part == index
        top = np.minimum(below[index], 1.0 - 1e-12)
        waits[of_part] = delay.wait_of(chance[of_part] * top[of_part])
    return np.minimum(waits, limit)


def draw(delays: Delays, count: int, rng: np.random.Generator) -> Floats:
    """``count`` waits of the mixture, seconds."""
    return draw_below(delays, np.full(count, np.inf), rng)


__all__ = ["Delay", "Delays", "Floats", "Shape", "density", "draw", "draw_below", "passed"]
