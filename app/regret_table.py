"""The table of regret, for a terminal and for a document. Pure."""

from collections.abc import Sequence

from app.bench.table import table
from app.regret_figures import Figures

BEGIN, END = "<!-- regret -->", "<!-- /regret -->"

HEAD: tuple[str, ...] = (
    "business",
    "calls",
    "log-loss ours / best",
    "regret",
    "not learning: ours / best",
    "regret",
    "top-1 ours / best",
    "calibration error",
    "AUC of nobody",
    "right at ≥ 0.9",
    "last seen: log-loss",
    "top-1",
)


def cells(name: str, figures: Figures) -> list[str]:
    """One line, in the order of HEAD."""
    f = figures
    return [
        name,
        f"{f.calls:,}",
        _pair(_nats(f.loss), _nats(f.best_loss)),
        _nats(f.regret),
        _pair(_nats(f.untaught_loss), _nats(f.untaught_best_loss)),
        _nats(f.untaught_regret),
        _pair(_share(f.top_1), _share(f.best_top_1)),
        _pair(_share(f.calibration), _share(f.best_calibration)),
        _pair(_nats(f.none_auc), _nats(f.best_none_auc)),
        _share(f.right_when_sure),
        _nats(f.naive_loss),
        _share(f.naive_top_1),
    ]


def text(rows: Sequence[tuple[str, Figures]]) -> str:
    """Aligned columns."""
    return table(HEAD, [cells(*row) for row in rows])


def markdown(rows: Sequence[tuple[str, Figures]], about: str) -> str:
    """A table of Markdown; `about` says how it came to be."""
    lines = [
        f"| {' | '.join(HEAD)} |",
        f"|{'|'.join(['---', *(['--:'] * (len(HEAD) - 1))])}|",
        *(f"| {' | '.join(cells(*row))} |" for row in rows),
    ]
    return "\n".join([about, "", *lines])


def between_markers(document: str, inner: str, marks: tuple[str, str] = (BEGIN, END)) -> str:
    """The document with what stands between the two markers replaced. Raises ValueError where they are not there."""
    before, begin, rest = document.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise ValueError(f"has no lines {marks[0]} and {marks[1]}")
    return f"{before}{begin}\n{inner}\n{end}{after}"


def _nats(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100.0 * value:.1f} %"


def _pair(ours: str, best: str) -> str:
    return ours if best == "–" else f"{ours} / {best}"
