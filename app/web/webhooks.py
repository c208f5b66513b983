"""`/webhooks` and `/webhook/ID`: who is told what, how that goes, and sending what did not get through once more."""

from collections.abc import Mapping
from typing import Any, Final, cast

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.paging import make_cursor, read_cursor
from app.engine_room import engine_room
from app.outgoing import public_or_in
from app.telling.deliveries import State, is_being_sent, list_deliveries, replay, replay_dead, state_of
from app.telling.endpoints import (
    MOST_ENDPOINTS,
    add_endpoint,
    change_endpoint,
    for_the_log,
    remove_endpoint,
    standings,
)
from app.telling.outbox import EVENTS
from app.web import words
from app.web.asking import changing, looking, noted, now, person, say
from app.web.places import places
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import is_id
from store.sessions import AccountSession

PAGE: Final = 50
STATE_WORDS: Mapping[str, str] = {
    "": "in any state",
    "waiting": "waiting",
    "delivered": "delivered",
    "dead": "given up",
}
EVENT_WORDS: Mapping[str, str] = {
    "call.started": "A call came in",
    "call.matched": "A call was matched",
    "call.ended": "A call ended",
    "call.match_changed": "A call is credited to somebody else",
    "message.received": "A text came in",
    "form.received": "A form was sent",
    "contact.created": "A contact is new",
}


def webhooks() -> str:
    """The page: every endpoint and how it fares."""
    with looking() as (_, session):
        zone = _zone(session)
        found = standings(session)
    return render_template(
        "webhooks.html",
        here="webhooks",
        standings=found,
        most=MOST_ENDPOINTS,
        events=EVENT_WORDS,
        state_of=state_of,
        states=STATE_WORDS,
        zone=zone,
        at=now(),
    )


def webhook(endpoint_id: str) -> str:
    """One endpoint with its messages. Raises NotFound, and InvalidInput for filters and cursors that are none."""
    given = {name: text for name in ("state", "event") if (text := request.args.get(name, "").strip()[:40])}
    for name, allowed in (("state", STATE_WORDS), ("event", EVENTS)):
        if given.get(name) not in {None, *allowed}:
            raise InvalidInput({name: f"{', '.join(filter(None, allowed))} is allowed"})
    older = request.args.get("older")
    before = read_cursor(older) if older else None
    with looking() as (_, session):
        zone = _zone(session)
        found = standings(session, endpoint_id) if is_id(endpoint_id) else []
        if not found:
            raise NotFound("there is no such webhook")
        rows = list_deliveries(
            session,
            endpoint_id,
            state=cast(State | None, given.get("state")),
            event=given.get("event"),
            after=before,
            limit=PAGE + 1,
            payload=False,
        )
    page = rows[:PAGE]
    return render_template(
        "webhook.html",
        here="webhooks",
        one=found[0],
        rows=page,
        given=given,
        paged=before is not None,
        more=make_cursor((page[-1].made_at, page[-1].delivery_id)) if len(rows) > PAGE else None,
        events=EVENT_WORDS,
        choices={"": "anything", **EVENT_WORDS},
        state_of=state_of,
        is_being_sent=is_being_sent,
        states=STATE_WORDS,
        zone=zone,
        at=now(),
    )


def add_webhook() -> Response:
    """Adds an endpoint and shows its secret, once."""
    room = engine_room()
    try:
        with changing() as (work, session):
            endpoint, secret = add_endpoint(
                work,
                person().account_id,
                room.secrets,
                public_or_in(room.settings.webhook_networks),
                url=request.form.get("url", ""),
                events=request.form.getlist("events"),
                at=now(),
            )
            noted(session, "webhook.add", endpoint.endpoint_id, **for_the_log(endpoint))
    except (InvalidInput, Conflict) as error:
        say(f"That was not added: {error.message}", alarm=True)
        return redirect(url_for("web.webhooks"), code=303)
    say(f"Added. What is sent is signed with {secret}; keep it now, it is shown once.")
    return redirect(url_for("web.webhook", endpoint_id=endpoint.endpoint_id), code=303)


def delete_webhook(endpoint_id: str) -> Response:
    """Takes an endpoint away with its messages."""
    with changing() as (_, session):
        endpoint = remove_endpoint(session, endpoint_id)
        noted(session, "webhook.delete", endpoint_id, **for_the_log(endpoint))
    say("The webhook is deleted, and nothing more is sent to it.")
    return redirect(url_for("web.webhooks"), code=303)


def enable_webhook(endpoint_id: str) -> Response:
    """Tells an endpoint again that had said it is gone."""
    with changing() as (_, session):
        endpoint = change_endpoint(session, endpoint_id, enable=True)
        noted(session, "webhook.change", endpoint_id, **for_the_log(endpoint))
    say("It is told again from now on. What was given up meanwhile can be sent once more below.")
    return _back(endpoint_id)


def send_again(endpoint_id: str, delivery_id: str) -> Response:
    """Sends one message once more."""
    try:
        with changing() as (_, session):
            row = replay(session, endpoint_id, delivery_id, at=now())
            noted(session, "webhook.replay", delivery_id, webhook=endpoint_id)
        say(f"Message {row.number:,} is sent once more.")
    except Conflict as error:
        say(f"That was not done: {error.message}.", alarm=True)
    return _back(endpoint_id)


def send_dead_again(endpoint_id: str) -> Response:
    """Sends everything that was given up once more."""
    try:
        with changing() as (_, session):
            count = replay_dead(session, endpoint_id, at=now())
            noted(session, "webhook.replay", endpoint_id, count=count)
        say(f"{words.counted(count, 'message is', 'messages are')} sent once more.")
    except Conflict as error:
        say(f"That was not done: {error.message}.", alarm=True)
    return _back(endpoint_id)


def _zone(session: AccountSession) -> str:
    site = next(iter(places(session).sites.values()), None)
    return site.time_zone if site else "UTC"


def _back(endpoint_id: str) -> Response:
    """To the list as it was filtered."""
    given: dict[str, Any] = {
        name: request.form[name][:200] for name in ("state", "event", "older") if request.form.get(name)
    }
    return redirect(url_for("web.webhook", endpoint_id=endpoint_id, **given), code=303)


def add_routes(web: Blueprint) -> None:
    """The two pages and what can be done on them."""
    web.add_url_rule("/webhooks", view_func=webhooks)
    web.add_url_rule("/webhooks", view_func=add_webhook, methods=["POST"])
    # Below /webhooks/ machines speak to us: what is there gets no page's headers and no page's errors.
    web.add_url_rule("/webhook/<endpoint_id>", view_func=webhook)
    for path, view in (
        ("delete", delete_webhook),
        ("enable", enable_webhook),
        ("again", send_dead_again),
        ("deliveries/<delivery_id>/again", send_again),
    ):
        web.add_url_rule(f"/webhook/<endpoint_id>/{path}", view_func=view, methods=["POST"])
