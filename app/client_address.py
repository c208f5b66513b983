"""Who is at the other end: the visitor's address behind trusted proxies, and the region it lies in."""

import ipaddress
import logging
from functools import cache, lru_cache
from pathlib import Path
from typing import Protocol

import maxminddb

from app.settings import PREFIX, Network, Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
log = logging.getLogger("ringtrace.address")


class Asked(Protocol):
    """The headers of a request."""

    def get(self, key: str, default: str, /) -> str:
        """A header by its name, whatever its case."""


class Asking(Protocol):
    """A request as far as it tells where it comes from: one of Flask's, or a page's."""

    @property
    def remote_addr(self) -> str | None:
        """Whoever is at the other end of the connection."""

    @property
    def headers(self) -> Asked:
        """The request's headers."""


def client_address(request: Asking, settings: Settings) -> Address | None:
    """The address of whoever asks.

    Forwarded headers count only from trusted proxies, and only up to the first hop that is none.
    """
    hop = _parse(request.remote_addr)
    chain = request.headers.get("X-Forwarded-For", "")
    for forwarded in reversed(chain.split(",")) if chain else ():
        if hop is None or not is_in(hop, settings.trusted_proxies):
            break
        given = _parse(forwarded.strip())
        if given is None:
            break
        hop = given
    return hop


@lru_cache(maxsize=20_000)
def around(address: Address | None) -> Network | None:
    """The network an address belongs to, as providers hand them out: /24 of IPv4, /48 of IPv6."""
    if address is None:
        return None
    return ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False)


def is_in(address: Address | None, networks: tuple[Network, ...]) -> bool:
    """Whether an address lies in one of the networks."""
    return address is not None and any(address in network for network in networks)


def region_of(request: Asking, settings: Settings, address: Address | None) -> str | None:
    """The visitor's region (ISO 3166-2, such as US-NY), or None where nothing tells.

    From the owner's MMDB, else from the header a trusted proxy sets. A country alone is no region. Where neither is set
    up, the log says so once.
    """
    if settings.geo_database is None and settings.region_header is None:
        _say_regions_are_unknown()
        return None
    if settings.geo_database is not None and address is not None:
        region = _lookup(settings.geo_database, _stamp(settings.geo_database), str(address))
        if region is not None:
            return region
    if settings.region_header and is_in(_parse(request.remote_addr), settings.trusted_proxies):
        return iso_region(request.headers.get(settings.region_header, ""))
    return None


@lru_cache(maxsize=20_000)
def _parse(text: str | None) -> Address | None:
    try:
        address = ipaddress.ip_address((text or "").strip().strip("[]"))
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def iso_region(text: str) -> str | None:
    """A region as ISO 3166-2 writes it (US-NY), or None where the text names none; a country alone is no region."""
    text = text.strip().upper()
    country, dash, part = text.partition("-")
    fits = dash and len(country) == 2 and country.isalpha() and 1 <= len(part) <= 3 and part.isalnum()
    return text if fits and text.isascii() else None


@cache
def _say_regions_are_unknown() -> None:
    log.info(
        "visitors' regions are unknown and no evidence: neither %sGEO_DATABASE nor %sREGION_HEADER is set",
        PREFIX,
        PREFIX,
    )


Stamp = tuple[int, int, int]
_GONE: Stamp = (0, 0, 0)


def _stamp(path: Path) -> Stamp:
    """What changes when the file is replaced (`geoipupdate` does so weekly); asked per request, a microsecond."""
    try:
        found = path.stat()
    except OSError:
        return _GONE
    return found.st_mtime_ns, found.st_ino, found.st_size


@lru_cache(maxsize=2)
def _database(path: Path, stamp: Stamp) -> maxminddb.Reader | None:
    try:
        return maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        log.warning("the geo database cannot be read (%s): it tells no regions", type(error).__name__)
        return None


@lru_cache(maxsize=50_000)
def _lookup(path: Path, stamp: Stamp, address: str) -> str | None:
    reader = _database(path, stamp)
    try:
        found = reader.get(address) if reader else None
        if not isinstance(found, dict):
            return None
        country = found["country"]["iso_code"]  # type: ignore[index,call-overload]
        part = found["subdivisions"][0]["iso_code"]  # type: ignore[index,call-overload]
    except (ValueError, KeyError, IndexError, TypeError, maxminddb.InvalidDatabaseError):
        return None
    return iso_region(f"{country}-{part}")
