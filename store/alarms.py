"""Tables of alarms: what is or was wrong, whom to tell, and what was told to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base, Id, OfAccount, points_to


class Alarm(OfAccount, Base):
    """Something that is wrong with `subject` since `opened_at`, was so when last looked at, and ended at `closed_at`.

    `facts` are what its words are made of. `told_at`: when everybody who is to hear of its beginning had heard.
    """

    __tablename__ = "alarms"
    alarm_id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(64))
    site_id: Mapped[str | None] = mapped_column(Id)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    opened_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    __table_args__ = (
        points_to("sites", "site_id"),
        # The database itself refuses a second open alarm about one thing.
        Index(
            "uq_alarms_open",
            "account_id",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(None, "account_id", "opened_at", "alarm_id"),
    )


class AlarmNotice(OfAccount, Base):
    """A message about an alarm's beginning or end (`moment`), by e-mail or webhook (`channel`).

    Sent at `sent_at`; until then tried again at `next_try_at`, which is null once that was given up.
    """

    __tablename__ = "alarm_notices"
    alarm_id: Mapped[str] = mapped_column(Id, primary_key=True)
    moment: Mapped[str] = mapped_column(String(6), primary_key=True)
    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    made_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    trouble: Mapped[str | None] = mapped_column(String(300))
    __table_args__ = (
        points_to("alarms", "alarm_id"),
        Index(
            "ix_alarm_notices_due",
            "account_id",
            "next_try_at",
            sqlite_where=text("next_try_at IS NOT NULL"),
            postgresql_where=text("next_try_at IS NOT NULL"),
        ),
    )


class AlarmSettings(OfAccount, Base):
    """Who hears of an account's alarms: addresses, and a webhook that is signed with `secret` (encrypted)."""

    __tablename__ = "alarm_settings"
    emails: Mapped[list[str]] = mapped_column(JSON)
    webhook_url: Mapped[str | None] = mapped_column(Text)
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime]
