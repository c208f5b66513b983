"""How far a call is, whatever order its reports come in."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.telephony.progress import STATUSES, is_end, settle

REPORTS = st.lists(st.tuples(st.sampled_from([*sorted(STATUSES), None]), st.none() | st.integers(0, 5000)), max_size=6)


def _after(reports: list[tuple[str | None, int | None]]) -> tuple[str, int | None]:
    status, duration = "queued", None
    for reported, length in reports:
        status, duration = settle(status, duration, reported=reported, reported_duration=length)
    return status, duration


@given(REPORTS, st.randoms())
def test_the_outcome_depends_neither_on_order_nor_on_repeats(
    reports: list[tuple[str | None, int | None]], random: object
) -> None:
    again = [*reports, *reports]
    random.shuffle(again)  # type: ignore[attr-defined]
    assert _after(again) == _after(reports)


@given(REPORTS)
def test_an_ended_call_stays_ended_and_only_an_end_has_a_duration(
    reports: list[tuple[str | None, int | None]],
) -> None:
    status, duration = _after(reports)
    assert is_end(status) == any(s is not None and is_end(s) for s, _ in reports)
    assert duration is None or is_end(status)


@pytest.mark.parametrize("end", ["busy", "failed", "no-answer", "canceled"])
def test_a_completed_call_was_neither_busy_nor_absent(end: str) -> None:
    for order in permutations([("completed", 42), (end, 0), ("in-progress", 99)]):
        assert _after(list(order)) == ("completed", 42)
