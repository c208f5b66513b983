import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.backup.files import backups_in, verify
from app.backup.keeper import Keeper, Stopped, back_up
from app.backup.rotation import LATEST
from app.settings import Settings
from core.errors import Conflict
from store.sessions import Database
from tests.app.backup.copies import settings_of
from tests.support.rows import Business
from tests.support.serving import wait_until


class _Hand:
    """A clock that is turned, and copies that take as long as they are told."""

    def __init__(self) -> None:
        self.at, self.takes, self.made = 1000.0, 1.0, list[float]()
        self.failure: Exception | None = None

    def __call__(self) -> float:
        return self.at

    def make(self, _settings: Settings, _folder: Path, _stopping: Callable[[], bool]) -> Any:
        self.made.append(self.at)
        self.at += self.takes
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def hand() -> _Hand:
    return _Hand()


@pytest.fixture
def keepers(database: Database, database_url: str, tmp_path: Path, hand: _Hand) -> Iterator[list[Keeper]]:
    settings = settings_of(database_url, tmp_path, BACKUP_EVERY="60")
    made = [Keeper(settings, tmp_path / "b", database.engine, make=hand.make, tell_time=hand) for _ in range(2)]
    yield made
    for keeper in made:
        keeper.stop()


def _write(database: Database) -> None:
    with database.write() as work:
        Business.open(work)


def test_nothing_is_copied_while_nothing_changes(database: Database, keepers: list[Keeper], hand: _Hand):
    keeper, _ = keepers
    keeper.look()
    assert len(hand.made) == 1, "after a start nobody knows what the last backup holds"
    for _ in range(5):
        hand.at += 600
        keeper.look()
    assert len(hand.made) == 1
    _write(database)
    keeper.look()
    assert len(hand.made) == 2


def test_the_pace_follows_what_copies_cost(database: Database, keepers: list[Keeper], hand: _Hand):
    keeper, _ = keepers
    for takes, pause in ((1.0, 58.0), (5.0, 50.0), (30.0, 300.0)):
        hand.at += 10_000
        hand.takes = takes
        for _ in range(600):
            _write(database) if hand.at % 7 < 1 else None
            keeper.look()
            hand.at += 1
            if len(hand.made) >= 2 and hand.made[-1] - hand.made[-2] < 9_000:
                break
        assert pause <= hand.made[-1] - hand.made[-2] <= pause + 8
        hand.made.clear()


def test_of_two_processes_one_makes_them_and_the_other_takes_over(
    database: Database, keepers: list[Keeper], hand: _Hand
):
    first, second = keepers
    first.look()
    second.look()
    assert len(hand.made) == 1
    first.stop()
    second.look()
    assert len(hand.made) == 2


def test_a_failure_is_tried_again_after_a_minute_and_is_told(
    database: Database, keepers: list[Keeper], hand: _Hand, caplog: pytest.LogCaptureFixture
):
    keeper, _ = keepers
    hand.failure = Conflict("no room")
    for _ in range(130):
        keeper.look()
        hand.at += 1
    assert len(hand.made) == 3
    assert "no room" in caplog.text


def test_a_server_makes_real_backups_and_rotates(database: Database, database_url: str, tmp_path: Path):
    settings = settings_of(database_url, tmp_path, BACKUP_EVERY="1")
    folder = tmp_path / "b"
    keeper = Keeper(settings, folder, database.engine)
    _write(database)
    began = datetime.now(UTC)
    keeper.start()
    wait_until(lambda: len(backups_in(folder)) == 1, 60, "no backup was made")
    keeper.stop()
    for _ in range(LATEST + 1):
        back_up(settings, folder, threading.Event().is_set)
    found = backups_in(folder)
    # Another hour may have begun meanwhile, whose last one is kept as well.
    assert LATEST <= len(found) <= LATEST + 1
    assert all(b.made_at >= began.replace(microsecond=0) for b in found)
    for one in found:
        verify(one)


def test_it_stops_at_once_and_leaves_nothing_half_done(database: Database, database_url: str, tmp_path: Path):
    settings = settings_of(database_url, tmp_path, BACKUP_EVERY="1")
    asked = threading.Event()
    held = threading.Event()

    def slow(settings: Settings, folder: Path, stopping: Callable[[], bool]) -> Any:
        asked.set()
        assert held.wait(20)
        return back_up(settings, folder, stopping)

    keeper = Keeper(settings, tmp_path / "b", database.engine, make=slow)
    keeper.start()
    assert asked.wait(20)
    stopping = threading.Thread(target=keeper.stop)
    stopping.start()
    wait_until(lambda: keeper.ending, 20, "it was never told to stop")
    held.set()
    stopping.join()
    assert not [thread for thread in threading.enumerate() if thread.name == "backups"]
    assert not list((tmp_path / "b").glob("ringtrace-*"))


def test_stopping_ends_a_copy(database_url: str, tmp_path: Path):
    with pytest.raises(Stopped):
        back_up(settings_of(database_url, tmp_path), tmp_path / "b", lambda: True)
    assert not list((tmp_path / "b").glob("ringtrace-*"))
