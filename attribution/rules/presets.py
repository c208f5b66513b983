"""The presets of online tracking sources: their default order, their names, and which one a landing fits."""

from __future__ import annotations

from attribution.rules.channel import (
    AFFILIATE_MEDIUMS,
    AI_MEDIUMS,
    DISPLAY_MEDIUMS,
    EMAIL_WORDS,
    PAID_KINDS,
    SOCIAL_MEDIUMS,
    fold,
    is_paid_medium,
)
from attribution.rules.reference import Service

PRESET_NAMES: dict[str, str] = {
    "google_ads": "Google Ads",
    "bing_ads": "Microsoft Ads",
    "facebook_ads": "Facebook Ads",
    "paid_social": "Paid social",
    "paid_other": "Other paid ads",
    "email": "Email",
    "sms": "Text messages",
    "affiliate": "Affiliates",
    "display": "Display ads",
    "google_organic": "Google organic",
    "bing": "Bing organic",
    "organic_search": "Other search engines",
    "facebook": "Facebook organic",
    "social": "Other social networks",
    "video": "Video",
    "ai_assistant": "AI assistants",
    "referral": "Referrals",
    "direct": "Direct",
}
"""Names people read, by preset; in the default order of presets."""

PRESETS: tuple[str, ...] = tuple(PRESET_NAMES)
"""Every preset, in its default order: where two would fit, the earlier one wins."""

_POSITIONS = {preset: (index + 1) * 10 for index, preset in enumerate(PRESETS)}
_SMS_WORDS = frozenset({"sms", "mms", "text", "text message", "text-message", "text_message"})
MAIL_WORDS = EMAIL_WORDS | {
    "newsletter",
    "newsletters",
    "e-newsletter",
    "enewsletter",
    "email newsletter",
    "email-newsletter",
    "email_newsletter",
    "mail",
    "mailing",
    "e-mailing",
    "emailing",
    "mailshot",
}
"""Mediums, and sources without a medium, that mean a mail-out. GA4's channel Email knows ``EMAIL_WORDS`` only."""
_BY_KIND = {
    "search": "organic_search",
    "social": "social",
    "video": "video",
    "ai": "ai_assistant",
    "email": "email",
    "sms": "sms",
    "display": "display",
}


def preset_position(preset: str) -> int:
    """The default position of a preset, in steps of ten so that sources fit in between. ``KeyError`` if unknown."""
    return _POSITIONS[preset]


def preset_of(source: str | None, medium: str | None, service: Service | None) -> str:
    """The preset that fits words and service where no click id decides.

    A paid medium leads to the network's own ads, else to paid social or other paid ads; a named medium outranks the
    kind of service; tagged or referred visits that fit nothing are referrals, so that ``direct`` means unknown.
    """
    src, med = fold(source), fold(medium)
    if is_paid_medium(med) and (med not in DISPLAY_MEDIUMS or (service is not None and service.kind in PAID_KINDS)):
        return _paid_preset(med, service)
    if med in DISPLAY_MEDIUMS:
        return "display"
    if med in MAIL_WORDS or (not med and src in MAIL_WORDS):
        return "email"
    if med in _SMS_WORDS or src == "sms":
        return "sms"
    if med in AFFILIATE_MEDIUMS:
        return "affiliate"
    if med == "audio":
        return "paid_other"
    return _unpaid_preset(src, med, service)


def _paid_preset(med: str, service: Service | None) -> str:
    """The preset of a paid medium: the network's ads, else paid social, else other paid ads."""
    if service is not None and service.ads:
        return service.ads
    if (service is not None and service.kind == "social") or "social" in med:
        return "paid_social"
    return "paid_other"


def _unpaid_preset(src: str, med: str, service: Service | None) -> str:
    """The preset by service, then by medium; ``direct`` where neither source nor medium is known."""
    kind = service.kind if service else ""
    if med in SOCIAL_MEDIUMS and kind != "social":
        return "social"
    if service is not None and (service.preset or kind in _BY_KIND):
        return service.preset or _BY_KIND[kind]
    if med in AI_MEDIUMS:
        return "ai_assistant"
    if med == "organic":
        return "organic_search"
    if "video" in med:
        return "video"
    if src in MAIL_WORDS:
        return "email"
    if src in ("", "direct", "(direct)") and med in ("", "(none)", "(not set)"):
        return "direct"
    return "referral"
