"""Tables of where numbers come from: purchases at a provider, and every change of what a number is, by whom and why."""

from datetime import datetime

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import E164, Base, Id, OfAccount, points_to


class NumberPurchase(OfAccount, Base):
    """A purchase as it was intended, before the provider was asked, and what came of it.

    `token` is the name under which the provider keeps the number until it is found again, `posts` how often the
    provider was asked to sell it, `asked_at` when last. Prices are per month, in minor units.
    """

    __tablename__ = "number_purchases"
    purchase_id: Mapped[str] = mapped_column(Id, primary_key=True)
    token: Mapped[str] = mapped_column(String(64))
    number: Mapped[str] = mapped_column(E164)
    source_id: Mapped[str] = mapped_column(Id)
    status: Mapped[str] = mapped_column(String(10))
    posts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    asked_at: Mapped[datetime | None]
    code: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(Text)
    provider_sid: Mapped[str | None] = mapped_column(String(64))
    monthly_price_minor: Mapped[int | None]
    price_currency: Mapped[str | None] = mapped_column(String(3))
    user_id: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (
        points_to("tracking_sources", "source_id"),
        Index(None, "account_id", "created_at", "purchase_id"),
        # Of one number there is one purchase under way: whoever comes second goes on with it.
        Index(
            "uq_number_purchases_open",
            "account_id",
            "number",
            unique=True,
            sqlite_where=text("status IN ('intended', 'asked', 'doubtful')"),
            postgresql_where=text("status IN ('intended', 'asked', 'doubtful')"),
        ),
    )


class NumberChange(OfAccount, Base):
    """One change of a number's status or source, never changed afterwards. `by` is `staff`, `api` or `system`.

    What is null at the first one was nothing before.
    """

    __tablename__ = "number_changes"
    change_id: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[str] = mapped_column(E164)
    at: Mapped[datetime]
    from_status: Mapped[str | None] = mapped_column(String(12))
    to_status: Mapped[str] = mapped_column(String(12))
    from_source_id: Mapped[str | None] = mapped_column(Id)
    to_source_id: Mapped[str] = mapped_column(Id)
    by: Mapped[str] = mapped_column(String(6))
    user_id: Mapped[str | None] = mapped_column(Id)
    reason: Mapped[str | None] = mapped_column(String(1000))
    __table_args__ = (
        points_to("tracking_numbers", "number"),
        Index(None, "account_id", "number", "at", "change_id"),
    )
