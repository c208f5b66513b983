"""Reading a trace: NDJSON, plain or gzip, line by line, each line checked and in time order.

What cannot be used is named with its line number, counted from 1. Beyond what single lines are held to, a second
site line, a call id that was there before and a time earlier than the line before make a line bad. With
`skip_bad_lines` such lines are counted and passed over, as is a damaged end of a gzip file; a trace without any site
line is an error all the same.
"""

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from core.errors import RingtraceError, shown
from reports.backtest.lines import READERS, BadLine, Call, Line, TraceSite, site

MAX_LINE = 8 * 1024 * 1024
"""Longest line in bytes: a site with a few hundred thousand numbers."""
KEPT_COMPLAINTS = 5


class TraceError(RingtraceError):
    """A line that ends the reading; `line` is its number, counted from 1."""

    code = "bad_trace"

    def __init__(self, name: str, line: int, reason: str) -> None:
        super().__init__(f"{name}, line {line}: {reason}")
        self.line = line
        self._given = (name, line, reason)

    def __reduce__(self) -> tuple[type["TraceError"], tuple[str, int, str]]:
        """Crosses from a process of replays whole."""
        return type(self), self._given


class _Unreadable(Exception):
    """The file itself cannot be read on."""


class _Unpacked(io.RawIOBase):
    """What a gzip file holds, as far as one read brings it: all lines before a damage are had."""

    def __init__(self, packed: gzip.GzipFile) -> None:
        self._packed = packed

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills the front of `buffer`."""
        data = self._packed.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_decode = json.JSONDecoder(parse_constant=_refuse).decode


def raw_lines(path: Path) -> Iterator[bytes]:
    """The file's lines with their ends, unpacked where the content is gzip. Raises OSError, and _Unreadable later."""
    with path.open("rb") as file:
        packed = file.peek(2)[:2] == b"\x1f\x8b"
        source: io.BufferedReader = file
        if packed:
            source = io.BufferedReader(_Unpacked(gzip.GzipFile(fileobj=file)), 1 << 18)
        try:
            while line := source.readline(MAX_LINE + 1):
                yield line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _Unreadable("the gzip data end too early or are damaged") from error


def decoded(raw: bytes) -> dict[str, Any]:
    """The object of one line. Raises BadLine."""
    if len(raw) > MAX_LINE:
        raise BadLine(f"is longer than {MAX_LINE} bytes")
    try:
        value = _decode(raw.decode())
    except UnicodeDecodeError:
        raise BadLine("is not UTF-8") from None
    except (ValueError, RecursionError):
        raise BadLine(f"is not valid JSON: {shown(raw[:60].decode(errors='replace').strip())}") from None
    if type(value) is not dict:
        raise BadLine(f"is no JSON object: {shown(value)}")
    return value


def complaint(error: Exception) -> str:
    """What is wrong with a line, in words: BadLine says it itself, a KeyError is a field that is not there."""
    return f"lacks the field {error.args[0]}" if isinstance(error, KeyError) else str(error)


class Trace:
    """One trace, read once: `site` at once, the other lines by iterating.

    Raises OSError where the file cannot be opened and TraceError for what is wrong in it. `lines` counts the lines
    read so far, `bad_lines` those passed over; `complaints` are the first few of these in words.
    """

    def __init__(self, path: Path, *, skip_bad_lines: bool = False) -> None:
        self.name = path.name
        self.lines = 0
        self.bad_lines = 0
        self.complaints: list[str] = []
        self._skip = skip_bad_lines
        self._calls: set[str] = set()
        self._latest: datetime | None = None
        self._raw = raw_lines(path)
        self.site = self._read_site()

    def _read_site(self) -> TraceSite:
        for raw in self._each():
            try:
                # A mark of the byte order is no part of the text; RFC 8259 lets a reader pass over it.
                line = decoded(raw.removeprefix(b"\xef\xbb\xbf") if self.lines == 1 else raw)
                if line.get("type") != "site":
                    raise BadLine("is not the site; line 1 of a trace is")
                return site(line)
            except (BadLine, KeyError) as error:
                self._complain(complaint(error))
        raise TraceError(self.name, self.lines + 1, "there is no site line; line 1 of a trace is the site")

    def __iter__(self) -> Iterator[Line]:
        readers: dict[str, Callable[[dict[str, Any]], Line]] = READERS
        for raw in self._each():
            try:
                fields = decoded(raw)
                kind = fields["type"]
                reader = readers.get(kind) if type(kind) is str else None
                if reader is None:
                    raise BadLine("is a second site" if kind == "site" else f"has the unknown type {shown(kind)}")
                line = reader(fields)
                if self._latest is not None and line[0] < self._latest:
                    raise BadLine(f"goes back in time: at is {shown(fields['at'])}")
                if type(line) is Call:
                    self._meet(line.id)
            except (BadLine, KeyError) as error:
                self._complain(complaint(error))
            else:
                self._latest = line[0]
                yield line

    def _meet(self, call: str) -> None:
        if call in self._calls:
            raise BadLine(f"has the id {shown(call)} of an earlier call")
        self._calls.add(call)

    def _each(self) -> Iterator[bytes]:
        """The lines, counted; what the file itself does wrong is a bad line, too."""
        try:
            for raw in self._raw:
                self.lines += 1
                yield raw
        except _Unreadable as error:
            self.lines += 1
            self._complain(str(error))

    def _complain(self, reason: str) -> None:
        if not self._skip:
            raise TraceError(self.name, self.lines, reason)
        self.bad_lines += 1
        if len(self.complaints) < KEPT_COMPLAINTS:
            self.complaints.append(f"line {self.lines}: {reason}")


def read_truth(path: Path) -> dict[str, str | None]:
    """Who made each call, by call id (None: nobody from the site), from lines {"call", "visitor"}.

    Raises OSError where the file cannot be opened and TraceError for a line that is no such, or names a call twice.
    """
    truth: dict[str, str | None] = {}
    number = 0
    try:
        for raw in raw_lines(path):
            number += 1
            line = decoded(raw)
            call, visitor = line["call"], line["visitor"]
            if type(call) is not str or not call:
                raise BadLine(f"call is {shown(call)}; a text is allowed")
            if visitor is not None and (type(visitor) is not str or not visitor):
                raise BadLine(f"visitor is {shown(visitor)}; a text or null is allowed")
            if call in truth:
                raise BadLine(f"names the call {shown(call)} twice")
            truth[call] = visitor
    except (BadLine, KeyError) as error:
        raise TraceError(path.name, number, complaint(error)) from None
    except _Unreadable as error:
        raise TraceError(path.name, number + 1, str(error)) from None
    return truth
