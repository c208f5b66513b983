"""Tables of the likelihood model of an account: its versions, which was in use since when, and the runs of jobs."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base, Id, OfAccount, points_to


class ModelVersion(OfAccount, Base):
    """A likelihood model fitted for an account: the model file, and the figures that decided whether it is used."""

    __tablename__ = "model_versions"
    model_id: Mapped[str] = mapped_column(Id, primary_key=True)
    version: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(20))
    better: Mapped[bool]
    reason: Mapped[str] = mapped_column(String(400))
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    model: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        Index(None, "account_id", "version", unique=True),
        Index(None, "account_id", "made_at"),
    )


class ModelUse(OfAccount, Base):
    """From `at` on this version scores the account's calls (null: the shipped prior). The latest row counts."""

    __tablename__ = "model_uses"
    use_id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    model_id: Mapped[str | None] = mapped_column(Id)
    user_id: Mapped[str | None] = mapped_column(Id)
    reason: Mapped[str] = mapped_column(String(400))
    __table_args__ = (
        points_to("model_versions", "model_id"),
        Index(None, "account_id", "at", "use_id"),
    )


class JobRun(OfAccount, Base):
    """One run of a job that fell due: the key makes it run once, however many processes there are."""

    __tablename__ = "job_runs"
    job: Mapped[str] = mapped_column(String(40), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(400))
    failed: Mapped[bool] = mapped_column(default=False)
