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
from matching.rules.curves import Floats, check_hours, hour_kind
from matching.rules.facts import CallFacts, CandidateFacts
from matching.rules.features import DELAYS, FEATURES, GROUPS, PageWords, columns
from matching.rules.phones import PhoneParams

FORMAT = 2
"""The layout of the model file. Another layout gets another number, and its own reader."""

LIMIT = 30.0
"""No single piece of evidence weighs more (log2: one in a thousand million). It keeps absurd sums exact."""

INTENSITY_ROWS: tuple[str, ...] = ("base_rate", "last_seen", *(name for name, _ in GROUPS), "hour_of_week", "source")
"""The parts of a candidate's log2 intensity, in the order of ``contributions``' columns."""


class ModelFileError(ValueError):
    """A model file that cannot be used; the message says what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class LikelihoodModel:
    """A set of rates and weights that scores calls.

    ``weights``: log2 per unit of each feature column, in the order of FEATURES. ``hours``: log2 by hour (see
    curves.HOURS) at which visitors call. ``sources``: log2 of what was learnt of a source's visitors.
    ``training``: where the numbers come from (period, counts, held-out log-likelihood); for readers only.
    """

    version: str
    weights: tuple[float, ...]
    hours: tuple[float, ...]
    sources: Mapping[str, float]
    pages: PageWords
    background: Background
    phones: PhoneParams
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.weights) != len(FEATURES):
            raise ValueError(f"needs {len(FEATURES)} weights, got {len(self.weights)}")
        if not np.isfinite(self.weights).all():
            raise ValueError("weights must be finite")
        if not all(np.isfinite(value) for value in self.sources.values()):
            raise ValueError("sources need finite values")
        check_hours(self.hours)

    @cached_property
    def _weights(self) -> Floats:
        return np.asarray(self.weights, dtype=np.float64)

    def featurize(self, candidates: Sequence[CandidateFacts]) -> Floats:
        """Return X, shape (candidates, FEATURES)."""
        return columns(candidates, self.pages)

    def contributions(self, features: Floats, call: CallFacts) -> Floats:
        """Return the log2 of each part of the intensity, shape (n, INTENSITY_ROWS); each within LIMIT but the rate."""
        parts = np.empty((len(features), len(INTENSITY_ROWS)))
        # What a knot's own column cannot say: the curve's height at 0 is the base rate, the rest is its fading.
        # Weighted sums are taken column by column, so that one row alone gives the same bits as the row in a crowd.
        peak = min(max(float(self._weights[0]), -4 * LIMIT), 4 * LIMIT)
        parts[:, 0] = peak
        parts[:, 1] = _weigh(features[:, DELAYS], self._weights[DELAYS]) - peak
        for place, (_, group) in enumerate(GROUPS, start=2):
            if isinstance(group, slice):
                parts[:, place] = _weigh(features[:, group], self._weights[group])
            else:
                parts[:, place] = features[:, group] * self._weights[group]
        parts[:, -2] = self.hours[hour_kind(call.local_hour_of_week)]
        parts[:, -1] = self.sources.get(call.source, 0.0)
        parts[:, 1:] = np.clip(parts[:, 1:], -LIMIT, LIMIT)
        return parts

    def background_terms(self, call: CallFacts) -> dict[str, float]:
        """Return the named log2 terms of nobody's intensity; each but the base rate is within LIMIT."""
        terms = self.background.terms(call)
        return {name: term if name == "base_rate" else min(max(term, -LIMIT), LIMIT) for name, term in terms.items()}

    def as_json(self) -> dict[str, Any]:
        """Return the model as the plain values its file holds."""
        return {
            "format": FORMAT,
            "version": self.version,
            "features": list(FEATURES),
            "weights": dict(zip(FEATURES, self.weights, strict=True)),
            "hours": list(self.hours),
            "sources": dict(self.sources),
            "pages": self.pages.as_json(),
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
                hours=check_hours(data["hours"]),
                sources={str(name): float(value) for name, value in data["sources"].items()},
                pages=PageWords.from_json(data["pages"]),
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


def _weigh(features: Floats, weights: Floats) -> Floats:
    """Weighted sum of the columns, one after the other (a matrix product may round by the shape of its input)."""
    total = np.zeros(len(features))
    for column, weight in enumerate(weights):
        total += features[:, column] * weight
    return total


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
