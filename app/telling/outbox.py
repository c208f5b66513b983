"""The outbox: what others are to be told is written down in the transaction that made it true, and sent afterwards."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from app.telling.fit import fitted
from core.ids import new_id
from core.time import format_time
from store.sessions import AccountSession
from store.webhooks import WebhookDelivery, WebhookEndpoint

CALL_STARTED: Final = "call.started"
CALL_ENDED: Final = "call.ended"
CALL_MATCHED: Final = "call.matched"
MATCH_CHANGED: Final = "call.match_changed"
MESSAGE_RECEIVED: Final = "message.received"
FORM_RECEIVED: Final = "form.received"
CONTACT_CREATED: Final = "contact.created"
EVENTS: Final = (
    CALL_STARTED,
    CALL_ENDED,
    CALL_MATCHED,
    MATCH_CHANGED,
    MESSAGE_RECEIVED,
    FORM_RECEIVED,
    CONTACT_CREATED,
)

TOLD: Final = "ringtrace_told"
"""Under this name a connection knows the accounts that were told something in its transaction."""


def tell(
    session: AccountSession, event: str, subject: str, data: Callable[[], Mapping[str, Any]], *, at: datetime
) -> int:
    """Writes down that whoever asked for `event` is to be told `data` about `subject` (an id); returns how many.

    `data` is made only where somebody listens, and is what the REST API would answer about the subject. To be called
    last in a transaction: it holds the rows of the endpoints, whose messages are numbered without a gap. Flushes.
    """
    # Most accounts have nobody who listens: they are asked once, and nothing of theirs is held.
    asked = session.scalars(select(WebhookEndpoint.events).where(WebhookEndpoint.disabled_at.is_(None))).all()
    if not any(event in events for events in asked):
        return 0
    content = data()
    # All of them, whoever listens to what: two transactions that tell of several events hold them in one order.
    held = session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.disabled_at.is_(None))
        .order_by(WebhookEndpoint.endpoint_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    listening = [endpoint for endpoint in held if event in endpoint.events]
    for endpoint in listening:
        endpoint.told += 1
        delivery_id = new_id(at)
        payload = {"type": event, "timestamp": format_time(at), "sequence": endpoint.told, "data": content}
        session.add(
            WebhookDelivery(
                delivery_id=delivery_id,
                endpoint_id=endpoint.endpoint_id,
                message_id=f"msg_{delivery_id}",
                number=endpoint.told,
                event=event,
                subject=subject,
                payload=fitted(payload, subject),
                made_at=at,
                next_try_at=at,
            )
        )
    session.flush()
    wake_when_over(session)
    return len(listening)


def wake_when_over(session: AccountSession) -> None:
    """Has whoever sends look at this account when the connection is given back: the transaction is over then."""
    session.connection().info.setdefault(TOLD, set()).add(session.account_id)
