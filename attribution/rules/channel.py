"""Default channel groups: GA4's rules in GA4's order, plus AI Assistants.

Source of the rules: Google Analytics help, "Default channel group" (answer 9756891). Rules ignore case. Site lists
are the services of ``reference``. AI Assistants stands before the organic lists, so that an assistant's host is not
taken for its search engine; a paid click from an assistant stays paid, as the owner says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from attribution.rules.reference import Service, service_of_name

CHANNELS: tuple[str, ...] = (
    "Direct",
    "Cross-network",
    "Paid Shopping",
    "Paid Search",
    "Paid Social",
    "Paid Video",
    "Display",
    "Paid Other",
    "AI Assistants",
    "Organic Shopping",
    "Organic Social",
    "Organic Video",
    "Organic Search",
    "Referral",
    "Email",
    "Affiliates",
    "Audio",
    "SMS",
    "Mobile Push Notifications",
    "Unassigned",
    "Offline",
)
"""Every channel name, in the order the rules are tried; Offline is for calls to offline numbers, never a landing."""

DISPLAY_MEDIUMS = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
SOCIAL_MEDIUMS = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})
EMAIL_WORDS = frozenset({"email", "e-mail", "e_mail", "e mail"})
REFERRAL_MEDIUMS = frozenset({"referral", "app", "link"})
AFFILIATE_MEDIUMS = frozenset({"affiliate", "affiliates"})
AI_MEDIUMS = frozenset({"ai-assistant", "ai_assistant", "ai assistant"})
_NO_MEDIUM = frozenset({"(none)", "(not set)", ""})

_PAID = re.compile(r".*cp.*|ppc|retargeting|paid.*", re.DOTALL)
_SHOP = re.compile(r"(?:[^a-df-z]|^)shop|shopping")

_PAID_BY_KIND = {
    "shopping": "Paid Shopping",
    "search": "Paid Search",
    "social": "Paid Social",
    "video": "Paid Video",
}
PAID_KINDS = frozenset(_PAID_BY_KIND)
"""Kinds of service whose paid visits have a channel of their own; with any other, `cpm` is Display."""


def fold(value: str | None) -> str:
    """A word as rules compare it: NFKC, without surrounding space, ignoring case; empty where there is none."""
    if not value:
        return ""
    return (value if value.isascii() else unicodedata.normalize("NFKC", value)).strip().casefold()


def is_paid_medium(medium: str | None) -> bool:
    """Whether GA4 counts a medium as paid: ``ppc``, ``retargeting``, ``paid…``, anything with ``cp``."""
    return _PAID.fullmatch(fold(medium)) is not None


def is_shopping_campaign(campaign: str | None) -> bool:
    """GA4's pattern for campaign names: ``shop`` at a word's start or after ``e``, or ``shopping`` anywhere."""
    return _SHOP.search(fold(campaign)) is not None


def is_push(source: str | None, medium: str | None) -> bool:
    """GA4's rule for mobile push notifications."""
    word = fold(medium)
    return word.endswith("push") or "mobile" in word or "notification" in word or fold(source) == "firebase"


def channel_of(source: str | None, medium: str | None, campaign: str | None, *, service: Service | None = None) -> str:
    """The default channel group of a source, medium and campaign; ``Direct`` where nothing at all is known.

    ``service`` is the service of ``source`` where the caller already knows it; otherwise it is looked up by name.
    """
    if service is None and source:
        service = service_of_name(source)
    kind = service.kind if service else ""
    src, med, camp = fold(source), fold(medium), fold(campaign)
    if (not src or src in ("direct", "(direct)")) and med in _NO_MEDIUM and not camp:
        return "Direct"
    if src in ("direct", "(direct)") and med in _NO_MEDIUM:
        return "Direct"
    if "cross-network" in camp:
        return "Cross-network"
    shopping = is_shopping_campaign(camp)
    if is_paid_medium(med):
        if shopping:
            return "Paid Shopping"
        if kind in _PAID_BY_KIND:
            return _PAID_BY_KIND[kind]
    if med in DISPLAY_MEDIUMS:
        return "Display"
    if is_paid_medium(med):
        return "Paid Other"
    return _unpaid_channel(src, med, kind, shopping)


_UNPAID: tuple[tuple[str, Callable[[str, str, str, bool], bool]], ...] = (
    ("AI Assistants", lambda src, med, kind, shop: kind == "ai" or med in AI_MEDIUMS),
    ("Organic Shopping", lambda src, med, kind, shop: kind == "shopping" or shop),
    ("Organic Social", lambda src, med, kind, shop: kind == "social" or med in SOCIAL_MEDIUMS),
    ("Organic Video", lambda src, med, kind, shop: kind == "video" or "video" in med),
    ("Organic Search", lambda src, med, kind, shop: kind == "search" or med == "organic"),
    ("Referral", lambda src, med, kind, shop: med in REFERRAL_MEDIUMS),
    ("Email", lambda src, med, kind, shop: src in EMAIL_WORDS or med in EMAIL_WORDS),
    ("Affiliates", lambda src, med, kind, shop: med in AFFILIATE_MEDIUMS),
    ("Audio", lambda src, med, kind, shop: med == "audio"),
    ("SMS", lambda src, med, kind, shop: "sms" in (src, med)),
    ("Mobile Push Notifications", lambda src, med, kind, shop: is_push(src, med)),
)


def _unpaid_channel(src: str, med: str, kind: str, shopping: bool) -> str:
    """The first unpaid rule that fits folded words, else ``Unassigned``."""
    for name, fits in _UNPAID:
        if fits(src, med, kind, shopping):
            return name
    return "Unassigned"
