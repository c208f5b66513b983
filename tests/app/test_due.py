"""When a daily job falls due, on clocks that jump."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.due import last_due, next_due

NEW_YORK = "America/New_York"
HALF_PAST_THREE = time(3, 30)
ZONES = [NEW_YORK, "UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"]
moments = st.datetimes(
    datetime.fromisoformat("2005-01-01"), datetime.fromisoformat("2035-01-01"), timezones=st.just(UTC)
)
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "time_of_day", "zone", "due"),
    [
        ("2026-05-04T07:30", HALF_PAST_THREE, NEW_YORK, "2026-05-04T07:30"),
        ("2026-05-04T07:29:59", HALF_PAST_THREE, NEW_YORK, "2026-05-03T07:30"),
        ("2026-01-04T08:30", HALF_PAST_THREE, NEW_YORK, "2026-01-04T08:30"),
        # 8 March 2026, 02:00 becomes 03:00: half past three comes, half past two is taken an hour later.
        ("2026-03-08T12:00", HALF_PAST_THREE, NEW_YORK, "2026-03-08T07:30"),
        ("2026-03-08T12:00", time(2, 30), NEW_YORK, "2026-03-08T07:30"),
        # 1 November 2026, 02:00 becomes 01:00: half past one comes twice and counts once.
        ("2026-11-01T06:45", time(1, 30), NEW_YORK, "2026-11-01T05:30"),
        ("2026-11-01T05:29", time(1, 30), NEW_YORK, "2026-10-31T05:30"),
        ("2026-05-04T00:00", time(23, 59), "Asia/Tokyo", "2026-05-03T14:59"),
        ("2026-05-04T12:00", HALF_PAST_THREE, "Nowhere/Else", "2026-05-04T03:30"),
    ],
)
def test_the_latest_due_time(at: str, time_of_day: time, zone: str, due: str) -> None:
    assert last_due(utc(at), time_of_day, zone) == utc(due)


@given(moments, times, st.sampled_from(ZONES))
def test_at_lies_between_the_last_and_the_next_due_time(at: datetime, time_of_day: time, zone: str) -> None:
    last, following = last_due(at, time_of_day, zone), next_due(at, time_of_day, zone)
    assert last <= at < following
    assert timedelta(hours=22) <= following - last <= timedelta(hours=26)
    # Nothing lies between them, and a due time is its own last one.
    assert last_due(following, time_of_day, zone) == following
    assert last_due(following - timedelta(microseconds=1), time_of_day, zone) == last


@given(st.dates(date(2005, 1, 2), date(2035, 1, 1)), times, st.sampled_from(ZONES[:4]))
def test_every_local_day_has_one(day: date, time_of_day: time, zone: str) -> None:
    """Of zones that never left a whole day out."""
    begin = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    due = next_due(begin - timedelta(microseconds=1), time_of_day, zone)
    local = due.astimezone(ZoneInfo(zone))
    assert local.date() == day
    skipped = local.time() != time_of_day
    assert not skipped or local.replace(tzinfo=None) - datetime.combine(day, time_of_day) <= timedelta(hours=1)
