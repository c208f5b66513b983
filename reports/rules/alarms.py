"""When something about numbers is worth a message: raised where it is bad, cleared where it is good, else left alone.

What lies between keeps an alarm as it is, so that one that hovers at a limit does not go on and off. Likelihoods are
probabilities from 0 to 1. Kinds are open: other rooms raise alarms of their own.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

UNDER_TARGET = "under_target"
NUMBER_WITHOUT_VIEWS = "number_without_views"
SWAPS_STOPPED = "swaps_stopped"
LOOKED_FOR = frozenset({UNDER_TARGET, NUMBER_WITHOUT_VIEWS, SWAPS_STOPPED})
"""The kinds that are decided here."""

LOOK_BACK = timedelta(days=7)
"""The calls that count."""
LEAST_CALLS = 10
MARGIN = 0.03
"""So far under its target a source must be: by chance alone the mean of few calls lies a point or two beside it."""
LEAST_UNSEEN = 3
WEEKS = 4
LEAST_WEEKS = 2
LEAST_USUAL = 8
"""So many visits there must have been in the same stretch of each week before: 0 is then no chance (e^-8 = 0.0003)."""
SHORTEST_SILENCE = timedelta(minutes=15)
LONGEST_SILENCE = timedelta(days=7)
"""Beyond that the last seven days are compared."""


class State(StrEnum):
    """What was seen: bad, good, or neither."""

    RAISE = "raise"
    HOLD = "hold"
    CLEAR = "clear"


def under_target(calls: int, mean: float | None, target: float) -> State:
    """A source whose answers were `mean` sure over its last `calls`."""
    if mean is None or mean >= target:
        return State.CLEAR
    return State.RAISE if calls >= LEAST_CALLS and mean < target - MARGIN else State.HOLD


def number_without_views(unseen: int, seen: int) -> State:
    """A pool number with so many calls that nobody could have made who was shown it, and so many others."""
    if seen or not unseen:
        return State.CLEAR
    return State.RAISE if unseen >= LEAST_UNSEEN else State.HOLD


def swaps_stopped(silence: timedelta, weeks: Sequence[int]) -> State:
    """A site without a new visit for `silence`; `weeks` are the visits of the same stretch in the weeks before.

    The same stretch of the week, so that nights and weekends are compared with nights and weekends.
    """
    if silence < SHORTEST_SILENCE:
        return State.CLEAR
    return State.RAISE if len(weeks) >= LEAST_WEEKS and min(weeks) >= LEAST_USUAL else State.HOLD
