"""The proof that a probability means what it says: what the model promised against what staff found. Pure."""

import math
from dataclasses import dataclass

from reports.rules.accuracy import Calibration, CalibrationBin

ENOUGH = 20
"""Fewer decisions by staff than this prove nothing either way."""
_Z = 1.645  # 90 % of a normal distribution lie within


@dataclass(frozen=True, kw_only=True)
class ProofRow:
    """One band of likelihoods. `low` and `high` bound the true share of right ones (90 % interval)."""

    label: str
    matches: int
    confirmed: int
    right: int
    promised: float
    share: float
    low: float
    high: float
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Proof:
    """All that staff decided, and its bands; without `rows` there is too little of it."""

    decided: int
    enough: int
    total: ProofRow | None
    rows: tuple[ProofRow, ...]


def interval(right: int, of: int) -> tuple[float, float]:
    """The 90 % interval of a share (Wilson 1927), honest for small numbers too. (0, 1) for none."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = right / of, _Z * _Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    # Rounding must not push the share itself out of its interval.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def proof_of(calibration: Calibration) -> Proof:
    """The table, or only how much there is of ENOUGH."""
    decided = calibration.total.confirmed + calibration.nobody.confirmed
    if decided < ENOUGH:
        return Proof(decided=decided, enough=ENOUGH, total=None, rows=())
    rows = [_row(_label(b), b) for b in reversed(calibration.bins)]
    rows.append(_row("nobody from the site", calibration.nobody))
    return Proof(
        decided=decided,
        enough=ENOUGH,
        total=_row("all matches", calibration.total),
        rows=tuple(row for row in rows if row is not None),
    )


def _label(held: CalibrationBin) -> str:
    return f"{held.likelihood_from * 100:.0f} to {held.likelihood_to * 100:.0f} %"


def _row(label: str, held: CalibrationBin) -> ProofRow | None:
    if held.confirmed == 0 or held.confirmed_mean_likelihood is None:
        return None
    low, high = interval(held.right, held.confirmed)
    return ProofRow(
        label=label,
        matches=held.matches,
        confirmed=held.confirmed,
        right=held.right,
        promised=held.confirmed_mean_likelihood,
        share=held.right / held.confirmed,
        low=low,
        high=high,
        holds=low <= held.confirmed_mean_likelihood <= high,
    )
