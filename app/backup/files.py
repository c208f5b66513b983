"""A backup as files: the copy, and beside it a manifest that says what is in it. There whole or not at all."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import InvalidInput, NotFound
from core.time import format_time

FORM = 1
PREFIX = "ringtrace-"
SUFFIXES = {"sqlite": ".db", "postgresql": ".dump"}
HALF = ".half"
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What is in a database at one moment: its kind, the revision of its tables, and the rows of each."""

    kind: str
    revision: str | None
    tables: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A backup that is whole: everything that was answered before `made_at` (aware UTC) is in it."""

    path: Path
    made_at: datetime
    contents: Contents
    size_bytes: int
    sha256: str

    def told(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "file": str(self.path),
            "made_at": format_time(self.made_at),
            "database": self.contents.kind,
            "revision": self.contents.revision,
            "bytes": self.size_bytes,
            "sha256": self.sha256,
            "tables": dict(self.contents.tables),
        }


def name_of(made_at: datetime, kind: str) -> str:
    """The file's name, which sorts by time."""
    return f"{PREFIX}{made_at.astimezone(UTC).strftime(_STAMP)}{SUFFIXES[kind]}"


def manifest_of(path: Path) -> Path:
    """The manifest beside a backup."""
    return path.with_name(f"{path.name}.json")


def keep(half: Path, path: Path, made_at: datetime, contents: Contents) -> Backup:
    """Makes a finished copy (`half`) the backup `path`: on the disk first, then in one step under its name."""
    backup = Backup(
        path=path, made_at=made_at, contents=contents, size_bytes=half.stat().st_size, sha256=digest_of(half)
    )
    half.chmod(0o600)
    sync(half)
    manifest = manifest_of(path)
    half_manifest = manifest.with_name(manifest.name + HALF)
    half_manifest.write_text(json.dumps({"form": FORM, **backup.told(), "file": path.name}, indent=1) + "\n")
    half_manifest.chmod(0o600)
    sync(half_manifest)
    # The manifest comes first: a file that has its own name is a backup, and one that is a backup can be verified.
    half_manifest.replace(manifest)
    half.replace(path)
    sync(path.parent)
    return backup


def read(path: Path) -> Backup:
    """A backup with what its manifest says. Raises NotFound where one of the two is missing, InvalidInput if broken."""
    manifest = manifest_of(path)
    for needed in (path, manifest):
        if not needed.is_file():
            raise NotFound(
                f"there is no file {needed}; a backup is a file and its manifest of the same name with .json"
            )
    try:
        told = json.loads(manifest.read_text())
        return Backup(
            path=path,
            made_at=datetime.fromisoformat(told["made_at"]),
            contents=Contents(kind=told["database"], revision=told["revision"], tables=dict(told["tables"])),
            size_bytes=int(told["bytes"]),
            sha256=str(told["sha256"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput({"file": f"its manifest {manifest} cannot be read ({error})"}) from None


def verify(backup: Backup) -> None:
    """Raises InvalidInput where the file is not what its manifest says: cut short, or changed since."""
    size = backup.path.stat().st_size
    if size != backup.size_bytes:
        raise InvalidInput({"file": f"has {size} bytes instead of the {backup.size_bytes} of its manifest"})
    if digest_of(backup.path) != backup.sha256:
        raise InvalidInput({"file": "is not what it was when it was made (its SHA-256 is another one)"})


def backups_in(folder: Path) -> list[Backup]:
    """The backups of a folder, the newest first; what cannot be read is no backup."""
    found = []
    for suffix in SUFFIXES.values():
        for path in folder.glob(f"{PREFIX}*{suffix}"):
            try:
                found.append(read(path))
            except (NotFound, InvalidInput, OSError):
                continue
    return sorted(found, key=lambda backup: backup.made_at, reverse=True)


def remove(backup: Backup) -> None:
    """Takes a backup away, the file before its manifest."""
    backup.path.unlink(missing_ok=True)
    manifest_of(backup.path).unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """What was written to a file, or the names in a folder, survive a power cut from now on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
