"""The tries of a message: taking one on, so that nobody else sends it meanwhile, and what comes of it.

One message of an endpoint is being sent at any moment, over all processes and machines, so that they arrive in their
order where nothing fails. Whoever takes one on and dies holds it, and its endpoint, for `LEASE` and no longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast
from zlib import crc32

from sqlalchemy import func, select

from app.secretbox import SecretBox
from app.telling.deliveries import being_sent
from app.telling.endpoints import disable_endpoint
from core.text import clean
from store.sessions import AccountSession
from store.webhooks import WebhookDelivery, WebhookEndpoint

LEASE: Final = timedelta(seconds=60)
"""How long a try may take: longer than connecting, sending and waiting for an answer are allowed to."""
WAITS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=24),
)
"""After the first try, the second, and so on; after one more the message is dead, nearly 42 hours after it was made."""
JITTER: Final = 0.1
"""A wait is longer by up to this share, so that what failed together does not come again together."""
GONE: Final = 410
GONE_WORDS: Final = "the receiver said that it is gone for good (410)"


@dataclass(frozen=True, kw_only=True)
class Try:
    """A message that was taken on at `at` (aware UTC): where it goes, what is sent, and which try it is (from 1).

    `secret` is None where no key of ours opens it.
    """

    delivery_id: str
    endpoint_id: str
    message_id: str
    url: str
    secret: str | None
    payload: str
    number: int
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a try: the status that was answered, if any, and what went wrong, None where it was taken."""

    status: int | None
    problem: str | None


def next_due(session: AccountSession) -> datetime | None:
    """When the account's next message is due, or was; None where nothing waits. One entry of one small index."""
    deliveries = WebhookDelivery.__table__
    query = select(func.min(deliveries.c.next_try_at))
    mine = deliveries.c.account_id == session.account_id
    return cast(datetime | None, session.scalar(query.where(mine, deliveries.c.next_try_at.is_not(None))))


def due_endpoints(session: AccountSession, at: datetime) -> Sequence[str]:
    """The endpoints with messages that are due at `at`. One query on one small index."""
    return session.scalars(
        select(WebhookDelivery.endpoint_id).where(WebhookDelivery.next_try_at <= at).distinct()
    ).all()


def take(session: AccountSession, box: SecretBox, endpoint_id: str, *, at: datetime) -> Try | None:
    """Takes on the endpoint's first message that is due; None where none is, or one is being sent. Flushes."""
    endpoint = session.get(
        WebhookEndpoint, (session.account_id, endpoint_id), with_for_update=True, populate_existing=True
    )
    if endpoint is None:
        return None
    if endpoint.disabled_at is not None:
        disable_endpoint(session, endpoint, problem=GONE_WORDS, at=endpoint.disabled_at)
        return None
    if session.scalar(select(WebhookDelivery.number).where(being_sent(endpoint_id, at)).limit(1)) is not None:
        return None
    row = session.scalar(
        select(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.next_try_at <= at)
        .order_by(WebhookDelivery.number)
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        return None
    row.tries += 1
    row.last_try_at, row.next_try_at = at, at + LEASE
    row.status = row.problem = None
    session.flush()
    return Try(
        delivery_id=row.delivery_id,
        endpoint_id=endpoint_id,
        message_id=row.message_id,
        url=endpoint.url,
        secret=box.open(endpoint.secret),
        payload=row.payload,
        number=row.tries,
        at=at,
    )


def settle(session: AccountSession, done: Try, outcome: Outcome, *, at: datetime) -> bool:
    """Notes at `at` what came of a try. One that somebody else took up meanwhile counts only where it was taken.

    Nothing is left to note where the endpoint was deleted. True where the message is dead now. Flushes.
    """
    endpoint = session.get(
        WebhookEndpoint, (session.account_id, done.endpoint_id), with_for_update=True, populate_existing=True
    )
    row = session.get(
        WebhookDelivery, (session.account_id, done.delivery_id), with_for_update=True, populate_existing=True
    )
    if endpoint is None or row is None:
        return False
    ours = (row.tries, row.last_try_at) == (done.number, done.at)
    if row.next_try_at is None or (outcome.problem is not None and not ours):
        return False
    row.status, row.problem = outcome.status, clean(outcome.problem, 300)
    row.next_try_at = None
    if outcome.problem is None:
        row.delivered_at = at
    elif outcome.status == GONE:
        row.problem, row.dead_at = GONE_WORDS, at
        disable_endpoint(session, endpoint, problem=GONE_WORDS, at=at)
    elif done.number > len(WAITS):
        row.dead_at = at
    else:
        row.next_try_at = at + wait_after(done.number, done.delivery_id)
    session.flush()
    return row.dead_at is not None


def wait_after(number: int, delivery_id: str) -> timedelta:
    """How long to wait after the failed try `number` (from 1) of this message, its own jitter included."""
    share = crc32(f"{delivery_id}.{number}".encode()) / 2**32
    return WAITS[number - 1] * (1 + JITTER * share)
