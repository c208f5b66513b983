"""The spool: in order, once, whatever ends in between."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.outage import spool as spools
from app.outage.spool import Spool

SMALL = 64 * 1024
contents = st.dictionaries(st.text(max_size=5), st.text(max_size=60) | st.integers() | st.none(), max_size=4)


def waiting_in(spool: Spool) -> list[dict[str, Any]]:
    return [record.content for record in spool.read(1_000_000)]


class SpoolMachine(RuleBasedStateMachine):
    """Two processes (two objects on one file) append and replay; both may be closed and opened at any moment."""

    @initialize()
    def open(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "spool"
        self.both = [Spool(path, reserve=SMALL), Spool(path, reserve=SMALL)]
        self.expected: list[dict[str, Any]] = []

    @rule(which=st.integers(0, 1), content=contents)
    def append(self, which: int, content: dict[str, Any]) -> None:
        assert self.both[which].append(content)
        self.expected.append(content)

    @rule(which=st.integers(0, 1), most=st.integers(1, 5))
    def replay(self, which: int, most: int) -> None:
        records = self.both[which].read(most)
        assert [r.content for r in records] == self.expected[:most]
        if records:
            self.both[which].done(records)
            del self.expected[: len(records)]

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        self.both[which].close()

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        if not hasattr(self, "both"):
            return
        assert self.both[0].waiting() == len(self.expected)
        assert waiting_in(self.both[1]) == self.expected

    def teardown(self) -> None:
        for spool in getattr(self, "both", ()):
            spool.close()
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestSpoolMachine = SpoolMachine.TestCase


def test_many_threads_of_two_processes(tmp_path: Path) -> None:
    both = [Spool(tmp_path / "spool"), Spool(tmp_path / "spool")]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: both[n % 2].append({"n": n}), range(400)))
    found = [content["n"] for content in waiting_in(both[0])]
    assert sorted(found) == list(range(400))
    # Each thread's own come in the order in which it was answered.
    assert both[1].waiting() == 400


def test_the_file_is_private(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "below" / "spool")
    spool.append({"to": "+12125550100"})
    assert spool.path.stat().st_mode & 0o777 == 0o600
    assert spool.path.parent.stat().st_mode & 0o777 == 0o700


def test_room_is_reserved_before_it_is_needed(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", reserve=SMALL)
    spool.reserve()
    assert spool.path.stat().st_blocks * 512 >= SMALL
    before = spool.path.stat().st_size
    spool.append({"n": 1})
    assert spool.path.stat().st_size == before


def test_a_disk_that_takes_nothing_leaves_it_in_memory_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "spool", reserve=SMALL)
    assert spool.append({"n": 0})
    full = threading.Event()
    full.set()
    write = os.pwrite

    def pwrite(file: int, data: bytes, place: int) -> int:
        if full.is_set() and len(data) > 40:
            raise OSError(28, "No space left on device")
        return write(file, data, place)

    monkeypatch.setattr(os, "pwrite", pwrite)
    assert not spool.append({"n": 1, "text": "x" * 100})
    assert not spool.append({"n": 2, "text": "x" * 100})
    assert spool.waiting() == 3
    full.clear()
    assert spool.flush()
    assert [content["n"] for content in waiting_in(spool)] == [0, 1, 2]
    assert spool.waiting() == 3


@given(where=st.integers(0, 400), bit=st.integers(0, 7))
def test_a_damaged_record_is_never_replayed_as_another(tmp_path_factory: Any, where: int, bit: int) -> None:
    spool = Spool(tmp_path_factory.mktemp("damaged") / "spool", reserve=SMALL)
    kept = [{"n": n, "text": "some words that happened"} for n in range(5)]
    for content in kept:
        spool.append(content)
    place = spools._BEGIN + where % (len(json.dumps(kept[0])) * 5)
    with spool.path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ (1 << bit)]))
    found = []
    while records := spool.read(10):
        found += [record.content for record in records]
        spool.done(records)
    assert all(content in kept for content in found)
    assert found == kept[: len(found)]
    assert spool.waiting() == 0
    assert len(found) + spool.lost() == len(kept)
    spool.close()


def test_what_was_replayed_makes_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", reserve=SMALL)
    for n in range(2_000):
        spool.append({"n": n, "text": "x" * 60})
    assert spool.path.stat().st_size > SMALL
    while records := spool.read(300):
        spool.done(records)
    assert spool.path.stat().st_size == SMALL
    spool.append({"n": 1})
    assert waiting_in(spool) == [{"n": 1}]
