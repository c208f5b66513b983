"""When a daily job falls due on the clock of a place. Pure: the moment comes in."""

from datetime import UTC, date, datetime, time, timedelta

from core.time import zone


def last_due(at: datetime, time_of_day: time, time_zone: str) -> datetime:
    """The latest moment not after `at` (aware UTC) at which the clock in `time_zone` came to `time_of_day`.

    Once per local day, also when clocks change (PEP 495, fold=0): a time that is skipped counts where the clock would
    have come to it without the change, one that comes twice counts the first time.
    """
    today = at.astimezone(zone(time_zone)).date()
    return next(m for days in range(4) if (m := _moment(today, -days, time_of_day, time_zone)) <= at)


def next_due(at: datetime, time_of_day: time, time_zone: str) -> datetime:
    """The first such moment after `at` (aware UTC)."""
    today = at.astimezone(zone(time_zone)).date()
    return next(m for days in range(-1, 4) if (m := _moment(today, days, time_of_day, time_zone)) > at)


def _moment(today: date, days: int, time_of_day: time, time_zone: str) -> datetime:
    local = datetime.combine(today, time_of_day) + timedelta(days=days)
    return local.replace(tzinfo=zone(time_zone), fold=0).astimezone(UTC)
