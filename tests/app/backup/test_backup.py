import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.backup import sqlite
from app.backup.files import backups_in, manifest_of, read, verify
from app.backup.restore import restore
from app.backup.take import make_backup, rotate
from core.errors import Conflict, InvalidInput, NotFound
from store.engine import make_engine
from store.migrate import head_revision
from store.sessions import Database
from store.sites import Account
from store.visits import Visit
from tests.app.backup.copies import OLD_TOOLS, given, run, settings_of, told
from tests.support.databases import Postgres
from tests.support.rows import START, Business

AT = datetime(2026, 3, 20, 12, tzinfo=UTC)


def _visited(database: Database, visits: int) -> str:
    with database.write() as work:
        business = Business.open(work)
        source = business.source("google_ads", [])
        for place in range(visits):
            business.visitor(START + timedelta(seconds=place), source)
        return business.session.account_id


def _visits(database: Database, account_id: str) -> int:
    with database.read() as work:
        return work.account(account_id).scalar(select(func.count()).select_from(Visit)) or 0


def test_there_and_back(database_url: str, database: Database, tmp_path: Path):
    """What is written after a backup is gone with the restore, what was there before is back, on both databases."""
    account_id = _visited(database, 7)
    environment = given(database_url, tmp_path)
    made = told(run("backup", "--to", str(tmp_path / "b"), "--json", **environment))
    assert (made["tables"]["visits"], made["tables"]["accounts"], made["revision"]) == (7, 1, head_revision())
    _visited(database, 3)
    database.engine.dispose()
    refused = run("restore", made["file"], **environment)
    assert refused.returncode == 1
    assert "--yes" in refused.stderr
    assert _visits(database, account_id) == 7
    database.engine.dispose()
    back = told(run("restore", made["file"], "--yes", "--json", **environment))
    assert back["tables"] == made["tables"]
    with database.read() as work:
        assert work.account(account_id).scalar(select(func.count()).select_from(Account)) == 1
    again = make_backup(settings_of(database_url, tmp_path), tmp_path / "c", AT)
    assert dict(again.contents.tables) == made["tables"]
    if database_url.startswith("sqlite"):
        assert sqlite.contents_of(Path(back["kept"])).tables["visits"] == 10, "the former file is beside it"


def test_into_nothing(database_url: str, database: Database, tmp_path: Path, request: pytest.FixtureRequest):
    """A new machine: no database yet, or an empty one."""
    account_id = _visited(database, 2)
    made = make_backup(settings_of(database_url, tmp_path), tmp_path / "b", AT)
    if database_url.startswith("sqlite"):
        fresh = f"sqlite:///{tmp_path / 'new' / 'ringtrace.db'}"
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        fresh = postgres.empty()
    done = restore(settings_of(fresh, tmp_path), made.path, AT, sure=False)
    assert (done.kept, done.revision) == (None, head_revision())
    engine = make_engine(fresh)
    assert _visits(Database(engine), account_id) == 2
    engine.dispose()


def test_a_database_in_use_is_left_alone(database_url: str, database: Database, tmp_path: Path):
    account_id = _visited(database, 1)
    made = make_backup(settings_of(database_url, tmp_path), tmp_path / "b", AT)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        connection.exec_driver_sql("COMMIT")
        with pytest.raises(Conflict, match="stop the server"):
            restore(settings_of(database_url, tmp_path), made.path, AT, sure=True)
    assert _visits(database, account_id) == 1


