"""Tables of what an account keeps about itself: who did what, and for how long data is kept."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base, Id, OfAccount


class AuditEntry(OfAccount, Base):
    """Who did what: never changed. `by` is person, token or system; `details` hold no secret and no caller's number."""

    __tablename__ = "audit_entries"
    entry_id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(8))
    user_id: Mapped[str | None] = mapped_column(Id)
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str | None] = mapped_column(String(80))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    __table_args__ = (
        Index(None, "account_id", "at", "entry_id"),
        Index(None, "account_id", "action", "at"),
    )


class RetentionPolicy(OfAccount, Base):
    """For how many days an account keeps what; null is for ever. Without a row the defaults hold."""

    __tablename__ = "retention_policies"
    visits_days: Mapped[int | None]
    calls_days: Mapped[int | None]
    messages_days: Mapped[int | None]
    recordings_days: Mapped[int | None]
    events_days: Mapped[int | None]
    audit_days: Mapped[int | None]
    updated_at: Mapped[datetime]
