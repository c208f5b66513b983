"""A number of a pool was called: its pool gives it to no newcomer for a while, since the caller may ring again."""

from datetime import datetime

from sqlalchemy import select, update

from store.sessions import AccountSession
from store.sites import TrackingNumber, TrackingSource


def note_call(session: AccountSession, *, source_id: str, number: str, at: datetime) -> None:
    """Writes down that this number (E.164) of a source was called at `at`. It takes a turn of the pool.

    Late news changes nothing: a call that came before the last one that is known.
    """
    turn = session.scalar(
        select(TrackingSource.turn).where(TrackingSource.source_id == source_id).with_for_update(key_share=True)
    )
    if turn is None:
        return
    mine = (TrackingNumber.number == number, TrackingNumber.source_id == source_id)
    later = session.scalar(select(TrackingNumber.number).where(*mine, TrackingNumber.called_at >= at))
    if later is not None:
        return
    for statement in (
        update(TrackingSource).where(TrackingSource.source_id == source_id).values(turn=turn + 1),
        update(TrackingNumber).where(*mine).values(called_at=at, changed_turn=turn + 1),
    ):
        session.execute(statement.execution_options(synchronize_session=False))
