"""Table of what providers told us: every verified webhook as it came, kept before anything is made of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base, Id, OfAccount, points_to


class ProviderEvent(OfAccount, Base):
    """A verified webhook (`kind`: voice, status, recording, sms), or what the list of the provider told (sweep).

    `event_key` is a digest of kind and fields: the same event again changes nothing, a later status is another event.
    `fields` are the form's names and values in their order. `via`: webhook, spool (kept in a file while the database
    was away) or sweep. `state`: waiting (to be processed at `next_try_at`), done or failed (`problem` says why).
    """

    __tablename__ = "provider_events"
    event_id: Mapped[str] = mapped_column(Id, primary_key=True)
    event_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    provider: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(10))
    sid: Mapped[str | None] = mapped_column(String(128))
    number: Mapped[str | None] = mapped_column(String(16))
    fields: Mapped[list[Any]] = mapped_column(JSON)
    via: Mapped[str] = mapped_column(String(8))
    received_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(8))
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    processed_at: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(String(300))
    __table_args__ = (
        Index(None, "account_id", "event_key", unique=True),
        Index(None, "account_id", "sid"),
        Index(None, "account_id", "received_at", "event_id"),
        Index(
            "ix_provider_events_due",
            "account_id",
            "next_try_at",
            sqlite_where=text("next_try_at IS NOT NULL"),
            postgresql_where=text("next_try_at IS NOT NULL"),
        ),
        Index(
            "ix_provider_events_failed",
            "account_id",
            "received_at",
            sqlite_where=text("state = 'failed'"),
            postgresql_where=text("state = 'failed'"),
        ),
    )


class ProviderSweep(OfAccount, Base):
    """How far the provider's own list of calls was compared with ours, for one of the provider's accounts."""

    __tablename__ = "provider_sweeps"
    provider: Mapped[str] = mapped_column(String(20), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(64), primary_key=True)
    compared_until: Mapped[datetime]


class CallLeg(OfAccount, Base):
    """What became of one attempt to reach a destination: a child leg of a call, as far as reports told."""

    __tablename__ = "call_legs"
    call_id: Mapped[str] = mapped_column(Id, primary_key=True)
    provider_leg_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    status: Mapped[str] = mapped_column(String(12))
    duration_seconds: Mapped[int | None]
    updated_at: Mapped[datetime]
    __table_args__ = (points_to("calls", "call_id"),)


class CallRecording(OfAccount, Base):
    """A recording of a call. `address` is where the provider has it; ours since `stored_at`, in a file of its id.

    `status` is the provider's: in-progress, completed, absent. Fetched at `next_try_at` until it is stored or given up;
    `deleted_at`: the file was removed, by policy.
    """

    __tablename__ = "call_recordings"
    recording_id: Mapped[str] = mapped_column(Id, primary_key=True)
    call_id: Mapped[str] = mapped_column(Id)
    provider_recording_id: Mapped[str] = mapped_column(String(128))
    status: Mapped[str] = mapped_column(String(12))
    duration_seconds: Mapped[int | None]
    channels: Mapped[int | None]
    address: Mapped[str | None] = mapped_column(String(2000))
    made_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    stored_at: Mapped[datetime | None]
    media_type: Mapped[str | None] = mapped_column(String(40))
    size_bytes: Mapped[int | None]
    deleted_at: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(String(300))
    __table_args__ = (
        points_to("calls", "call_id"),
        Index(None, "account_id", "provider_recording_id", unique=True),
        Index(None, "account_id", "call_id"),
        Index(None, "account_id", "made_at"),
        Index(
            "ix_call_recordings_due",
            "account_id",
            "next_try_at",
            sqlite_where=text("next_try_at IS NOT NULL"),
            postgresql_where=text("next_try_at IS NOT NULL"),
        ),
    )
