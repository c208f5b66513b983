"""`/calls`: the call log, its live part, and `/calls/ID`: one call with its whole story."""

from datetime import datetime

from flask import Blueprint, Response, jsonify, render_template, request

from app.api.paging import make_cursor
from app.engine_room import engine_room
from app.web.asking import FRAGMENT, looking, now
from app.web.filters import MATCH, SPAM, WHEN, LogFilters, asked_for, read_filters
from app.web.panel import panel_view
from app.web.places import Places, has_numbers, places
from app.web.shown import LIVE, RowView, row_view
from core.errors import NotFound
from core.time import format_time, parse_time
from reports.call_filter import CallFilter
from reports.call_log import Counts, candidate_counts, counts, earlier_calls, where_now
from reports.calls import CallRow, changed_since, list_calls
from store.sessions import AccountSession

PAGE = 50
MOST_CHANGES = 200
"""More at once (an import) are not told one by one: the reader is asked to reload."""


def calls() -> str:
    """The log, newest first; calls that are live stand on top by themselves, because they are the newest."""
    filters = read_filters(request.args)
    at = now()
    with looking() as (_, session):
        known = places(session)
        asked = asked_for(filters, _zone(known, filters), at)
        found = list_calls(session, asked, PAGE + 1, filters.before())
        page = found[:PAGE]
        rows = _rows(session, known, page, at)
        divided = counts(session, asked) if rows else None
        ready = bool(rows) or has_numbers(session)
    return render_template(
        "calls.html",
        here="calls",
        rows=rows,
        known=known,
        filters=filters,
        counts=divided,
        ready=ready,
        base_url=engine_room().settings.public_base_url,
        when_choices=WHEN,
        match_choices=MATCH,
        spam_choices=SPAM,
        source_choices=known.choices(filters.given.get("site")),
        older=filters.older_args(_place(page[-1])) if len(found) > PAGE else None,
        cursor=format_time(at),
        live_args=filters.url_args(),
    )


def _place(call: CallRow) -> str:
    return make_cursor((call.started_at, call.call_id))


def _zone(known: Places, filters: LogFilters) -> str:
    """The clock by which "today" is meant: the site's where one is named, else the first one's."""
    site = known.sites.get(filters.given.get("site", "")) or next(iter(known.sites.values()), None)
    return site.time_zone if site else "UTC"


def _rows(session: AccountSession, known: Places, found: list[CallRow], at: datetime) -> list[RowView]:
    ids = [call.call_id for call in found]
    earlier, candidates = earlier_calls(session, ids), candidate_counts(session, ids)
    live = [c.match.visit_id for c in found if c.status in LIVE and c.match and c.match.visit_id]
    where = where_now(session, live)
    return [
        row_view(
            call,
            known,
            now=at,
            earlier=earlier.get(call.call_id, 0) if call.from_number else None,
            candidates=candidates.get(call.call_id, 0),
            where=where.get(call.match.visit_id) if call.match and call.match.visit_id else None,
        )
        for call in found
    ]


def live() -> Response:
    """`/calls/live?cursor=…`: rows that came or changed since the cursor, and calls that fit the filters no more.

    Raises InvalidInput for a cursor that is no time.
    """
    since = parse_time(request.args.get("cursor"), "cursor")
    filters = read_filters(request.args)
    at = now()
    with looking() as (_, session):
        changed = changed_since(session, since, limit=MOST_CHANGES)
        rows: list[RowView] = []
        divided: Counts | None = None
        if changed:
            known = places(session)
            asked = asked_for(filters, _zone(known, filters), at)
            fitting = changed if asked == CallFilter() else changed_since(session, since, asked, MOST_CHANGES)
            rows = _rows(session, known, fitting, at)
            divided = counts(session, asked)
    fits = {row.call_id for row in rows}
    return jsonify(
        cursor=format_time(max([since, *(c.updated_at for c in changed)]) if len(changed) < MOST_CHANGES else at),
        sentence=render_template("partials/sentence.html", counts=divided, filters=filters) if divided else None,
        reload=len(changed) == MOST_CHANGES,
        rows=[
            {
                "id": row.call_id,
                "at": row.at,
                "version": row.version,
                "html": render_template("partials/row.html", row=row, filters=filters),
            }
            for row in rows
        ],
        gone=[c.call_id for c in changed if c.call_id not in fits],
    )


def call(call_id: str) -> str:
    """One call. Raises NotFound where this account has no such call."""
    fragment = bool(request.headers.get(FRAGMENT))
    with looking() as (work, session):
        view = panel_view(work, session, call_id, now(), visit_id=request.args.get("visit"))
    if view is None:
        raise NotFound("there is no such call")
    filters = read_filters(request.args)
    template = "partials/panel.html" if fragment else "call.html"
    return render_template(template, here="calls", p=view, filters=filters, fragment=fragment)


def add_routes(web: Blueprint) -> None:
    """The log and the call."""
    web.add_url_rule("/calls", view_func=calls)
    web.add_url_rule("/calls/live", view_func=live)
    web.add_url_rule("/calls/<call_id>", view_func=call)
