"""The reference data of landings: which host, app, name or click id belongs to which service.

Rules are data (``data/*.json``), read once at import. Hosts match exactly or as a subdomain, the longest entry
first, never as a part of a word: ``mail.google.com`` is mail, ``notgoogle.com`` is nobody. An entry such as
``google.*`` stands for the brand under ``com`` and under country suffixes (``co.uk``, ``de``, ``com.br``), which
the public suffix list bundled with ``tldextract`` tells apart; nothing is fetched.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tldextract import TLDExtract

from core.hosts import MAX_HOST

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A known place visits come from: a search engine, a network, a mail app, a payment page.

    ``name`` is the value reported as source (empty: use the host itself). ``kind`` is one of ``search``, ``social``,
    ``video``, ``shopping``, ``ai``, ``email``, ``sms``, ``display``, ``payment``, ``sign_in``, ``referral``,
    ``browser``. ``preset`` is the organic preset where it differs from the one of its kind, ``ads`` the preset of its
    paid clicks, ``network`` the company whose click ids it carries.
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


def _newest(versions: Iterable[str]) -> str:
    """The highest of versions such as ``2026.11.2``, compared number by number."""
    return max(versions, key=lambda version: [int(part) for part in version.split(".")])


RULES_VERSION: str = _newest(str(part["version"]) for part in (_services, _clicks, _parameters))
"""Version of the rules, kept beside what was read with them; the newest of the reference files' versions.

A change of the data, or of the code that reads landings, raises it in a file; ``ringtrace reclassify`` then finds the
visits that were read by other rules.
"""

UTM_FIELDS: tuple[str, ...] = tuple(_parameters["fields"])
"""The five UTM fields, without their prefix."""
UTM_MORE: frozenset[str] = frozenset(_parameters["more"])
"""Further parameters of GA4 that are kept but decide nothing."""
KNOWN_OTHER: frozenset[str] = UTM_MORE | frozenset(_parameters["other_known"])
"""Parameters that begin with ``utm_`` and are no misspelling of the five."""
MISSPELLINGS: Mapping[str, str] = _parameters["misspellings"]
"""Misspellings that edit distance cannot see: squeezed parameter name to field."""


def _kinds(rows: Iterable[Mapping[str, Any]]) -> dict[str, ClickIdKind]:
    """Click ids by lower-case parameter name, ranked as they stand."""
    return {
        row["name"].lower(): ClickIdKind(
            name=row["name"],
            source=row["source"],
            medium=row["medium"],
            preset=row["preset"],
            paid=row["paid"],
            rank=rank,
        )
        for rank, row in enumerate(rows)
    }


CLICK_IDS: Mapping[str, ClickIdKind] = _kinds(_clicks["click_ids"])
"""Click ids by lower-case parameter name."""
MARKS: Mapping[str, ClickIdKind] = _kinds(_clicks["marks"])
"""Parameters by which networks mark links without naming one click, by lower-case name.

``gad_source`` is left where privacy features strip the click id of a Google ad; ``srsltid`` marks free listings of
Google's shopping; ``n_ad`` and ``n_ad_group`` name the advertisement of Naver's search. They speak only where
neither a click id nor the owner's words do.
"""

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
_WEBMAIL_LABELS = frozenset({"webmail", "owa", "roundcube", "zimbra", "squirrelmail"})
_SECURE_LABELS = frozenset({"3ds", "3ds2", "3dsecure", "3d-secure"})
_WEBMAIL = Service(name="webmail", kind="email", network="webmail")
_SECURE = Service(name="3d secure", kind="payment", network="3d secure")
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


def behind_copy(host: str) -> str | None:
    """The host whose page a copying host shows (Google's AMP cache and translation), None for any other host.

    ``www-my--shop-com.cdn.ampproject.org`` shows ``www.my-shop.com``: dots are written as hyphens, hyphens twice
    (AMP Cache URL format).
    """
    for suffix in _COPIES:
        if host.endswith(suffix):
            label = host[: -len(suffix)]
            if label and "." not in label:
                return label.replace("--", "\0").replace("-", ".").replace("\0", "-")
    return None


_COPIES = (".cdn.ampproject.org", ".translate.goog")


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
    named = _WEBMAIL if labels[0] in _WEBMAIL_LABELS else _SECURE if labels[0] in _SECURE_LABELS else None
    return named if named and _stands_alone(host, labels) else None


def _stands_alone(host: str, labels: list[str]) -> bool:
    """Whether a host is a label before somebody's registered name: ``webmail.isp.uk``, not ``webmail.de.x.com``."""
    parts = _suffixes(host)
    return parts.subdomain == labels[0] if parts.suffix else len(labels) == 3


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
    """The service an owner's ``utm_source`` names: by its exact name or host, never by a part of it.

    Case, the width of letters (NFKC) and doubled spaces are ignored.
    """
    folded = " ".join((value if value.isascii() else unicodedata.normalize("NFKC", value)).casefold().split())
    service = _NAMES.get(folded)
    if service is None and "." in folded:
        service = service_of_host(folded.removeprefix("www.").rstrip("."))
    return service


def network_of(click: ClickIdKind) -> str:
    """The company whose ads or links carry this click id or mark."""
    service = service_of_name(click.source)
    return service.network if service else click.source
