"""The spool: what happened while the database was away, in the order in which it happened, in one file.

The file belongs to one machine and is shared by its processes: each appends behind a lock of the file and answers
nobody before the disk has it. Its first megabytes are reserved while there is room, so that a disk that is full takes
some thousand events all the same. A record is its length, its CRC-32 and JSON; the head says how far it was replayed.
"""

import fcntl
import json
import logging
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

log = logging.getLogger("ringtrace.outage")

RESERVE = 8 * 1024 * 1024
"""Bytes that are taken from the disk before they are needed."""
MOST = 1024 * 1024 * 1024
"""Bytes beyond which nothing is appended: a spool that long is no outage any more."""
MOST_KEPT = 20_000
"""Records that are kept in memory where even the reserve is used up."""

_MAGIC = b"RTSPOOL1"
_HEAD = struct.Struct("<8sQQQQ")
_RECORD = struct.Struct("<II")
_BEGIN = 64


class Record(NamedTuple):
    """What was kept, and where the file goes on after it."""

    content: dict[str, Any]
    end: int


@dataclass
class _Head:
    """From where to where there are records that wait, how many they are, and how many could not be read."""

    begin: int = _BEGIN
    end: int = _BEGIN
    waiting: int = 0
    lost: int = 0


class Spool:
    """One machine's spool at `path`; safe between threads and processes."""

    def __init__(self, path: Path, *, reserve: int = RESERVE) -> None:
        self.path, self._reserve = path, reserve
        self._file: int | None = None
        self._queue: list[bytes] = []
        self._queueing, self._writing = threading.Lock(), threading.RLock()
        self._written = self._queued = 0

    def reserve(self) -> None:
        """Makes the file with its reserve, if it is not there. Raises OSError."""
        with self._locked():
            pass

    def append(self, content: Mapping[str, Any]) -> bool:
        """Keeps a record; True once the disk has it. Where the disk takes nothing it is kept in memory: False."""
        data = json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode()
        with self._queueing:
            self._queue.append(_RECORD.pack(len(data), zlib.crc32(data)) + data)
            self._queued += 1
            mine = self._queued
        with self._writing:
            # Whoever wrote while this one waited took it along: one look at the disk for all that come at once.
            if self._written < mine:
                self._flush()
            return self._written >= mine

    def flush(self) -> bool:
        """Writes what is kept in memory, if the disk takes it now; whether nothing is left."""
        with self._writing:
            if self._queue:
                self._flush()
            return not self._queue

    def waiting(self) -> int:
        """How many records wait to be replayed, those in memory too."""
        if not self.path.exists():
            return len(self._queue)
        with self._locked() as file:
            return _read_head(file).waiting + len(self._queue)

    def lost(self) -> int:
        """How many records could not be read when they were to be replayed."""
        if not self.path.exists():
            return 0
        with self._locked() as file:
            return _read_head(file).lost

    def read(self, most: int) -> Sequence[Record]:
        """The oldest records that wait, at most so many. What cannot be read is left out and counted as lost."""
        if not self.path.exists():
            return ()
        with self._locked() as file:
            head = _read_head(file)
            found: list[Record] = []
            place = head.begin
            while place < head.end and len(found) < most:
                record = _read_record(file, place, head.end)
                if record is None:
                    if not found:
                        log.error("the spool is damaged: %d records are lost", head.waiting)
                        _write_head(file, _Head(begin=head.end, end=head.end, lost=head.lost + head.waiting))
                    break
                found.append(record)
                place = record.end
        return found

    def done(self, records: Sequence[Record]) -> None:
        """These records, the oldest ones, were replayed. A spool without records begins anew."""
        with self._locked() as file:
            head = _read_head(file)
            head.begin, head.waiting = records[-1].end, max(head.waiting - len(records), 0)
            if head.begin >= head.end:
                head = _Head(lost=head.lost)
                if os.fstat(file).st_size > self._reserve:
                    os.ftruncate(file, self._reserve)
            _write_head(file, head)
            os.fdatasync(file)

    def close(self) -> None:
        """Lets go of the file."""
        with self._writing:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _flush(self) -> None:
        """Appends what is queued. What the disk does not take stays queued, the newest first to be dropped."""
        with self._queueing:
            some = list(self._queue)
        try:
            with self._locked() as file:
                _append(file, some)
        except OSError as error:
            log.error("the spool cannot be written (%s): %d records are kept in memory", error.strerror, len(some))
            with self._queueing:
                dropped = len(self._queue) - MOST_KEPT
                if dropped > 0:
                    del self._queue[MOST_KEPT:]
                    self._queued -= dropped
                    log.error("%d records are lost: neither disk nor memory takes more", dropped)
            return
        with self._queueing:
            del self._queue[: len(some)]
            self._written += len(some)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The open file, this process's alone."""
        with self._writing:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            file = self._file
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                if os.fstat(file).st_size < _BEGIN:
                    self._prepare(file)
                yield file
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    def _prepare(self, file: int) -> None:
        try:
            os.posix_fallocate(file, 0, self._reserve)
        except OSError as error:
            log.error("no room could be reserved for the spool: %s", error.strerror)
        _write_head(file, _Head())
        os.fsync(file)


def _append(file: int, records: Sequence[bytes]) -> None:
    """Writes records behind the last one; the head follows once the disk has them. Raises OSError."""
    head = _read_head(file)
    data = b"".join(records)
    if head.end + len(data) > MOST:
        raise OSError(28, "the spool is full")
    _write(file, data, head.end)
    os.fdatasync(file)
    head.end, head.waiting = head.end + len(data), head.waiting + len(records)
    _write_head(file, head)
    os.fdatasync(file)


def _write(file: int, data: bytes, place: int) -> None:
    while data:
        took = os.pwrite(file, data, place)
        data, place = data[took:], place + took


def _read_head(file: int) -> _Head:
    magic, begin, end, waiting, lost = _HEAD.unpack(os.pread(file, _HEAD.size, 0))
    return _Head(begin, end, waiting, lost) if magic == _MAGIC else _Head()


def _write_head(file: int, head: _Head) -> None:
    _write(file, _HEAD.pack(_MAGIC, head.begin, head.end, head.waiting, head.lost), 0)


def _read_record(file: int, place: int, end: int) -> Record | None:
    """The record that begins at `place`; None where there is none that is whole."""
    head = os.pread(file, _RECORD.size, place)
    if len(head) < _RECORD.size:
        return None
    length, crc = _RECORD.unpack(head)
    after = place + _RECORD.size + length
    if after > end:
        return None
    data = os.pread(file, length, place + _RECORD.size)
    if len(data) != length or zlib.crc32(data) != crc:
        return None
    content = json.loads(data)
    return Record(content, after) if isinstance(content, dict) else None
