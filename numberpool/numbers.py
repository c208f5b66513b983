"""Tracking numbers of an account: adding them to a source, moving, resting, releasing.

Whose a number is over all accounts is the directory's to know (`app.accounts.numbers`); here is one account's view.
A number never leaves: a released one keeps its row, so that its history stays and late calls are still matched.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from core.errors import Conflict, InvalidInput, NotFound
from numberpool.in_use import ACTIVE, QUARANTINED, RELEASED
from numberpool.sources import OFFLINE, find_source, source_row
from numberpool.states import SYSTEM, By, checked_reason, keep_change
from store.paging import newest_first
from store.sessions import AccountSession
from store.sites import Site, TrackingNumber, TrackingSource
from store.visits import Assignment

_IN_PATH = re.compile(r"\+?[1-9][0-9]{6,14}")


def add_number(
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
    """Gives a number (E.164) to a source (its id or slug); one that was released before comes back.

    `quarantined_until` counts where `status` is quarantined: until then nobody is shown it; None is until staff act.
    Raises InvalidInput for an unknown source or a number that rings at the business itself, Conflict where the number
    is in use or the source is offline and has one.
    """
    owner = _lock_source(session, source)
    row = session.get(TrackingNumber, (session.account_id, number), with_for_update={"key_share": True})
    if row is not None and row.status != RELEASED:
        raise Conflict(f"{number} is a number of this account already", fields={"number": "is in use"})
    if status != RELEASED:
        check_use(session, number, owner)
    before = None if row is None else (row.status, row.source_id)
    if row is None:
        row = TrackingNumber(number=number)
        session.add(row)
    row.source_id, row.provider, row.status = owner.source_id, provider, status
    _begin_anew(row)
    row.created_at, row.status_since = at, at
    row.quarantined_until = quarantined_until if status == QUARANTINED else None
    row.release_at = row.provider_sid = row.monthly_price_minor = row.price_currency = None
    row.printed = False
    session.flush()
    keep_change(session, row, before=before, by=by, reason=reason, at=at)
    return row


def change_number(
    session: AccountSession,
    number: str,
    fields: Mapping[str, Any],
    at: datetime,
    *,
    by: By = SYSTEM,
    reason: str | None = None,
    quarantined_until: datetime | None = None,
) -> TrackingNumber:
    """Changes `source` (id or slug), `status`, `provider` or `printed` of a number (E.164).

    What is no longer shown is no longer assigned: moving it, and every status but `active`, ends open assignments.
    Naming a status, the same one too, calls off a planned release. `quarantined_until` is for a number that is
    quarantined by this. Raises NotFound, InvalidInput, Conflict (a second number of an offline source; a source that
    was deleted).
    """
    known, _ = get_number(session, number)
    wanted = _named_source(session, fields["source"]) if "source" in fields else known.source_id
    # Sources in one order, then the number, as everywhere: nobody waits in a circle, no pool gives it meanwhile.
    owners = {key: source_row(session, key, lock=True) for key in sorted({known.source_id, wanted})}
    owner = owners[wanted]
    row = session.get_one(TrackingNumber, (session.account_id, number), with_for_update={"key_share": True})
    if row.source_id not in owners:
        raise Conflict("the number was moved at the same moment")
    before, status = (row.status, row.source_id), fields.get("status", row.status)
    moved, revived = owner.source_id != row.source_id, status != RELEASED and row.status == RELEASED
    if (moved or revived) and owner.deleted_at is not None:
        raise Conflict("the number's source was deleted; name another", fields={"source": "was deleted"})
    if status != RELEASED and (moved or revived):
        check_use(session, number, owner)
    row.source_id, row.status = owner.source_id, status
    row.provider = fields.get("provider", row.provider)
    row.printed = fields.get("printed", row.printed)
    if moved or (status == ACTIVE and before[0] != ACTIVE):
        _begin_anew(row)
    if "status" in fields:
        row.release_at = None
    if status != before[0]:
        row.status_since = at
        row.quarantined_until = quarantined_until if status == QUARANTINED else None
    if moved or status != ACTIVE:
        end_assignments(session, number, at)
    session.flush()
    if before != (row.status, row.source_id) or checked_reason(reason):
        keep_change(session, row, before=before, by=by, reason=reason, at=at)
    return row


def _begin_anew(row: TrackingNumber) -> None:
    """In another pool, or after a time away, a number has no past: the pool gives it its place."""
    row.last_turn, row.level, row.recent = 0, 0, None


def release_number(session: AccountSession, number: str, at: datetime) -> TrackingNumber:
    """Lets a number go; its history stays. Raises NotFound."""
    return change_number(session, number, {"status": RELEASED}, at)


def get_number(session: AccountSession, number: str) -> tuple[TrackingNumber, TrackingSource]:
    """A number (E.164) and the source it belongs to, or belonged to last. Raises NotFound."""
    row = session.get(TrackingNumber, (session.account_id, number))
    if row is None:
        raise NotFound("there is no such number")
    return row, source_row(session, row.source_id)


def list_numbers(
    session: AccountSession,
    *,
    source_id: str | None = None,
    site_id: str | None = None,
    status: str | None = None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[tuple[TrackingNumber, TrackingSource]]:
    """Up to `limit` numbers with their sources, newest first, after a place."""
    statement = select(TrackingNumber, TrackingSource).join(
        TrackingSource, TrackingSource.source_id == TrackingNumber.source_id
    )
    if source_id is not None:
        statement = statement.where(TrackingNumber.source_id == source_id)
    if site_id is not None:
        statement = statement.where(TrackingSource.site_id == site_id)
    if status is not None:
        statement = statement.where(TrackingNumber.status == status)
    statement = newest_first(statement, TrackingNumber.created_at, TrackingNumber.number, after=after, limit=limit)
    return [(number, source) for number, source in session.execute(statement).all()]


def all_numbers(session: AccountSession) -> Sequence[TrackingNumber]:
    """Every number of the account, released ones included, in order."""
    return session.scalars(select(TrackingNumber).order_by(TrackingNumber.number)).all()


def source_slugs(session: AccountSession) -> dict[str, str]:
    """Source id → slug, deleted sources included."""
    rows = session.execute(select(TrackingSource.source_id, TrackingSource.slug))
    return {row.source_id: row.slug for row in rows}


def end_assignments(session: AccountSession, number: str, at: datetime) -> None:
    """Nobody is shown this number (E.164) from `at` on."""
    statement = update(Assignment).where(Assignment.number == number, Assignment.ended_at.is_(None))
    session.execute(statement.values(ended_at=at), execution_options={"synchronize_session": False})


def number_in_path(text: str) -> str:
    """A number as it stands in a path, with or without its plus. Raises NotFound where it is none."""
    if _IN_PATH.fullmatch(text) is None:
        raise NotFound("there is no such number")
    return f"+{text.removeprefix('+')}"


def _named_source(session: AccountSession, reference: str) -> str:
    """The id of the source that a body names. Raises InvalidInput."""
    found = find_source(session, reference)
    if found is None:
        raise InvalidInput({"source": "there is no such source"})
    return found.source_id


def _lock_source(session: AccountSession, reference: str) -> TrackingSource:
    """The source that a body names, held until the transaction ends, so that an offline one gets one number only."""
    source = source_row(session, _named_source(session, reference), lock=True)
    if source.deleted_at is not None:
        raise InvalidInput({"source": "there is no such source"})
    return source


def check_use(session: AccountSession, number: str, source: TrackingSource) -> None:
    """Raises InvalidInput or Conflict unless this number (E.164) may stand for that source."""
    own = {n for numbers in session.scalars(select(Site.numbers)) for n in numbers}
    if number in own:
        raise InvalidInput({"number": f"{number} is the business's own number; a tracking number is allowed"})
    rings_here = select(TrackingSource.source_id).where(
        TrackingSource.destination == number, TrackingSource.deleted_at.is_(None)
    )
    if session.scalar(rings_here.limit(1)):
        raise InvalidInput({"number": f"{number} is where calls are sent, so it would ring itself"})
    others = select(TrackingNumber.number).where(
        TrackingNumber.source_id == source.source_id,
        TrackingNumber.number != number,
        TrackingNumber.status != RELEASED,
    )
    if source.kind == OFFLINE and session.scalar(others.limit(1)):
        raise Conflict("an offline source has exactly one number", fields={"source": "has a number already"})
