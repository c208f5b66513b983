"""The tables of the policies, for a terminal and for a document. Pure."""

from collections.abc import Mapping, Sequence

from app.bench.table import table
from app.policies_figures import FACTORS, PLAIN, Figures, Outcome, Way, figures
from numberpool.rules.allocation import POLICIES

BEGIN, END = "<!-- policies -->", "<!-- /policies -->"
MARKS = (BEGIN, END)
HEAD = (
    "numbers",
    "policy",
    "top-1",
    f"more than {PLAIN}",
    "log-loss",
    f"more than {PLAIN}",
    "most minus fewest: mean",
    "worst",
)
SIZES = {0.5: "half", 1.0: "as they are", 2.0: "double"}
WAYS: tuple[Way, ...] = tuple((policy, factor) for factor in FACTORS for policy in POLICIES)

Businesses = Sequence[tuple[str, Mapping[Way, Outcome]]]
"""A name, and what came of each way."""


def cells(way: Way, one: Figures) -> list[str]:
    """One line, in the order of HEAD."""
    return [
        SIZES[way[1]],
        way[0],
        f"{100.0 * one.top_1:.2f} %",
        _interval(one.better, 100.0, 2),
        f"{one.loss:.4f}",
        _interval(one.loss_more, 1.0, 4),
        "–" if one.apart is None else f"{one.apart[0]:.1f}",
        "–" if one.apart is None else f"{one.apart[1]}",
    ]


def text(businesses: Businesses) -> str:
    """Aligned columns."""
    return "\n\n".join(table(head, rows) for head, rows in _both(businesses))


def markdown(businesses: Businesses, about: str) -> str:
    """Tables of Markdown; `about` says how they came to be."""
    return "\n\n".join([about, *(_markdown(head, rows) for head, rows in _both(businesses))])


def _both(businesses: Businesses) -> list[tuple[Sequence[str], list[list[str]]]]:
    outcomes = [of for _, of in businesses]
    policies = [policy for policy in POLICIES if policy != PLAIN]
    head = ["business", "calls", f"top-1 by {PLAIN}", *policies, "log-loss", *policies]
    rows = []
    for name, of in businesses:
        plain, others = of[PLAIN, 1.0], [of[policy, 1.0] for policy in policies]
        rows.append(
            [
                name,
                f"{plain.calls:,}",
                f"{100.0 * plain.top_1:.1f} %",
                *(f"{100.0 * (o.top_1 - plain.top_1):+.2f}" for o in others),
                f"{plain.loss:.3f}",
                *(f"{o.loss - plain.loss:+.4f}" for o in others),
            ]
        )
    return [(HEAD, [cells(way, figures(outcomes, way)) for way in WAYS]), (head, rows)]


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(['---', *(['--:'] * (len(head) - 1))])}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _interval(three: tuple[float, float, float] | None, times: float, digits: int) -> str:
    if three is None:
        return "–"
    mean, low, high = (f"{times * value:+.{digits}f}" for value in three)
    return f"{mean} ({low} to {high})"
