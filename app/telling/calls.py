"""Webhooks about calls: what is told of one is what the REST API answers about it at that moment."""

from datetime import datetime
from typing import Any

from app.accounts.names import user_names
from app.api.call_answers import call_answer
from app.engine_room import EngineRoom, in_room
from app.telling.outbox import tell
from core.errors import NotFound, shown
from reports.calls import call_detail
from store.sessions import Work


def tell_call(room: EngineRoom, work: Work, account_id: str, event: str, call_id: str, *, at: datetime) -> int:
    """Writes down that whoever asked for `event` is to be told of the call as it stands now; returns how many.

    To be called last in the transaction, in a request or outside one. Raises NotFound. Flushes.
    """
    session = work.account(account_id)
    return tell(session, event, call_id, lambda: call_data(room, work, account_id, call_id), at=at)


def call_data(room: EngineRoom, work: Work, account_id: str, call_id: str) -> dict[str, Any]:
    """The call as `GET /calls/{id}` shows it. Raises NotFound."""
    session = work.account(account_id)
    session.flush()
    detail = call_detail(session, call_id)
    if detail is None:
        raise NotFound(f"there is no call {shown(call_id)}")
    with in_room(room):
        return call_answer(detail, user_names(work.directory, detail.user_ids)).json_ready()
