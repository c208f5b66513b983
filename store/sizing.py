"""Table of curves: what more or fewer numbers would mean for each online source, as last worked out."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Double, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base, Id, OfAccount, points_to


class SourceCurve(OfAccount, Base):
    """The latest curve of a source: numbers against likelihood.

    Made at `made_at` from the calls of [`from_at`, `to_at`) with the model `model_version`, when the source had
    `numbers` active numbers. `points` holds the sizes that were played, and is empty where there is no curve: `reason`
    says why.
    """

    __tablename__ = "source_curves"
    source_id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(Id)
    made_at: Mapped[datetime]
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    model_version: Mapped[str] = mapped_column(String(40))
    numbers: Mapped[int]
    calls: Mapped[int]
    expected_calls: Mapped[float] = mapped_column(Double)
    confidence: Mapped[float] = mapped_column(Double)
    points: Mapped[list[Any]] = mapped_column(JSON)
    reason: Mapped[str | None] = mapped_column(String(400))
    __table_args__ = (
        points_to("sites", "site_id"),
        points_to("tracking_sources", "source_id"),
        Index(None, "account_id", "site_id"),
    )
