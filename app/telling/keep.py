"""For how long messages of webhooks are kept once nothing is to be done about them any more."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, or_, select

from store.sessions import Database
from store.webhooks import WebhookDelivery

DELIVERED_KEPT: Final = timedelta(days=30)
DEAD_KEPT: Final = timedelta(days=90)
"""Longer: somebody may yet want them sent."""
CHUNK: Final = 500
"""Rows of one transaction, so that nobody waits long for it."""


def forget_deliveries(
    database: Database, account_id: str, *, at: datetime, should_stop: Callable[[], bool] = lambda: False
) -> int:
    """Removes what was delivered 30 days ago or more, and what is dead for 90; what waits stays. Returns how many."""
    removed = 0
    old = or_(WebhookDelivery.delivered_at <= at - DELIVERED_KEPT, WebhookDelivery.dead_at <= at - DEAD_KEPT)
    # Nothing is delivered or dead before it was made; made_at has the index.
    chosen = (
        select(WebhookDelivery.delivery_id)
        .where(WebhookDelivery.made_at <= at - DELIVERED_KEPT, WebhookDelivery.next_try_at.is_(None), old)
        .limit(CHUNK)
    )
    while not should_stop():
        with database.read() as work:
            ids = work.account(account_id).scalars(chosen).all()
        if not ids:
            break
        with database.write() as work:
            work.account(account_id).execute(
                delete(WebhookDelivery)
                .where(WebhookDelivery.delivery_id.in_(ids), WebhookDelivery.next_try_at.is_(None))
                .execution_options(synchronize_session=False)
            )
        removed += len(ids)
    return removed
