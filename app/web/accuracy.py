"""`/accuracy`: whether there are enough numbers, and whether likelihoods mean what they say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request, url_for

from app.accuracy_csv import Reader, accuracy_csv
from app.advice import advice, money, monthly
from app.web import words
from app.web.accuracy_depth import depth_of
from app.web.alarms import rows_of
from app.web.asked_report import bounds
from app.web.asking import looking, note_export, now
from app.web.calibrated import share
from app.web.charts import chart_page
from app.web.places import Places, SourceName, places
from app.web.proof import proof_of
from core.errors import InvalidInput, NotFound
from core.ids import is_id
from core.time import local_day
from reports.accuracy import AccuracyReport, SourceAccuracy, accuracy_report
from reports.accuracy_facts import active_numbers
from reports.period import period_asked_for
from reports.pool_curves import curves_of
from store.sessions import AccountSession
from store.sites import Site

PERIODS = {"7": "last 7 days", "30": "last 30 days", "90": "last 90 days", "start": "since the start"}
FEW_NUMBERS = 200
"""Up to so many numbers the page lists those of all sources; beyond, those of the source that is shown in depth."""
NEED_AT = 66.0
"""Where on the bar (0 to 100) a source has exactly what it needs."""


@dataclass(frozen=True, kw_only=True)
class SourceRow:
    """A source as the table shows it; `fill` is the width of its bar (0 to 100), `tone` a status colour."""

    source: SourceAccuracy
    hue: int
    words: str
    tone: str
    icon: str
    fill: float
    advice: str
    price: str


def accuracy() -> Response | str:
    """The page."""
    with looking() as (_, session):
        known = places(session)
        site = _site(known, request.args.get("site"))
        if site is None:
            return render_template("accuracy.html", here="accuracy", report=None, known=known)
        report, chosen = _report(session, site)
        standing = rows_of(session, known, site)
    depth = depth_of(report, request.args)
    period = report.period
    rows = [_row(known, report, source) for source in report.sources]
    shown: dict[str, Any] = {"site": site.site_id, **bounds(period)}
    # Only a page that draws needs the policy of those that do.
    render = chart_page if depth is not None and depth.what_if is not None else render_template
    return render(
        "accuracy.html",
        here="accuracy",
        report=report,
        known=known,
        site=site,
        rows=rows,
        sentences=sentences(report),
        chosen=chosen,
        periods=PERIODS,
        first=local_day(period.start, site.time_zone),
        last=local_day(period.end - timedelta(microseconds=1), site.time_zone),
        until=local_day(period.end, site.time_zone),
        need_at=NEED_AT,
        proof=proof_of(report.calibration),
        quiet=not any(r.source.figures.calls or r.source.busiest_day_visitors for r in rows),
        depth=depth,
        standing=standing,
        few=sum(len(r.source.numbers_detail) for r in rows) <= FEW_NUMBERS,
        shown=shown,
        money=money,
        share=share,
        charts_url=url_for("web.accuracy_charts", source=depth.source.source_id, **shown) if depth else "",
    )


def accuracy_charts() -> Response:
    """`/accuracy/charts`: the curve of one source in the colours of `scheme` (light or dark)."""
    # Bokeh takes half a second to load; whoever starts the server need not wait for it.
    from reports import charts as drawing

    scheme = request.args.get("scheme", "light")
    if scheme not in {"light", "dark"}:
        raise InvalidInput({"scheme": "light or dark is allowed"})
    palette = drawing.DARK if scheme == "dark" else drawing.LIGHT
    with looking() as (_, session):
        site = _site(places(session), request.args.get("site"))
        if site is None:
            raise NotFound("there is no site yet")
        curve = curves_of(session, site).get(request.args.get("source", ""))
        present = active_numbers(session, request.args.get("source", ""))
    if curve is None:
        return jsonify({})
    plot = drawing.curve_figure(curve, present, site.likelihood_target, palette)
    return jsonify({"curve": drawing.as_json_item(plot, "chart-curve")})


def accuracy_table() -> Response:
    """`/accuracy.csv`: the report as a file, for people to open (`for=people`) or exact for machines."""
    asked = request.args.get("for") or "people"
    if asked not in {"people", "machines"}:
        raise InvalidInput({"for": "people or machines is allowed"})
    reader: Reader = "people" if asked == "people" else "machines"
    with looking() as (_, session):
        site = _site(places(session), request.args.get("site"))
        if site is None:
            raise NotFound("there is no site yet")
        report, _chosen = _report(session, site)
    note_export("accuracy", site=site.site_id, reader=reader)
    first = local_day(report.period.start, site.time_zone)
    response = Response(accuracy_csv(report, reader, site.country), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="accuracy-{first}.csv"'
    return response


def _report(session: AccountSession, site: Site) -> tuple[AccuracyReport, str]:
    """The report as the URL asks for it, and the choice of period. Raises InvalidInput."""
    start, end, chosen = _asked(site, now())
    period = period_asked_for(start, end, site.time_zone, now())
    return accuracy_report(session, site, period, now()), chosen


def _site(known: Places, asked: str | None) -> Site | None:
    """The site asked for, else the first; None where there is none. Raises NotFound for one that is not ours."""
    if asked:
        site = known.sites.get(asked) if is_id(asked) else None
        if site is None:
            raise NotFound("there is no such site")
        return site
    return next(iter(known.sites.values()), None)


def _asked(site: Site, at: datetime) -> tuple[str | None, str | None, str]:
    """(`from`, `to`, the preset chosen); full local days up to last midnight. Raises InvalidInput."""
    start, end = request.args.get("from") or None, request.args.get("to") or None
    if start or end:
        return start, end, ""
    today = local_day(at, site.time_zone)
    first = min(local_day(site.created_at, site.time_zone) + timedelta(days=1), today - timedelta(days=1))
    # The days before a site was there would water down its averages.
    young = first > today - timedelta(days=30)
    chosen = request.args.get("period") or ("start" if young else "30")
    if chosen not in PERIODS:
        raise InvalidInput({"period": f"{', '.join(PERIODS)} are allowed"})
    begin = first if chosen == "start" else today - timedelta(days=int(chosen))
    return begin.isoformat(), None, chosen


def _row(known: Places, report: AccuracyReport, source: SourceAccuracy) -> SourceRow:
    name: SourceName | None = known.sources.get(source.source_id)
    gap = source.recommended_numbers - source.numbers
    if source.verdict == "more":
        said, tone, icon = f"needs {gap:,} more", "unsure", "arrow-up-circle"
    elif source.verdict == "fewer":
        said, tone, icon = f"{-gap:,} too many", "likely", "arrow-down-circle"
    else:
        said, tone, icon = "deleted" if source.deleted else "just right", "sure", "check-circle"
    ratio = source.numbers / source.recommended_numbers
    return SourceRow(
        source=source,
        hue=name.hue if name else 0,
        words=said,
        tone=tone,
        icon=icon,
        fill=round(min(ratio * NEED_AT, 100.0), 1),
        advice=advice(source, report.visitors_per_number, report.likelihood_target),
        price=monthly(source.prices),
    )


def sentences(report: AccuracyReport) -> list[str]:
    """What the page says before it shows anything."""
    more = [(s.name, s.recommended_numbers - s.numbers) for s in report.sources if s.verdict == "more"]
    fewer = [(s.name, s.numbers - s.recommended_numbers) for s in report.sources if s.verdict == "fewer"]
    said = []
    if more:
        name, gap = max(more, key=lambda pair: pair[1])
        said.append(f"{name} needs {words.counted(gap, 'more number', 'more numbers')}.")
        if len(more) > 1:
            rest = len(more) - 1
            said.append(f"{words.counted(rest, 'other source needs', 'other sources need')} more, too.")
    if fewer:
        held = words.counted(sum(gap for _, gap in fewer), "number")
        who = fewer[0][0] if len(fewer) == 1 else f"{len(fewer)} sources"
        said.append(f"{who} could give back {held}.")
    if report.sources and not more and not fewer:
        said.append("Every source has the numbers it needs.")
    matches = sum(s.figures.matches for s in report.sources)
    if matches:
        good = sum(round((s.figures.share_above_target or 0.0) * s.figures.matches) for s in report.sources)
        target = words.percent(report.likelihood_target)
        said.append(f"{good:,} of {words.counted(matches, 'matched call')} reached the target of {target}.")
    return said


def add_routes(web: Blueprint) -> None:
    """The report, its chart and its table."""
    web.add_url_rule("/accuracy", view_func=accuracy)
    web.add_url_rule("/accuracy/charts", view_func=accuracy_charts)
    web.add_url_rule("/accuracy.csv", view_func=accuracy_table)
