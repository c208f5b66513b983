"""Reads a trace through before anything is written: is it whole, and how much of it was imported before."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from core.errors import Conflict
from core.time import format_time
from reports.backtest.lines import Line, TraceSite
from reports.backtest.trace import Trace
from store.imports import Import


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A trace that can be read. `lines` without the first; `first_at` and `last_at` are None where there are none.

    `taken_up`: the import of its first lines, if there is one. `beginning`: the digest of the first line alone.
    """

    site: TraceSite
    lines: int
    bad_lines: int
    complaints: tuple[str, ...]
    first_at: datetime | None
    last_at: datetime | None
    taken_up: Import | None
    beginning: bytes


class Digest:
    """SHA-256 over the lines read so far: the same history has the same, packed or not, with spaces or without."""

    def __init__(self, site: TraceSite) -> None:
        self._sum = hashlib.sha256(repr(site).encode("utf-8", "backslashreplace"))

    def add(self, line: Line) -> None:
        """One more line."""
        self._sum.update(repr(line).encode("utf-8", "backslashreplace"))

    def value(self) -> bytes:
        """Of all lines so far."""
        return self._sum.digest()


def survey(trace: Trace, earlier: Sequence[Import]) -> Survey:
    """Reads all of `trace`; `earlier` are the imports into the same site.

    An import of the same lines, or of the first of them, is taken up where it ended. Raises TraceError for a bad line,
    Conflict for lines that begin before the end of another history that is there: visits cannot be added to the past.
    """
    digest, lines = Digest(trace.site), 0
    beginning = digest.value()
    first_at = last_at = None
    found = _same(earlier, lines, digest)
    for line in trace:
        digest.add(line)
        lines += 1
        first_at, last_at = first_at or line.at, line.at
        found = _same(earlier, lines, digest) or found
    if lines > (found.lines if found else 0) and first_at is not None:
        _check_order(first_at, found, earlier)
    return Survey(
        site=trace.site,
        lines=lines,
        bad_lines=trace.bad_lines,
        complaints=tuple(trace.complaints),
        first_at=first_at,
        last_at=last_at,
        taken_up=found,
        beginning=beginning,
    )


def chunks(trace: Trace, after: int, most: int) -> Iterator[tuple[list[Line], bytes]]:
    """The lines of `trace` beyond the first `after`, up to `most` at a time, with the digest of all up to there."""
    digest, lines = Digest(trace.site), iter(trace)
    for line in islice(lines, after):
        digest.add(line)
    while chunk := list(islice(lines, most)):
        for line in chunk:
            digest.add(line)
        yield chunk, digest.value()


def _same(earlier: Sequence[Import], lines: int, digest: Digest) -> Import | None:
    """The import that came exactly so far with exactly these lines."""
    return next((e for e in earlier if e.lines == lines and e.digest == digest.value()), None)


def _check_order(first_at: datetime, found: Import | None, earlier: Sequence[Import]) -> None:
    last = max((e for e in earlier if e is not found and e.last_at is not None), key=_end, default=None)
    if last is None:
        return
    begins = _end(found) if found is not None and found.last_at is not None else first_at
    if begins < _end(last):
        raise Conflict(
            f"{last.name} was imported into this site up to {format_time(_end(last))}, and this is another history "
            "that begins before that; histories are imported one after the other, the oldest first"
        )


def _end(row: Import) -> datetime:
    return row.last_at or row.started_at
