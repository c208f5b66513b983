"""Who is told: the addresses of an account's webhooks."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, defer

from app.outgoing import Allowed, read_url, require_reachable
from app.secretbox import SecretBox
from app.telling.outbox import EVENTS
from app.telling.signing import new_secret
from core.errors import Conflict, InvalidInput, NotFound, shown
from core.ids import is_id, new_id
from store.directory import WebhookAccount
from store.paging import newest_first
from store.sessions import AccountSession, Work
from store.webhooks import WebhookDelivery, WebhookEndpoint

MOST_ENDPOINTS: Final = 20
"""Of an account: each costs a row with every event."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An endpoint and how its messages fare: how many wait and are dead, and the last one made, if any is kept."""

    endpoint: WebhookEndpoint
    waiting: int
    dead: int
    last: WebhookDelivery | None


def add_endpoint(
    work: Work, account_id: str, box: SecretBox, allowed: Allowed, *, url: str, events: Sequence[str], at: datetime
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint that is told of `events`, and its secret, which is not shown again.

    `allowed`: the network addresses that webhooks may reach. Raises InvalidInput naming `url` or `events`, Conflict
    where the account has as many as it may. Flushes.
    """
    session = work.account(account_id)
    address, wanted = _address(url, allowed), _events(events)
    if (session.scalar(select(func.count()).select_from(WebhookEndpoint)) or 0) >= MOST_ENDPOINTS:
        raise Conflict(f"an account has at most {MOST_ENDPOINTS} webhooks; delete one first")
    secret = new_secret()
    endpoint = WebhookEndpoint(
        endpoint_id=new_id(at), url=address, events=wanted, secret=box.seal(secret), told=0, created_at=at
    )
    session.add(endpoint)
    session.flush()
    _list(work, account_id)
    return endpoint, secret


def _list(work: Work, account_id: str) -> None:
    """Lets those who send know of the account. It stays listed: a look at nothing costs next to nothing."""
    if work.directory.get(WebhookAccount, account_id) is None:
        with suppress(IntegrityError), work.directory.begin_nested():
            work.directory.add(WebhookAccount(account_id=account_id))
            work.directory.flush()


def get_endpoint(session: AccountSession, endpoint_id: str, *, lock: bool = False) -> WebhookEndpoint:
    """The endpoint; `lock` holds it, so that nothing is made for it or sent to it meanwhile. Raises NotFound."""
    found = None
    if is_id(endpoint_id):
        key = (session.account_id, endpoint_id)
        found = session.get(WebhookEndpoint, key, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise NotFound(f"there is no webhook {shown(endpoint_id)}")
    return found


def list_endpoints(
    session: AccountSession, *, after: tuple[datetime, str] | None, limit: int
) -> Sequence[WebhookEndpoint]:
    """The account's endpoints, newest first, at most `limit` after the place `after`."""
    query = select(WebhookEndpoint)
    return session.scalars(
        newest_first(query, WebhookEndpoint.created_at, WebhookEndpoint.endpoint_id, after=after, limit=limit)
    ).all()


def for_the_log(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """What the audit log may know of an endpoint: its host and its events; the rest of an address may be a secret."""
    return {"host": read_url(endpoint.url).hostname, "events": endpoint.events}


def change_endpoint(
    session: AccountSession, endpoint_id: str, *, events: Sequence[str] | None = None, enable: bool = False
) -> WebhookEndpoint:
    """Tells the endpoint of other events from now on; `enable`: tells it again after it had said that it is gone.

    Raises NotFound, or InvalidInput naming `events`. Flushes.
    """
    endpoint = get_endpoint(session, endpoint_id, lock=True)
    if events is not None:
        endpoint.events = _events(events)
    if enable:
        endpoint.disabled_at = None
    session.flush()
    return endpoint


def remove_endpoint(session: AccountSession, endpoint_id: str) -> WebhookEndpoint:
    """Takes the endpoint away, with all its messages: nothing is sent to it any more. Raises NotFound. Flushes."""
    endpoint = get_endpoint(session, endpoint_id, lock=True)
    session.execute(
        delete(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint.endpoint_id)
        .execution_options(synchronize_session=False)
    )
    session.delete(endpoint)
    session.flush()
    return endpoint


def disable_endpoint(session: AccountSession, endpoint: WebhookEndpoint, *, problem: str, at: datetime) -> None:
    """The (held) endpoint is told nothing from now on; what waits for it is dead, for `problem`. Flushes."""
    endpoint.disabled_at = at
    session.flush()
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint.endpoint_id, WebhookDelivery.next_try_at.is_not(None))
        .values(next_try_at=None, dead_at=at, problem=problem)
        .execution_options(synchronize_session=False)
    )


def standings(session: AccountSession, endpoint_id: str | None = None) -> list[Standing]:
    """The account's endpoints (or the one), the oldest first, and how each fares. Four queries for however many."""
    query = select(WebhookEndpoint).order_by(WebhookEndpoint.created_at, WebhookEndpoint.endpoint_id)
    if endpoint_id is not None:
        query = query.where(WebhookEndpoint.endpoint_id == endpoint_id)
    endpoints = session.scalars(query).all()
    waiting, dead = (_counts(session, column) for column in (WebhookDelivery.next_try_at, WebhookDelivery.dead_at))
    # The last message has the last number, so that nothing has to be sorted.
    last = session.scalars(
        select(WebhookDelivery)
        .options(defer(WebhookDelivery.payload, raiseload=True))
        .join(
            WebhookEndpoint,
            (WebhookEndpoint.account_id == WebhookDelivery.account_id)
            & (WebhookEndpoint.endpoint_id == WebhookDelivery.endpoint_id)
            & (WebhookEndpoint.told == WebhookDelivery.number),
        )
    )
    by_endpoint = {row.endpoint_id: row for row in last}
    return [
        Standing(
            endpoint=one,
            waiting=waiting.get(one.endpoint_id, 0),
            dead=dead.get(one.endpoint_id, 0),
            last=by_endpoint.get(one.endpoint_id),
        )
        for one in endpoints
    ]


def _counts(session: AccountSession, column: InstrumentedAttribute[datetime | None]) -> dict[str, int]:
    """By endpoint, how many messages have that time; on the small index of those that do."""
    query = select(WebhookDelivery.endpoint_id, func.count()).where(column.is_not(None))
    return {row[0]: row[1] for row in session.execute(query.group_by(WebhookDelivery.endpoint_id))}


def _address(url: str, allowed: Allowed) -> str:
    text = url.strip()
    try:
        require_reachable(text, allowed)
    except ValueError as error:
        raise InvalidInput({"url": f"{shown(url)}: {error}"}) from None
    return text


def _events(events: Sequence[str]) -> list[str]:
    """Each once, in the order of `EVENTS`."""
    unknown = [event for event in events if event not in EVENTS]
    if unknown or not events:
        given = f"{shown(unknown[0])} is no event" if unknown else "none is named"
        raise InvalidInput({"events": f"{given}; allowed are {', '.join(EVENTS)}"})
    return [event for event in EVENTS if event in events]
