"""Which backups are kept: the latest, one per hour of the last day, one per day of two weeks. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

LATEST = 5
"""So many are kept whatever their age."""
HOURLY_FOR = timedelta(days=1)
DAILY_FOR = timedelta(days=14)

QUIET_SHARE = 10
"""Copying takes at most one part in so many of the time."""
SHORTEST_SECONDS = 1.0


def kept(moments: Iterable[datetime], at: datetime) -> frozenset[datetime]:
    """Of backups made at these moments (aware UTC), those to keep at `at`; the others may go.

    Of an hour or a day it is the last one, so that what is kept of a past hour stays the same however often this runs.
    """
    keep: set[datetime] = set()
    hours: set[datetime] = set()
    days: set[datetime] = set()
    for place, moment in enumerate(sorted(set(moments), reverse=True)):
        hour = moment.replace(minute=0, second=0, microsecond=0)
        day = hour.replace(hour=0)
        last_of_hour = hour not in hours and at - moment <= HOURLY_FOR
        last_of_day = day not in days and at - moment <= DAILY_FOR
        if place < LATEST or last_of_hour or last_of_day:
            keep.add(moment)
        hours.add(hour)
        days.add(day)
    return frozenset(keep)


def interval(every: float, took: float) -> float:
    """Seconds from the beginning of one backup to that of the next.

    The next one shall be finished `every` seconds after the last one began, since what came in between is lost until
    then; the last one `took` so long. Dear copies are made less often: at most a tenth of the time goes into them.
    """
    return max(every - 2 * took, QUIET_SHARE * took, SHORTEST_SECONDS)
