"""A call, held while it is changed: two people, or a person and the model, may be at it at the same moment."""

from sqlalchemy import select

from core.errors import NotFound, shown
from core.ids import is_id
from store.calls import Call
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
