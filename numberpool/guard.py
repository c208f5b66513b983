"""What speaks against giving a number away, and who calls a number that nobody is shown."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select

from numberpool.in_use import ACTIVE
from numberpool.numbers import get_number
from store.calls import Call, CallCandidate
from store.sessions import AccountSession

CALLED_LATELY = timedelta(days=30)
"""A number that rang within this time is still in somebody's hands."""


def reasons_to_keep(session: AccountSession, number: str, at: datetime) -> Mapping[str, str]:
    """Why this number (E.164) should not be given back now, by a short name; empty where nothing speaks against it.

    Raises NotFound.
    """
    row, source = get_number(session, number)
    reasons: dict[str, str] = {}
    if row.printed:
        reasons["printed"] = "it is printed somewhere, so people go on calling it"
    if row.status == ACTIVE:
        reasons["pool"] = f"it is an active number of {source.name}; let it rest first"
    calls = call_count(session, number, at - CALLED_LATELY)
    if calls:
        said = "1 call" if calls == 1 else f"{calls} calls"
        reasons["calls"] = f"{said} came in within the last {CALLED_LATELY.days} days"
    return reasons


def call_count(session: AccountSession, number: str, since: datetime) -> int:
    """How often this number (E.164) was called since `since`, by whomever."""
    statement = select(func.count()).select_from(Call).where(Call.number == number, Call.started_at >= since)
    return session.scalar(statement) or 0


def calls_without_views(session: AccountSession, numbers: Sequence[str], since: datetime) -> dict[str, list[datetime]]:
    """When each of these numbers (E.164) was called since `since` without having been shown to anybody.

    Such a call has no candidate: nobody on the site could have made it. Numbers without one are left out.
    """
    if not numbers:
        return {}
    candidates = exists().where(CallCandidate.account_id == Call.account_id, CallCandidate.call_id == Call.call_id)
    found: dict[str, list[datetime]] = {}
    statement = (
        select(Call.number, Call.started_at)
        .where(Call.number.in_(numbers), Call.started_at >= since, ~candidates)
        .order_by(Call.started_at)
    )
    for number, started_at in session.execute(statement):
        found.setdefault(number, []).append(started_at)
    return found
