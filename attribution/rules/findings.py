"""What is odd about a landing: contradictions, untagged paid clicks, tags on own links, personal data in tags.

Each is a ``Finding`` of the audit's kinds. Misspelt, empty and repeated parameters are found while reading
(``query``); what can be told from stored values alone is left to the audit.
"""

from __future__ import annotations

import re

from attribution.rules.channel import (
    AFFILIATE_MEDIUMS,
    REFERRAL_MEDIUMS,
    SOCIAL_MEDIUMS,
    fold,
    is_push,
)
from attribution.rules.presets import MAIL_WORDS
from attribution.rules.query import Finding, Tags
from attribution.rules.reference import CLICK_IDS, ClickIdKind, network_of, service_of_name

_EMAIL_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{2,63}")
_PHONE = re.compile(r"\+\d[\d ().-]{7,18}\d")
_UNPAID_MEDIUMS = (
    MAIL_WORDS | SOCIAL_MEDIUMS | REFERRAL_MEDIUMS | AFFILIATE_MEDIUMS | {"organic", "sms", "audio", "(none)"}
)


def of_landing(*, tags: Tags, click: ClickIdKind | None, own_referrer: bool) -> tuple[Finding, ...]:
    """All findings of a landing's tags. ``click`` is the click id that decides, ``own_referrer`` an own page."""
    if not (tags.utm or tags.click_ids or tags.findings):
        return ()
    found = list(tags.findings)
    if click is not None:
        found += _contradictions(tags, click)
        if not tags.utm and (click.paid or click.name == "fbclid"):
            detail = {"click_id": click.name, "certain": click.paid}
            found.append(Finding(kind="untagged_paid_click", detail=detail))
    if own_referrer and tags.utm:
        found.append(Finding(kind="internal_utm", detail={"fields": list(tags.utm)}))
    for word, value in tags.utm.items():
        if _EMAIL_ADDRESS.search(value) or _PHONE.search(value):
            found.append(Finding(kind="personal_data", detail={"field": word}))
    return tuple(found)


def _contradictions(tags: Tags, click: ClickIdKind) -> list[Finding]:
    """Where a paid click id disagrees with the owner's medium, the owner's source, or another paid click id."""
    if not click.paid:
        return []
    found = []
    medium, source = tags.utm.get("medium"), tags.utm.get("source")
    if medium and (fold(medium) in _UNPAID_MEDIUMS or is_push(None, medium)):
        found.append(_contradiction(click, "medium", medium.strip()))
    named = service_of_name(source) if source else None
    if source and named is not None and named.network != network_of(click):
        found.append(_contradiction(click, "source", source.strip()))
    for name in tags.click_ids:
        other = CLICK_IDS[name.lower()]
        if other.paid and network_of(other) != network_of(click):
            found.append(_contradiction(click, "click_id", name))
    return found


def _contradiction(click: ClickIdKind, field: str, value: str) -> Finding:
    """The finding that ``value`` of ``field`` disagrees with ``click``."""
    return Finding(kind="contradiction", detail={"click_id": click.name, "field": field, "value": value})


def unassigned(source: str | None, medium: str | None) -> tuple[Finding, ...]:
    """The finding that no channel rule fits the tags."""
    return (Finding(kind="unassigned", detail={"source": source, "medium": medium}),)
