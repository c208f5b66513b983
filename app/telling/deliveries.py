"""The messages of an endpoint: which are delivered, which wait, which are dead; and sending one once more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, CursorResult, and_, select, update
from sqlalchemy.orm import defer

from app.telling.endpoints import get_endpoint
from app.telling.outbox import wake_when_over
from core.errors import Conflict, NotFound, shown
from core.ids import is_id
from store.paging import newest_first
from store.sessions import AccountSession
from store.webhooks import WebhookDelivery, WebhookEndpoint

State = Literal["waiting", "delivered", "dead"]


def state_of(delivery: WebhookDelivery) -> State:
    """How the message stands: what is being sent right now waits too."""
    if delivery.next_try_at is not None:
        return "waiting"
    return "dead" if delivery.dead_at is not None else "delivered"


def is_being_sent(delivery: WebhookDelivery, at: datetime) -> bool:
    """Whether somebody has taken the message on, and has neither sent it nor been silent for longer than they may."""
    return (
        delivery.last_try_at is not None
        and delivery.problem is None
        and delivery.next_try_at is not None
        and delivery.next_try_at > at
    )


def being_sent(endpoint_id: str, at: datetime) -> ColumnElement[bool]:
    """The same as a condition, for the messages of one endpoint."""
    return and_(
        WebhookDelivery.endpoint_id == endpoint_id,
        WebhookDelivery.last_try_at.is_not(None),
        WebhookDelivery.problem.is_(None),
        WebhookDelivery.next_try_at > at,
    )


def list_deliveries(
    session: AccountSession,
    endpoint_id: str,
    *,
    state: State | None,
    event: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
    payload: bool = True,
) -> Sequence[WebhookDelivery]:
    """The endpoint's messages, newest first, at most `limit` after the place `after`. Raises NotFound.

    `payload`: whether what is sent is read too; it is most of a message.
    """
    endpoint = get_endpoint(session, endpoint_id)
    query = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.endpoint_id)
    if not payload:
        query = query.options(defer(WebhookDelivery.payload, raiseload=True))
    if state == "waiting":
        query = query.where(WebhookDelivery.next_try_at.is_not(None))
    elif state == "dead":
        query = query.where(WebhookDelivery.dead_at.is_not(None))
    elif state == "delivered":
        query = query.where(WebhookDelivery.delivered_at.is_not(None))
    if event is not None:
        query = query.where(WebhookDelivery.event == event)
    return session.scalars(
        newest_first(query, WebhookDelivery.made_at, WebhookDelivery.delivery_id, after=after, limit=limit)
    ).all()


def replay(session: AccountSession, endpoint_id: str, delivery_id: str, *, at: datetime) -> WebhookDelivery:
    """Has the message sent once more, at once, under its own message id, with all the tries of a new one.

    Raises NotFound; Conflict where the endpoint is told nothing any more, or the message is being sent right now.
    Flushes.
    """
    endpoint = _told(session, endpoint_id)
    row = None
    if is_id(delivery_id):
        key = (session.account_id, delivery_id)
        row = session.get(WebhookDelivery, key, with_for_update=True, populate_existing=True)
    if row is None or row.endpoint_id != endpoint.endpoint_id:
        raise NotFound(f"there is no delivery {shown(delivery_id)}")
    if is_being_sent(row, at):
        raise Conflict("this message is being sent right now")
    row.tries, row.next_try_at = 0, at
    row.last_try_at = row.status = row.problem = row.delivered_at = row.dead_at = None
    session.flush()
    wake_when_over(session)
    return row


def replay_dead(session: AccountSession, endpoint_id: str, *, at: datetime) -> int:
    """The same for all messages of the endpoint that are dead; returns how many. Raises NotFound, Conflict. Flushes."""
    endpoint = _told(session, endpoint_id)
    done = session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint.endpoint_id, WebhookDelivery.dead_at.is_not(None))
        .values(tries=0, next_try_at=at, last_try_at=None, status=None, problem=None, dead_at=None)
        .execution_options(synchronize_session=False)
    )
    wake_when_over(session)
    return cast("CursorResult[Any]", done).rowcount


def _told(session: AccountSession, endpoint_id: str) -> WebhookEndpoint:
    """The endpoint, held; Conflict where it is told nothing any more."""
    endpoint = get_endpoint(session, endpoint_id, lock=True)
    if endpoint.disabled_at is not None:
        raise Conflict("this webhook is told nothing since its receiver said that it is gone; enable it first")
    return endpoint
