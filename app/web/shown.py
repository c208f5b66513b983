"""A call as a row of the log shows it: every value in words, ready to be escaped by the template. Pure."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from app.web import words
from app.web.places import Places
from core.phone import for_country
from matching.rules.confidence import confidence
from reports.call_log import WhereNow
from reports.calls import CallRow
from store.sites import Site

LIVE = frozenset({"queued", "ringing", "in-progress"})
STATUS_WORDS = {
    "queued": "queued",
    "ringing": "ringing",
    "in-progress": "talking",
    "completed": "",
    "busy": "busy",
    "failed": "failed",
    "no-answer": "no answer",
    "canceled": "hung up",
}


@dataclass(frozen=True, kw_only=True)
class MatchView:
    """Who is credited, in a word, a percentage and a bar (`fill`, 0 to 100); `more` says what stands beside it."""

    word: str
    tone: str
    percent: str
    fill: float
    by_staff: bool
    hint: str
    more: str
    others: str


@dataclass(frozen=True, kw_only=True)
class RowView:
    """A row. `at` is machine-readable for ordering; `version` changes when anything in the row does."""

    call_id: str
    at: str
    when: str
    full: str
    live: bool
    status: str
    caller: str
    number: str
    repeat: str
    from_number: str | None
    source_slug: str
    source: str
    hue: int
    under_source: str
    under_source_title: str
    duration: str
    match: MatchView
    where: str
    tags: tuple[str, ...]
    value: str
    spam: bool
    version: str = ""


def short(visitor_id: str | None) -> str:
    """A visitor's name among people: the random end of the id."""
    return f"visitor {visitor_id[-4:]}" if visitor_id else "nobody"


def match_view(call: CallRow, site: Site, candidates: int) -> MatchView:
    """The credit in the site's words, and the model's own choice beside a decision by staff."""
    best = call.model_likelihood or 0.0 if call.model_visit_id is not None else 0.0
    model_word = str(confidence(best, call.none, sure=site.sure_from, likely=site.likely_from))
    match = call.match
    credited = match is not None and match.visit_id is not None
    likelihood = match.likelihood if match is not None else call.none
    rest = max(candidates - (1 if credited else 0), 0)
    others = words.counted(rest, "other" if credited else "possible visitor") if rest else ""
    if match is not None and match.by == "staff":
        agrees = match.visitor_id == call.model_visitor_id
        model_said = f"model: {short(call.model_visitor_id)}, {words.percent(best if best else call.none)}"
        return MatchView(
            word="by staff" if credited else "nobody",
            tone="staff" if credited else "nobody",
            percent=words.percent(likelihood),
            fill=_fill(likelihood),
            by_staff=True,
            hint="staff decided; the percentage is what the model gives their choice",
            more="the model agrees" if agrees else model_said,
            others=others,
        )
    word = model_word if credited else "nobody"
    return MatchView(
        word=word,
        tone=word,
        percent=words.percent(likelihood),
        fill=_fill(likelihood),
        by_staff=False,
        hint=f"{words.percent(likelihood)} likely to be {short(match.visitor_id) if match else 'nobody from the site'}",
        more="",
        others=others,
    )


def _fill(share: float) -> float:
    return round(min(max(share, 0.0), 1.0) * 100, 1)


def row_view(
    call: CallRow,
    known: Places,
    *,
    now: datetime,
    earlier: int | None,
    candidates: int,
    where: WhereNow | None,
) -> RowView:
    """One call as a row. `earlier` counts the caller's calls before; None for a withheld caller."""
    site, source = known.sites[call.site_id], known.sources.get(call.source_id)
    number = for_country(call.from_number, site.country)
    live = call.status in LIVE
    view = RowView(
        call_id=call.call_id,
        at=f"{call.started_at.timestamp():017.6f}-{call.call_id}",
        when=words.when(call.started_at, now, site.time_zone),
        full=words.full(call.started_at, site.time_zone),
        live=live,
        status=STATUS_WORDS.get(call.status, call.status),
        caller=call.caller_name or number,
        number=number if call.caller_name else "",
        repeat="" if earlier is None else "new" if earlier == 0 else f"{words.ordinal(earlier + 1)} call",
        from_number=call.from_number,
        source_slug=call.source,
        source=call.source_name,
        hue=source.hue if source else 0,
        under_source=call.campaign or call.channel or "",
        under_source_title="campaign" if call.campaign else "channel",
        duration=words.duration(call.duration_seconds) if call.status == "completed" else "",
        match=match_view(call, site, candidates),
        where=_where(where) if live and where else "",
        tags=call.tags,
        value=words.money(call.value.amount_minor, call.value.currency) if call.value else "",
        spam=call.spam,
    )
    version = hashlib.sha256(repr(view).encode(errors="replace")).hexdigest()[:12]
    return replace(view, version=version)


def _where(where: WhereNow) -> str:
    page = where.path or "/"
    return f"visitor left {page}" if where.left_at is not None else f"visitor on {page} now"
