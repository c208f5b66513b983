"""Where the demo's visitors come from: sources, campaigns, hours, devices. Plain tables."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One way to arrive: landing page, its query (`{click}` becomes a click id), the page it was linked from."""

    page: str
    query: str = ""
    referrer: str = ""
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """A source: visits on an average weekday, how many of them call or send the form, and its campaigns."""

    slug: str
    daily: float
    calling: float
    forms: float
    campaigns: tuple[Campaign, ...]


def _ad(page: str, campaign: str, term: str, weight: float) -> Campaign:
    query = f"?utm_source=google&utm_medium=cpc&utm_campaign={campaign}&utm_term={term}&gclid=Cj0KCQ{{click}}"
    return Campaign(page=page, query=query, referrer="https://www.google.com/", weight=weight)


SOURCES: tuple[Traffic, ...] = (
    Traffic(
        slug="google_ads",
        daily=54,
        calling=0.12,
        forms=0.03,
        campaigns=(
            _ad("/emergency", "emergency_plumber", "emergency+plumber+near+me", 5),
            _ad("/services", "water_heaters", "water+heater+replacement", 3),
            _ad("/services", "drain_cleaning", "clogged+drain", 2),
            _ad("/", "brand", "brightwater+plumbing", 1),
        ),
    ),
    Traffic(
        slug="google_organic",
        daily=5,
        calling=0.12,
        forms=0.03,
        campaigns=(
            Campaign(page="/", referrer="https://www.google.com/", weight=4),
            Campaign(page="/pricing", referrer="https://www.google.com/", weight=2),
            Campaign(page="/services", referrer="https://www.google.com/", weight=2),
        ),
    ),
    Traffic(
        slug="email",
        daily=2.5,
        calling=0.12,
        forms=0.05,
        campaigns=(
            Campaign(page="/services", query="?utm_source=newsletter&utm_medium=email&utm_campaign=fall_boiler_check"),
            Campaign(page="/pricing", query="?utm_source=newsletter&utm_medium=email&utm_campaign=member_offer"),
        ),
    ),
    Traffic(
        slug="facebook_ads",
        daily=1.5,
        calling=0.15,
        forms=0.04,
        campaigns=(
            Campaign(
                page="/services",
                query="?utm_source=facebook&utm_medium=paid_social&utm_campaign=new_homeowners&fbclid=IwAR{click}",
                referrer="https://m.facebook.com/",
            ),
        ),
    ),
    Traffic(
        slug="direct",
        daily=3,
        calling=0.12,
        forms=0.02,
        campaigns=(
            Campaign(page="/", weight=5),
            Campaign(page="/contact", weight=2),
            Campaign(page="/", referrer="https://www.hudsonvalleyhomes.example/plumbers", weight=1),
        ),
    ),
)

PAGES = ("/services", "/pricing", "/contact", "/emergency", "/")
"""What people go on to."""
WEEKDAYS = (1.1, 1.0, 1.0, 1.0, 1.05, 0.75, 0.6)
"""Visits by weekday, Monday first, against an average working day."""
HOURS = (1, 1, 0.5, 0.5, 0.5, 1, 3, 6, 9, 10, 10, 9, 8, 8, 8, 8, 8, 9, 9, 8, 7, 5, 3, 2)
"""Visits by local hour."""
DEVICES = {"phone": 0.62, "desktop": 0.33, "tablet": 0.05}
REGIONS = {"US-NY": 0.86, "US-CT": 0.08, "US-NJ": 0.06}
AREA_CODES: dict[str, tuple[str, ...]] = {
    "US-NY": ("914", "845", "212", "646", "917", "718", "347", "516"),
    "US-CT": ("203", "475"),
    "US-NJ": ("201", "973"),
}
FAR_AREA_CODES = ("415", "305", "617", "312", "704")

_KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
USER_AGENTS: dict[str, tuple[str, ...]] = {
    "phone": (
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1",
        f"Mozilla/5.0 (Linux; Android 10; K) {_KIT} Chrome/142.0.0.0 Mobile Safari/537.36",
    ),
    "desktop": (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT} Chrome/142.0.0.0 Safari/537.36",
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Safari/605.1.15",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    ),
    "tablet": (f"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1",),
}
