"""Tables of the account and its set-up: sites, tracking sources, tracking numbers, provider credentials."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Double, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import E164, Base, Id, Name, OfAccount, SetUp, Tenant, points_to


class Account(Tenant, Base):
    """A tenant. `set_up_version` counts the changes of its sites, sources and numbers: what was remembered is old."""

    __tablename__ = "accounts"
    name: Mapped[str] = mapped_column(Name)
    set_up_version: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[datetime]


class Site(OfAccount, SetUp, Base):
    """One website of an account. `numbers` are the business's own, as printed on its pages (E.164)."""

    __tablename__ = "sites"
    site_id: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(Name)
    domains: Mapped[list[str]] = mapped_column(JSON)
    numbers: Mapped[list[str]] = mapped_column(JSON)
    time_zone: Mapped[str] = mapped_column(String(64))
    country: Mapped[str] = mapped_column(String(2))
    currency: Mapped[str] = mapped_column(String(3))
    consent_default: Mapped[str] = mapped_column(String(10))
    exclude_networks: Mapped[list[str]] = mapped_column(JSON)
    visitors_per_number: Mapped[int] = mapped_column(default=20)
    likelihood_target: Mapped[float] = mapped_column(default=0.9)
    sure_from: Mapped[float] = mapped_column(Double, default=0.9, server_default=text("0.9"))
    likely_from: Mapped[float] = mapped_column(Double, default=0.6, server_default=text("0.6"))
    created_at: Mapped[datetime]


class TrackingSource(OfAccount, SetUp, Base):
    """A channel that brings visits or calls.

    `turn` counts the changes of its pool's state, `allocation` names the policy that gives its numbers. `recorded`: its
    calls are recorded, after the caller has heard `notice`.
    """

    __tablename__ = "tracking_sources"
    source_id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(Id)
    slug: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(Name)
    kind: Mapped[str] = mapped_column(String(10))
    preset: Mapped[str | None] = mapped_column(String(30))
    rule: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    position: Mapped[int]
    catch_all: Mapped[bool]
    target: Mapped[str | None] = mapped_column(E164)
    destination: Mapped[str] = mapped_column(E164)
    turn: Mapped[int] = mapped_column(default=0)
    recorded: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    notice: Mapped[str | None] = mapped_column(String(500))
    allocation: Mapped[str] = mapped_column(
        String(20), default="least_ambiguous", server_default=text("'least_ambiguous'")
    )
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    __table_args__ = (
        points_to("sites", "site_id"),
        Index(
            "uq_tracking_sources_slug_in_use",
            "account_id",
            "site_id",
            "slug",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )


class TrackingNumber(OfAccount, SetUp, Base):
    """A number of ours that visitors see or that is printed.

    Its place in the pool: `last_turn` is its source's turn when last given, `level` how many visitors it was given to,
    `called_at` when it was last called, `recent` what the policy remembers, `changed_turn` the turn of the last change.

    At its provider: `provider_sid`, what it costs a month (minor units), `release_at` when it is to be given back.
    `printed`: it stands on paper somewhere. A quarantined one without `quarantined_until` stays so until staff act.
    """

    __tablename__ = "tracking_numbers"
    number: Mapped[str] = mapped_column(E164, primary_key=True)
    source_id: Mapped[str] = mapped_column(Id)
    provider: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(12))
    last_turn: Mapped[int] = mapped_column(default=0)
    level: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    changed_turn: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    called_at: Mapped[datetime | None]
    recent: Mapped[str | None] = mapped_column(Text)
    monthly_price_minor: Mapped[int | None]
    price_currency: Mapped[str | None] = mapped_column(String(3))
    provider_sid: Mapped[str | None] = mapped_column(String(64))
    printed: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    quarantined_until: Mapped[datetime | None]
    release_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    status_since: Mapped[datetime]
    __table_args__ = (
        points_to("tracking_sources", "source_id"),
        Index(None, "account_id", "source_id", "number"),
    )


class ProviderCredential(OfAccount, SetUp, Base):
    """How a provider signs for this account. Tokens are encrypted; the previous one is valid until its end.

    `next_token` signs as well: the one that is about to take the present one's place at the provider.
    """

    __tablename__ = "provider_credentials"
    provider: Mapped[str] = mapped_column(String(20), primary_key=True)
    account_sid: Mapped[str] = mapped_column(String(64))
    token: Mapped[bytes] = mapped_column(LargeBinary)
    previous_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_until: Mapped[datetime | None]
    next_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime]
