"""`/webhooks/{id}/deliveries`: how each message fared, and sending one once more."""

import json
from typing import Any, Literal

from flask import jsonify
from pydantic import BaseModel, Field

from app.api.auth import noted, reading, writing
from app.api.base import Answer, ById, api_blueprint
from app.api.paging import Page, PageQuery, page_of
from app.engine_room import engine_room
from app.telling.deliveries import list_deliveries, replay, state_of
from core.time import format_time
from store.webhooks import WebhookDelivery

bp = api_blueprint("webhook_deliveries", body_optional=True)

State = Literal["waiting", "delivered", "dead"]
Event = Literal[
    "call.started",
    "call.ended",
    "call.matched",
    "call.match_changed",
    "message.received",
    "form.received",
    "contact.created",
]


class DeliveriesQuery(PageQuery):
    """Which messages."""

    state: State | None = Field(default=None, description="All where it is left out.")
    event: Event | None = None


class DeliveryPath(BaseModel):
    """A path that ends in a message of a webhook."""

    id: str = Field(description="The webhook's id.")
    delivery: str = Field(description="The delivery's id.")


class DeliveryAnswer(Answer):
    """A message and how it fared."""

    id: str
    message_id: str = Field(description="`webhook-id` of every try and replay.")
    sequence: int = Field(description="Its place in the order of all messages of this webhook, from 1 without a gap.")
    event: str
    subject: str = Field(description="The id of what it tells of.")
    state: State = Field(description="What is being sent right now is `waiting`.")
    created_at: str
    tries: int
    last_try_at: str | None
    next_try_at: str | None = Field(description="Null once it is delivered or dead.")
    delivered_at: str | None
    dead_at: str | None
    status: int | None = Field(description="What was answered last, if anything was.")
    problem: str | None = Field(description="Why the last try failed.")
    payload: dict[str, Any] = Field(description="What is sent.")


class DeliveryPage(Page):
    """A page of messages."""

    items: list[DeliveryAnswer]


@bp.get("/webhooks/<string:id>/deliveries", responses={200: DeliveryPage})
def webhook_deliveries_list(path: ById, query: DeliveriesQuery) -> dict[str, Any]:
    """The messages of a webhook, newest first."""
    with reading() as session:
        rows = list_deliveries(
            session, path.id, state=query.state, event=query.event, after=query.after(), limit=query.limit + 1
        )
        return page_of(rows, query.limit, lambda row: (row.made_at, row.delivery_id), _answer)


@bp.post("/webhooks/<string:id>/deliveries/<string:delivery>/replay", responses={202: DeliveryAnswer})
def webhook_delivery_replay(path: DeliveryPath) -> tuple[Any, int]:
    """Has a message sent once more, under the same message id. A body is not needed."""
    at = engine_room().now()
    with writing() as (_, session):
        row = replay(session, path.id, path.delivery, at=at)
        noted(session, "webhook.replay", row.delivery_id, webhook=path.id)
        answer = _answer(row)
    return jsonify(answer), 202


def _answer(row: WebhookDelivery) -> dict[str, Any]:
    return DeliveryAnswer(
        id=row.delivery_id,
        message_id=row.message_id,
        sequence=row.number,
        event=row.event,
        subject=row.subject,
        state=state_of(row),
        created_at=format_time(row.made_at),
        tries=row.tries,
        last_try_at=format_time(row.last_try_at) if row.last_try_at else None,
        next_try_at=format_time(row.next_try_at) if row.next_try_at else None,
        delivered_at=format_time(row.delivered_at) if row.delivered_at else None,
        dead_at=format_time(row.dead_at) if row.dead_at else None,
        status=row.status,
        problem=row.problem,
        payload=json.loads(row.payload),
    ).json_ready()
