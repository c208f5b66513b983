"""Reading the landings of a trace by the rules of live traffic, each kind of landing once.

Most landings of a busy site differ in nothing but the value of a click id, which only says whether two landings carry
the same tags. So the value is set aside, what is left is read once, and the tags compare by both.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from attribution.rules.landing import Landing, is_own_host, read_landing
from attribution.rules.query import split_address
from attribution.rules.reference import CLICK_IDS

Tags = tuple[str, ...] | None
Landed = tuple[str, str | None]
"""A page view's address and referrer."""
_KEPT = 20_000
_LONGEST = 4000
_STAND_IN = "x"
# Values of letters, digits, hyphens and underscores mean nothing to any rule; whatever else is read as it came.
_CLICK = re.compile(
    r"(?<=[?&])(" + "|".join(map(re.escape, CLICK_IDS)) + r")=([A-Za-z0-9_-]+)(?=&|$)", re.IGNORECASE | re.ASCII
)


class Page(NamedTuple):
    """A page view's landing, and what tells its tags from others': None where there are none; equal means equal tags.

    Equal tags that were written in two ways may differ: `same_tags` decides.

    The click ids, the query and the `campaign_key` inside `landing` are not to be used.
    """

    landing: Landing
    tags: Tags


class Landings:
    """Reads the page views of one site."""

    def __init__(self, domain: str) -> None:
        self._own = (domain,)
        self._read = lru_cache(maxsize=_KEPT)(self._read_once)
        self._own_origin = lru_cache(maxsize=_KEPT)(self._is_own_origin)
        self._path = lru_cache(maxsize=_KEPT)(self._read_path)
        self.untagged = self._read_once(f"https://{domain}/", None)
        """Any page without query and fragment: it carries no tags, wherever it was reached from."""

    def is_own(self, url: str) -> bool:
        """Whether a page is on the site's own domain; live traffic answers no other."""
        end = url.find("/", 8)
        return self._own_origin(url if end < 0 else url[:end])

    def path(self, url: str) -> str | None:
        """The path of an address without query and fragment; None for a page of another site."""
        return self._path(url)

    def read(self, url: str, referrer: str | None) -> Page:
        """The landing on `url` from `referrer`."""
        if len(url) > _LONGEST or "#" in url or ";" in url or url.count("?") > 1:
            return self._as_it_came(url, referrer)
        clicks = _CLICK.findall(url)
        if not clicks:
            return self._as_it_came(url, referrer) if "?" in url else self._plain(url, referrer)
        landing = self._read(_CLICK.sub(rf"\1={_STAND_IN}", url), referrer)
        names = {CLICK_IDS[name.lower()].name for name, _ in clicks}
        if len(names) < len(clicks) or any(landing.click_ids.get(name) != _STAND_IN for name in names):
            return self._as_it_came(url, referrer)
        return Page(landing, (landing.campaign_key or "", *(value for _, value in clicks)))

    def same_tags(self, one: Landed, other: Landed) -> bool:
        """Whether two landings carry the same tags, however they are written."""
        return self._read_once(*one).campaign_key == self._read_once(*other).campaign_key

    def _plain(self, url: str, referrer: str | None) -> Page:
        return Page(self._read(url, referrer), None)

    def _as_it_came(self, url: str, referrer: str | None) -> Page:
        landing = self._read(url, referrer)
        return Page(landing, None if landing.campaign_key is None else (landing.campaign_key,))

    def _read_once(self, url: str, referrer: str | None) -> Landing:
        return read_landing(url, referrer, own_hosts=self._own)

    def _read_path(self, url: str) -> str | None:
        return self._read(url, None).landing_path if self.is_own(url) else None

    def _is_own_origin(self, origin: str) -> bool:
        address = split_address(origin)
        return address.scheme in ("http", "https") and bool(address.host) and is_own_host(address.host, self._own)
