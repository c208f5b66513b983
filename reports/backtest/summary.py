"""The summary of a backtest: what a person wants to know, as one JSON object."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from core.time import days_between, format_time
from numberpool.rules.sizing import average_daily_visitors, recommended_numbers, verdict
from reports.backtest.facts import Answer
from reports.backtest.outcome import Judged, expected, grouped, measures
from reports.backtest.run import Played, Setting
from reports.backtest.what_if import Answered, curves
from reports.rules.pool_curve import SHARES, PoolCurve

VISITORS_PER_NUMBER = 20.0
"""The ratio of the 1:20 rule; a trace names no other."""
Pairs = Sequence[tuple[Judged, Judged]]


def summarise(
    setting: Setting, played: Played, answers: Sequence[Answer], pairs: Pairs, *, truth: str | None, assignments: int
) -> dict[str, Any]:
    """The summary. `pairs`: the calls whose caller is known, by the model and the naive rule; `truth`: from where.

    `truth` is `file`, `overrides` (only calls that staff decided, which are the doubtful ones) or None.
    """
    site, counts = played.site, played.counts
    rang = [a for a in answers if a.number is not None]
    return {
        "trace": setting.trace.name,
        "domain": site.domain,
        "time_zone": site.time_zone,
        "start": format_time(site.start),
        "end": format_time(site.end),
        "allocation": setting.allocation,
        "learning": setting.learning,
        "lines": played.lines,
        "bad_lines": played.bad_lines,
        "bad_line_examples": list(played.complaints),
        "page_views": counts.page_views,
        "visitors": counts.visitors,
        "visits": counts.visits,
        "assignments": assignments,
        "calls": counts.calls,
        "calls_without_number": counts.calls - len(rang),
        "overrides": counts.overrides,
        "bot_page_views": counts.bot_page_views,
        "foreign_pages": counts.foreign_pages,
        "unknown_visitors": counts.unknown_visitors,
        "unknown_calls": counts.unknown_calls,
        **{k: v for k, v in expected(rang).items() if k != "calls"},
        "sources": _sources(played, rang, pairs),
        "days": _days(played, rang, pairs),
        "truth": _truth(played, pairs, truth),
        # How long a night took is no finding: the same trace gives the same summary.
        "refits": [dict(refit) for refit in played.refits],
        "what_if": None,
    }


def _sources(played: Played, rang: Sequence[Answer], pairs: Pairs) -> list[dict[str, Any]]:
    days = days_between(played.site.start, played.site.end, played.site.time_zone)
    by_source = grouped(rang, lambda a: a.source or "")
    rows = []
    for pool in played.site.pools:
        daily = average_daily_visitors([played.counts.days_visitors.get(pool.pool, 0)], days)
        recommended = recommended_numbers("online", daily, VISITORS_PER_NUMBER)
        row: dict[str, Any] = {
            "source": pool.pool,
            "numbers": len(pool.numbers),
            "visits": played.counts.source_visits.get(pool.pool, 0),
            "average_daily_visitors": daily,
            "visitors_per_number": daily / len(pool.numbers) if pool.numbers else None,
            "recommended_numbers": recommended,
            "verdict": verdict(len(pool.numbers), recommended),
            **expected(by_source.get(pool.pool, [])),
        }
        known = [model for model, _ in pairs if model.answer.source == pool.pool]
        rows.append(row | {"measured": _short(known) if known else None})
    return rows


def _days(played: Played, rang: Sequence[Answer], pairs: Pairs) -> list[dict[str, Any]]:
    by_day = grouped(rang, lambda a: a.day)
    known: dict[str, list[Judged]] = {}
    for model, _ in pairs:
        known.setdefault(model.answer.day, []).append(model)
    visitors = played.counts.visitors_by_day
    return [
        {
            "day": day,
            "visitors": visitors.get(day, 0),
            **expected(by_day.get(day, [])),
            "measured": _short(known[day]) if day in known else None,
        }
        for day in sorted(visitors.keys() | by_day.keys())
    ]


def _short(judged: Sequence[Judged]) -> dict[str, Any]:
    """The figures of a few calls: a curve of so few would say nothing."""
    names = ("calls", "calls_by_visitors", "log_loss", "brier", "top_1", "answer_right")
    return {name: value for name, value in measures(judged).items() if name in names}


def _truth(played: Played, pairs: Pairs, truth: str | None) -> dict[str, Any] | None:
    if truth is None:
        return None
    site = played.site
    late = site.start + timedelta(seconds=(site.end - site.start).total_seconds() / 3.0)
    after = [(model, naive) for model, naive in pairs if model.answer.at >= late]
    return {
        "from": truth,
        **measures([model for model, _ in pairs]),
        "naive": measures([naive for _, naive in pairs]),
        "late": {
            "since": format_time(late),
            **measures([model for model, _ in after]),
            "naive": measures([naive for _, naive in after]),
        },
    }


def with_what_if(summary: Mapping[str, Any], replays: Sequence[Sequence[Answered]]) -> dict[str, Any]:
    """The summary with what other pool sizes would change: per source one entry a size, the smallest first.

    Also in each source's row, as `what_if`. `low` to `sure_high` are for a coming period of the same length, see
    `CurvePoint`; None where there are too few calls to predict from. `knee` in a source's row: the fewest numbers
    beyond which nothing changes.
    """
    present = {row["source"]: row["numbers"] for row in summary["sources"]}
    predicted = curves(present, replays)
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for replayed in replays:
        for one in replayed:
            curve = predicted[one.source]
            point = asdict(curve.at(one.numbers)) if isinstance(curve, PoolCurve) else {}
            found.setdefault(one.source, {})[one.numbers] = {
                "numbers": one.numbers,
                "calls": one.calls,
                "expected_accuracy": one.expected_accuracy,
                **{name: point.get(name) for name in SHARES if name != "likelihood"},
            }
    sizes = {source: [by[n] for n in sorted(by)] for source, by in found.items()}
    knees = {source: curve.knee if isinstance(curve, PoolCurve) else None for source, curve in predicted.items()}
    rows = [
        row | {"what_if": sizes.get(row["source"], []), "knee": knees.get(row["source"])} for row in summary["sources"]
    ]
    return {**summary, "sources": rows, "what_if": sizes}
