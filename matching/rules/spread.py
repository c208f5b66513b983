"""How much businesses differ: the spread around the shipped prior by which a fit shrinks to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from matching.rules.curves import Floats
from matching.rules.features import FEATURES


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The spread of every parameter.

    ``weights``: a square root L, shape (k + 1, m), of the covariance among businesses of FEATURES' weights and, last,
    nobody's level, in log2: weights = prior + L z with z standard normal. ``sources``: standard deviation (log2) of a
    source's visitors around their account's. The others are counts: so many calls (or trials) of belief the prior is
    worth, per parameter.
    """

    weights: Floats
    sources: float
    hours: float
    background_source: float
    background_number: float
    background_hours: float
    burst: float
    withheld: float
    regions: float
    local: float
    redial: float
    rho: float
    other_number: float

    def as_json(self) -> dict[str, Any]:
        """Return the plain values its file holds."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "weights"}
        return plain | {
            "features": list(FEATURES),
            "weights": [[round(float(v), 4) for v in row] for row in self.weights],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Spread":
        """Read what ``as_json`` wrote. Raises KeyError or ValueError for anything else."""
        if data["features"] != list(FEATURES):
            raise ValueError("the spread's features are not this program's")
        names = [name for name in cls.__dataclass_fields__ if name != "weights"]
        return cls(weights=np.asarray(data["weights"], dtype=np.float64), **{name: float(data[name]) for name in names})


@cache
def shipped_spread() -> Spread:
    """Return the spread that is shipped with the prior."""
    return Spread.from_json(json.loads(files("matching").joinpath("spread.json").read_text(encoding="utf-8")))
