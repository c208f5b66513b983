"""When a number has been left in peace for long enough to be shown: calls that come to it by themselves tell."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

WEEK = timedelta(days=7)
BEARABLE = 1
"""So many calls a week without views a number may have and still be shown."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Its time is not over."""


@dataclass(frozen=True, kw_only=True)
class Activate:
    """It may be shown; `reason` says why, for people."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Prolong:
    """It is called by people who were never shown it: it waits until `until` (aware UTC)."""

    until: datetime
    reason: str


def quarantine_verdict(
    *, until: datetime, calls: Iterable[datetime], at: datetime, days: int
) -> Wait | Activate | Prolong:
    """What becomes at `at` of a number quarantined until `until`, given when it was called without views.

    At most one such call in the last week is borne; with more it waits for `days` more, at least one.
    """
    if at < until:
        return Wait()
    lately = sum(at - WEEK <= call <= at for call in calls)
    if lately <= BEARABLE:
        said = "1 call" if lately else "no call"
        return Activate(reason=f"its quarantine is over, with {said} without views in the last 7 days")
    return Prolong(
        until=at + timedelta(days=max(days, 1)),
        reason=f"{lately} calls without views in the last 7 days, so it waits {max(days, 1)} more days",
    )
