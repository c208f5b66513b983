"""Tables of what we tell others: whom, what, and how each telling went."""

from datetime import datetime

from sqlalchemy import JSON, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base, Id, OfAccount, points_to


class WebhookEndpoint(OfAccount, Base):
    """An address that is told of `events`, signed with `secret` (encrypted).

    `told` is the order number of the last message made for it. `disabled_at`: it answered that it is gone.
    """

    __tablename__ = "webhook_endpoints"
    endpoint_id: Mapped[str] = mapped_column(Id, primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]] = mapped_column(JSON)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    told: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class WebhookDelivery(OfAccount, Base):
    """One message for one endpoint: `number` is its place in the endpoint's order, `payload` exactly what is sent.

    Waiting for `next_try_at`, delivered at `delivered_at`, or dead since `dead_at`. `message_id` is the same in every
    try and every replay of it. `subject` is the call, text or other thing it tells of.
    """

    __tablename__ = "webhook_deliveries"
    delivery_id: Mapped[str] = mapped_column(Id, primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(Id)
    message_id: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    event: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(Id)
    payload: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    last_try_at: Mapped[datetime | None]
    status: Mapped[int | None]
    problem: Mapped[str | None] = mapped_column(String(300))
    delivered_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    __table_args__ = (
        points_to("webhook_endpoints", "endpoint_id"),
        Index(None, "account_id", "endpoint_id", "number", unique=True),
        Index(None, "account_id", "made_at"),
        Index(
            "ix_webhook_deliveries_due",
            "account_id",
            "next_try_at",
            sqlite_where=text("next_try_at IS NOT NULL"),
            postgresql_where=text("next_try_at IS NOT NULL"),
        ),
        Index(
            "ix_webhook_deliveries_dead",
            "account_id",
            "dead_at",
            sqlite_where=text("dead_at IS NOT NULL"),
            postgresql_where=text("dead_at IS NOT NULL"),
        ),
    )
