"""Gets the sound of a recording: streamed, of a limited size and time, from the public internet only.

The connection goes to an address that was checked (`app.outgoing`). A redirect is followed twice at most, each time
through the same check, and what proves who we are stays with the first host.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import BinaryIO
from urllib.parse import SplitResult, urljoin

from app.outgoing import Allowed, Outgoing, PostFailed, is_public, path_of, read_url

MOST_BYTES = 200 * 1024 * 1024
TIMEOUT_SECONDS = 15.0
"""To connect, and between two packets."""
LONGEST_SECONDS = 600.0
"""For one recording, redirects included."""
MOST_REDIRECTS = 2
SOUNDS: Mapping[str, tuple[str, str]] = {
    "audio/mpeg": ("audio/mpeg", "mp3"),
    "audio/mp3": ("audio/mpeg", "mp3"),
    "audio/wav": ("audio/wav", "wav"),
    "audio/x-wav": ("audio/wav", "wav"),
    "audio/wave": ("audio/wav", "wav"),
    "audio/vnd.wave": ("audio/wav", "wav"),
    "audio/ogg": ("audio/ogg", "ogg"),
    "audio/mp4": ("audio/mp4", "m4a"),
    "audio/x-m4a": ("audio/mp4", "m4a"),
    "audio/flac": ("audio/flac", "flac"),
    "audio/x-flac": ("audio/flac", "flac"),
}
"""What a server may call a sound → what it is, and how its file ends."""

_CHUNK = 64 * 1024


class NotFetched(Exception):
    """The sound was not got; the message says why, in words for people."""


@dataclass(frozen=True, kw_only=True)
class Sound:
    """What was got: its type (a key of EXTENSIONS) and its size."""

    media_type: str
    size_bytes: int


EXTENSIONS: Mapping[str, str] = dict(SOUNDS.values())


class Downloads(Outgoing):
    """Gets sounds. `allowed` says which network addresses may be connected to; times in seconds."""

    def __init__(
        self,
        *,
        allowed: Allowed = is_public,
        timeout: float = TIMEOUT_SECONDS,
        longest: float = LONGEST_SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        super().__init__(allowed=allowed, timeout=timeout)
        self._patience, self._longest, self._most_bytes = timeout, longest, most_bytes

    def get(
        self,
        url: str,
        into: BinaryIO,
        *,
        headers: Mapping[str, str] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Sound:
        """Writes the sound at `url` into a file. `headers` go to that host only.

        Raises NotFetched for whatever is no whole sound of an allowed size, and where it is to stop.
        """
        end = time.monotonic() + self._longest
        given: Mapping[str, str] = headers or {}
        for _ in range(MOST_REDIRECTS + 1):
            try:
                parts = read_url(url)
            except ValueError as error:
                raise NotFetched(str(error)) from None
            found = self._ask(parts, into, given, end, should_stop)
            if isinstance(found, Sound):
                return found
            url, given = _follow(url, found), {}
        raise NotFetched(f"{parts.hostname} redirects too often")

    def _ask(
        self,
        parts: SplitResult,
        into: BinaryIO,
        headers: Mapping[str, str],
        end: float,
        should_stop: Callable[[], bool],
    ) -> Sound | str:
        """The sound, or where else it is said to be."""
        host = parts.hostname or ""
        try:
            with self.exchange(parts, until=end, timeout=self._patience) as (connection, late):
                accepted = {"Accept": "audio/*", "Accept-Encoding": "identity", **headers}
                connection.request("GET", path_of(parts), headers=accepted)
                answer = connection.getresponse()
                if answer.status in {301, 302, 303, 307, 308}:
                    return answer.headers.get("Location", "")
                return self._read(host, answer, into, late, should_stop)
        except PostFailed as error:
            raise NotFetched(str(error)) from None

    def _read(
        self, host: str, answer: HTTPResponse, into: BinaryIO, late: threading.Event, should_stop: Callable[[], bool]
    ) -> Sound:
        if answer.status != 200:
            raise NotFetched(f"{host} answered {answer.status}")
        told = answer.headers.get_content_type().lower()
        if told not in SOUNDS:
            raise NotFetched(f"{host} sent {told[:60]}, which is no sound we know")
        expected, size = answer.length, 0
        if expected is not None and expected > self._most_bytes:
            raise NotFetched(f"{host} has {expected:,} bytes; {self._most_bytes:,} are allowed")
        while chunk := answer.read1(_CHUNK):
            size += len(chunk)
            if size > self._most_bytes:
                raise NotFetched(f"{host} sent more than {self._most_bytes:,} bytes")
            if should_stop():
                raise NotFetched("the server was stopped meanwhile")
            into.write(chunk)
        if late.is_set():
            raise NotFetched(f"{host} took too long")
        if not size or (expected is not None and size != expected):
            raise NotFetched(f"{host} sent {size:,} bytes of {expected or 0:,}")
        return Sound(media_type=SOUNDS[told][0], size_bytes=size)


def _follow(url: str, location: str) -> str:
    """Where a redirect leads; from https nowhere but to https. Raises NotFetched."""
    there = urljoin(url, location) if location else ""
    if not there or (url.startswith("https:") and not there.startswith("https:")):
        raise NotFetched("the sound's host redirects to no address that may be asked")
    return there
