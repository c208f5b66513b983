"""When a quarantined number may be shown."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from numberpool.rules.quarantine import BEARABLE, WEEK, Activate, Prolong, Wait, quarantine_verdict

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def verdict(*ago: timedelta, until: datetime = AT, days: int = 7) -> Wait | Activate | Prolong:
    return quarantine_verdict(until=until, calls=[AT - a for a in ago], at=AT, days=days)


def test_its_time_must_be_over() -> None:
    assert verdict(until=AT + timedelta(microseconds=1)) == Wait()
    assert isinstance(verdict(until=AT), Activate)


def test_one_call_a_week_is_borne_and_two_are_not() -> None:
    assert isinstance(verdict(HOUR), Activate)
    prolonged = verdict(HOUR, 2 * HOUR)
    assert prolonged == Prolong(
        until=AT + timedelta(days=7), reason="2 calls without views in the last 7 days, so it waits 7 more days"
    )
    assert isinstance(verdict(HOUR, WEEK + HOUR), Activate)
    assert "no call" in getattr(verdict(), "reason", "")


@given(
    st.lists(st.timedeltas(timedelta(), timedelta(days=60)), max_size=6),
    st.timedeltas(timedelta(days=-30), timedelta(days=30)),
    st.integers(0, 365),
)
def test_nobody_is_shown_a_number_that_is_called_and_none_waits_for_ever(
    ago: list[timedelta], left: timedelta, days: int
) -> None:
    said = verdict(*ago, until=AT + left, days=days)
    lately = sum(a <= WEEK for a in ago)
    if isinstance(said, Wait):
        assert left > timedelta()
    elif isinstance(said, Activate):
        assert lately <= BEARABLE
    else:
        assert lately > BEARABLE
        assert said.until >= AT + timedelta(days=1)
        # Left in peace from here on, it comes out at the end of that time at the latest a week later.
        later = quarantine_verdict(
            until=said.until, calls=[AT - a for a in ago], at=max(said.until, AT + WEEK + HOUR), days=days
        )
        assert isinstance(later, Activate)
