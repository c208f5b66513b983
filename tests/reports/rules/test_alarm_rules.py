"""When an alarm goes off, and when it ends."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reports.rules.alarms import (
    LEAST_CALLS,
    LEAST_USUAL,
    MARGIN,
    State,
    number_without_views,
    swaps_stopped,
    under_target,
)


@given(st.integers(0, 200), st.floats(0, 1), st.floats(0, 1))
def test_a_source_is_under_its_target_only_clearly_and_with_enough_calls(
    calls: int, mean: float, target: float
) -> None:
    state = under_target(calls, mean, target)
    assert (state is State.RAISE) == (calls >= LEAST_CALLS and mean < target - MARGIN)
    assert (state is State.CLEAR) == (mean >= target)


def test_between_the_limits_an_alarm_stays_what_it_is() -> None:
    assert under_target(10, 0.86, 0.9) is State.RAISE
    assert under_target(10, 0.88, 0.9) is State.HOLD
    assert under_target(9, 0.5, 0.9) is State.HOLD
    assert under_target(3, 0.9, 0.9) is State.CLEAR
    assert under_target(0, None, 0.9) is State.CLEAR, "without calls there is nothing to be under"


def test_a_number_that_nobody_sees() -> None:
    assert number_without_views(3, 0) is State.RAISE
    assert number_without_views(2, 0) is State.HOLD
    assert number_without_views(0, 0) is State.CLEAR
    assert number_without_views(5, 1) is State.CLEAR, "somebody was shown it"


def test_swaps_that_stop() -> None:
    hour = timedelta(hours=1)
    assert swaps_stopped(hour, [30, LEAST_USUAL]) is State.RAISE
    assert swaps_stopped(hour, [30, LEAST_USUAL - 1, 40, 40]) is State.HOLD, "one such week was as quiet"
    assert swaps_stopped(hour, [300]) is State.HOLD, "a week proves nothing"
    assert swaps_stopped(hour, []) is State.HOLD
    assert swaps_stopped(timedelta(minutes=14), [300, 300]) is State.CLEAR
