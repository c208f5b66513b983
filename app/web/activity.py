"""`/activity`: who did what in this account, and the same as a file. Everybody who works for the account may see it."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, render_template, request, url_for
from sqlalchemy import select

from app.accounts.names import user_names
from app.accuracy_csv import defused
from app.activity import GROUPS, ActivityFilter, details_said, entries, said
from app.api.paging import make_cursor, read_cursor
from app.web.asking import looking, note_export, now, person
from app.web.places import Places, places
from core.errors import InvalidInput
from core.time import day_start, format_time, local_day
from store.directory import Membership
from store.keeping import AuditEntry
from store.sessions import Work

PAGE = 100
MOST_IN_FILE = 50_000
WHEN = {"": "any time", "1": "today", "7": "the last 7 days", "30": "the last 30 days", "90": "the last 90 days"}
COLUMNS = ("at", "by", "user", "action", "subject", "details")


@dataclass(frozen=True, kw_only=True)
class Line:
    """An entry as the page shows it; `url` leads to what it was done to, where that has a page."""

    at: datetime
    who: str
    how: str
    what: str
    subject: str
    url: str | None
    details: str


def activity() -> str:
    """The page."""
    cursor = request.args.get("before") or None
    place = read_cursor(cursor) if cursor is not None else None
    with looking() as (work, session):
        known = places(session)
        zone = _zone(known)
        rows = entries(session, _asked(zone), PAGE + 1, place)
        people = _people(work, rows)
    shown = rows[:PAGE]
    return render_template(
        "activity.html",
        here="activity",
        lines=[_line(row, people, known) for row in shown],
        who_choices=[("", "everybody"), *sorted(people.items(), key=lambda p: p[1]), ("system", "Ringtrace itself")],
        about_choices=[("", "everything"), *GROUPS.items()],
        when_choices=WHEN.items(),
        given=_given(),
        older=make_cursor((shown[-1].at, shown[-1].entry_id)) if len(rows) > PAGE else None,
        first=cursor is None,
        at=now(),
        zone=zone,
    )


def activity_table() -> Response:
    """`/activity.csv`: the entries of these filters as a file for people; at most MOST_IN_FILE, the newest."""
    with looking() as (work, session):
        asked = _asked(_zone(places(session)))
        rows = entries(session, asked, MOST_IN_FILE)
        people = _people(work, rows)
    note_export("activity", entries=len(rows), **_given())
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        who = people.get(row.user_id or "", row.user_id or "")
        cells = (format_time(row.at), row.by, who, row.action, row.subject or "", details_said(row.details))
        writer.writerow([defused(cell) for cell in cells])
    response = Response(out.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="activity.csv"'
    return response


def _given() -> dict[str, str]:
    """The filters of the URL, without those that say nothing."""
    return {name: request.args[name] for name in ("who", "about", "when") if request.args.get(name)}


def _asked(time_zone: str) -> ActivityFilter:
    given = _given()
    about, when = given.get("about"), given.get("when", "")
    if about is not None and about not in GROUPS:
        raise InvalidInput({"about": f"{', '.join(GROUPS)} are allowed"})
    if when not in WHEN:
        raise InvalidInput({"when": "1, 7, 30 or 90 is allowed"})
    start = None
    if when:
        start = day_start(local_day(now(), time_zone) - timedelta(days=int(when) - 1), time_zone)
    return ActivityFilter(who=given.get("who", "")[:32] or None, about=about, start=start)


def _zone(known: Places) -> str:
    return next((site.time_zone for site in known.sites.values()), "UTC")


def _people(work: Work, rows: Sequence[AuditEntry]) -> Mapping[str, str]:
    """Those who work for the account, and whoever else is named in the entries."""
    members = work.directory.scalars(
        select(Membership.user_id).where(Membership.account_id == person().account_id).limit(500)
    )
    return user_names(work.directory, {*members, *(row.user_id for row in rows if row.user_id)})


def _line(row: AuditEntry, people: Mapping[str, str], known: Places) -> Line:
    nobody = "Ringtrace" if row.by == "system" else "Somebody"
    subject, url = _subject(row, people, known)
    return Line(
        at=row.at,
        who=people.get(row.user_id, "somebody who is gone") if row.user_id else nobody,
        how="by API" if row.by == "token" else "",
        what=said(row.action),
        subject=subject,
        url=url,
        details=details_said(row.details),
    )


def _subject(row: AuditEntry, people: Mapping[str, str], known: Places) -> tuple[str, str | None]:
    subject, about = row.subject or "", row.action.partition(".")[0]
    if about == "call" and subject:
        return "the call", url_for("web.call", call_id=subject)
    if about == "number" and subject:
        return subject, url_for("web.number", e164=subject)
    if about == "site" and subject in known.sites:
        return known.sites[subject].name, url_for("web.installation", site_id=subject)
    if about == "source" and subject in known.sources:
        return known.sources[subject].name, None
    if about in {"sign_in", "user"}:
        return people.get(subject, ""), None
    return ("" if about == "account" else subject), None


def add_routes(web: Blueprint) -> None:
    """The page and its file."""
    web.add_url_rule("/activity", view_func=activity)
    web.add_url_rule("/activity.csv", view_func=activity_table)
