"""Tables of what happens on a site: visitors, visits, their events, forms and number assignments."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import E164, Base, Id, OfAccount, points_to


class Visitor(OfAccount, Base):
    """A browser. `source_id` is the source it keeps on a direct return.

    `origin`: a keyed hash of the network it first came from; `alive_at`: when a page of theirs first reported anything.
    """

    __tablename__ = "visitors"
    visitor_id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(Id)
    source_id: Mapped[str | None] = mapped_column(Id)
    visit_id: Mapped[str | None] = mapped_column(Id)
    visits: Mapped[int] = mapped_column(default=0)
    device: Mapped[str] = mapped_column(String(10))
    region: Mapped[str | None] = mapped_column(String(10))
    origin: Mapped[str | None] = mapped_column(String(24))
    alive_at: Mapped[datetime | None]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    __table_args__ = (
        points_to("sites", "site_id"),
        points_to("tracking_sources", "source_id"),
        Index(
            "ix_visitors_origin",
            "account_id",
            "origin",
            "first_seen_at",
            sqlite_where=text("origin IS NOT NULL"),
            postgresql_where=text("origin IS NOT NULL"),
        ),
    )


class Visit(OfAccount, Base):
    """One stay. Its landing never changes; the columns from `last_seen_at` on say how it stands now."""

    __tablename__ = "visits"
    visit_id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(Id)
    visitor_id: Mapped[str] = mapped_column(Id)
    source_id: Mapped[str | None] = mapped_column(Id)
    ordinal: Mapped[int]
    started_at: Mapped[datetime]
    local_day: Mapped[date] = mapped_column(Date)
    landing_url: Mapped[str] = mapped_column(Text)
    referrer: Mapped[str | None] = mapped_column(Text)
    utm: Mapped[dict[str, Any]] = mapped_column(JSON)
    click_ids: Mapped[dict[str, Any]] = mapped_column(JSON)
    campaign_key: Mapped[str | None] = mapped_column(String(64))
    touch_source: Mapped[str | None] = mapped_column(String(255))
    touch_medium: Mapped[str | None] = mapped_column(String(255))
    touch_campaign: Mapped[str | None] = mapped_column(String(255))
    channel: Mapped[str] = mapped_column(String(40))
    rules_version: Mapped[str] = mapped_column(String(20))
    device: Mapped[str] = mapped_column(String(10))
    user_agent: Mapped[str | None] = mapped_column(String(400))
    last_seen_at: Mapped[datetime]
    last_path: Mapped[str | None] = mapped_column(String(400))
    last_viewed_at: Mapped[datetime | None]
    page_views: Mapped[int] = mapped_column(default=0)
    left_at: Mapped[datetime | None]
    __table_args__ = (
        points_to("sites", "site_id"),
        points_to("visitors", "visitor_id"),
        points_to("tracking_sources", "source_id"),
        Index(None, "account_id", "visitor_id", "started_at"),
        Index(None, "account_id", "site_id", "local_day", "source_id", "visitor_id"),
    )


class VisitEvent(OfAccount, Base):
    """Something a page reported: `pageview`, `heartbeat`, `tel_click`, `form`, `leave` or one of the page's own."""

    __tablename__ = "visit_events"
    event_id: Mapped[str] = mapped_column(Id, primary_key=True)
    visit_id: Mapped[str] = mapped_column(Id)
    visitor_id: Mapped[str] = mapped_column(Id)
    type: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    url: Mapped[str | None] = mapped_column(Text)
    number: Mapped[str | None] = mapped_column(E164)
    data: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    __table_args__ = (
        points_to("visits", "visit_id"),
        Index(None, "account_id", "visit_id", "at"),
        Index(
            "ix_visit_events_tel_clicks",
            "account_id",
            "number",
            "at",
            sqlite_where=text("type = 'tel_click'"),
            postgresql_where=text("type = 'tel_click'"),
        ),
    )


class Form(OfAccount, Base):
    """A form that was sent, with the phone and e-mail the page opted in to report."""

    __tablename__ = "forms"
    form_id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(Id)
    visitor_id: Mapped[str] = mapped_column(Id)
    visit_id: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
    phone: Mapped[str | None] = mapped_column(E164)
    email: Mapped[str | None] = mapped_column(String(320))
    __table_args__ = (
        points_to("sites", "site_id"),
        points_to("visits", "visit_id"),
        Index(None, "account_id", "phone", "at"),
        Index(None, "account_id", "visit_id"),
        Index(None, "account_id", "visitor_id", "at"),
    )


class Assignment(OfAccount, Base):
    """This visitor was shown this number of this source from … to … (open while `ended_at` is null)."""

    __tablename__ = "assignments"
    assignment_id: Mapped[str] = mapped_column(Id, primary_key=True)
    visitor_id: Mapped[str] = mapped_column(Id)
    source_id: Mapped[str] = mapped_column(Id)
    number: Mapped[str] = mapped_column(E164)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        points_to("visitors", "visitor_id"),
        points_to("tracking_sources", "source_id"),
        points_to("tracking_numbers", "number"),
        # The database itself refuses a second open number of one source.
        Index(
            "uq_assignments_open",
            "account_id",
            "visitor_id",
            "source_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "account_id", "number", "started_at"),
        Index(None, "account_id", "visitor_id", "started_at"),
    )
