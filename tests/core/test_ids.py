"""Ids sort by creation, and within a moment as told."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.ids import is_id, new_id

AT = datetime(2026, 3, 2, 14, 0, 0, 123000, tzinfo=UTC)


@given(st.integers(0, 2**34 - 1), st.integers(0, 2**34 - 1), st.integers(0, 10**9))
def test_ids_sort_by_time_and_then_by_the_order_given(one: int, other: int, later_ms: int):
    first, second = new_id(AT, one), new_id(AT, other)
    assert is_id(first)
    assert first[12] == "7"
    assert first[16] in "89ab"
    if one != other:
        assert (first < second) == (one < other)
    assert new_id(AT + timedelta(milliseconds=later_ms + 1), 0) > first


def test_ids_of_one_moment_and_place_differ():
    assert len({new_id(AT, 5) for _ in range(100)} | {new_id(AT) for _ in range(100)}) == 200
