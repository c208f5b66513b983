"""How long everybody could have called, exactly: Ringtrace decided itself who saw which number, and when.

A stretch is a visitor's time with one number in one state: from a life sign to the next. It is cut at the edges of the
delay bins and at full hours, and summed by (cell, hour kind). Older exposure fades like older calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matching.rules.cells import DELAY_BINS, DELAY_EDGES, Ints, in_bin
from matching.rules.curves import HOURS, Floats

Stretch = tuple[float, float, float, float, float, int]
"""(last life sign, end, last page view, last click, last form, state); epoch seconds, NaN for never."""


@dataclass(frozen=True, kw_only=True)
class HourGrid:
    """The local hours between two moments: their edges (epoch seconds) and the hour kind of each."""

    edges: Floats
    kinds: Ints


class Exposure:
    """Faded seconds: by cell, and by (delay bin, hour kind).

    At what hours people of one delay are exposed hardly depends on anything else, so the two sums stand for the
    product, and their size does not grow with the number of days.
    """

    def __init__(self) -> None:
        self.cells: Ints = np.zeros(0, dtype=np.int64)
        self.seconds: Floats = np.zeros(0)
        self.hours: Floats = np.zeros((DELAY_BINS, HOURS))

    def add(self, stretches: Sequence[Stretch], grid: HourGrid) -> None:
        """Add what of the stretches lies within the grid."""
        if not stretches:
            return
        table = np.asarray(stretches, dtype=np.float64)
        seen, end, view, click, form, state = table.T
        begin, end = np.maximum(seen, grid.edges[0]), np.minimum(end, grid.edges[-1])
        low, high = begin - seen, end - seen
        first = np.searchsorted(DELAY_EDGES, low, side="right") - 1
        last = np.minimum(np.searchsorted(DELAY_EDGES, high, side="left") - 1, DELAY_BINS - 1)
        counts = np.where((high > low) & (first < DELAY_BINS), np.maximum(last - first + 1, 0), 0)
        who = np.repeat(np.arange(len(table)), counts)
        if not who.size:
            return
        # The bins of each stretch one after the other: 0, 1, 2 … counted from its first.
        place = np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts) + first[who]
        start = seen[who] + np.maximum(low[who], DELAY_EDGES[place])
        stop = seen[who] + np.minimum(high[who], DELAY_EDGES[place + 1])
        middle = (start + stop) / 2
        delay, age, clicked, filled = (middle - one[who] for one in (seen, view, click, form))
        cells = in_bin(place, delay, age, clicked, filled, state[who].astype(np.int64))
        self._add(cells, stop - start)
        self.hours += _by_hour(place, start, stop, grid)

    def _add(self, cells: Ints, seconds: Floats) -> None:
        found, place = np.unique(np.concatenate([self.cells, cells]), return_inverse=True)
        total = np.bincount(place, np.concatenate([self.seconds, seconds]), minlength=len(found))
        self.cells, self.seconds = found, total.astype(np.float64)

    def merge(self, other: "Exposure") -> None:
        """Add another's sums."""
        self._add(other.cells, other.seconds)
        self.hours += other.hours

    def fade(self, factor: float) -> None:
        """Make what was added so far count ``factor`` times as much; what is next to nothing is dropped."""
        self.seconds, self.hours = self.seconds * factor, self.hours * factor
        kept = self.seconds > 1e-3
        self.cells, self.seconds = self.cells[kept], self.seconds[kept]


def _by_hour(place: Ints, start: Floats, stop: Floats, grid: HourGrid) -> Floats:
    """Seconds by (delay bin, hour kind): each hour's share of every piece."""
    found = np.zeros((DELAY_BINS, HOURS))
    # Time spent until each edge, so that a piece's share of an hour is a difference; one hour at a time.
    for low, high, kind in zip(grid.edges[:-1], grid.edges[1:], grid.kinds, strict=True):
        inside = (start < high) & (stop > low)
        overlap = np.minimum(stop[inside], high) - np.maximum(start[inside], low)
        found[:, kind] += np.bincount(place[inside], overlap, minlength=DELAY_BINS)
    return found
