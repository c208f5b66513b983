"""The report's charts: SVG written into the page, so that it needs no script and no network.

Coordinates are user units of a fixed view box; colours come from the page's style sheet, light and dark. Each chart
has a sentence for those who do not see it, and the page has the same figures in a table.
"""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 16, 12, 36


def _x(share: float) -> float:
    return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def _y(share: float) -> float:
    return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def percent(share: float | None) -> str:
    """A share as people read it; a dash for none."""
    return "–" if share is None else f"{100.0 * share:.0f} %"


def _frame(body: list[Markup], about: str) -> Markup:
    """Body in axes with a grid at each quarter of the height."""
    grid = [
        Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="tick end" x="{}" y="{}">{}</text>'
        ).format(_LEFT, WIDTH - _RIGHT, _y(share), _y(share), _LEFT - 8, _y(share) + 4, percent(share))
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, about, Markup("").join([*grid, *body])
    )


def _label(x: float, text: str, kind: str = "mid") -> Markup:
    return Markup('<text class="tick {}" x="{}" y="{}">{}</text>').format(kind, x, HEIGHT - 14, text)


def calibration_chart(bins: Sequence[dict[str, Any]]) -> Markup:
    """Likelihood against the share that was right, with 95 % intervals; the diagonal is a promise kept."""
    body = [Markup('<line class="ideal" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(_x(0), _y(0), _x(1), _y(1))]
    body += [_label(_x(share), percent(share)) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for one in bins:
        x = _x(one["mean_likelihood"])
        title = (
            f"{percent(one['mean_likelihood'])} said, {percent(one['share_right'])} right "
            f"({one['right']} of {one['calls']})"
        )
        body.append(
            Markup(
                '<g><title>{}</title><line class="range" x1="{}" x2="{}" y1="{}" y2="{}"/>'
                '<circle class="dot" cx="{}" cy="{}" r="4"/></g>'
            ).format(title, x, x, _y(one["low"]), _y(one["high"]), x, _y(one["share_right"]))
        )
    return _frame(body, "Likelihood said (across) against the share that was right (up), with 95 % intervals")


def days_chart(days: Sequence[dict[str, Any]]) -> Markup:
    """Per day the expected accuracy as dots, and its mean over the seven days up to it, weighted by calls."""
    with_calls = [d for d in days if d["expected_accuracy"] is not None]
    span = max(len(with_calls) - 1, 1)
    points, body = [], []
    for place, day in enumerate(with_calls):
        x = _x(0.01 + 0.98 * place / span)
        week = with_calls[max(0, place - 6) : place + 1]
        calls = sum(d["calls"] for d in week)
        points.append(f"{x},{_y(sum(d['calls'] * d['expected_accuracy'] for d in week) / calls)}")
        title = f"{day['day']}: {percent(day['expected_accuracy'])} expected over {day['calls']} calls"
        body.append(
            Markup('<circle class="dot soft" cx="{}" cy="{}" r="3"><title>{}</title></circle>').format(
                x, _y(day["expected_accuracy"]), title
            )
        )
    body.append(Markup('<polyline class="line" points="{}"/>').format(" ".join(points)))
    if with_calls:
        body.append(_label(_x(0), with_calls[0]["day"], "start"))
        body.append(_label(_x(1), with_calls[-1]["day"], "end"))
    return _frame(body, "Expected accuracy by day, and its mean over seven days")


def sizes_chart(sources: Sequence[dict[str, Any]]) -> Markup:
    """Per source the expected accuracy with half, the same and double the numbers."""
    groups = [s for s in sources if any(w["expected_accuracy"] is not None for w in s.get("what_if") or [])]
    body: list[Markup] = []
    room = 1.0 / max(len(groups), 1)
    for place, source in enumerate(groups):
        sizes = [w for w in source["what_if"] if w["expected_accuracy"] is not None]
        width = min(room * 0.8 / len(sizes), 0.08)
        begin = place * room + (room - width * len(sizes)) / 2.0
        for index, one in enumerate(sizes):
            left, top = _x(begin + index * width), _y(one["expected_accuracy"])
            kind = "bar now" if one["numbers"] == source["numbers"] else "bar"
            title = f"{source['source']} with {one['numbers']} numbers: {percent(one['expected_accuracy'])}"
            range_ = Markup("")
            if one["low"] is not None:
                title += f" ({percent(one['low'])} to {percent(one['high'])} to be expected)"
                middle = round(left + (_x(width) - _LEFT - 3) / 2, 1)
                range_ = Markup('<line class="whisker" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                    middle, middle, _y(one["low"]), _y(one["high"])
                )
            body.append(
                Markup(
                    '<g><title>{}</title><rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="2"/>{}'
                    '<text class="tick mid" x="{}" y="{}">{}</text></g>'
                ).format(
                    title,
                    kind,
                    left,
                    top,
                    round(_x(width) - _LEFT - 3, 1),
                    round(_y(0) - top, 1),
                    range_,
                    round(left + (_x(width) - _LEFT - 3) / 2, 1),
                    min(top, top if one["high"] is None else _y(one["high"])) - 4,
                    one["numbers"],
                )
            )
        body.append(_label(_x((place + 0.5) * room), source["source"]))
    return _frame(
        body,
        "Expected accuracy by source with half, the same and double the numbers, with the range to be expected of the "
        "next period; counts of numbers above",
    )


__all__ = ["calibration_chart", "days_chart", "percent", "sizes_chart"]
