"""Tracking numbers over all accounts: the directory's row and the account's own, changed together.

The directory's row goes first: it is the one that two accounts may want at the same moment. Of a released number it
keeps the last account, whose late calls it still finds, until another account takes the number.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app import audit
from core.errors import Conflict
from numberpool import numbers
from numberpool.in_use import ACTIVE, RELEASED
from numberpool.states import SYSTEM, By
from store.directory import NumberOwner
from store.sessions import AccountSession, Work
from store.sites import TrackingNumber


def add_number(
    work: Work,
    session: AccountSession,
    *,
    number: str,
    source: str,
    provider: str,
    status: str = ACTIVE,
    at: datetime,
    by: By = SYSTEM,
    reason: str | None = None,
    quarantined_until: datetime | None = None,
) -> TrackingNumber:
    """Takes a number (E.164) for this account and gives it to a source (id or slug).

    Raises Conflict where any account uses it (whose it is, is never told), else as `numberpool.numbers.add_number`.
    """
    _claim(work, session.account_id, number)
    row = numbers.add_number(
        session,
        number=number,
        source=source,
        provider=provider,
        status=status,
        at=at,
        by=by,
        reason=reason,
        quarantined_until=quarantined_until,
    )
    _note(session, "number.add", row, by, at, source=row.source_id, provider=provider)
    return row


def change_number(
    work: Work,
    session: AccountSession,
    number: str,
    fields: Mapping[str, Any],
    at: datetime,
    *,
    by: By = SYSTEM,
    reason: str | None = None,
    quarantined_until: datetime | None = None,
) -> TrackingNumber:
    """Changes a number of this account; one that was released is taken again, or let go, for all accounts.

    Raises NotFound, InvalidInput, Conflict as `numberpool.numbers.change_number`.
    """
    numbers.get_number(session, number)  # another account's number is no such number
    if "status" in fields:
        if fields["status"] == RELEASED:
            _let_go(work, session.account_id, number, at)
        else:
            _claim(work, session.account_id, number)
    row = numbers.change_number(session, number, fields, at, by=by, reason=reason, quarantined_until=quarantined_until)
    _note(session, "number.change", row, by, at, fields=sorted(fields), status=row.status)
    return row


def release_number(
    work: Work, session: AccountSession, number: str, at: datetime, *, by: By = SYSTEM, reason: str | None = None
) -> TrackingNumber:
    """Releases a number of this account; again is no error. Raises NotFound."""
    return change_number(work, session, number, {"status": RELEASED}, at, by=by, reason=reason)


def is_somebodys(work: Work, number: str) -> bool:
    """Whether a number (E.164) is in use in any account, this one included; whose it is, is never told."""
    row = work.directory.get(NumberOwner, number)
    return row is not None and row.released_at is None


def _note(session: AccountSession, action: str, row: TrackingNumber, by: By, at: datetime, **details: Any) -> None:
    who: audit.By = {"staff": "person", "api": "token"}.get(by.kind, "system")  # type: ignore[assignment]
    audit.note(session, action, row.number, by=who, user_id=by.user_id, at=at, details=details)


def _row(work: Work, number: str) -> NumberOwner | None:
    return work.directory.get(NumberOwner, number, with_for_update=True)


def _claim(work: Work, account_id: str, number: str) -> None:
    row = _row(work, number)
    if row is None:
        work.directory.add(NumberOwner(number=number, account_id=account_id))
    elif row.account_id == account_id or row.released_at is not None:
        row.account_id, row.released_at = account_id, None
    else:
        raise Conflict(f"{number} is in use", fields={"number": "is in use"})
    work.directory.flush()


def _let_go(work: Work, account_id: str, number: str, at: datetime) -> None:
    row = _row(work, number)
    if row is not None and row.account_id == account_id and row.released_at is None:
        row.released_at = at
        work.directory.flush()
