"""How a landing is read: one page view's address and referrer become source, medium, channel and preset.

Source and medium come from the owner's UTM words first, then the click id, then the referrer. Which preset fits is
decided by the click id first. Own pages, payment and wallet returns without tags keep what was there before.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from attribution.rules import findings as notes
from attribution.rules.channel import channel_of, is_paid_medium
from attribution.rules.presets import preset_of
from attribution.rules.query import (
    MAX_PATH,
    MAX_QUERY,
    Finding,
    Tags,
    clean,
    is_macro,
    read_tags,
    split_address,
)
from attribution.rules.reference import (
    CLICK_IDS,
    MARKS,
    ClickIdKind,
    Service,
    behind_copy,
    network_of,
    service_of_app,
    service_of_host,
    service_of_name,
)
from core.hosts import ascii_host

_MEDIUM_OF_KIND = {
    "search": "organic",
    "social": "social",
    "video": "video",
    "shopping": "referral",
    "ai": "ai-assistant",
    "email": "email",
    "sms": "sms",
    "display": "display",
}


@dataclass(frozen=True, kw_only=True)
class Landing:
    """What one page view says about where the visitor came from.

    ``source`` … ``content``: trimmed values, None where nothing says them, or an advertising system left a variable
    unfilled. ``utm``: the five fields as they came, decoded, only those present; ``utm_more``: further GA4 parameters.
    ``channel``: GA4 default channel group or "AI Assistants". ``marks``: what networks left on the link, where that
    decided in the place of a click id. ``keeps``: an own page, payment, wallet or sign-in return
    without tags, which leaves the visitor's source as it was (``preset`` is then ``direct``). ``campaign_key``: equal
    for equal tags, None where there are none; another key begins a new visit. ``landing_path`` and ``landing_query``
    are as they came, cut to a bounded length.
    """

    source: str | None
    medium: str | None
    campaign: str | None
    term: str | None
    content: str | None
    utm: Mapping[str, str]
    utm_more: Mapping[str, str]
    channel: str
    click_ids: Mapping[str, str]
    marks: Mapping[str, str]
    preset: str
    keeps: bool
    referrer_host: str | None
    landing_path: str
    landing_query: str
    findings: tuple[Finding, ...]
    campaign_key: str | None


@dataclass(frozen=True, kw_only=True)
class Referrer:
    """Where the browser says it came from. ``kind``: ``none``, ``own``, ``return``, ``service`` or ``site``.

    A ``return`` comes back from paying or signing in.
    """

    kind: str
    host: str | None = None
    service: Service | None = None
    source: str | None = None
    medium: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """Source and medium of a landing, with the service the source names, and the marks that spoke for a click id."""

    source: str | None
    medium: str | None
    service: Service | None
    click: ClickIdKind | None
    marks: Mapping[str, str]


def read_landing(url: str, referrer: str | None, *, own_hosts: Collection[str]) -> Landing:
    """Reads the page view of ``url`` reached from ``referrer``; ``own_hosts`` are the site's domains.

    Takes any text and never raises; called for every page view.
    """
    address = split_address(url)
    tags = read_tags(address.query, address.fragment)
    came_from = read_referrer(referrer, own_hosts=own_hosts, landing_host=address.host)
    utm = {word: value.strip() for word, value in tags.utm.items() if not is_macro(value)}
    reading = _read(utm, tags, came_from)
    tagged = bool(tags.utm or tags.more or tags.click_ids or reading.marks)
    keeps = not tagged and came_from.kind in ("own", "return")
    findings = notes.of_landing(tags=tags, click=reading.click, own_referrer=came_from.kind == "own")
    contradicts = any(found.kind == "contradiction" for found in findings)
    channel = _channel(utm, reading, contradicts=contradicts)
    if channel == "Unassigned":
        findings += notes.unassigned(reading.source, reading.medium)
    return Landing(
        source=reading.source,
        medium=reading.medium,
        campaign=utm.get("campaign"),
        term=utm.get("term"),
        content=utm.get("content"),
        utm=tags.utm,
        utm_more=tags.more,
        channel=channel,
        click_ids=tags.click_ids,
        marks=reading.marks,
        preset=_preset(utm, reading),
        keeps=keeps,
        referrer_host=came_from.host,
        landing_path=clean(address.path, MAX_PATH) or "/",
        landing_query=clean(address.query, MAX_QUERY),
        findings=findings,
        campaign_key=_campaign_key(tags, reading.marks) if tagged else None,
    )


def is_own_host(host: str, own_hosts: Collection[str]) -> bool:
    """Whether a lower-case host is one of the site's domains, with or without ``www``, or below one.

    Each may be written in Unicode or in ASCII (``müller.example``, ``xn--mller-kva.example``).
    """
    host = ascii_host(host) or host
    for domain in own_hosts:
        written = domain.strip().lower()
        bare = (ascii_host(written) or written).removeprefix("www.").rstrip(".")
        if bare and (host == bare or host.endswith("." + bare)):
            return True
    return False


def read_referrer(referrer: str | None, *, own_hosts: Collection[str], landing_host: str = "") -> Referrer:
    """Where a referrer points. Mail and search apps follow their service; what names no page counts as none."""
    if not referrer or not referrer.strip():
        return Referrer(kind="none")
    address = split_address(referrer)
    host = address.host
    if not host or address.scheme not in ("", "http", "https", "android-app", "ios-app"):
        return Referrer(kind="none")
    if address.scheme.endswith("-app"):
        return _from_service(host, service_of_app(host))
    bare = host.removeprefix("www.")
    shown = behind_copy(host)
    if shown is not None and service_of_host(shown) is None:
        bare = shown.removeprefix("www.")
    if is_own_host(bare, own_hosts) or bare == landing_host.removeprefix("www."):
        return Referrer(kind="own", host=host)
    return _from_service(host, service_of_host(host))


def _from_service(host: str, service: Service | None) -> Referrer:
    """The referrer of a host or app whose service is known or None."""
    if service is not None and service.kind == "browser":
        return Referrer(kind="none", host=host)
    if service is not None and service.kind in ("payment", "sign_in"):
        return Referrer(kind="return", host=host, service=service)
    if service is None or not service.name:
        return Referrer(kind="site", host=host, source=host.removeprefix("www."), medium="referral")
    medium = _MEDIUM_OF_KIND.get(service.kind, "referral")
    return Referrer(kind="service", host=host, service=service, source=service.name, medium=medium)


def _read(utm: Mapping[str, str], tags: Tags, came_from: Referrer) -> _Reading:
    """Source and medium: each from the words, else from the click id, else from the referrer."""
    kinds = [CLICK_IDS[name.lower()] for name in tags.click_ids]
    click = min(kinds, key=lambda kind: kind.rank, default=None)
    marks = {} if click or utm.keys() & {"source", "medium"} else _speaking(tags.marks, came_from)
    if marks:
        click = min((MARKS[name.lower()] for name in marks), key=lambda kind: kind.rank)
    click_source = click.source if click else None
    if click is not None and not click.preset and came_from.service is not None:
        # A share id names the company; the referrer knows which of its services it was (Facebook or Instagram).
        named = service_of_name(click.source)
        if named is not None and named.network == came_from.service.network:
            click_source = came_from.source
    source = utm.get("source") or click_source or came_from.source
    medium = utm.get("medium") or (click.medium if click else None) or came_from.medium
    if source is None or source == came_from.source:
        service = came_from.service
    else:
        service = service_of_name(source)
        if service is None and click is None and "medium" not in utm:
            service = came_from.service
    return _Reading(source=source, medium=medium, service=service, click=click, marks=marks)


def _speaking(marks: Mapping[str, str], came_from: Referrer) -> dict[str, str]:
    """The marks that stand for a click id and words that are missing.

    A link that was marked once is also passed on and bookmarked: a paid mark speaks unless the referrer is an own page,
    a return or another company's service, an unpaid one only where there is no referrer.
    """
    if not marks or came_from.kind in ("own", "return"):
        return {}
    network = came_from.service.network if came_from.service else None

    def speaks(mark: ClickIdKind) -> bool:
        return came_from.kind == "none" or (mark.paid and network in (None, network_of(mark)))

    return {name: value for name, value in marks.items() if speaks(MARKS[name.lower()])}


def _channel(utm: Mapping[str, str], reading: _Reading, *, contradicts: bool) -> str:
    """The channel of a landing.

    An owner's unpaid medium speaks for itself where the source is not the owner's word or a paid click id contradicts
    it: ``utm_medium=email`` with a ``gclid`` is Email, whatever lists Google is on. A medium that means no channel
    (``sem``, ``sponsored``) disagrees with nobody: a paid click id of the source's own network says that it is paid.
    """
    medium, campaign = utm.get("medium"), utm.get("campaign")
    if medium and not is_paid_medium(medium) and ("source" not in utm or contradicts):
        alone = channel_of(None, medium, campaign)
        if alone != "Unassigned":
            return alone
    click, said, service = reading.click, reading.medium, reading.service
    agree = click is not None and click.paid and service is not None and service.network == network_of(click)
    if click and agree and not contradicts and medium and channel_of(None, medium, None) == "Unassigned":
        said = click.medium
    return channel_of(reading.source, said, campaign, service=service)


def _preset(utm: Mapping[str, str], reading: _Reading) -> str:
    """The preset: a paid click id's whatever the words say, another id's without a medium, else by the words."""
    click = reading.click
    if click is not None and click.preset and (click.paid or "medium" not in utm):
        return click.preset
    return preset_of(reading.source, reading.medium, reading.service)


def _campaign_key(tags: Tags, marks: Mapping[str, str]) -> str:
    """A short stable digest of all tags, independent of their order in the address; marks only where they spoke."""
    words = {word: value.strip() for word, value in tags.utm.items()}
    parts = [sorted(part.items()) for part in (words, tags.more, tags.click_ids, *([marks] if marks else []))]
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return blake2b(text.encode("ascii"), digest_size=16).hexdigest()


__all__ = ["Finding", "Landing", "Referrer", "is_own_host", "read_landing", "read_referrer"]