def test_a_backup_that_was_changed_or_cut_is_refused(sqlite_url: str, tmp_path: Path):
    made = make_backup(settings_of(sqlite_url, tmp_path), tmp_path / "b", AT)
    settings = settings_of(f"sqlite:///{tmp_path / 'new.db'}", tmp_path)
    whole = made.path.read_bytes()
    for broken, says in ((whole[:-1], "bytes"), (whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:], "SHA-256")):
        made.path.write_bytes(broken)
        with pytest.raises(InvalidInput, match=says):
            restore(settings, made.path, AT, sure=True)
    made.path.write_bytes(whole)
    manifest = manifest_of(made.path)
    honest = manifest.read_text()
    for changed, says in (
        (honest.replace('"accounts": 0', '"accounts": 1'), "accounts"),
        (honest.replace(f'"{head_revision()}"', '"9999"'), "older"),
        (honest.replace('"sqlite"', '"postgresql"'), "postgresql"),
        ("{", "manifest"),
    ):
        assert changed != honest
        manifest.write_text(changed)
        with pytest.raises(InvalidInput, match=says):
            restore(settings, made.path, AT, sure=True)
    manifest.unlink()
    with pytest.raises(NotFound, match="manifest"):
        restore(settings, made.path, AT, sure=True)
    assert not (tmp_path / "new.db").exists()
    assert not list(tmp_path.glob("new.db*half*"))


def test_a_damaged_database_can_be_replaced(sqlite_url: str, database_of_sqlite: Database, tmp_path: Path):
    account_id = _visited(database_of_sqlite, 4)
    database_of_sqlite.engine.dispose()
    made = make_backup(settings_of(sqlite_url, tmp_path), tmp_path / "b", AT)
    target = Path(sqlite_url.removeprefix("sqlite:///"))
    target.write_bytes(b"what a disk left over" * 1000)
    settings = settings_of(sqlite_url, tmp_path)
    with pytest.raises(Conflict, match="damaged"):
        restore(settings, made.path, AT, sure=False)
    done = restore(settings, made.path, AT, sure=True)
    assert done.kept is not None
    assert done.kept.read_bytes().startswith(b"what a disk")
    assert _visits(database_of_sqlite, account_id) == 4


def test_the_copy_is_of_one_moment_while_writers_go_on(sqlite_url: str, tmp_path: Path):
    """A writer commits pairs between the steps of the copy: it is not held up, and no half pair is in the copy."""
    source = Path(sqlite_url.removeprefix("sqlite:///"))
    with sqlite.opened(source) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE pairs (side TEXT, filler BLOB)")
        for _ in range(60):
            connection.execute("INSERT INTO pairs VALUES ('left', randomblob(400000)), ('right', randomblob(400000))")
        steps: list[int] = []

        def write(done: int, total: int) -> None:
            steps.append(done)
            connection.execute("INSERT INTO pairs VALUES ('left', randomblob(9)), ('right', randomblob(9))")

        sqlite.copy(source, tmp_path / "copy.db", write)
        written = connection.execute("SELECT count(*) FROM pairs").fetchone()[0]
    assert len(steps) > 2
    assert steps == sorted(steps), "it never began again"
    assert written == 120 + 2 * len(steps), "and nobody was held up"
    with sqlite.opened(tmp_path / "copy.db") as connection:
        assert connection.execute("SELECT side, count(*) FROM pairs GROUP BY side").fetchall() == [
            ("left", 60),
            ("right", 60),
        ]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_rotation_removes_files_with_their_manifests(sqlite_url: str, tmp_path: Path):
    settings, folder = settings_of(sqlite_url, tmp_path), tmp_path / "b"
    for minutes in range(12):
        make_backup(settings, folder, AT + timedelta(minutes=minutes))
    assert rotate(folder, AT + timedelta(minutes=12)) == 7
    left = backups_in(folder)
    assert [b.made_at for b in left] == [AT + timedelta(minutes=m) for m in (11, 10, 9, 8, 7)]
    assert sorted(p.name for p in folder.glob("ringtrace-*")) == sorted(
        name for b in left for name in (b.path.name, b.path.name + ".json")
    )
    for one in left:
        verify(read(one.path))
        assert (one.path.stat().st_mode & 0o777, manifest_of(one.path).stat().st_mode & 0o777) == (0o600, 0o600)


