"""Table of first answers: what an API request with an Idempotency-Key was answered, so that a repeat gets the same."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base, OfAccount


class FirstAnswer(OfAccount, Base):
    """A request's key and the SHA-256 of what it asked; `status` and `body` are null until it was answered."""

    __tablename__ = "first_answers"
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    asked: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int | None]
    body: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    __table_args__ = (Index(None, "account_id", "created_at"),)
