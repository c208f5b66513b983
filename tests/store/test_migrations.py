"""What migrations make is exactly what the tables declare, on both databases; every key leads with the account."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from store.base import Directory, Tenant
from store.directory import DIRECTORY_TABLES
from store.engine import make_engine
from store.migrate import alembic_config, current_revision, head_revision, upgrade
from store.tables import Base, metadata


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


def test_migrated_is_declared(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_migrated_keys_and_indexes_have_the_declared_names_and_columns(engine: Engine) -> None:
    inspector = inspect(engine)
    for table in metadata.sorted_tables:
        declared = {i.name: [c.name for c in i.columns] for i in table.indexes}
        found = {
            i["name"]: i["column_names"]
            for i in inspector.get_indexes(table.name)
            if not i.get("duplicates_constraint")
        }
        assert found == declared, table.name
        assert inspector.get_pk_constraint(table.name)["constrained_columns"] == [
            c.name for c in table.primary_key.columns
        ]
        assert {tuple(f["constrained_columns"]) for f in inspector.get_foreign_keys(table.name)} == {
            tuple(c.name for c in f.columns) for f in table.foreign_key_constraints
        }


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    head = head_revision()
    assert upgrade(engine) == (head, head)
    with engine.connect() as connection:
        assert current_revision(connection) == head


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory.from_config(alembic_config()).get_heads()) == 1


def _tenant_tables() -> list[type]:
    found = [m.class_ for m in Base.registry.mappers if issubclass(m.class_, Tenant)]
    return sorted(found, key=lambda t: str(t.__tablename__))


@pytest.mark.parametrize("table", _tenant_tables(), ids=lambda t: t.__tablename__)
def test_the_account_leads_every_key(table: type) -> None:
    t = table.__table__  # type: ignore[attr-defined]
    assert next(iter(t.primary_key.columns)).name == "account_id"
    for constraint in t.constraints:
        names = [c.name for c in getattr(constraint, "columns", [])]
        assert not names or names[0] == "account_id", constraint
    for index in t.indexes:
        assert next(iter(index.columns)).name == "account_id", index.name
    for foreign in t.foreign_key_constraints:
        assert foreign.elements[0].column.name == "account_id", foreign


def test_the_directory_is_this_list_and_nothing_else() -> None:
    names = {m.class_.__tablename__ for m in Base.registry.mappers if issubclass(m.class_, Directory)}
    assert names == {
        "users",
        "memberships",
        "api_tokens",
        "sign_ins",
        "sign_in_tries",
        "site_keys",
        "number_owners",
        "provider_accounts",
        "provider_calls",
    }
    assert {t.__tablename__ for t in DIRECTORY_TABLES} == names
    others = {m.class_ for m in Base.registry.mappers} - set(DIRECTORY_TABLES)
    assert all(issubclass(t, Tenant) for t in others)
