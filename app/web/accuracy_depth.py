"""One source of the accuracy report in depth: what other numbers would bring, and when its visitors come."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.advice import what_if
from core.errors import InvalidInput
from reports.accuracy import AccuracyReport, SourceAccuracy, Week
from reports.rules.pool_curve import CurvePoint

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHADES = 6
MOST_STEPS = 200
"""Places of the slider; with more sizes than that it skips some."""
_ASKED = re.compile(r"([a-z0-9_-]{1,80}):([0-9]{1,6})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """The slider: from `least` to `most` numbers in steps, standing at `numbers`, and what each place means."""

    least: int
    most: int
    step: int
    numbers: int
    said: str
    places: Sequence[tuple[int, str]]
    asked: bool


@dataclass(frozen=True, kw_only=True)
class PlayedSize:
    """A row of the curve's table."""

    point: CurvePoint
    present: bool
    recommended: bool


@dataclass(frozen=True, kw_only=True)
class Cell:
    """An hour of the week: its mean, shown short, and how dark it is drawn (0 to SHADES)."""

    text: str
    exact: str
    shade: int


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """Seven days of 24 hours; `most` is the busiest hour in words."""

    rows: Sequence[tuple[str, Sequence[Cell]]]
    most: str


@dataclass(frozen=True, kw_only=True)
class Depth:
    """All that the section shows. Without a curve `what_if` is None and `sizes` empty."""

    source: SourceAccuracy
    what_if: WhatIf | None
    sizes: Sequence[PlayedSize]
    visitors: HeatMap | None
    calls: HeatMap | None


def depth_of(report: AccuracyReport, asked: Mapping[str, str]) -> Depth | None:
    """The source that the URL names (`source`, or `whatif=SLUG:NUMBERS`), else the one that needs most.

    None where the report has no source. Raises InvalidInput for a source that is not in it, or a `whatif` that is none.
    """
    slug, numbers = _asked(asked)
    here = {source.slug: source for source in reversed(report.sources)}
    if slug is not None and slug not in here:
        field = "whatif" if numbers is not None else "source"
        raise InvalidInput({field: "is no source of this report"})
    if not here:
        return None
    source = here[slug] if slug is not None else _most_in_need(report)
    return Depth(
        source=source,
        what_if=_what_if(source, numbers),
        sizes=_sizes(source),
        visitors=heat_map(source.visitors_by_hour, "visitors"),
        calls=heat_map(source.calls_by_hour, "calls"),
    )


def _asked(asked: Mapping[str, str]) -> tuple[str | None, int | None]:
    text = asked.get("whatif")
    if not text:
        return asked.get("source") or None, None
    found = _ASKED.fullmatch(text)
    if found is None:
        raise InvalidInput({"whatif": "a source and a number of numbers are allowed, such as google_ads:12"})
    return found[1], int(found[2])


def _most_in_need(report: AccuracyReport) -> SourceAccuracy:
    def need(source: SourceAccuracy) -> tuple[bool, int, bool, float]:
        gap = source.recommended_numbers - source.numbers if source.verdict == "more" else 0
        return not source.deleted, gap, source.curve is not None, source.average_daily_visitors

    return max(report.sources, key=need)


def _what_if(source: SourceAccuracy, numbers: int | None) -> WhatIf | None:
    curve = source.curve
    if curve is None:
        return None
    # What was not played is not known; what there is now can be chosen all the same.
    least, most = min(curve.least, source.numbers or curve.least), max(curve.most, source.numbers)
    step = max(1, (most - least) // MOST_STEPS)
    chosen = min(max(source.recommendation.numbers if numbers is None else numbers, least), most)
    places = sorted({*range(least, most + 1, step), most, source.numbers or least, chosen})
    return WhatIf(
        least=least,
        most=most,
        step=step,
        numbers=chosen,
        said=what_if(source, chosen),
        places=[(place, what_if(source, place)) for place in places],
        asked=numbers is not None,
    )


def _sizes(source: SourceAccuracy) -> list[PlayedSize]:
    curve, recommended = source.curve, source.recommendation.numbers
    if curve is None:
        return []
    points = {point.numbers: point for point in curve.points}
    for numbers in (source.numbers, recommended):
        if numbers and curve.least <= numbers <= curve.most:
            points.setdefault(numbers, curve.at(numbers))
    return [
        PlayedSize(point=points[n], present=n == source.numbers, recommended=n == recommended) for n in sorted(points)
    ]


def heat_map(week: Week, what: str) -> HeatMap | None:
    """The map of means by hour of the week; None where nothing came at all."""
    known = [mean for mean in week if mean is not None]
    top = max(known, default=0.0)
    if top <= 0:
        return None
    busiest = max(range(len(week)), key=lambda hour: week[hour] or 0.0)
    rows = [
        (day, [_cell(week[place * 24 + hour], top, f"{day} {hour}:00", what) for hour in range(24)])
        for place, day in enumerate(DAYS)
    ]
    most = f"{DAYS[busiest // 24]} {busiest % 24}:00 to {busiest % 24 + 1}:00"
    return HeatMap(rows=rows, most=f"{most}, {_short(top)} {what} on average")


def _cell(mean: float | None, top: float, when: str, what: str) -> Cell:
    if mean is None:
        return Cell(text="", exact=f"{when}: not in this period", shade=0)
    shade = 0 if mean == 0 else min(SHADES, 1 + int(mean / top * SHADES * 0.9999))
    return Cell(text=_short(mean) if mean else "", exact=f"{when}: {mean:,.2f} {what}", shade=shade)


def _short(mean: float) -> str:
    return f"{mean:,.0f}" if mean >= 10 or mean == round(mean) else f"{mean:.1f}"
