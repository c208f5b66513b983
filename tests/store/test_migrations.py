"""What migrations make is exactly what the tables declare, on both databases; every key leads with the account."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

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
        "webhook_accounts",
    }
    assert {t.__tablename__ for t in DIRECTORY_TABLES} == names
    others = {m.class_ for m in Base.registry.mappers} - set(DIRECTORY_TABLES)
    assert all(issubclass(t, Tenant) for t in others)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_database_with_rows_of_the_first_day_is_brought_to_the_newest_revision(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}" if kind == "sqlite" else request.getfixturevalue("postgres").empty()
    engine = make_engine(url)
    upgrade(engine, "0002")
    of, at = {"account_id": "a"}, "2026-03-02 12:00:00.000000+00:00"
    day = {"created_at": at} if kind == "postgres" else {"created_at": at[:26]}
    rows: tuple[tuple[str, dict[str, object]], ...] = (
        ("accounts", {"name": "Acme", **day}),
        (
            "sites",
            {
                "site_id": "s",
                "key": "k",
                "name": "Acme",
                **dict.fromkeys(("domains", "numbers", "exclude_networks"), "[]"),
                "time_zone": "UTC",
                "country": "US",
                "currency": "USD",
                "consent_default": "full",
                "visitors_per_number": 20,
                "likelihood_target": 0.9,
                **day,
            },
        ),
        (
            "tracking_sources",
            {
                "source_id": "t",
                "site_id": "s",
                "slug": "direct",
                "name": "Direct",
                "kind": "online",
                "position": 1,
                "catch_all": True,
                "destination": "+12125559000",
                "turn": 0,
                **day,
            },
        ),
        (
            "tracking_numbers",
            {
                "number": "+12125550101",
                "source_id": "t",
                "provider": "manual",
                "status": "active",
                "last_turn": 0,
                "status_since": day["created_at"],
                **day,
            },
        ),
    )
    with engine.begin() as connection:
        for table, values in rows:
            row = {**of, **values}
            connection.execute(
                text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(f':{c}' for c in row)})"), row
            )
    upgrade(engine)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT number, level, printed FROM tracking_numbers")).all()
        assert [tuple(row) for row in found] == [("+12125550101", 0, False)]
        assert connection.execute(text("SELECT allocation FROM tracking_sources")).scalar() == "least_ambiguous"
        if kind == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() == []
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()
