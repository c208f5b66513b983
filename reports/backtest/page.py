"""`report.html`: the summary as one page that stands alone: no network, no script, light and dark."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from reports.backtest.charts import calibration_chart, days_chart, percent, sizes_chart

VERDICTS = {"more": "too few", "right": "right", "fewer": "more than needed"}
"""The verdict of the 1:20 rule in words."""


def render(summary: dict[str, Any]) -> str:
    """The page. Whatever comes from the trace is escaped."""
    truth = summary["truth"]
    return _template().render(
        s=summary,
        calibration=calibration_chart(truth["calibration"]) if truth and truth["calibration"] else None,
        days=days_chart(summary["days"]) if summary["expected_accuracy"] is not None else None,
        sizes=sizes_chart(summary["sources"]) if summary["what_if"] else None,
        sentences=_sentences(summary),
    )


@cache
def _template() -> Template:
    # The template lies beside this module, whose package is what the loader asks for.
    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "figure": _figure, "count": _count, "verdict": VERDICTS.__getitem__}
    return environment.get_template("report.html")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _count(value: float | None) -> str:
    """A count with thousands set apart; one decimal where it is a mean."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _sentences(summary: dict[str, Any]) -> list[str]:
    """What the page says first."""
    calls = summary["calls"] - summary["calls_without_number"]
    if not calls:
        return ["No call rang a pool number, so there is nothing to match."]
    first = (
        f"{_count(calls)} calls rang a tracking number; Ringtrace expects {percent(summary['expected_accuracy'])} "
        f"of its answers to be right."
    )
    truth = summary["truth"]
    if truth is None or not truth["calls"]:
        return [first]
    whose = "the truth file" if truth["from"] == "file" else "staff"
    second = (
        f"Of the {_count(truth['calls'])} calls decided by {whose}, {percent(truth['answer_right'])} were answered "
        f"right; where a visitor called, they came first in {percent(truth['top_1'])}"
        f" (“last seen on that number”: {percent(truth['naive']['top_1'])})."
    )
    return [first, second]
