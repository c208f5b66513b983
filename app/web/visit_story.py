"""A visit as a story: landing, pages, clicks, silence, the call itself. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from app.web import words
from core.phone import for_country
from reports.visitors import EventRow, VisitDetail
from store.sites import Site

SILENCE = timedelta(minutes=10)
_ICONS = {
    "pageview": ("file-earmark-text", "read"),
    "tel_click": ("cursor", "clicked the number"),
    "form": ("input-cursor-text", "sent a form"),
    "leave": ("door-open", "left"),
}
_UTM = ("source", "medium", "campaign", "term", "content")


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One line: when, what, and what it was about (`link` only where it is safe to follow)."""

    clock: str
    full: str
    machine: str
    icon: str
    text: str
    about: str
    link: str | None
    is_call: bool
    silence: str


@dataclass(frozen=True, kw_only=True)
class Story:
    """The visit: `words` are source words by name, `moments` in the order they happened."""

    words: tuple[tuple[str, str], ...]
    moments: tuple[Moment, ...]


def safe_link(url: str | None) -> str | None:
    """The URL where it may be a link: http or https and a host. Everything else is shown as text only."""
    try:
        parts = urlsplit(url or "")
        return url if parts.scheme in {"http", "https"} and parts.hostname else None
    except ValueError:
        return None


def path_of(url: str | None, site: Site) -> str:
    """The path of the site's own page, the whole URL of any other."""
    try:
        parts = urlsplit(url or "")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return url or ""
    own = any(host == domain.removeprefix("www.") or host.endswith("." + domain) for domain in site.domains)
    return (parts.path or "/") if own else url or ""


def story(visit: VisitDetail, site: Site, *, at: datetime, icon: str, said: str) -> Story:
    """The visit's story up to its last event, with the call or text put where it came: at `at`, `said` in words."""
    lines = [(visit.started_at, "box-arrow-in-right", "landed on", visit.landing_url, False)]
    for event in _telling(visit):
        picture, verb = _ICONS.get(event.type, ("dot", event.type))
        about = event.url if event.type in {"pageview", "form"} else None
        if event.type == "tel_click":
            verb = f"clicked {for_country(event.number, site.country) if event.number else 'the number'}"
        lines.append((event.at, picture, verb, about or "", False))
    lines.append((at, icon, said, "", True))
    # The call itself comes last of all that has its time stamp.
    lines.sort(key=lambda line: (line[0], line[4]))
    moments, before = [], lines[0][0]
    for when, picture, text, url, is_call in lines:
        gap = when - before
        moments.append(
            Moment(
                clock=words.clock(when, site.time_zone),
                full=words.full(when, site.time_zone),
                machine=words.machine(when),
                icon=picture,
                text=text,
                about=path_of(url, site) if url else "",
                link=safe_link(url),
                is_call=is_call,
                silence=f"{words.span(gap)} of silence" if gap >= SILENCE else "",
            )
        )
        before = when
    return Story(words=tuple(_words(visit)), moments=tuple(moments))


def _telling(visit: VisitDetail) -> list[EventRow]:
    """The events that say something: no heartbeats, and not the landing's own page view again."""
    events = [event for event in visit.events if event.type != "heartbeat"]
    if events and events[0].type == "pageview" and events[0].url in {None, visit.landing_url}:
        events = events[1:]
    return events


def _words(visit: VisitDetail) -> list[tuple[str, str]]:
    found = [("channel", visit.channel)]
    for name in _UTM:
        value = visit.utm.get(name)
        if value:
            found.append((name, str(value)))
    found += [(str(name), str(value)) for name, value in visit.click_ids.items() if value]
    if visit.referrer:
        found.append(("came from", visit.referrer))
    return [*found, ("device", visit.device)]
