"""The facts a diagnosis is made from, and what it comes to. Plain values: no database, no web, no clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Literal

from app.snippet.check_report import CheckReport
from core.phone import for_country

Severity = Literal["trouble", "notice", "fine"]

TITLES = {
    "never_loaded": "The script was never loaded",
    "insecure": "Browsers refuse the script's address on https pages",
    "loaded_but_silent": "The script is loaded, but its questions do not arrive",
    "consent_none": "Nobody has agreed yet",
    "wrong_domain": "The tag runs on a domain that is not listed",
    "other_site_tag": "The tag carries another site's key",
    "no_numbers_listed": "No number of the business is listed",
    "no_numbers": "No tracking source has a number",
    "no_rule": "Nothing to show for some visitors",
    "not_found": "None of the site's numbers is on the page",
    "stranger": "A number that is not listed",
    "frozen_number": "A tracking number stands in the page itself",
    "half_swapped": "A link says one number and dials another",
    "reverted": "Something on the page writes the old number back",
    "not_swapped": "The number is there and was not swapped",
    "late": "The script starts late",
    "duplicate_tag": "The tag is on the page more than once",
    "too_early": "The tag holds up the page",
    "switched_off": "Kept from the script by data-ringtrace",
    "in_form_field": "A number in a form field",
    "in_image": "The number may be part of a picture",
    "staff_network": "Seen from an excluded network",
    "healthy": "All is well",
}
"""What each kind of finding is called, worst causes first: the order in which they are told."""


@dataclass(frozen=True, kw_only=True)
class SiteFacts:
    """What is known of a site.

    `numbers`: the target numbers, in E.164; `served`: those some source with an active number replaces. `stocked`,
    `empty`: the names of online sources with and without an active number.
    """

    key: str
    base_url: str
    domains: tuple[str, ...]
    numbers: tuple[str, ...]
    country: str
    consent_default: str
    served: frozenset[str]
    stocked: tuple[str, ...]
    empty: tuple[str, ...]

    def tag(self) -> str:
        """The script tag to put into pages."""
        return f'<script async src="{self.base_url}/s/{self.key}.js"></script>'


@dataclass(frozen=True, kw_only=True)
class PageSeen:
    """The last report of one page (`page`: host and path)."""

    page: str
    last_seen_at: datetime
    report: CheckReport


@dataclass(frozen=True, kw_only=True)
class HostSeen:
    """The script on a host: `loaded` there, `answered`, or `refused` as none of the site's domains."""

    sign: str
    host: str
    last_seen_at: datetime


@dataclass(frozen=True, kw_only=True)
class StrayTag:
    """Another site of the account whose tag was refused on `host`."""

    site: str
    host: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing found: what happened, with its number or page, and what to do. `page` is None for the whole site."""

    kind: str
    severity: Severity
    what: str
    todo: str
    page: str | None = None

    @property
    def title(self) -> str:
        """What its kind is called."""
        return TITLES[self.kind]


@dataclass(frozen=True, kw_only=True)
class PageState:
    """A page in the table: places in which own numbers are, were swapped and were left, and how that stands."""

    seen: PageSeen
    found: int
    swapped: int
    left: int
    severity: Severity
    word: str


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """All that was found, worst first, and the pages it was found on, those in trouble first."""

    findings: tuple[Finding, ...]
    pages: tuple[PageState, ...]

    @property
    def troubled(self) -> int:
        """How many pages need attention."""
        return sum(page.severity == "trouble" for page in self.pages)


@dataclass(frozen=True, kw_only=True)
class Words:
    """Numbers in the reader's form; `issued` are tracking numbers and the sources they belong to."""

    country: str
    issued: Mapping[str, str] = field(default_factory=dict)

    def number(self, text: str) -> str:
        """A number in E.164 as people of the site's country write it; any other text as it is."""
        return _spoken(text, self.country)


# The same few numbers stand on hundreds of pages.
@lru_cache(maxsize=4096)
def _spoken(text: str, country: str) -> str:
    return for_country(text, country) if re.fullmatch(r"\+[1-9]\d{6,14}", text, re.ASCII) else text


def listed(words: list[str], most: int = 3) -> str:
    """Words in a row: "a, b and c", or "a, b, c and 4 more"."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""
