"""A cell stands for the moments in it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.rules.cells import (
    DELAY_BINS,
    DELAY_EDGES,
    SOURCES,
    cell_of,
    delay_bins_of,
    kin_of,
    middles,
    sources_of,
    state_of,
)
from matching.rules.curves import Knots
from matching.rules.features import (
    CLICK,
    CLICKS,
    DAY,
    DELAY,
    DELAYS,
    FORM,
    FORMS,
    LINGERS,
    design,
)

SECONDS = st.floats(0.0, 60 * DAY - 1.0)
MAYBE = st.just(np.nan) | SECONDS
STATES = st.fixed_dictionaries(
    {
        "device": st.integers(0, 3),
        "page": st.integers(0, 3),
        "views": st.integers(0, 4),
        "visits": st.integers(0, 3),
        "left": st.booleans(),
        "superseded": st.booleans(),
        "source": st.integers(0, SOURCES - 1),
    }
)


def _cell(delay: float, age: float, click: float, form: float, state: dict[str, Any]) -> Any:
    times = (np.asarray([value], dtype=np.float64) for value in (delay, age, click, form))
    delays, ages, clicks, forms = times
    return cell_of(delays, ages, clicks, forms, np.asarray([state_of(**state)], dtype=np.int64))


def _of_moment(delay: float, age: float, click: float, form: float, state: dict[str, Any]) -> Any:
    arrays = {name: np.asarray([value]) for name, value in state.items() if name != "source"}
    moments = zip(("delay", "age", "click", "form"), (delay, age, click, form), strict=True)
    return design(**{name: np.asarray([value]) for name, value in moments}, **arrays)[0]


def _place(shares: Any, knots: Knots) -> float:
    """Where on the broken line (log2) these shares lie."""
    return float(shares @ np.log2(np.asarray(knots.seconds) + knots.offset))


@given(delay=SECONDS, age=MAYBE, click=MAYBE, form=MAYBE, state=STATES)
def test_the_middle_of_a_cell_is_near_every_moment_in_it(
    delay: float, age: float, click: float, form: float, state: dict[str, Any]
) -> None:
    """Marks are exact; times are at most as far off as half a bin, which is a factor of about two (one log2)."""
    cell = _cell(delay, age, click, form, state)
    told, exact = middles(cell)[0], _of_moment(delay, age, click, form, state)
    assert told[FORMS.stop :].tolist() == exact[FORMS.stop :].tolist()
    assert abs(_place(told[DELAYS], DELAY) - _place(exact[DELAYS], DELAY)) < 1.0
    for knots, columns in ((CLICK, CLICKS), (FORM, FORMS)):
        assert told[columns].sum() == pytest.approx(exact[columns].sum())
        assert abs(_place(told[columns], knots) - _place(exact[columns], knots)) < 3.0


@given(delay=SECONDS, longer=st.floats(0.0, 10 * DAY), state=STATES)
def test_who_lingers_is_told_by_the_middle_too(delay: float, longer: float, state: dict[str, Any]) -> None:
    """How much longer ago the page view is than the last life sign: the columns' sum is log2 of it."""
    told = middles(_cell(delay, delay + longer, np.nan, np.nan, state))[0, LINGERS]
    exact = _of_moment(delay, delay + longer, np.nan, np.nan, state)[LINGERS]
    assert abs(told.sum() - exact.sum()) < 1.0
    assert _of_moment(delay, np.nan, np.nan, np.nan, state)[LINGERS].tolist() == [0.0] * len(told)


@given(delay=SECONDS, state=STATES)
def test_whose_last_life_sign_was_a_page_view_does_not_linger(delay: float, state: dict[str, Any]) -> None:
    for age in (delay, np.nan):
        assert not middles(_cell(delay, age, np.nan, np.nan, state))[0, LINGERS].any()


@given(delay=SECONDS, age=MAYBE, click=MAYBE, form=MAYBE, state=STATES)
def test_a_cell_gives_its_delay_bin_and_source_back(
    delay: float, age: float, click: float, form: float, state: dict[str, Any]
) -> None:
    cell = _cell(delay, age, click, form, state)
    place = int(delay_bins_of(cell)[0])
    assert DELAY_EDGES[place] <= delay < DELAY_EDGES[place + 1]
    assert int(sources_of(cell)[0]) == state["source"]
    assert cell[0] >= 0


@settings(max_examples=50)
@given(moments=st.lists(st.tuples(SECONDS, MAYBE, MAYBE, MAYBE, STATES), min_size=1, max_size=10))
def test_many_cells_are_told_as_one_by_one(moments: list[tuple[float, float, float, float, dict[str, Any]]]) -> None:
    single = np.concatenate([_cell(*moment) for moment in moments])
    delays, ages, clicks, forms = (np.asarray(column) for column in list(zip(*moments, strict=True))[:4])
    together = cell_of(
        delays, ages, clicks, forms, np.asarray([state_of(**moment[4]) for moment in moments], dtype=np.int64)
    )
    assert together.tolist() == single.tolist()
    assert middles(together).tolist() == [middles(one.reshape(1))[0].tolist() for one in together]


def test_every_state_has_a_number_of_its_own() -> None:
    seen = {
        state_of(device=device, page=page, views=views, visits=visits, left=left, superseded=superseded, source=source)
        for device in range(4)
        for page in range(4)
        for views in range(5)
        for visits in range(4)
        for left in (False, True)
        for superseded in (False, True)
        for source in (0, 1, SOURCES - 1)
    }
    assert len(seen) == 4 * 4 * 5 * 4 * 2 * 2 * 3


@given(delay=SECONDS, age=MAYBE, click=MAYBE, form=MAYBE, state=STATES, other=STATES)
def test_kin_differ_in_device_page_views_and_visits_alone(
    delay: float, age: float, click: float, form: float, state: dict[str, Any], other: dict[str, Any]
) -> None:
    same = {name: state[name] for name in ("left", "superseded", "source")}
    one = _cell(delay, age, click, form, state)
    kin = _cell(delay, age, click, form, other | same)
    assert kin_of(one).tolist() == kin_of(kin).tolist()
    alien = _cell(delay, age, click, form, state | {"source": (state["source"] + 1) % SOURCES})
    left = _cell(delay, age, click, form, state | {"left": not state["left"]})
    later = _cell((delay + 30 * DAY) % (60 * DAY), age, click, form, state)
    for stranger in (alien, left):
        assert kin_of(one).tolist() != kin_of(stranger).tolist()
    if delay_bins_of(later)[0] != delay_bins_of(one)[0]:
        assert kin_of(one).tolist() != kin_of(later).tolist()


def test_the_last_bin_takes_what_lies_beyond() -> None:
    state = {"device": 0, "page": 0, "views": 0, "visits": 0, "left": False, "superseded": False, "source": 0}
    assert int(delay_bins_of(_cell(1e9, np.nan, np.nan, np.nan, state))[0]) == DELAY_BINS - 1
