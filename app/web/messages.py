"""`/messages`: texts that came in and who probably sent them; `/messages/ID`: one of them with the visit behind it."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template, request, url_for

from app.api.paging import make_cursor
from app.engine_room import engine_room
from app.web import words
from app.web.asking import looking, now
from app.web.evidence import Waterfall, waterfall
from app.web.filters import WHEN, LogFilters, asked_for, read_filters
from app.web.places import Places, has_numbers, places
from app.web.shown import short
from app.web.visit_story import Story, story
from core.errors import NotFound
from core.phone import for_country
from matching.rules.confidence import confidence
from reports.call_facts import Candidate
from reports.messages import MessageFilter, MessageRow, list_messages, message_detail
from reports.visitors import VisitDetail, visit_detail
from store.sites import Site

PAGE = 50
SHOWN = 5
HERE = frozenset({"when", "source", "site", "q", "from", "to", "number", "caller"})
"""The filters of the call log that texts have, too."""


@dataclass(frozen=True, kw_only=True)
class TextView:
    """A text as the list shows it. `who` probably sent it, in a word, a percentage and a bar (`fill`, 0 to 100)."""

    message_id: str
    when: str
    full: str
    sender: str
    from_number: str | None
    number: str
    source: str
    source_slug: str
    hue: int
    body: str
    media: str
    who: str
    matched: bool
    word: str
    tone: str
    percent: str
    fill: float


@dataclass(frozen=True, kw_only=True)
class SenderView:
    """One answer to "who wrote it?"; `visit_id` is "" for nobody."""

    visit_id: str
    name: str
    about: str
    percent: str
    fill: float
    tone: str
    best: bool
    waterfall: Waterfall | None


def messages() -> str:
    """The texts, newest first."""
    filters = _filters()
    at = now()
    with looking() as (_, session):
        known = places(session)
        asked = _asked(filters, known, at)
        found = list_messages(session, asked, PAGE + 1, filters.before(), candidates=False)
        ready = bool(found) or has_numbers(session)
    page = found[:PAGE]
    return render_template(
        "messages.html",
        here="messages",
        rows=[_text(row, known, at) for row in page],
        known=known,
        filters=filters,
        ready=ready,
        base_url=engine_room().settings.public_base_url,
        when_choices=WHEN,
        source_choices=known.choices(filters.given.get("site")),
        older=filters.older_args(make_cursor((page[-1].at, page[-1].message_id))) if len(found) > PAGE else None,
    )


def message(message_id: str) -> str:
    """One text. Raises NotFound where this account has no such text."""
    at = now()
    with looking() as (_, session):
        found = message_detail(session, message_id)
        if found is None:
            raise NotFound("there is no such text")
        known = places(session)
        chosen = _visit_to_tell(found, request.args.get("visit"))
        told = visit_detail(session, chosen) if chosen else None
    site = known.sites[found.site_id]
    senders = _senders(found, site)
    return render_template(
        "message.html",
        here="messages",
        text=_text(found, known, at),
        first=senders[:SHOWN],
        rest=senders[SHOWN:],
        chosen=chosen,
        story=_story(found, site, told) if told and told.site_id == found.site_id else None,
        story_of=short(told.visitor_id) if told else "",
        back=url_for("web.messages"),
    )


def _filters() -> LogFilters:
    read = read_filters(request.args)
    return LogFilters(given={k: v for k, v in read.given.items() if k in HERE}, older=read.older)


def _asked(filters: LogFilters, known: Places, at: datetime) -> MessageFilter:
    """The filter as the reports understand it. Raises InvalidInput where the URL holds something not allowed."""
    site = known.sites.get(filters.given.get("site", "")) or next(iter(known.sites.values()), None)
    asked = asked_for(filters, site.time_zone if site else "UTC", at)
    return MessageFilter(
        start=asked.start,
        end=asked.end,
        site=asked.site,
        source=asked.source,
        number=asked.number,
        caller=asked.caller,
        text=asked.text,
    )


def _text(row: MessageRow, known: Places, at: datetime) -> TextView:
    site, source = known.sites[row.site_id], known.sources.get(row.source_id)
    likelihood = row.none if row.visit_id is None else row.likelihood or 0.0
    word = str(confidence(row.likelihood or 0.0, row.none, sure=site.sure_from, likely=site.likely_from))
    return TextView(
        message_id=row.message_id,
        when=words.when(row.at, at, site.time_zone),
        full=words.full(row.at, site.time_zone),
        sender=row.sender or for_country(row.from_number, site.country),
        from_number=row.from_number,
        number=for_country(row.number, site.country),
        source=row.source_name,
        source_slug=row.source,
        hue=source.hue if source else 0,
        body=row.body,
        media=words.counted(row.media, "picture or file", "pictures or files") if row.media else "",
        who=short(row.visitor_id) if row.visit_id else "nobody from the site",
        matched=row.visit_id is not None,
        word=word,
        tone=word,
        percent=words.percent(likelihood),
        fill=round(likelihood * 100, 1),
    )


def _visit_to_tell(row: MessageRow, asked: str | None) -> str | None:
    """The visit asked for if it is a candidate's, else the match's, else the likeliest candidate's."""
    candidates = row.candidates or ()
    if asked and any(c.visit_id == asked for c in candidates):
        return asked
    return row.visit_id or (candidates[0].visit_id if candidates else None)


def _senders(row: MessageRow, site: Site) -> list[SenderView]:
    """Everybody it may have been, nobody among them, the likeliest first."""
    found = [(c.likelihood, _sender(row, c, site)) for c in row.candidates or ()]
    nobody = SenderView(
        visit_id="",
        name="nobody from the site",
        about="somebody without a visit: the number from elsewhere, or from long ago",
        percent=words.percent(row.none),
        fill=round(row.none * 100, 1),
        tone="nobody",
        best=row.visit_id is None,
        waterfall=None,
    )
    return [view for _, view in sorted([*found, (row.none, nobody)], key=lambda pair: -pair[0])]


def _sender(row: MessageRow, c: Candidate, site: Site) -> SenderView:
    before = row.at - c.last_seen_at
    seen = "when the text came" if before.total_seconds() < 60 else f"{words.span(before)} before"
    return SenderView(
        visit_id=c.visit_id,
        name=short(c.visitor_id),
        about=f"on the site {seen}",
        percent=words.percent(c.likelihood),
        fill=round(c.likelihood * 100, 1),
        tone=str(confidence(c.likelihood, 0.0, sure=site.sure_from, likely=site.likely_from)),
        best=c.visit_id == row.visit_id,
        waterfall=waterfall(c.evidence),
    )


def _story(row: MessageRow, site: Site, told: VisitDetail) -> Story:
    return story(told, site, at=row.at, icon="chat-left-text", said="wrote the text")


def add_routes(web: Blueprint) -> None:
    """The texts and the text."""
    web.add_url_rule("/messages", view_func=messages)
    web.add_url_rule("/messages/<message_id>", view_func=message)
