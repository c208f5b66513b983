"""Tables of calls: the call, who may have made it, who is credited, and all that was decided on the way."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, Double, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import E164, Base, Id, Name, OfAccount, points_to


class Call(OfAccount, Base):
    """One incoming call. `matched_*` is the credit now; `model_*` is the model's own choice, always kept.

    `notice`: what the caller was told before the call was recorded; None: it was not to be recorded.
    """

    __tablename__ = "calls"
    call_id: Mapped[str] = mapped_column(Id, primary_key=True)
    provider: Mapped[str] = mapped_column(String(20))
    provider_call_id: Mapped[str] = mapped_column(String(128))
    site_id: Mapped[str] = mapped_column(Id)
    source_id: Mapped[str] = mapped_column(Id)
    number: Mapped[str] = mapped_column(E164)
    destination: Mapped[str] = mapped_column(E164)
    notice: Mapped[str | None] = mapped_column(String(500))
    from_number: Mapped[str | None] = mapped_column(E164)
    caller_name: Mapped[str | None] = mapped_column(Name)
    started_at: Mapped[datetime]
    local_day: Mapped[date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(String(12))
    duration_seconds: Mapped[int | None]
    spam: Mapped[bool] = mapped_column(default=False)
    value_minor: Mapped[int | None] = mapped_column(BigInteger)
    value_currency: Mapped[str | None] = mapped_column(String(3))
    updated_at: Mapped[datetime]

    model_version: Mapped[str | None] = mapped_column(String(40))
    none_likelihood: Mapped[float] = mapped_column(Double, default=1.0)
    model_visit_id: Mapped[str | None] = mapped_column(Id)
    model_visitor_id: Mapped[str | None] = mapped_column(Id)
    model_likelihood: Mapped[float | None] = mapped_column(Double)

    matched_by: Mapped[str | None] = mapped_column(String(5))
    matched_visit_id: Mapped[str | None] = mapped_column(Id)
    matched_visitor_id: Mapped[str | None] = mapped_column(Id)
    matched_likelihood: Mapped[float | None] = mapped_column(Double)
    matched_at: Mapped[datetime | None]
    matched_user_id: Mapped[str | None] = mapped_column(Id)
    __table_args__ = (
        points_to("sites", "site_id"),
        points_to("tracking_sources", "source_id"),
        points_to("tracking_numbers", "number"),
        points_to("visits", "visit_id", "matched_visit_id"),
        points_to("visits", "visit_id", "model_visit_id"),
        Index(None, "account_id", "provider_call_id", unique=True),
        Index(None, "account_id", "started_at", "call_id"),
        Index(None, "account_id", "updated_at"),
        Index(None, "account_id", "from_number", "started_at"),
        Index(None, "account_id", "site_id", "source_id", "started_at"),
        Index(None, "account_id", "matched_visitor_id", "started_at"),
        # Before a visit is removed the database looks for whoever points to it.
        Index(
            "ix_calls_matched_visit",
            "account_id",
            "matched_visit_id",
            sqlite_where=text("matched_visit_id IS NOT NULL"),
            postgresql_where=text("matched_visit_id IS NOT NULL"),
        ),
        Index(
            "ix_calls_model_visit",
            "account_id",
            "model_visit_id",
            sqlite_where=text("model_visit_id IS NOT NULL"),
            postgresql_where=text("model_visit_id IS NOT NULL"),
        ),
    )


class CallCandidate(OfAccount, Base):
    """A visitor who may have made the call. `race` is log2 against nobody without the phone's own history."""

    __tablename__ = "call_candidates"
    call_id: Mapped[str] = mapped_column(Id, primary_key=True)
    rank: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[str] = mapped_column(Id)
    visitor_id: Mapped[str] = mapped_column(Id)
    source_id: Mapped[str | None] = mapped_column(Id)
    likelihood: Mapped[float] = mapped_column(Double)
    race: Mapped[float] = mapped_column(Double)
    last_seen_at: Mapped[datetime]
    evidence: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    __table_args__ = (
        points_to("calls", "call_id"),
        points_to("visits", "visit_id"),
        Index(None, "account_id", "visitor_id", "call_id"),
        Index(None, "account_id", "visit_id"),
    )


class MatchDecision(OfAccount, Base):
    """One line of a call's history: what the model said or staff decided, never changed afterwards."""

    __tablename__ = "match_decisions"
    decision_id: Mapped[str] = mapped_column(Id, primary_key=True)
    call_id: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(5))
    user_id: Mapped[str | None] = mapped_column(Id)
    visit_id: Mapped[str | None] = mapped_column(Id)
    visitor_id: Mapped[str | None] = mapped_column(Id)
    likelihood: Mapped[float] = mapped_column(Double)
    reason: Mapped[str | None] = mapped_column(String(1000))
    model_version: Mapped[str | None] = mapped_column(String(40))
    undo: Mapped[bool] = mapped_column(default=False)
    __table_args__ = (points_to("calls", "call_id"), Index(None, "account_id", "call_id", "decision_id"))


class CallAnswer(OfAccount, Base):
    """An answer of the model that a later, better one took the place of: what was known then, kept beside it."""

    __tablename__ = "call_answers"
    call_id: Mapped[str] = mapped_column(Id, primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(String(40))
    model_version: Mapped[str | None] = mapped_column(String(40))
    none_likelihood: Mapped[float] = mapped_column(Double)
    visit_id: Mapped[str | None] = mapped_column(Id)
    visitor_id: Mapped[str | None] = mapped_column(Id)
    likelihood: Mapped[float | None] = mapped_column(Double)
    candidates: Mapped[list[Any]] = mapped_column(JSON)
    __table_args__ = (points_to("calls", "call_id"),)


class CallTag(OfAccount, Base):
    """A tag of a call."""

    __tablename__ = "call_tags"
    call_id: Mapped[str] = mapped_column(Id, primary_key=True)
    tag: Mapped[str] = mapped_column(String(60), primary_key=True)
    position: Mapped[int]
    __table_args__ = (points_to("calls", "call_id"), Index(None, "account_id", "tag", "call_id"))


class CallNote(OfAccount, Base):
    """What staff wrote about a call."""

    __tablename__ = "call_notes"
    note_id: Mapped[str] = mapped_column(Id, primary_key=True)
    call_id: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
    user_id: Mapped[str | None] = mapped_column(Id)
    text: Mapped[str] = mapped_column(Text)
    __table_args__ = (points_to("calls", "call_id"), Index(None, "account_id", "call_id", "note_id"))
