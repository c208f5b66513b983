"""`/sites/<id>/installation`: whether the script does its work on every page, what keeps it from that, the tag."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.engine_room import engine_room
from app.snippet.check_report import address_of
from app.snippet.checks import FORCED
from app.snippet.findings import Diagnosis, Finding, Severity
from app.web import words
from app.web.asking import looking, now
from app.web.installed import installed
from app.web.places import places
from app.web.trial import trial_of
from core.errors import NotFound
from core.ids import is_id

MOST_PAGES = 50
"""Pages in the table before the reader asks for all."""
MOST_PLACES = 8
"""Pages named under one cause."""
TONES: dict[Severity, tuple[str, str]] = {
    "trouble": ("alarm-text", "exclamation-octagon"),
    "notice": ("unsure", "exclamation-circle"),
    "fine": ("sure", "check-circle"),
}
"""A status colour and an icon for each severity; a word stands beside them."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One cause with all that it was found on: `items` are what happened, the page (None: the site), its address."""

    title: str
    severity: Severity
    todo: str
    items: tuple[tuple[str, str | None, str | None], ...]
    more: int


def choose() -> Response | str:
    """`/installation`: the page of the site asked for, else of the first one."""
    asked = request.args.get("site")
    with looking() as (_, session):
        known = places(session)
    if asked is not None and (not is_id(asked) or asked not in known.sites):
        raise NotFound("there is no such site")
    site_id = asked or next(iter(known.sites), None)
    if site_id is None:
        return render_template("installation.html", here="installation", site=None)
    return redirect(url_for("web.installation", site_id=site_id))


def installation(site_id: str) -> str:
    """The page of one site."""
    at, base_url = now(), engine_room().settings.public_base_url
    with looking() as (_, session):
        known = places(session)
        site = known.sites.get(site_id) if is_id(site_id) else None
        if site is None:
            raise NotFound("there is no such site")
        facts, diagnosis = installed(session, known, site, base_url=base_url, at=at)
        trial = trial_of(session, known, site, request.args)
    everything = "pages" in request.args or len(diagnosis.pages) <= MOST_PAGES
    return render_template(
        "installation.html",
        here="installation",
        site=site,
        known=known,
        facts=facts,
        origin=origin_of(base_url),
        sentences=sentences(diagnosis),
        causes=causes(diagnosis),
        pages=diagnosis.pages if everything else diagnosis.pages[:MOST_PAGES],
        hidden=0 if everything else len(diagnosis.pages) - MOST_PAGES,
        addresses={p.seen.page: look_at(p.seen.report.url) for p in diagnosis.pages},
        tones=TONES,
        at=at,
        trial=trial,
    )


def origin_of(base_url: str) -> str:
    """Scheme and host of an address, as Content-Security-Policy names them."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}"


def look_at(url: str) -> str | None:
    """The address that makes a page look at itself again; None where it is no page of the web."""
    address = address_of(url)
    return f"{address}?{FORCED}" if address else None


def sentences(diagnosis: Diagnosis) -> list[str]:
    """What the page says before it shows anything."""
    total, troubled = len(diagnosis.pages), diagnosis.troubled
    said = []
    if total:
        fine = f"{total - troubled:,} of {words.counted(total, 'page')}"
        said.append(f"The script works on {fine}.")
    if troubled:
        said.append(f"{words.counted(troubled, 'page needs', 'pages need')} attention.")
    wide = [f for f in diagnosis.findings if f.page is None and f.severity == "trouble"]
    if wide:
        said += [f"{title}." for title in dict.fromkeys(f.title for f in wide)]
    elif not total:
        said.append("No page has reported yet.")
    return said


def causes(diagnosis: Diagnosis) -> list[Cause]:
    """The findings, those with the same cause and the same advice under one heading."""
    grouped: dict[tuple[Severity, str, str], list[Finding]] = {}
    for finding in diagnosis.findings:
        grouped.setdefault((finding.severity, finding.title, finding.todo), []).append(finding)
    urls = {p.seen.page: look_at(p.seen.report.url) for p in diagnosis.pages}
    return [
        Cause(
            title=title,
            severity=severity,
            todo=todo,
            items=tuple((f.what, f.page, urls.get(f.page or "")) for f in found[:MOST_PLACES]),
            more=max(len(found) - MOST_PLACES, 0),
        )
        for (severity, title, todo), found in grouped.items()
    ]


def add_routes(web: Blueprint) -> None:
    """The page, and the way to it."""
    web.add_url_rule("/installation", view_func=choose)
    web.add_url_rule("/sites/<site_id>/installation", view_func=installation)
