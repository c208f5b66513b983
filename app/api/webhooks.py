"""`/webhooks`: who is told what by webhook."""

from typing import Annotated, Any, Literal

from flask import g, jsonify
from pydantic import Field

from app.api.auth import noted, reading, writing
from app.api.base import Answer, Body, ById, Text, api_blueprint
from app.api.paging import Page, PageQuery, page_of
from app.engine_room import engine_room
from app.outgoing import MOST_URL, public_or_in
from app.telling.endpoints import (
    add_endpoint,
    change_endpoint,
    for_the_log,
    get_endpoint,
    list_endpoints,
    remove_endpoint,
)
from app.telling.outbox import EVENTS
from core.time import format_time
from store.webhooks import WebhookEndpoint

bp = api_blueprint("webhooks")

Events = Annotated[
    list[Annotated[Text, Field(max_length=40)]],
    Field(min_length=1, max_length=20, description=f"Of {', '.join(f'`{event}`' for event in EVENTS)}."),
]


class WebhookBody(Body):
    """Who is to be told what."""

    url: Annotated[Text, Field(min_length=1, max_length=MOST_URL)] = Field(
        description="An http or https address on the public internet; `RINGTRACE_WEBHOOK_NETWORKS` allows others."
    )
    events: Events


class WebhookChange(Body):
    """What is to be another way; what is not sent stays."""

    events: Events = Field(default_factory=lambda: list(EVENTS))
    enabled: Literal[True] = Field(default=True, description="Tells it again after its receiver said that it is gone.")


class WebhookAnswer(Answer):
    """Who is told what."""

    id: str
    url: str
    events: list[str]
    created_at: str
    disabled_at: str | None = Field(description="Since when it is told nothing, because it answered 410.")


class NewWebhookAnswer(WebhookAnswer):
    """A new webhook."""

    secret: str = Field(description="Signs what is sent, as Standard Webhooks say. Shown once.")


class WebhookPage(Page):
    """A page of webhooks."""

    items: list[WebhookAnswer]


@bp.post("/webhooks", responses={201: NewWebhookAnswer})
def webhook_create(body: WebhookBody) -> tuple[Any, int]:
    """Adds a webhook. Its secret is shown once."""
    room = engine_room()
    at = room.now()
    with writing() as (work, session):
        endpoint, secret = add_endpoint(
            work,
            g.account_id,
            room.secrets,
            public_or_in(room.settings.webhook_networks),
            url=body.url,
            events=body.events,
            at=at,
        )
        noted(session, "webhook.add", endpoint.endpoint_id, **for_the_log(endpoint))
        answer = NewWebhookAnswer(**_facts(endpoint), secret=secret).json_ready()
    return jsonify(answer), 201


@bp.get("/webhooks", responses={200: WebhookPage})
def webhooks_list(query: PageQuery) -> dict[str, Any]:
    """The webhooks of the account, newest first."""
    with reading() as session:
        rows = list_endpoints(session, after=query.after(), limit=query.limit + 1)
        return page_of(rows, query.limit, lambda e: (e.created_at, e.endpoint_id), _answer)


@bp.get("/webhooks/<string:id>", responses={200: WebhookAnswer})
def webhook_get(path: ById) -> dict[str, Any]:
    """One webhook."""
    with reading() as session:
        return _answer(get_endpoint(session, path.id))


@bp.patch("/webhooks/<string:id>", responses={200: WebhookAnswer})
def webhook_change(path: ById, body: WebhookChange) -> dict[str, Any]:
    """Changes of what a webhook is told, or tells it again after it was gone."""
    given = body.given()
    with writing() as (_, session):
        endpoint = change_endpoint(session, path.id, events=given.get("events"), enable="enabled" in given)
        noted(session, "webhook.change", endpoint.endpoint_id, **for_the_log(endpoint))
        return _answer(endpoint)


@bp.delete("/webhooks/<string:id>", responses={204: None})
def webhook_delete(path: ById) -> tuple[str, int]:
    """Takes a webhook away, with what was not sent yet."""
    with writing() as (_, session):
        endpoint = remove_endpoint(session, path.id)
        noted(session, "webhook.delete", path.id, **for_the_log(endpoint))
    return "", 204


def _answer(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return WebhookAnswer(**_facts(endpoint)).json_ready()


def _facts(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": endpoint.endpoint_id,
        "url": endpoint.url,
        "events": endpoint.events,
        "created_at": format_time(endpoint.created_at),
        "disabled_at": format_time(endpoint.disabled_at) if endpoint.disabled_at else None,
    }
