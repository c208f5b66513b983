"""The two families of tables and the column types that behave alike on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, ForeignKey, ForeignKeyConstraint, MetaData, String
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)

Id = String(32)
E164 = String(16)
Name = String(200)


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases; a naive one is refused, because its zone would be a guess."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware, in UTC, on the way in."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware, in UTC, on the way out (SQLite forgets the zone)."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables of one installation."""

    metadata = metadata
    type_annotation_map: ClassVar = {datetime: UTCDateTime, dict[str, Any]: JSON, list[Any]: JSON, list[str]: JSON}


class Directory:
    """Marks a directory table: no tenant content, leads with its own unique key, tells whose something is."""


class Tenant:
    """Marks tenant data: `account_id` leads every key, and every query is held to one account."""

    account_id: Mapped[str] = mapped_column(Id, primary_key=True, sort_order=-10)


class OfAccount(Tenant):
    """Tenant data that hangs on the account itself."""

    @declared_attr
    def account_id(cls) -> Mapped[str]:
        """The account that owns the row."""
        return mapped_column(Id, ForeignKey("accounts.account_id"), primary_key=True, sort_order=-10)


class SetUp:
    """Marks what an account sets up and the path of visitors remembers: every change of a row raises its version."""


def points_to(table: str, key: str, column: str | None = None) -> ForeignKeyConstraint:
    """A foreign key within the account: (account_id, `column`) → `table` (account_id, `key`)."""
    return ForeignKeyConstraint(["account_id", column or key], [f"{table}.account_id", f"{table}.{key}"])
