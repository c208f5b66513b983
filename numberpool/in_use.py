"""What a tracking number can be, and which numbers are tracking numbers at the moment."""

from collections.abc import Sequence

from sqlalchemy import select

from store.sessions import AccountSession
from store.sites import TrackingNumber

ACTIVE, RESTING, QUARANTINED, RELEASED = "active", "resting", "quarantined", "released"


def numbers_in_use(session: AccountSession, numbers: Sequence[str]) -> frozenset[str]:
    """Which of these numbers (E.164) are tracking numbers of this account that were not released."""
    if not numbers:
        return frozenset()
    statement = select(TrackingNumber.number).where(
        TrackingNumber.number.in_(numbers), TrackingNumber.status != RELEASED
    )
    return frozenset(session.scalars(statement))
