"""Whose each telephone is: weights over visitors and strangers, call by call, and what one telephone says of another.

A visitor has one own telephone, so whoever owns one number does not own another. What that means is passed between
the telephones in doubt two steps deep (belief propagation on a graph that is nearly a tree).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from app.demo.simulator.delays import Floats
from app.demo.simulator.people import Indices

SHARE_KEPT = 3e-3
WEIGHT_KEPT = 1e-10
SUREST = 1.0 - 1e-9


@dataclass(kw_only=True)
class Phone:
    """One telephone's calls and who may own it. Weights are relative to each other; ``strangers`` by what they are.

    ``calls``: moment and rung number of each.
    """

    visitors: Indices
    weights: Floats
    strangers: dict[str, float]
    calls: list[tuple[int, int]] = field(default_factory=list)

    def keep(self) -> None:
        """Scales the weights to sum to 1 and drops those that no longer matter."""
        total = float(self.weights.sum()) + sum(self.strangers.values())
        if total <= 0:
            return
        self.weights = self.weights / total
        self.strangers = {kind: weight / total for kind, weight in self.strangers.items()}
        kept = self.weights > WEIGHT_KEPT
        self.visitors, self.weights = self.visitors[kept], self.weights[kept]


@dataclass(frozen=True, kw_only=True)
class _Edges:
    """A telephone's likely owners, their shares from its own calls alone, and the logarithm of what those leave."""

    visitors: Indices
    shares: Floats
    leaves: Floats


class Ownership:
    """All telephones seen so far, by number; ``count`` visitors."""

    def __init__(self, count: int) -> None:
        self.phones: dict[str, Phone] = {}
        self._edges: dict[str, _Edges] = {}
        self._touching: dict[int, set[str]] = {}
        self._leaves = np.zeros(count)

    def keep(self, number: str, phone: Phone) -> None:
        """Takes in what a call said about a telephone."""
        before = self._edges.get(number)
        if before is not None:
            self._leaves[before.visitors] -= before.leaves
            for visitor in before.visitors.tolist():
                self._touching[visitor].discard(number)
        phone.keep()
        self.phones[number] = phone
        likely = phone.weights > SHARE_KEPT
        visitors, shares = phone.visitors[likely], phone.weights[likely]
        edges = _Edges(visitors=visitors, shares=shares, leaves=np.log1p(-np.minimum(shares, SUREST)))
        self._edges[number] = edges
        self._leaves[visitors] += edges.leaves
        for visitor in visitors.tolist():
            self._touching.setdefault(visitor, set()).add(number)

    def free(self, visitors: Indices, number: str | None) -> Floats:
        """The chance that none of the telephones but ``number`` is each visitor's.

        Each telephone's shares are taken with what all telephones but itself and ``number`` leave of its owners.
        """
        names: set[str] = set()
        for visitor in visitors.tolist():
            names |= self._touching.get(visitor, set())
        others = [self._edges[name] for name in sorted(names) if name != number]
        if not others:
            return np.ones(len(visitors))
        left = self._leaves
        if number in self._edges:
            own = self._edges[number]
            left = left.copy()
            left[own.visitors] -= own.leaves
        who = np.concatenate([edges.visitors for edges in others])
        shares = np.concatenate([edges.shares for edges in others])
        leaves = np.concatenate([edges.leaves for edges in others])
        counts = np.array([len(edges.visitors) for edges in others])
        starts = np.cumsum(counts) - counts
        weights = shares * np.exp(np.minimum(left[who] - leaves, 0.0))
        totals = 1.0 - np.add.reduceat(shares, starts) + np.add.reduceat(weights, starts)
        share = weights / np.maximum(np.repeat(totals, counts), 1e-300)
        logs = np.bincount(who, weights=np.log1p(-np.clip(share, 0.0, SUREST)), minlength=len(self._leaves))
        return np.exp(logs[visitors])


__all__ = ["Ownership", "Phone"]
