"""Tables of how the script fares on a site's pages: what it found on each, and the hosts where it was seen."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base, Id, OfAccount, points_to


class PageCheck(OfAccount, Base):
    """What the script last reported of one page (`page` is host and path, never a query), and how often it did."""

    __tablename__ = "page_checks"
    site_id: Mapped[str] = mapped_column(Id, primary_key=True)
    page: Mapped[str] = mapped_column(String(400), primary_key=True)
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    reports: Mapped[int] = mapped_column(default=0)
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    __table_args__ = (points_to("sites", "site_id"), Index(None, "account_id", "site_id", "last_seen_at"))


class HostSign(OfAccount, Base):
    """A sign of life of the script on one host: it was `loaded` there, `answered`, or `refused` as no own domain."""

    __tablename__ = "host_signs"
    site_id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    __table_args__ = (points_to("sites", "site_id"),)
