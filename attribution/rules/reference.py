"""The reference data of landings: which host, app, name or click id belongs to which service.

Rules are data (``data/*.json``), read once at import. Hosts match exactly or as a subdomain, the longest entry
first, never as a part of a word: ``mail.google.com`` is mail, ``notgoogle.com`` is nobody. An entry such as
``google.*`` stands for the brand under ``com`` and under country suffixes (``co.uk``, ``de``, ``com.br``), which
the public suffix list bundled with ``tldextract`` tells apart; nothing is fetched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tldextract import TLDExtract

_DATA = Path(__file__).parent / "data"
MAX_HOST = 253
"""Longest host name DNS allows, in characters (RFC 1035)."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A known place visits come from: a search engine, a network, a mail app, a payment page.

    ``name`` is the value reported as source (empty: use the host itself). ``kind`` is one of ``search``, ``social``,
    ``video``, ``shopping``, ``ai``, ``email``, ``sms``, ``display``, ``payment``, ``referral``, ``browser``.
    ``preset`` is the organic preset where it differs from the one of its kind, ``ads`` the preset of its paid
    clicks, ``network`` the company whose click ids it carries.
    """

    name: str
    kind: str
    preset: str | None = None
    ads: str | None = None
    network: str


@dataclass(frozen=True, kw_only=True)
class ClickIdKind:
    """A click id parameter: who sets it (``source``), for what (``medium``), and the preset it decides, if any.

    ``rank`` is its place in the data file: the lowest rank present on a landing decides. ``paid`` is true where
    only an advertisement carries it (``fbclid`` is also added to organic shares).
    """

    name: str
    source: str
    medium: str
    preset: str | None
    paid: bool
    rank: int


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((_DATA / name).read_text(encoding="utf-8"))
    return loaded


_services = _load("services.json")
_clicks = _load("click_ids.json")
_parameters = _load("parameters.json")

RULES_VERSION: str = max(str(part["version"]) for part in (_services, _clicks, _parameters))
"""Version of the newest reference file; kept beside what was read with it."""

UTM_FIELDS: tuple[str, ...] = tuple(_parameters["fields"])
"""The five UTM fields, without their prefix."""
UTM_MORE: frozenset[str] = frozenset(_parameters["more"])
"""Further parameters of GA4 that are kept but decide nothing."""
KNOWN_OTHER: frozenset[str] = UTM_MORE | frozenset(_parameters["other_known"])
"""Parameters that begin with ``utm_`` and are no misspelling of the five."""
MISSPELLINGS: Mapping[str, str] = _parameters["misspellings"]
"""Misspellings that edit distance cannot see: squeezed parameter name to field."""

CLICK_IDS: Mapping[str, ClickIdKind] = {
    row["name"].lower(): ClickIdKind(
        name=row["name"],
        source=row["source"],
        medium=row["medium"],
        preset=row["preset"],
        paid=row["paid"],
        rank=rank,
    )
    for rank, row in enumerate(_clicks["click_ids"])
}
"""Click ids by lower-case parameter name."""

_HOSTS: dict[str, Service] = {}
_NAMES: dict[str, Service] = {}
_APPS: dict[str, Service] = {}
for _row in _services["services"]:
    _service = Service(
        name=_row["name"],
        kind=_row["kind"],
        preset=_row.get("preset"),
        ads=_row.get("ads"),
        network=_row.get("network", _row["name"]),
    )
    for _key in _row.get("hosts", ()):
        _HOSTS.setdefault(_key, _service)
    for _key in _row.get("names", ()):
        _NAMES.setdefault(_key, _service)
    for _key in _row.get("apps", ()):
        _APPS.setdefault(_key.lower(), _service)
    if _service.name:
        _NAMES.setdefault(_service.name, _service)

_COUNTRY_LABELS = frozenset(key[:-2].rsplit(".", 1)[-1] for key in _HOSTS if key.endswith(".*"))
_WEBMAIL_LABELS = frozenset({"webmail", "owa", "roundcube"})
_WEBMAIL = Service(name="webmail", kind="email", network="webmail")
_suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None)


def _is_country_suffix(suffix: str) -> bool:
    """Whether a brand is expected under this public suffix: ``com``, ``de``, ``co.uk``, ``com.br``."""
    head, _, country = suffix.rpartition(".")
    return suffix == "com" or (len(country) == 2 and head in ("", "com", "co"))


def _country_form(host: str, labels: list[str]) -> str | None:
    """``mail.yahoo.co.jp`` as ``mail.yahoo.*``, None where the registered name is no brand with country hosts."""
    if _COUNTRY_LABELS.isdisjoint(labels):
        return None
    parts = _suffixes(host)
    if parts.domain not in _COUNTRY_LABELS or not _is_country_suffix(parts.suffix):
        return None
    return ".".join(part for part in (parts.subdomain, parts.domain, "*") if part)


@lru_cache(maxsize=8192)
def service_of_host(host: str) -> Service | None:
    """The service a lower-case host belongs to, None for any other host. Cached; never raises."""
    if not host or len(host) > MAX_HOST:
        return None
    labels = host.split(".")
    forms = (host, _country_form(host, labels))
    found = [entry for form in forms if form and (entry := _deepest_entry(form))]
    if found:
        return min(found, key=lambda entry: entry[0])[1]
    return _WEBMAIL if len(labels) > 2 and labels[0] in _WEBMAIL_LABELS else None


def _deepest_entry(form: str) -> tuple[int, Service] | None:
    """The entry that equals ``form`` or is its nearest parent, with the number of labels left in front of it."""
    labels = form.split(".")
    for start in range(len(labels)):
        service = _HOSTS.get(".".join(labels[start:]))
        if service is not None:
            return start, service
    return None


def service_of_app(identifier: str) -> Service | None:
    """The service behind an Android package name or the number of an iOS app, None if unknown."""
    return _APPS.get(identifier.lower())


def service_of_name(value: str) -> Service | None:
    """The service an owner's ``utm_source`` names: by its exact name or host, ignoring case, never by a part of it."""
    folded = " ".join(value.casefold().split())
    service = _NAMES.get(folded)
    if service is None and "." in folded:
        service = service_of_host(folded.removeprefix("www.").rstrip("."))
    return service
