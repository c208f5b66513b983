"""Why a number is what it is: every change of its status or source, with who did it and for what reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from core.errors import InvalidInput
from core.ids import new_id
from core.text import storable
from store.paging import newest_first
from store.provisioning import NumberChange
from store.sessions import AccountSession
from store.sites import TrackingNumber

REASON_LIMIT = 1000


@dataclass(frozen=True, kw_only=True)
class By:
    """Who changed something: `staff` on the pages, `api` with a token of that user's, or the `system` by itself."""

    kind: Literal["staff", "api", "system"]
    user_id: str | None = None


SYSTEM = By(kind="system")


def keep_change(
    session: AccountSession,
    row: TrackingNumber,
    *,
    before: tuple[str, str] | None,
    by: By,
    reason: str | None,
    at: datetime,
) -> None:
    """Keeps that `row` became what it is now; `before` is its (status, source id) until then, None for a new one.

    The number's row must be flushed. Raises InvalidInput for a reason that cannot be kept.
    """
    session.add(
        NumberChange(
            change_id=new_id(at),
            number=row.number,
            at=at,
            from_status=before[0] if before else None,
            to_status=row.status,
            from_source_id=before[1] if before else None,
            to_source_id=row.source_id,
            by=by.kind,
            user_id=by.user_id,
            reason=checked_reason(reason),
        )
    )
    session.flush()


def checked_reason(reason: str | None) -> str | None:
    """A reason trimmed; None for an empty one. Raises InvalidInput for one too long, or with control characters."""
    text = (reason or "").strip()
    if len(text) > REASON_LIMIT:
        raise InvalidInput({"reason": f"at most {REASON_LIMIT} characters are allowed"})
    if not storable(text):
        raise InvalidInput({"reason": "control characters are not allowed"})
    return text or None


def changes_of(
    session: AccountSession, number: str, *, after: tuple[datetime, str] | None = None, limit: int
) -> Sequence[NumberChange]:
    """Up to `limit` changes of a number (E.164), newest first, after a place."""
    statement = select(NumberChange).where(NumberChange.number == number)
    return session.scalars(
        newest_first(statement, NumberChange.at, NumberChange.change_id, after=after, limit=limit)
    ).all()
