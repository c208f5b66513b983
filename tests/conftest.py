"""Fixtures of the whole suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import settings

from app.accounts import passwords
from app.outage import calls, patience, reach
from store.engine import make_engine
from store.sessions import Database
from tests.support.databases import Postgres, migrated_sqlite, postgres_server, sqlite_copy
from tests.support.office import Office
from tests.support.serving import Served, served

# How long one example takes depends on what else the machine does; speed has benchmarks of its own.
settings.register_profile("no hurry", deadline=None)
settings.load_profile("no hurry")


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Most tests make a user; the slow hash is held by the tests of passwords, which take the real one."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", quick)
        patch.setattr(passwords, "_nobody", quick.hash("nobody has this password"))
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated_sqlite(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return sqlite_copy(sqlite_template, tmp_path)


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    return postgres.copy()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database of each kind; a test that takes it runs twice."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    engine = make_engine(database_url)
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def server(database_url: str) -> Iterator[Served]:
    """The application over HTTP on each kind of database."""
    with served(database_url) as running:
        yield running


@pytest.fixture
def office(server: Served, database_url: str) -> Office:
    """An account on that server."""
    return Office.open(server.url, database_url)


@pytest.fixture
def lite_server(sqlite_url: str) -> Iterator[Served]:
    """The application over HTTP on SQLite only, where the database makes no difference."""
    with served(sqlite_url) as running:
        yield running


@pytest.fixture
def lite_office(lite_server: Served, sqlite_url: str) -> Office:
    """An account on that server."""
    return Office.open(lite_server.url, sqlite_url)


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """A machine that is busy with tests is no outage; what is gone, locked or full still refuses at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patience, "LOOK_SECONDS", 10.0)
        patch.setattr(patience, "BUSY_LOOK_SECONDS", 10.0)
        patch.setattr(patience, "MOST_SECONDS", 30.0)
        patch.setattr(calls, "LOOK_SECONDS", 10.0)
        patch.setattr(reach, "SILENT_SECONDS", 10.0)
        patch.setattr(reach, "BUSY_SILENT_SECONDS", 10.0)
        patch.setattr(reach, "BUSY_SECONDS", 1.0)
        yield
