"""Table of texts that came in, each with who may have sent it."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, Double, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import E164, Base, Id, OfAccount, points_to


class Message(OfAccount, Base):
    """One text to a tracking number, matched as a call at its moment would be. `candidates` are as answers show them.

    `sender` is who wrote where that is no telephone number: a short code, a company's name. `matched_*` is the model's
    choice: the best candidate, or nothing where `none_likelihood` is larger.
    """

    __tablename__ = "messages"
    message_id: Mapped[str] = mapped_column(Id, primary_key=True)
    provider: Mapped[str] = mapped_column(String(20))
    provider_message_id: Mapped[str] = mapped_column(String(128))
    site_id: Mapped[str] = mapped_column(Id)
    source_id: Mapped[str] = mapped_column(Id)
    number: Mapped[str] = mapped_column(E164)
    from_number: Mapped[str | None] = mapped_column(E164)
    sender: Mapped[str | None] = mapped_column(String(40))
    body: Mapped[str] = mapped_column(Text)
    media: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime]
    local_day: Mapped[date] = mapped_column(Date)
    model_version: Mapped[str | None] = mapped_column(String(40))
    none_likelihood: Mapped[float] = mapped_column(Double, default=1.0)
    matched_visit_id: Mapped[str | None] = mapped_column(Id)
    matched_visitor_id: Mapped[str | None] = mapped_column(Id)
    matched_likelihood: Mapped[float | None] = mapped_column(Double)
    candidates: Mapped[list[Any]] = mapped_column(JSON)
    __table_args__ = (
        points_to("sites", "site_id"),
        points_to("tracking_sources", "source_id"),
        points_to("tracking_numbers", "number"),
        points_to("visits", "visit_id", "matched_visit_id"),
        Index(None, "account_id", "provider_message_id", unique=True),
        Index(None, "account_id", "at", "message_id"),
        Index(None, "account_id", "from_number", "at"),
        Index(
            "ix_messages_matched_visit",
            "account_id",
            "matched_visit_id",
            sqlite_where=text("matched_visit_id IS NOT NULL"),
            postgresql_where=text("matched_visit_id IS NOT NULL"),
        ),
    )