def test_what_a_killed_backup_left_is_cleared_away(sqlite_url: str, tmp_path: Path):
    settings, folder = settings_of(sqlite_url, tmp_path), tmp_path / "b"
    first = make_backup(settings, folder, AT)
    left = folder / f"ringtrace-20260101T000000.000000Z.db{'.half'}"
    orphan = folder / "ringtrace-20260101T000000.000000Z.db.json"
    for path in (left, orphan):
        path.write_text("{}")
    assert [b.path for b in backups_in(folder)] == [first.path]
    make_backup(settings, folder, AT + timedelta(minutes=1))
    assert (left.exists(), orphan.exists()) == (False, False)


def test_two_at_once_take_turns(sqlite_url: str, tmp_path: Path):
    settings, folder = settings_of(sqlite_url, tmp_path), tmp_path / "b"
    threads = [
        threading.Thread(target=make_backup, args=(settings, folder, AT + timedelta(seconds=s))) for s in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in backups_in(folder):
        verify(one)
    assert len(backups_in(folder)) == 4


def test_no_room_is_said_before_anything_is_copied(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    usage = type("Usage", (), {"free": 1000})()
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    with pytest.raises(Conflict, match="free"):
        make_backup(settings_of(sqlite_url, tmp_path), tmp_path / "b", AT)
    assert not list((tmp_path / "b").glob("ringtrace-*"))


def test_postgres_programs_that_are_missing_or_too_old_are_named(postgres_url: str, tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    settings = settings_of(postgres_url, tmp_path, PG_TOOLS=str(empty))
    with pytest.raises(Conflict, match="RINGTRACE_PG_TOOLS"):
        make_backup(settings, tmp_path / "b", AT)
    settings = settings_of(postgres_url, tmp_path, PG_TOOLS=str(OLD_TOOLS))
    with pytest.raises(Conflict, match="is version 16 and the server is 18"):
        make_backup(settings, tmp_path / "b", AT)
    assert not list((tmp_path / "b").glob("ringtrace-*"))


def test_the_password_of_postgres_is_on_no_command_line(postgres_url: str, tmp_path: Path):
    """A program in place of pg_dump writes down how it was called."""
    tools = tmp_path / "tools"
    tools.mkdir()
    fake = tools / "pg_dump"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 99.0" && exit 0\n'
        f'printf "%s\\n" "$@" > {tmp_path}/words; printf "%s" "$PGPASSWORD" > {tmp_path}/password\n'
    )
    fake.chmod(0o755)
    url = make_engine(postgres_url).url.set(password="s3cret word").render_as_string(hide_password=False)
    make_backup(settings_of(url, tmp_path, PG_TOOLS=str(tools)), tmp_path / "b", AT)
    assert (tmp_path / "password").read_text() == "s3cret word"
    words = (tmp_path / "words").read_text()
    assert "--dbname=postgresql://" in words
    assert "s3cret" not in words


def test_a_restore_that_fails_in_postgres_changes_nothing(postgres_url: str, tmp_path: Path):
    engine = make_engine(postgres_url)
    account_id = _visited(Database(engine), 5)
    settings = settings_of(postgres_url, tmp_path)
    made = make_backup(settings, tmp_path / "b", AT)
    manifest = manifest_of(made.path)
    manifest.write_text(manifest.read_text().replace('"visits": 5', '"visits": 6'))
    engine.dispose()
    with pytest.raises(Conflict, match="visits"):
        restore(settings, made.path, AT, sure=True)
    assert _visits(Database(engine), account_id) == 5
    engine.dispose()


@pytest.fixture
def database_of_sqlite(sqlite_url: str) -> Iterator[Database]:
    engine = make_engine(sqlite_url)
    yield Database(engine)
    engine.dispose()


def test_it_needs_a_database(tmp_path: Path):
    with pytest.raises(NotFound, match="db upgrade"):
        make_backup(settings_of(f"sqlite:///{tmp_path / 'none.db'}", tmp_path), tmp_path / "b", AT)
    with pytest.raises(sqlite3.OperationalError):
        sqlite.contents_of(tmp_path / "none.db")
