"""The likelihood model: log-linear call intensities, background, phones; readable versioned JSON.

``log2_intensity`` of a candidate is the sum of its ``contributions``, one column per feature, so every number
can be shown as evidence. Scoring needs NumPy and nothing else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from matching.rules.background import Background
from matching.rules.curves import Floats
from matching.rules.facts import CallFacts, CandidateFacts
from matching.rules.features import FEATURES, Basis
from matching.rules.phones import PhoneParams

FORMAT = 1
"""The layout of the model file. Another layout gets another number, and its own reader."""

LIMIT = 30.0
"""No single piece of evidence weighs more (log2: one in a thousand million). It keeps absurd sums exact."""


class ModelFileError(ValueError):
    """A model file that cannot be used; the message says what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class LikelihoodModel:
    """A set of rates and weights that scores calls.

    ``weights``: log2 per unit of each feature column, in the order of FEATURES (``base_rate``: added to the
    delay curve's own peak). ``training``: where the numbers come from (period, counts, held-out log-loss,
    calibration); for readers only.
    """

    version: str
    weights: tuple[float, ...]
    basis: Basis
    background: Background
    phones: PhoneParams
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.weights) != len(FEATURES):
            raise ValueError(f"needs {len(FEATURES)} weights, got {len(self.weights)}")
        if not np.isfinite(self.weights).all():
            raise ValueError("weights must be finite")

    @cached_property
    def _weights(self) -> Floats:
        return np.asarray(self.weights, dtype=np.float64)

    def featurize(self, call: CallFacts, candidates: Sequence[CandidateFacts]) -> Floats:
        """Return X, shape (candidates, features)."""
        return self.basis.columns(call, candidates)

    def contributions(self, features: Floats) -> Floats:
        """Return the log2 of each column's part in the intensity, shape (n, k); each within LIMIT."""
        parts = np.clip(features * self._weights, -LIMIT, LIMIT)
        # The curve's peak is the constant's own size; it is a rate, so the limit is not for it.
        parts[:, 0] += np.log2(self.basis.delay.peak)
        return np.asarray(parts, dtype=np.float64)

    def log2_intensity(self, features: Floats) -> Floats:
        """Return log2 calls per second of each row, shape (n,)."""
        return np.asarray(self.contributions(features).sum(axis=1), dtype=np.float64)

    def background_terms(self, call: CallFacts) -> dict[str, float]:
        """Return the named log2 terms of nobody's intensity; each but the base rate is within LIMIT."""
        terms = self.background.terms(call, self.basis.hours)
        return {name: term if name == "base_rate" else min(max(term, -LIMIT), LIMIT) for name, term in terms.items()}

    def as_json(self) -> dict[str, Any]:
        """Return the model as the plain values its file holds."""
        return {
            "format": FORMAT,
            "version": self.version,
            "features": list(FEATURES),
            "weights": dict(zip(FEATURES, self.weights, strict=True)),
            "basis": self.basis.as_json(),
            "background": self.background.as_json(),
            "phones": self.phones.as_json(),
            "training": dict(self.training),
        }

    def dumps(self) -> str:
        """Return the text of the model file."""
        return json.dumps(self.as_json(), indent=2, allow_nan=False) + "\n"

    def save(self, path: Path) -> None:
        """Write the model file."""
        path.write_text(self.dumps(), encoding="utf-8")

    @classmethod
    def from_json(cls, data: Any) -> "LikelihoodModel":
        """Read what ``as_json`` wrote. Raises ModelFileError where anything in it is wrong."""
        if not isinstance(data, Mapping):
            raise ModelFileError("a model file holds one JSON object")
        if data.get("format") != FORMAT:
            raise ModelFileError(f"model format {data.get('format')!r} is not {FORMAT}")
        if data.get("features") != list(FEATURES):
            raise ModelFileError(_feature_complaint(data.get("features")))
        try:
            weights = data["weights"]
            if set(weights) != set(FEATURES):
                raise ValueError("weights must name exactly the features")
            return cls(
                version=str(data["version"]),
                weights=tuple(float(weights[name]) for name in FEATURES),
                basis=Basis.from_json(data["basis"]),
                background=Background.from_json(data["background"]),
                phones=PhoneParams.from_json(data["phones"]),
                training=dict(data.get("training", {})),
            )
        except KeyError as missing:
            raise ModelFileError(f"the model file lacks {missing.args[0]!r}") from missing
        except (TypeError, ValueError, AttributeError) as wrong:
            raise ModelFileError(f"the model file holds a value that cannot be used: {wrong}") from wrong

    @classmethod
    def loads(cls, text: str) -> "LikelihoodModel":
        """Read the text of a model file. Raises ModelFileError."""
        try:
            data = json.loads(text)
        except ValueError as wrong:
            raise ModelFileError(f"the model file is not JSON: {wrong}") from wrong
        return cls.from_json(data)

    @classmethod
    def load(cls, path: Path) -> "LikelihoodModel":
        """Read a model file. Raises ModelFileError, and OSError where it cannot be read."""
        return cls.loads(path.read_text(encoding="utf-8"))


def _feature_complaint(found: Any) -> str:
    """Say which feature names differ."""
    if not isinstance(found, list):
        return "the model file lacks its list of features"
    unknown = sorted({str(name) for name in found} - set(FEATURES))
    missing = sorted(set(FEATURES) - {str(name) for name in found})
    return f"the model's features are not this program's (unknown: {unknown}, missing: {missing}, or another order)"


@cache
def prior() -> LikelihoodModel:
    """Return the shipped model, which answers before anything is learnt."""
    return LikelihoodModel.loads(files("matching").joinpath("prior.json").read_text(encoding="utf-8"))
