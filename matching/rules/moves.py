"""What changed between two likelihood models: the numbers that moved most. Pure."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from matching.rules.model import LikelihoodModel

LEAST = 0.005
"""A move below this (log2) is rounding."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """A number of the model before and after; `by` is log2: the weight's difference, or the rate's ratio."""

    name: str
    before: float
    after: float
    by: float


def weight_moves(before: LikelihoodModel, after: LikelihoodModel) -> tuple[Move, ...]:
    """The weights (log2 each) that moved, the largest move first. A weight that one of them lacks counts as 0."""
    old, new = _weights(before), _weights(after)
    return _sorted(
        Move(name=name, before=old.get(name, 0.0), after=new.get(name, 0.0), by=new.get(name, 0.0) - old.get(name, 0.0))
        for name in {**old, **new}
    )


def rate_moves(before: LikelihoodModel, after: LikelihoodModel) -> tuple[Move, ...]:
    """The background's and the phones' positive numbers that moved, by their log2 ratio, the largest move first."""
    old, new = _rates(before), _rates(after)
    return _sorted(
        Move(name=name, before=old[name], after=value, by=math.log2(value / old[name]))
        for name, value in new.items()
        if name in old
    )


def _weights(model: LikelihoodModel) -> dict[str, float]:
    data = model.as_json()
    return {**data["weights"], **{f"source {name}": value for name, value in data.get("sources", {}).items()}}


def _rates(model: LikelihoodModel) -> dict[str, float]:
    data = model.as_json()
    return dict(leaf for room in ("background", "phones") for leaf in _leaves(room, data[room]))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{name} {str(key).replace('_', ' ')}", inner)
    elif isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        yield name, float(value)


def _sorted(moves: Iterator[Move]) -> tuple[Move, ...]:
    return tuple(sorted((m for m in moves if abs(m.by) >= LEAST), key=lambda m: (-abs(m.by), m.name)))
