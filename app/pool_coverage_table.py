"""The table of how far curves of numbers hold, for a terminal and for a document. Pure."""

from collections.abc import Iterable, Sequence
from math import fsum

from app.bench.table import table
from app.pool_coverage import Case

BEGIN, END = "<!-- coverage -->", "<!-- /coverage -->"
HEAD: tuple[str, ...] = (
    "business",
    "pools",
    "calls predicted from",
    "predictions",
    "outcome inside",
    "half the width, points",
    "off by, points",
    "sure matches: inside",
    "half the width, points",
    "off by, points",
)
EACH: tuple[str, ...] = ("business", "pool", "numbers", "factor", "calls", "predicted", "outcome", "sure", "outcome")

Rows = Sequence[tuple[str, Sequence[Case]]]


def cells(name: str, cases: Sequence[Case]) -> list[str]:
    """One line, in the order of HEAD."""
    pools = {case.pool for case in cases}
    before = {case.pool: case.before for case in cases}
    return [
        name,
        f"{len(pools):,}" if name != ALL else "",
        f"{sum(before.values()):,}" if name != ALL else "",
        f"{len(cases):,}",
        _share([case.inside for case in cases]),
        _points([(case.point.high - case.point.low) / 2.0 for case in cases]),
        _points([abs(case.likelihood - case.point.likelihood) for case in cases]),
        _share([case.sure_inside for case in cases]),
        _points([(case.point.sure_high - case.point.sure_low) / 2.0 for case in cases]),
        _points([abs(case.sure - case.point.sure) for case in cases]),
    ]


ALL = "all of them"


def summed(rows: Rows) -> list[list[str]]:
    """All together first, by how many times the numbers, then each business."""
    every = [case for _, cases in rows for case in cases]
    lines = [cells(ALL, every)]
    for factor in sorted({case.factor for case in every}):
        line = cells(ALL, [case for case in every if case.factor == factor])
        lines.append([f"{factor:g} × the numbers", *line[1:]])
    return lines + [cells(name, cases) for name, cases in rows]


def text(rows: Rows, *, each: bool = False) -> str:
    """Aligned columns; `each`: a line for every prediction."""
    if not each:
        return table(HEAD, summed(rows))
    return table(EACH, [_single(name, case) for name, cases in rows for case in cases])


def markdown(rows: Rows, about: str) -> str:
    """A table of Markdown; `about` says how it came to be."""
    lines = [
        f"| {' | '.join(HEAD)} |",
        f"|{'|'.join(['---', *(['--:'] * (len(HEAD) - 1))])}|",
        *(f"| {' | '.join(line)} |" for line in summed(rows)),
    ]
    return "\n".join([about, "", *lines])


def between_markers(document: str, inner: str) -> str:
    """The document with what stands between the two markers replaced. Raises ValueError where they are not there."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"has no lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{inner}\n{END}{after}"


def _single(name: str, case: Case) -> list[str]:
    point = case.point
    return [
        name,
        case.pool,
        f"{point.numbers:,}",
        f"{case.factor:g}",
        f"{case.before:,} → {case.after:,}",
        f"{_percent(point.likelihood)} ({_percent(point.low)} to {_percent(point.high)})",
        f"{_percent(case.likelihood)}{'' if case.inside else ' !'}",
        f"{_percent(point.sure)} ({_percent(point.sure_low)} to {_percent(point.sure_high)})",
        f"{_percent(case.sure)}{'' if case.sure_inside else ' !'}",
    ]


def _percent(share: float) -> str:
    return f"{100.0 * share:.1f}"


def _share(true: Iterable[bool]) -> str:
    known = list(true)
    return f"{100.0 * sum(known) / len(known):.0f} %" if known else "–"


def _points(values: Sequence[float]) -> str:
    return f"{100.0 * fsum(values) / len(values):.1f}" if values else "–"
