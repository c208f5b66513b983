"""Counting by the minute."""

from datetime import UTC, datetime, timedelta

from app.tally import Tally

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_so_many_a_minute_and_no_more() -> None:
    tally = Tally()
    assert [tally.within("office", 3, NOON + timedelta(seconds=s)) for s in range(5)] == [True] * 3 + [False] * 2
    assert tally.within("home", 3, NOON)
    assert tally.within("office", 3, NOON + timedelta(minutes=1))
