"""The hours of a history: which hour of the local week each is, and draws of moments at hourly rates.

Moments are integer milliseconds since 1970 (UTC), as in a trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from app.demo.simulator.business import Business, Profile
from app.demo.simulator.delays import Floats

Moments = NDArray[np.int64]
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, kw_only=True)
class Hours:
    """All hours between ``start`` and ``end``; ``of_week``: 0 (Monday, 0 o'clock local time) to 167, for each.

    ``changed``: from which moment the drift holds (``end`` where there is none).
    """

    start: int
    end: int
    of_week: NDArray[np.int64]
    changed: int

    def table(self, profile: Profile, after: float = 1.0) -> Floats:
        """The profile's factor for every hour; times ``after`` from the change on."""
        later = self.start + np.arange(len(self.of_week)) * HOUR_MS >= self.changed
        return np.asarray(profile, dtype=np.float64)[self.of_week] * np.where(later, after, 1.0)

    def again_table(self, profile: Profile) -> Floats:
        """The factor on calling again, hour by hour: of the profile, with mean 1 over the hours of its own calls."""
        level = np.asarray(profile, dtype=np.float64)
        return (level / np.average(level, weights=level))[self.of_week]

    def place(self, moments: Moments) -> NDArray[np.int64]:
        """The place of each moment's hour in a table."""
        return np.clip((moments - self.start) // HOUR_MS, 0, len(self.of_week) - 1)

    def draw(self, daily: float, table: Floats, rng: np.random.Generator) -> Moments:
        """Moments of a Poisson process with ``daily`` × the table's factor, in time order."""
        counts = rng.poisson(daily / 24.0 * table)
        place = np.repeat(np.arange(len(table)), counts)
        moments = self.start + place * HOUR_MS + rng.integers(0, HOUR_MS, len(place))
        return np.sort(moments)


def hours_of(business: Business) -> Hours:
    """The hours of a business's history, whole local days."""
    zone = ZoneInfo(business.calendar.time_zone)
    first = datetime.fromisoformat(business.calendar.start).replace(tzinfo=zone)
    start = first.astimezone(UTC)
    end = (first + timedelta(days=business.calendar.days)).astimezone(UTC)
    count = int((end - start).total_seconds() // 3600)
    local = [(start + timedelta(hours=k)).astimezone(zone) for k in range(count)]
    day = business.drift.day if business.drift else business.calendar.days + 1
    begin = int(start.timestamp() * 1000)
    return Hours(
        start=begin,
        end=int(end.timestamp() * 1000),
        of_week=np.array([at.weekday() * 24 + at.hour for at in local], dtype=np.int64),
        changed=begin + int(day * DAY_MS),
    )


__all__ = ["DAY_MS", "HOUR_MS", "Hours", "Moments", "hours_of"]
