"""Purchases of numbers: intended and kept before a provider is asked, so that none is ever made twice.

Buying is not idempotent at a provider, and an answer can get lost. So a purchase is a row first. Whoever wants to ask
the provider for it takes the row by its count of requests: of two at once one asks. Before it is asked again, the
provider is searched for what the request before may have bought.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from core.errors import Conflict, InvalidInput
from core.ids import is_id, new_id
from numberpool.numbers import check_use
from numberpool.provider import Bought, Doubtful, Refused, Taken
from numberpool.sources import find_source, source_row
from store.paging import newest_first
from store.provisioning import NumberPurchase
from store.sessions import AccountSession
from store.sites import TrackingNumber

INTENDED, ASKED, DOUBTFUL, BOUGHT, TAKEN, REFUSED = "intended", "asked", "doubtful", "bought", "taken", "refused"
OPEN = (INTENDED, ASKED, DOUBTFUL)
UNDER_WAY = timedelta(minutes=2)
"""For so long after the provider was asked its answer may still come to whoever asked."""
HANGING = timedelta(minutes=15)
"""After so long nobody waits for a purchase any more, and the provider knows what it did."""


def intend(
    session: AccountSession, *, number: str, source: str, user_id: str | None, at: datetime
) -> tuple[NumberPurchase, bool]:
    """The purchase of a number (E.164) for a source (id or slug), and whether it is new; an open one goes on.

    Raises InvalidInput for an unknown source or a number that cannot stand for it, Conflict for an offline source that
    has its number.
    """
    owner = find_source(session, source)
    if owner is None:
        raise InvalidInput({"source": "there is no such source"})
    owner = source_row(session, owner.source_id, lock=True)
    open_one = session.scalar(
        select(NumberPurchase).where(NumberPurchase.number == number, NumberPurchase.status.in_(OPEN))
    )
    if open_one is not None:
        if open_one.source_id != owner.source_id:
            raise Conflict("this number is being bought for another source", fields={"source": "is another one"})
        return open_one, False
    check_use(session, number, owner)
    purchase_id = new_id(at)
    row = NumberPurchase(
        purchase_id=purchase_id,
        token=f"ringtrace-{purchase_id}",
        number=number,
        source_id=owner.source_id,
        status=INTENDED,
        posts=0,
        user_id=user_id,
        created_at=at,
        updated_at=at,
    )
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        raise Conflict("this number is being bought at the moment") from None
    return row, True


def take_turn(session: AccountSession, purchase: NumberPurchase, at: datetime) -> bool:
    """Whether the caller is the one who asks the provider now: nobody did since `purchase` was read."""
    statement = (
        update(NumberPurchase)
        .where(
            NumberPurchase.purchase_id == purchase.purchase_id,
            NumberPurchase.posts == purchase.posts,
            NumberPurchase.status.in_(OPEN),
        )
        .values(status=ASKED, posts=purchase.posts + 1, asked_at=at, updated_at=at)
        .returning(NumberPurchase.purchase_id)
    )
    return session.scalar(statement, execution_options={"synchronize_session": False}) is not None


def is_under_way(purchase: NumberPurchase, at: datetime) -> bool:
    """Whether somebody may be waiting for the provider's answer to this purchase at this moment."""
    return purchase.status == ASKED and purchase.asked_at is not None and purchase.asked_at > at - UNDER_WAY


def settle(
    session: AccountSession,
    purchase_id: str,
    outcome: Bought | Taken | Refused | Doubtful,
    at: datetime,
    *,
    reason: str | None = None,
) -> NumberPurchase:
    """Keeps what came of a purchase; one that is settled stays as it is, except that what was bought was bought.

    `reason` is said instead of the outcome's own.
    """
    row = session.get_one(
        NumberPurchase, (session.account_id, purchase_id), with_for_update={"key_share": True}, populate_existing=True
    )
    if row.status not in OPEN and not isinstance(outcome, Bought):
        return row
    if isinstance(outcome, Bought):
        row.status, row.provider_sid, row.reason, row.code = BOUGHT, outcome.held.sid, reason, None
    else:
        row.status = {Taken: TAKEN, Refused: REFUSED, Doubtful: DOUBTFUL}[type(outcome)]
        row.reason, row.code = reason or outcome.reason, getattr(outcome, "code", None)
    row.updated_at = at
    session.flush()
    return row


def hanging(session: AccountSession, at: datetime) -> Sequence[NumberPurchase]:
    """Purchases that nobody waits for any more and that nobody knows the end of, oldest first."""
    return session.scalars(
        select(NumberPurchase)
        .where(NumberPurchase.status.in_(OPEN), NumberPurchase.updated_at <= at - HANGING)
        .order_by(NumberPurchase.created_at)
    ).all()


def purchases(
    session: AccountSession, *, after: tuple[datetime, str] | None = None, limit: int
) -> Sequence[NumberPurchase]:
    """Up to `limit` purchases, newest first, after a place."""
    statement = select(NumberPurchase)
    return session.scalars(
        newest_first(statement, NumberPurchase.created_at, NumberPurchase.purchase_id, after=after, limit=limit)
    ).all()


def purchase_of(session: AccountSession, purchase_id: str) -> NumberPurchase | None:
    """A purchase by its id."""
    return session.get(NumberPurchase, (session.account_id, purchase_id)) if is_id(purchase_id) else None


def plan_release(row: TrackingNumber, *, at: datetime, rest_days: int) -> None:
    """A number of a provider's is to be given back after `rest_days` (days); until then it rests."""
    row.release_at = at + timedelta(days=rest_days)
