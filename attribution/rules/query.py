"""Reading a page address: its host, path and parameters, however it was written. Nothing here raises.

Addresses come from browsers, from people and from attackers: percent-encoding may be broken or of another charset,
parameters may be repeated, mistyped or joined with a second question mark. What is read is bounded in length and
free of control characters, so that it can be stored and shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, unquote_plus, unquote_to_bytes

from attribution.rules.reference import CLICK_IDS, KNOWN_OTHER, MARKS, MISSPELLINGS, UTM_FIELDS, UTM_MORE
from core.hosts import MAX_HOST, ascii_host

MAX_URL = 16_384
"""Characters of an address that are looked at; what follows is ignored. The snippet and the API take none longer."""
MAX_VALUE = 512
"""Characters of a UTM value that are kept."""
MAX_CLICK_ID = 512
"""Longest click id taken for one, in characters."""
MAX_PARAMETERS = 100
"""Parameters of one address that are looked at."""
MAX_PATH = 1024
"""Characters of a path that are kept."""
MAX_QUERY = 2048
"""Characters of a query that are kept."""
_MAX_NAME = 40
_MAX_SQUEEZED = len("utmcampaign") + 2

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]")
_ADDRESS = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*):)?(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.IGNORECASE | re.DOTALL,
)
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_BARE_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?(?=[/?#]|$)")
_CLICK_VALUE = re.compile(rf"[A-Za-z0-9._~+/=%:|,*!-]{{1,{MAX_CLICK_ID}}}")
_LATE_SEPARATOR = re.compile(
    r"(?<!&amp)(?<!^amp)[?;](?=(?:utm[\w.-]*|" + "|".join(map(re.escape, CLICK_IDS)) + ")=)", re.IGNORECASE
)
_ESCAPED_TWICE = re.compile(r"%25[0-9a-f]{2}", re.IGNORECASE)
_MACRO = re.compile(
    r"\{[^{}]*\}|\{\{[^{}]*\}\}|\$\{[^{}]*\}|\[[\w .:-]+\]|__[A-Z][A-Z0-9_]*__|%%[\w.:-]+%%|\*\|[^|]*\|\*|<[\w .:-]+>"
)
_ENCODED_PAIR = re.compile(r"utm[\w-]*%3d", re.IGNORECASE)
_SQUEEZE = re.compile(r"[^a-z0-9]")
_PREFIXES = frozenset({"utm", "umt", "tum", "utn"})


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about a landing its owner should know: a ``kind`` and the details of this case."""

    kind: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Address:
    """A page address in parts: lower-case scheme and host (empty if none or unreadable), the rest as it came."""

    scheme: str
    host: str
    path: str
    query: str
    fragment: str


@dataclass(frozen=True, kw_only=True)
class Tags:
    """What the parameters of an address say: UTM values by field, further GA4 values, click ids, marks, findings."""

    utm: dict[str, str]
    more: dict[str, str]
    click_ids: dict[str, str]
    marks: dict[str, str]
    findings: tuple[Finding, ...]


def clean(text: str, limit: int) -> str:
    """Text without control characters, direction marks, zero-width spaces and lone surrogates.

    At most ``limit`` characters long.
    """
    return _CONTROL.sub("", text[:limit])


def decode(text: str) -> str:
    """A percent-encoded word as text: UTF-8, or Latin-1 where it is not UTF-8."""
    if "%" not in text:
        return text.replace("+", " ")
    decoded = unquote_plus(text)
    if "\ufffd" in decoded:
        raw = unquote_to_bytes(text.replace("+", " "))
        decoded = raw.decode("latin-1") if b"\xef\xbf\xbd" not in raw else decoded
    return decoded


def decode_value(text: str) -> str:
    """A percent-encoded value as text; one that a redirect escaped twice (``spring%2520sale``) is read as meant."""
    decoded = decode(text)
    return unquote(decoded) if "%" in decoded and _ESCAPED_TWICE.search(text) else decoded


def is_macro(value: str) -> bool:
    """Whether a value is nothing but a variable left unfilled, such as ``{keyword}``, ``{{ad.name}}``, ``__CID__``."""
    return _MACRO.fullmatch(value.strip()) is not None


def split_address(url: str) -> Address:
    """An address in parts as a browser would read it: backslashes are slashes, sign-in names and ports are dropped."""
    text = clean(url[:MAX_URL].strip(), MAX_URL)
    head = re.match(r"[^?#]*", text)
    if head and "\\" in head.group():
        text = head.group().replace("\\", "/") + text[head.end() :]
    if _BARE_HOST.match(text):
        text = "//" + text
    found = _ADDRESS.fullmatch(text)
    if found is None:  # the pattern takes any text; kept for the type checker
        return Address(scheme="", host="", path="", query="", fragment="")
    part = found.groupdict(default="")
    return Address(
        scheme=part["scheme"].lower(),
        host=_host_of(part["authority"]),
        path=part["path"],
        query=part["query"],
        fragment=part["fragment"],
    )


