"""The benchmarks by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.bench import accuracy, matching, snippet, swap

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """`measure(quick, say)` measures and returns plain JSON values, `shown` turns these into text for people.

    `quick` is the smallest run there is: it shows that everything works, its times say little. `say` takes progress.
    """

    about: str
    measure: Callable[[bool, Say], dict[str, Any]]
    shown: Callable[[dict[str, Any]], str]


BENCHES: dict[str, Bench] = {
    "snippet": Bench(about=snippet.ABOUT, measure=snippet.measure, shown=snippet.shown),
    "matching": Bench(about=matching.ABOUT, measure=matching.measure, shown=matching.shown),
    "accuracy": Bench(about=accuracy.ABOUT, measure=accuracy.measure, shown=accuracy.shown),
    "swap": Bench(about=swap.ABOUT, measure=swap.measure, shown=swap.shown),
}
