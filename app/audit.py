"""The audit log: who did what, written in the transaction that did it and never changed afterwards."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from core.ids import new_id
from core.text import clean
from store.keeping import AuditEntry
from store.sessions import AccountSession

By = Literal["person", "token", "system"]
"""Somebody signed in, somebody by an API token, or a job or command."""


def note(
    session: AccountSession,
    action: str,
    subject: str | None,
    *,
    by: By,
    user_id: str | None,
    at: datetime,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Writes one line: `action` is what was done (`site.change`), `subject` to what (an id, a name of a setting).

    `details` hold plain values and never a secret or a caller's number: the log is kept longer than those.
    """
    session.add(
        AuditEntry(
            entry_id=new_id(at),
            at=at,
            by=by,
            user_id=user_id,
            action=action,
            subject=clean(subject, 80),
            details=dict(details or {}),
        )
    )
