"""Evidence as a waterfall: each reason's bar begins where the one before ended. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.web import words

NAMES = {
    "base_rate": "to begin with",
    "last_seen": "last sign of life",
    "page_open": "right then",
    "tel_click": "clicked the number",
    "page": "last page",
    "page_views": "pages read",
    "visits": "visits so far",
    "device": "device",
    "form_filled": "sent a form",
    "hour_of_week": "hour of the week",
    "number_history": "this number's past",
    "robocall_burst": "burst of calls",
    "withheld": "caller",
    "area_code": "area code",
    "other_phone": "another phone",
    "known_phone": "phone known",
}
WIDTH = 100.0
_LEAST = 1.0


@dataclass(frozen=True, kw_only=True)
class EvidenceRow:
    """One reason: its words, its signed weight, and where its bar lies (`x`, `width` of WIDTH)."""

    name: str
    value: str
    weight: str
    favours: bool
    x: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Waterfall:
    """All reasons, their sum, and where zero lies."""

    rows: tuple[EvidenceRow, ...]
    total: EvidenceRow
    zero: float


def waterfall(evidence: Sequence[dict[str, Any]] | None) -> Waterfall | None:
    """The waterfall of a candidate, or None where no evidence was kept."""
    if not evidence:
        return None
    weights = [float(row["weight"]) for row in evidence]
    ends = [0.0]
    for weight in weights:
        ends.append(ends[-1] + weight)
    low, high = min(ends), max(ends)
    scale = WIDTH / max(high - low, 1e-9)
    rows = tuple(
        _row(
            NAMES.get(row["name"], str(row["name"]).replace("_", " ")),
            str(row["value"]),
            weight,
            (min(begin, begin + weight) - low) * scale,
            abs(weight) * scale,
        )
        for row, weight, begin in zip(evidence, weights, ends, strict=False)
    )
    total = ends[-1]
    return Waterfall(
        rows=rows,
        total=_row("together, against nobody", "", total, (min(0.0, total) - low) * scale, abs(total) * scale),
        zero=round(-low * scale, 2),
    )


def _row(name: str, value: str, weight: float, x: float, width: float) -> EvidenceRow:
    return EvidenceRow(
        name=name,
        value=value,
        weight=words.weight(weight),
        favours=weight >= 0,
        x=round(min(x, WIDTH - _LEAST), 2),
        width=round(max(width, _LEAST), 2),
    )
