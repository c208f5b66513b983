"""Tables of imported histories: how far each one came, and which visitor of a trace is which of ours."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from store.base import E164, Base, Id, OfAccount, points_to


class Import(OfAccount, Base):
    """A trace that was imported into a site as far as its first `lines` lines, whose SHA-256 is `digest`.

    `last_at` is the time of the last of them; `ended_at` is null until all that belongs to the import was done.
    """

    __tablename__ = "imports"
    import_id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(200))
    lines: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    counts: Mapped[dict[str, Any]] = mapped_column(JSON)
    first_at: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    __table_args__ = (points_to("sites", "site_id"), Index(None, "account_id", "site_id"))


class ImportedVisitor(OfAccount, Base):
    """A visitor of a site's traces (`key`: SHA-256 of the trace's own id) and the tracking number they see now."""

    __tablename__ = "imported_visitors"
    site_id: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    visitor_id: Mapped[str] = mapped_column(Id)
    number: Mapped[str | None] = mapped_column(E164)
    __table_args__ = (
        points_to("sites", "site_id"),
        points_to("visitors", "visitor_id"),
        Index(None, "account_id", "visitor_id"),
    )
