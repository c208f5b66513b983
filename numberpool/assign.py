"""Shows a visitor a number of a source: the one they hold, else the one the pool's policy chooses."""

from datetime import datetime

from sqlalchemy import select

from core.ids import new_id
from numberpool.pools import Pools
from store.book import Book, VisitorRow
from store.sessions import AccountSession
from store.sites import TrackingNumber


def shown_already(book: Book, visitor: VisitorRow, source_id: str) -> str | None:
    """The number (E.164) of this source that the visitor holds and goes on seeing; None where one is to be given."""
    held = book.held(visitor.visitor_id).get(source_id)
    return held.number if held is not None and held.shown else None


def assign(
    book: Book, pools: Pools, visitor: VisitorRow, source_id: str, at: datetime, *, counts: bool = True
) -> str | None:
    """The number of this source that a visitor of the book is to see, or None where it has no active number.

    `counts`: whether they take a turn of the pool; who is taken for a machine does not.

    Sticky: a number once given stays as long as it is in the pool. Exact under concurrency: whoever gives a number out
    holds the pool, which `pools` has locked, and the visitor, whom the book holds.
    """
    held = shown_already(book, visitor, source_id)
    if held is not None:
        return held
    if counts:
        number = pools.give(source_id, at=at, region=visitor.region, device=visitor.device)
    else:
        number = pools.lend(source_id, visitor.visitor_id)
    if number is None:
        book.let_go(visitor.visitor_id, source_id, at)
    else:
        book.give(new_id(at), visitor.visitor_id, source_id, number, at)
    return number


def first_active_number(session: AccountSession, source_id: str) -> str | None:
    """The number shown to visitors who may not be remembered: the source's first active one, the same for all."""
    return session.scalar(
        select(TrackingNumber.number)
        .where(TrackingNumber.source_id == source_id, TrackingNumber.status == "active")
        .order_by(TrackingNumber.created_at, TrackingNumber.number)
        .limit(1)
    )
