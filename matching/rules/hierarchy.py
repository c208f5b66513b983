"""The shipped prior from many businesses whose truth is known: where their intensities lie, and how far apart.

Empirical Bayes: every business's weights are drawn from one normal distribution, whose mean and covariance maximise
the likelihood of all of them (EM; the E-step is a Laplace approximation per business). Rare businesses of every kind
widen the covariance, so that a fit can move to them; common ones set the mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matching.rules.curves import Floats

_LN2 = float(np.log(2.0))


@dataclass(frozen=True, kw_only=True, eq=False)
class Observed:
    """One business: rows of columns (n, k), source of each row, calls and exposed seconds (hours counted) per row."""

    features: Floats
    source: Floats
    calls: Floats
    seconds: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """``mean`` (k,) and ``covariance`` (k, k) of log2 weights, and the deviation (log2) of sources."""

    mean: Floats
    covariance: Floats
    sources: float


def pool(businesses: Sequence[Observed], start: Population, *, rounds: int = 12, floor: float = 0.05) -> Population:
    """Return the population the businesses come from. ``floor``: least deviation of any weight (log2)."""
    found = start
    for _ in range(rounds):
        means, spreads, sources = zip(*(_posterior(business, found) for business in businesses), strict=True)
        mean = np.mean(means, axis=0)
        apart = np.asarray(means) - mean
        covariance = apart.T @ apart / len(businesses) + np.mean(spreads, axis=0)
        covariance[np.diag_indices_from(covariance)] = np.maximum(np.diag(covariance), floor**2)
        found = Population(
            mean=mean,
            covariance=(covariance + covariance.T) / 2,
            sources=float(np.sqrt(max(np.mean(sources), 0.05**2))),
        )
    return found


def _posterior(business: Observed, population: Population) -> tuple[Floats, Floats, float]:
    """Mode and covariance of one business's weights (Newton's method), and the mean square of its sources."""
    width = len(population.mean)
    places = int(business.source.max()) + 1
    root = np.linalg.cholesky(population.covariance + 1e-9 * np.eye(width))
    table = np.zeros((len(business.calls), width + places))
    table[:, :width] = business.features @ root
    at = np.flatnonzero(business.source >= 0)
    table[at, width + business.source[at].astype(int)] = population.sources
    table *= _LN2
    offset = np.log(np.maximum(business.seconds, 1e-9)) + _LN2 * (business.features @ population.mean)
    z = np.zeros(width + places)
    value = _objective(table, offset, business.calls, z)
    for _ in range(60):
        rate = np.exp(np.clip(offset + table @ z, -60, 30))
        gradient = table.T @ (business.calls - rate) - z
        hessian = (table * rate[:, None]).T @ table + np.eye(len(z))
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while (after := _objective(table, offset, business.calls, z + size * step)) < value and size > 1e-6:
            size /= 2
        z = z + size * step
        if after - value < 1e-7:
            break
        value = after
    inverse = np.linalg.inv(hessian)
    spread = root @ inverse[:width, :width] @ root.T
    own = (z[width:] ** 2 + np.diag(inverse)[width:]) * population.sources**2
    return population.mean + root @ z[:width], spread, float(own.mean())


def _objective(table: Floats, offset: Floats, calls: Floats, z: Floats) -> float:
    log_rate = np.clip(offset + table @ z, -60, 30)
    return float(calls @ log_rate - np.exp(log_rate).sum() - 0.5 * z @ z)
