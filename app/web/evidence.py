"""Evidence as a waterfall: each reason's bar begins where the one before ended. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.web import words

NAMES = {
    "base_rate": "to begin with",
    "last_seen": "last sign of life",
    "page_age": "page left open",
    "tel_click": "clicked the number",
    "form_filled": "sent a form",
    "left_page": "left the page",
    "superseded": "number shown now",
    "page": "last page",
    "page_views": "pages read",
    "visits": "visits so far",
    "device": "device",
    "hour_of_week": "hour of the week",
    "source": "source",
    "machine": "a machine's visits",
    "number_history": "this number's past",
    "robocall_burst": "burst of calls",
    "withheld": "caller id",
    "area_code": "area code",
    "other_phone": "another phone",
    "known_phone": "phone known",
    "spam": "spam",
    "late_news": "late news",
}
"""Evidence name → what the page calls it."""

MEANS = {
    "base_rate": "How often visitors call at all, against how often this number rings without any visit behind it.",
    "last_seen": "How long before the call the visitor was last active. Most callers call within minutes.",
    "page_age": "How long ago they last opened a page. One that is merely left open says less than one being read.",
    "tel_click": "The visitor tapped or clicked the phone number shortly before the call.",
    "form_filled": "The visitor sent a form not long ago. People who do often call, too, or no longer need to.",
    "left_page": "The visitor closed the page before the call came.",
    "superseded": "The visitor has been shown a number of another source since, and would rather dial that one.",
    "page": "The last page they looked at. Some pages are read by people who are about to call.",
    "page_views": "How many pages they read on this visit.",
    "visits": "How often they have been on the site.",
    "device": "People call more easily from a phone than from a desktop.",
    "hour_of_week": "Visitors and other callers do not call at the same hours.",
    "source": "Visitors of this source call more, or less, often than others.",
    "machine": "Somebody asked for visitors by the hundred from one network, and none of their pages was ever read.",
    "number_history": "How often this very number rings without any visit behind it.",
    "robocall_burst": "Many calls without a visit at the same time point to a dialling machine.",
    "withheld": "Whether the caller hides their number. Visitors do so about as often as anybody.",
    "area_code": "Whether the caller's area code fits the region the visitor browses from.",
    "other_phone": "This visitor is known to use another phone than the one that called.",
    "known_phone": "What forms, earlier calls and staff say about whose phone this is.",
    "spam": "The call was marked as spam, so it was hardly a visitor.",
    "late_news": "What reached us only after this was worked out.",
}
"""Evidence name → what stands behind it, in a sentence."""

WIDTH = 100.0
_LEAST = 1.0
_MOST_ODDS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class EvidenceRow:
    """One reason: its words, its signed weight, and where its bar lies (`x`, `width` of WIDTH)."""

    name: str
    value: str
    weight: str
    favours: bool
    x: float
    width: float
    means: str = ""


@dataclass(frozen=True, kw_only=True)
class Waterfall:
    """All reasons, their sum, and where zero lies."""

    rows: tuple[EvidenceRow, ...]
    total: EvidenceRow
    zero: float


def waterfall(evidence: Sequence[dict[str, Any]] | None) -> Waterfall | None:
    """The waterfall of a candidate, the base rate first, then the weightiest; None where no evidence was kept."""
    if not evidence:
        return None
    ordered = sorted(evidence, key=lambda row: (row["name"] != "base_rate", -abs(float(row["weight"]))))
    weights = [float(row["weight"]) for row in ordered]
    ends = [0.0]
    for weight in weights:
        ends.append(ends[-1] + weight)
    low, high = min(ends), max(ends)
    scale = WIDTH / max(high - low, 1e-9)
    rows = tuple(
        _row(
            _name(row),
            str(row["value"]),
            weight,
            (min(begin, begin + weight) - low) * scale,
            abs(weight) * scale,
            MEANS.get(row["name"], ""),
        )
        for row, weight, begin in zip(ordered, weights, ends, strict=False)
    )
    total = ends[-1]
    return Waterfall(
        rows=rows,
        total=_row("together, against nobody", odds(total), total, (min(0.0, total) - low) * scale, abs(total) * scale),
        zero=round(-low * scale, 2),
    )


def odds(weight: float) -> str:
    """A sum of match weights (log2 against nobody) as odds, such as "24 to 1 that it was them"."""
    if abs(weight) < 0.05:
        return "as likely as nobody from the site"
    ratio = 2.0 ** min(abs(weight), 60.0)
    if ratio >= _MOST_ODDS:
        said = f"more than {_MOST_ODDS:,} to 1"
    else:
        said = f"{ratio:.1f} to 1" if ratio < 9.95 else f"{ratio:,.0f} to 1"
    return f"{said} that it was {'them' if weight > 0 else 'nobody from the site'}"


def glossary(falls: Iterable[Waterfall | None]) -> tuple[tuple[str, str], ...]:
    """Each reason that these show, once, with what stands behind it."""
    found = {row.name: row.means for fall in falls if fall is not None for row in fall.rows if row.means}
    return tuple(found.items())


def _name(row: dict[str, Any]) -> str:
    return NAMES.get(row["name"], str(row["name"]).replace("_", " "))


def _row(name: str, value: str, weight: float, x: float, width: float, means: str = "") -> EvidenceRow:
    return EvidenceRow(
        name=name,
        value=value,
        weight=words.weight(weight),
        favours=weight >= 0,
        x=round(min(x, WIDTH - _LEAST), 2),
        width=round(max(width, _LEAST), 2),
        means=means,
    )
