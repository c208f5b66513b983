"""Shows a visitor a number of a source: the one they hold, else the one the allocation rule chooses."""

from datetime import datetime

from sqlalchemy import select, update

from core.ids import new_id
from numberpool.rules.allocation import PoolNumber, longest_rested
from store.sessions import AccountSession
from store.sites import TrackingNumber, TrackingSource
from store.visits import Assignment


def assign(
    session: AccountSession, *, visitor_id: str, source_id: str, at: datetime, newcomer: bool = False
) -> str | None:
    """The number (E.164) of this source that this visitor is to see, or None where it has no active number.

    `newcomer`: the visitor was made in this very transaction, so that they can hold nothing yet.

    Sticky: a number once given stays as long as it is in the pool. Exact under concurrency: whoever gives a number
    out holds the pool's row (the database's writer on SQLite), so turns are taken one after the other.
    """
    held = None if newcomer else _held(session, visitor_id, source_id)
    if held is not None and held[1]:
        return held[0]
    # Not the key: rows that point to the source (visits of everybody) hold its key, and would wait for each other.
    turn = session.scalar(
        select(TrackingSource.turn).where(TrackingSource.source_id == source_id).with_for_update(key_share=True)
    )
    # Whoever held the pool before us may have been this visitor's other tab.
    held = None if newcomer else _held(session, visitor_id, source_id)
    if held is not None and held[1]:
        return held[0]
    chosen = longest_rested(
        PoolNumber(number=number, last_turn=last_turn)
        for number, last_turn in session.execute(
            select(TrackingNumber.number, TrackingNumber.last_turn).where(
                TrackingNumber.source_id == source_id, TrackingNumber.status == "active"
            )
        )
    )
    if held is not None:
        _let_go(session, visitor_id, source_id, at)
    if chosen is None or turn is None:
        return None
    _take_turn(session, source_id, chosen.number, turn + 1)
    session.add(
        Assignment(
            assignment_id=new_id(at),
            visitor_id=visitor_id,
            source_id=source_id,
            number=chosen.number,
            started_at=at,
        )
    )
    session.flush()
    return chosen.number


def first_active_number(session: AccountSession, source_id: str) -> str | None:
    """The number shown to visitors who may not be remembered: the source's first active one, the same for all."""
    return session.scalar(
        select(TrackingNumber.number)
        .where(TrackingNumber.source_id == source_id, TrackingNumber.status == "active")
        .order_by(TrackingNumber.created_at, TrackingNumber.number)
        .limit(1)
    )


def _held(session: AccountSession, visitor_id: str, source_id: str) -> tuple[str, bool] | None:
    """The number this visitor holds of this source, and whether it can still be shown."""
    row = session.execute(
        select(Assignment.number, TrackingNumber.status, TrackingNumber.source_id)
        .join(TrackingNumber, TrackingNumber.number == Assignment.number)
        .where(
            Assignment.visitor_id == visitor_id,
            Assignment.source_id == source_id,
            Assignment.ended_at.is_(None),
        )
    ).first()
    return None if row is None else (row[0], row[1] == "active" and row[2] == source_id)


def _let_go(session: AccountSession, visitor_id: str, source_id: str, at: datetime) -> None:
    session.execute(
        update(Assignment)
        .where(
            Assignment.visitor_id == visitor_id,
            Assignment.source_id == source_id,
            Assignment.ended_at.is_(None),
        )
        .values(ended_at=at)
        .execution_options(synchronize_session=False)
    )


def _take_turn(session: AccountSession, source_id: str, number: str, turn: int) -> None:
    for statement in (
        update(TrackingSource).where(TrackingSource.source_id == source_id).values(turn=turn),
        update(TrackingNumber).where(TrackingNumber.number == number).values(last_turn=turn),
    ):
        session.execute(statement.execution_options(synchronize_session=False))
