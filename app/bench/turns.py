"""Measuring in turn: whatever slows the machine down meanwhile slows all that is compared."""

import statistics
import time
from collections.abc import Callable


def cpu(work: Callable[[], object]) -> float:
    """Processor time of one run in this process, in milliseconds."""
    begun = time.process_time()
    work()
    return 1000.0 * (time.process_time() - begun)


def in_turn(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Medians in milliseconds of processor time, by name; one round that does not count warms up."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            spent[name].append(cpu(work))
    return {name: statistics.median(values[1:]) for name, values in spent.items()}