def _host_of(authority: str) -> str:
    """The host of an authority, without user, port and final dot; empty if it is no host name.

    In ASCII and lower case, or as it came where it has no such form.
    """
    host = authority.rsplit("@", 1)[-1].lower()
    if host.startswith("["):
        return ""
    bare = host.split(":", 1)[0].rstrip(".")
    host = ascii_host(bare) or bare
    return host if len(host) <= MAX_HOST and _HOST.fullmatch(host) else ""


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    """Raw name and value of each parameter, in order; a late ``?`` or a ``;`` before a known name counts as ``&``."""
    if "?" in query or ";" in query:
        query = _LATE_SEPARATOR.sub("&", query)
    for piece in query.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]:
        if "=" not in piece and _ENCODED_PAIR.match(piece):
            for inner in decode(piece).split("&"):
                yield inner.partition("=")[::2]
        else:
            yield piece.partition("=")[::2]


@lru_cache(maxsize=4096)
def parameter_field(name: str) -> tuple[str, bool] | None:
    """The UTM field a decoded parameter name means, and whether it is spelt right; None for any other parameter.

    Case, separators and a left-over ``amp;`` are forgiven, and so are slips of up to two letters (one for short
    names): ``utmsource``, ``UTM_Source``, ``utm-souce``, ``umt_campaing``.
    """
    if name.startswith("utm_") and name[4:] in UTM_FIELDS:
        return name[4:], True
    lowered = name.strip().lower().removeprefix("amp;")
    if len(lowered) > _MAX_NAME or lowered in KNOWN_OTHER:
        return None
    squeezed = _SQUEEZE.sub("", lowered)
    if squeezed in MISSPELLINGS:
        return MISSPELLINGS[squeezed], False
    if squeezed[:3] not in _PREFIXES or len(squeezed) > _MAX_SQUEEZED:
        return None
    best = min((_slips(squeezed, "utm" + word), word) for word in UTM_FIELDS)
    allowed = 1 if best[1] == "term" else 2
    return (best[1], False) if best[0] <= allowed else None


def _slips(left: str, right: str) -> int:
    """Optimal string alignment distance: letters added, lost, changed, or two neighbours swapped."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, previous, row = row, before, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
    return row[-1]


def read_tags(query: str, fragment: str = "") -> Tags:
    """UTM values and click ids of a query, then of a fragment where the query has none of that name.

    The right spelling wins over a wrong one; of repeated values the first that is not empty counts.
    """
    reader = _TagReader()
    reader.read(query)
    if "=" in fragment:
        reader.read(fragment.rpartition("?")[2].lstrip("!/"))
    return reader.tags()


class _TagReader:
    """Collects the tags of one address."""

    def __init__(self) -> None:
        self.exact: dict[str, str] = {}
        self.misspelt: dict[str, str] = {}
        self.more: dict[str, str] = {}
        self.click_ids: dict[str, str] = {}
        self.marks: dict[str, str] = {}
        self.findings: list[Finding] = []

    def read(self, query: str) -> None:
        """Takes in the parameters of one query; what is already known stays."""
        for raw_name, raw_value in _pairs(query):
            if not raw_name or len(raw_name) > 3 * _MAX_NAME:
                continue
            name = decode(raw_name) if "%" in raw_name or "+" in raw_name else raw_name
            lowered = name.lower().removeprefix("amp;")
            click = CLICK_IDS.get(lowered)
            if click is not None:
                self._click_id(click.name, decode(raw_value))
            elif lowered in MARKS:
                self._mark(MARKS[lowered].name, decode(raw_value))
            elif name in UTM_MORE:
                value = clean(decode_value(raw_value), MAX_VALUE)
                if value.strip():
                    self.more.setdefault(name, value)
            elif "u" in name[:6].lower() and (known := parameter_field(name)):
                self._utm(name, known, clean(decode_value(raw_value[: 9 * MAX_VALUE]), MAX_VALUE))

    def _mark(self, name: str, value: str) -> None:
        """Keeps a network's mark that looks like one."""
        if _CLICK_VALUE.fullmatch(value.strip()):
            self.marks.setdefault(name, value.strip())

    def _click_id(self, name: str, value: str) -> None:
        """Keeps a click id that looks like one; reports one that does not, keeps nothing of it."""
        value = value.strip().replace(" ", "+")
        if not value:
            return
        if not _CLICK_VALUE.fullmatch(value):
            self.findings.append(Finding(kind="malformed_click_id", detail={"click_id": name}))
        else:
            self.click_ids.setdefault(name, value)

    def _utm(self, name: str, known: tuple[str, bool], value: str) -> None:
        """Keeps a UTM value under its field and reports how its parameter was wrong."""
        word, right = known
        if not right:
            spelt = clean(name, _MAX_NAME)
            detail = {"field": word, "parameter": spelt, "read_as": f"utm_{word}", "value": value}
            self.findings.append(Finding(kind="misspelt_parameter", detail=detail))
        if not value.strip():
            self.findings.append(Finding(kind="empty_parameter", detail={"field": word}))
            return
        if is_macro(value):
            self.findings.append(Finding(kind="unfilled_variable", detail={"field": word, "value": value}))
        store = self.exact if right else self.misspelt
        kept = store.setdefault(word, value)
        if kept != value:
            both = {"field": word, "values": [kept, value]}
            self.findings.append(Finding(kind="duplicate_parameter", detail=both))

    def tags(self) -> Tags:
        """What was read, UTM fields in their usual order."""
        utm = {word: value for word in UTM_FIELDS if (value := self.exact.get(word, self.misspelt.get(word)))}
        return Tags(utm=utm, more=self.more, click_ids=self.click_ids, marks=self.marks, findings=tuple(self.findings))
