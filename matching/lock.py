"""A call, held while it is changed: two people, or a person and the model, may be at it at the same moment."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from core.errors import NotFound, shown
from core.ids import is_id
from store.calls import Call, MatchDecision
from store.sessions import AccountSession


def locked_call(session: AccountSession, call_id: str) -> Call:
    """The call as the last change left it, held against every other until the transaction ends.

    On SQLite the writing transaction itself is that lock. Raises NotFound where this account has no such call.
    """
    query = select(Call).where(Call.call_id == call_id).with_for_update().execution_options(populate_existing=True)
    call = session.scalar(query) if is_id(call_id) else None
    if call is None:
        raise NotFound(f"there is no call {shown(call_id)}")
    return call


def after_the_last(session: AccountSession, call: Call, at: datetime) -> datetime:
    """`at`, or just after the call's last decision: a history has one order, whatever two machines' clocks say."""
    last = session.scalar(select(func.max(MatchDecision.at)).where(MatchDecision.call_id == call.call_id))
    return at if last is None or last < at else last + timedelta(microseconds=1)
