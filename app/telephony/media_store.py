"""The files of recordings: one per recording, named by our own id, readable by the server's user only.

A file is whole or not there: it is written under another name, brought to the disk, and renamed.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from app.settings import Settings
from app.telephony.media import EXTENSIONS

_PART = ".part"


def path_of(settings: Settings, account_id: str, recording_id: str, media_type: str) -> Path:
    """The file of a recording. Raises KeyError for a type we do not store."""
    return settings.recordings_dir / account_id / f"{recording_id}.{EXTENSIONS[media_type]}"


class Half:
    """A file that is being written, and nobody sees yet."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file = file
        self._path = path

    def keep(self, path: Path) -> None:
        """Makes it the file `path`, on the disk when this returns."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self._path.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def new_file(settings: Settings, account_id: str, recording_id: str) -> Iterator[Half]:
    """A new file for the sound of a recording; gone when the block ends, unless it was kept."""
    folder = settings.recordings_dir / account_id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # What a process left that was killed while it wrote.
    for left in folder.glob(f".{recording_id}.*{_PART}"):
        left.unlink(missing_ok=True)
    path = folder / f".{recording_id}.{secrets.token_hex(4)}{_PART}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield Half(file, path)
    finally:
        path.unlink(missing_ok=True)


def remove_files(settings: Settings, account_id: str, recording_id: str) -> int:
    """Takes away whatever is stored of a recording; returns how many files that was. Again is no error."""
    removed = 0
    for ending in EXTENSIONS.values():
        with suppress(FileNotFoundError):
            (settings.recordings_dir / account_id / f"{recording_id}.{ending}").unlink()
            removed += 1
    return removed
