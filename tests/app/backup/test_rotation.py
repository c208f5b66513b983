from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.backup.rotation import DAILY_FOR, HOURLY_FOR, LATEST, QUIET_SHARE, interval, kept

NOW = datetime(2026, 3, 20, 13, 37, 12, tzinfo=UTC)
moments = st.sets(st.integers(0, 40 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes)), max_size=120)


@given(moments)
def test_the_latest_are_always_kept_and_nothing_is_made_up(made: set[datetime]):
    keep = kept(made, NOW)
    assert keep <= made
    assert set(sorted(made, reverse=True)[:LATEST]) <= keep


@given(moments)
def test_every_hour_of_a_day_and_every_day_of_two_weeks_that_has_one_keeps_its_last(made: set[datetime]):
    keep = kept(made, NOW)
    for moment in made:
        same_hour = [m for m in made if (m.date(), m.hour) == (moment.date(), moment.hour)]
        same_day = [m for m in made if m.date() == moment.date()]
        if NOW - max(same_hour) <= HOURLY_FOR:
            assert max(same_hour) in keep
        if NOW - max(same_day) <= DAILY_FOR:
            assert max(same_day) in keep


@given(moments)
def test_few_are_kept_and_rotating_twice_is_rotating_once(made: set[datetime]):
    keep = kept(made, NOW)
    assert len(keep) <= LATEST + 25 + 15
    assert kept(keep, NOW) == keep


@given(st.lists(st.integers(1, 9 * 60), max_size=120))
def test_rotating_after_each_backup_leaves_one_of_each_past_day(gaps: list[int]):
    """What an hour keeps must not depend on how often it was looked at meanwhile."""
    at, made, there = NOW - timedelta(days=30), set[datetime](), frozenset[datetime]()
    for gap in gaps:
        at += timedelta(minutes=gap)
        made.add(at)
        there = kept(there | {at}, at)
    assert there == kept(made, at)


@given(st.floats(0, 86_400), st.floats(0, 3600))
def test_at_most_a_tenth_of_the_time_is_spent_copying(every: float, took: float):
    pause = interval(every, took)
    assert pause >= QUIET_SHARE * took
    if took <= every / 12:
        # The next copy, should it take as long, is finished before `every` seconds are over.
        assert pause + took <= max(every, 1 + took)
