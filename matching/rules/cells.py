"""Cells: who was watching, in what state, how long. Exposure is summed by cell, and a cell stands for its middle.

A cell is one integer: (delay bin, lingering bin, click bin, form bin, state). The state is all that a page view, a
click or a form changes and time alone does not: device, page, page views, visits, left, superseded, source.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from matching.rules.curves import Floats
from matching.rules.features import DAY, HOUR, MINUTE, design, lingering

Ints = npt.NDArray[np.int64]

DELAY_EDGES = np.asarray(
    [0, 3, 6, 12, 20, 30, 45, 65, 100, 180, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE]
    + [hours * HOUR for hours in (1, 2, 4, 8, 12)]
    + [days * DAY for days in (1, 2, 3, 5, 8, 12, 20, 35, 60)]
)
"""Edges of the delay bins in seconds. Beyond the last one nobody is a candidate any more."""
_LINGER_EDGES = np.asarray([0.1, 0.75, 1.5, 2.5, 4.0])
_CLICK_EDGES = np.asarray([0, 3, 6, 12, 25, 60, 240, 1200, HOUR, 8 * HOUR, DAY, 3 * DAY, 7 * DAY])
_FORM_EDGES = np.asarray([0, HOUR / 4, HOUR, 8 * HOUR, DAY, 3 * DAY, 7 * DAY])
DELAY_BINS = len(DELAY_EDGES) - 1
_LINGER_BINS, _CLICK_BINS, _FORM_BINS = len(_LINGER_EDGES) + 1, len(_CLICK_EDGES) + 1, len(_FORM_EDGES) + 1
_DELAY_MIDDLE = (DELAY_EDGES[:-1] + DELAY_EDGES[1:]) / 2
_LINGER_MIDDLE = np.asarray([0.0, 0.4, 1.1, 2.0, 3.2, 4.8])
_CLICK_MIDDLE = np.append(np.append(np.nan, (_CLICK_EDGES[:-1] + _CLICK_EDGES[1:]) / 2), 14 * DAY)
_FORM_MIDDLE = np.append(np.append(np.nan, (_FORM_EDGES[:-1] + _FORM_EDGES[1:]) / 2), 14 * DAY)

_DEVICES, _PAGES, _VIEWS, _VISITS, SOURCES = 4, 4, 5, 4, 256
STATES = _DEVICES * _PAGES * _VIEWS * _VISITS * 2 * 2 * SOURCES


def state_of(*, device: int, page: int, views: int, visits: int, left: bool, superseded: bool, source: int) -> int:
    """The state of places and buckets (features), as one integer below STATES."""
    code = ((device * _PAGES + page) * _VIEWS + views) * _VISITS + visits
    return ((code * 2 + left) * 2 + superseded) * SOURCES + source


def sources_of(cells: Ints) -> Ints:
    """Each cell's source."""
    return np.asarray(cells % SOURCES, dtype=np.int64)


def in_places(cells: Ints, places: Ints) -> Ints:
    """The cells with each source's place replaced by ``places[place]``."""
    return np.asarray(cells - cells % SOURCES + places[cells % SOURCES] if len(cells) else cells, dtype=np.int64)


def cell_of(delay: Floats, age: Floats, click: Floats, form: Floats, state: Any) -> Ints:
    """The cells of moments: seconds since the last life sign, page view, click and form (NaN: never), and states."""
    place = np.clip(np.searchsorted(DELAY_EDGES, delay, side="right") - 1, 0, DELAY_BINS - 1)
    return in_bin(place, delay, age, click, form, state)


def in_bin(place: Ints, delay: Floats, age: Floats, click: Floats, form: Floats, state: Any) -> Ints:
    """As ``cell_of`` for a known delay bin."""
    # Against the moment's own delay: against the bin's middle, whoever is late in a bin would seem to linger.
    linger = np.searchsorted(_LINGER_EDGES, lingering(delay, age), side="right")
    code = (place * _LINGER_BINS + linger) * _CLICK_BINS + _bin(_CLICK_EDGES, click)
    code = code * _FORM_BINS + _bin(_FORM_EDGES, form)
    return np.asarray(code.astype(np.int64) * STATES + state, dtype=np.int64)


def _bin(edges: Floats, seconds: Floats) -> Ints:
    """0 for never, else 1 and up; the last bin is open."""
    return np.where(np.isnan(seconds), 0, np.searchsorted(edges, np.maximum(seconds, 0.0), side="right"))


def delay_bins_of(cells: Ints) -> Ints:
    """Each cell's delay bin."""
    return np.asarray(cells // (STATES * _FORM_BINS * _CLICK_BINS * _LINGER_BINS), dtype=np.int64)


def kin_of(cells: Ints) -> Ints:
    """What cells that differ only in device, page, page views and visits have in common."""
    code, state = np.divmod(cells, STATES)
    return np.asarray(code * (4 * SOURCES) + state % (4 * SOURCES), dtype=np.int64)


def middles(cells: Ints) -> Floats:
    """X of the cells (features.design), each at its middle."""
    code, state = np.divmod(cells, STATES)
    state = state // SOURCES
    state, superseded = np.divmod(state, 2)
    state, left = np.divmod(state, 2)
    state, visits = np.divmod(state, _VISITS)
    state, views = np.divmod(state, _VIEWS)
    device, page = np.divmod(state, _PAGES)
    code, form = np.divmod(code, _FORM_BINS)
    code, click = np.divmod(code, _CLICK_BINS)
    delay, linger = np.divmod(code, _LINGER_BINS)
    return design(
        delay=_DELAY_MIDDLE[delay],
        # The page view so long ago that it lingers as long as the bin says.
        age=(_DELAY_MIDDLE[delay] + 30.0) * np.exp2(_LINGER_MIDDLE[linger]) - 30.0,
        click=_CLICK_MIDDLE[click],
        form=_FORM_MIDDLE[form],
        left=left,
        superseded=superseded,
        page=page,
        views=views,
        visits=visits,
        device=device,
    )
