"""The accuracy report as a table: a line per source and per number. Exact for machines, safe to open for people.

Columns are the same for both. For machines values are as in the JSON: E.164, fractions of 1, no word changed. For
people phone numbers are written as at home, and a cell that a spreadsheet would take for a formula begins with an
apostrophe (OWASP, "CSV injection").
"""

import csv
import io
from collections.abc import Iterator
from typing import Any, Literal

from app.advice import advice
from core.phone import for_country
from reports.accuracy import AccuracyReport, NumberAccuracy, SourceAccuracy
from reports.rules.recommend import Money

Reader = Literal["machines", "people"]
FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    "line",
    "source",
    "name",
    "kind",
    "number",
    "status",
    "numbers",
    "recommended_numbers",
    "verdict",
    "visitors",
    "average_daily_visitors",
    "daily_visitors_90th_percentile",
    "busiest_day_visitors",
    "busiest_hour_visitors",
    "unused_numbers",
    "calls",
    "mean_likelihood",
    "share_above_target",
    "achieved_likelihood",
    "achieved_sure_share",
    "expected_likelihood",
    "expected_likelihood_low",
    "expected_likelihood_high",
    "expected_sure_share",
    "overridden",
    "monthly_price_minor",
    "price_currency",
    "numbers_without_price",
    "recommendation",
)


def accuracy_csv(report: AccuracyReport, reader: Reader, country: str) -> str:
    """The report as CSV (RFC 4180) with a header; `country` is where numbers without `+` are at home."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in _lines(report):
        if reader == "people" and line.get("number"):
            line["number"] = for_country(line["number"], country)
        cells = [_cell(line.get(column)) for column in COLUMNS]
        writer.writerow([defused(cell) for cell in cells] if reader == "people" else cells)
    return out.getvalue()


def defused(cell: str) -> str:
    """The cell as text for a spreadsheet: what would be a formula begins with an apostrophe."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def _lines(report: AccuracyReport) -> Iterator[dict[str, Any]]:
    for source in report.sources:
        yield _source(report, source)
        for number in source.numbers_detail:
            yield _number(source, number)


def _source(report: AccuracyReport, source: SourceAccuracy) -> dict[str, Any]:
    expected = source.expected
    price = source.prices.sums[0] if len(source.prices.sums) == 1 else None
    return {
        "line": "source",
        "source": source.slug,
        "name": source.name,
        "kind": source.kind,
        "numbers": source.numbers,
        "recommended_numbers": source.recommended_numbers,
        "verdict": source.verdict,
        "visitors": source.daily.total,
        "average_daily_visitors": source.average_daily_visitors,
        "daily_visitors_90th_percentile": source.daily.ninetieth,
        "busiest_day_visitors": source.busiest_day_visitors,
        "busiest_hour_visitors": source.daily.busiest_hour,
        "unused_numbers": source.unused,
        "calls": source.figures.calls,
        "mean_likelihood": source.figures.mean_likelihood,
        "share_above_target": source.figures.share_above_target,
        "achieved_likelihood": source.achieved.likelihood,
        "achieved_sure_share": source.achieved.sure,
        "expected_likelihood": expected.likelihood if expected else None,
        "expected_likelihood_low": expected.low if expected else None,
        "expected_likelihood_high": expected.high if expected else None,
        "expected_sure_share": expected.sure if expected else None,
        "overridden": source.figures.overridden,
        **_price(price),
        "numbers_without_price": source.prices.unknown,
        "recommendation": advice(source, report.visitors_per_number, report.likelihood_target),
    }


def _number(source: SourceAccuracy, number: NumberAccuracy) -> dict[str, Any]:
    return {
        "line": "number",
        "source": source.slug,
        "name": source.name,
        "kind": source.kind,
        "number": number.number,
        "status": number.status,
        "visitors": number.visitors,
        "average_daily_visitors": number.daily.mean,
        "daily_visitors_90th_percentile": number.daily.ninetieth,
        "busiest_day_visitors": number.daily.busiest_day,
        "busiest_hour_visitors": number.daily.busiest_hour,
        "unused_numbers": int(number.unused),
        "calls": number.figures.calls,
        "mean_likelihood": number.figures.mean_likelihood,
        "share_above_target": number.figures.share_above_target,
        "achieved_likelihood": number.achieved.likelihood,
        "achieved_sure_share": number.achieved.sure,
        "overridden": number.figures.overridden,
        **_price(number.price),
        "numbers_without_price": int(number.price is None),
    }


def _price(price: Money | None) -> dict[str, Any]:
    if price is None:
        return {}
    return {"monthly_price_minor": price.amount_minor, "price_currency": price.currency}
