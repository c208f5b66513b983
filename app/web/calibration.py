"""`/calibration`: do the percentages mean what they say? With its charts, and the calls behind every count."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request, url_for

from app.accounts.names import user_names
from app.web import calibrated
from app.web.asked_report import PERIODS, bounds, period_of, site_asked_for
from app.web.asking import looking, now
from app.web.charts import chart_page
from app.web.places import places
from app.web.shown import short
from core.errors import InvalidInput, NotFound
from core.time import local_day
from reports.calibration import CalibrationReport, ProvenCall, calibration_report
from reports.rules.calibration import ENOUGH, Judged, Proof, Tally, pooled
from store.sessions import AccountSession
from store.sites import Site

DAYS = 90
"""How far back the page looks by default: proofs are rare, a month of them tells little."""
MOST_CALLS = 200
NO_ONE = "none"
"""Stands in a URL for what has no name: a decision without a user, an answer without a version."""


def calibration() -> Response:
    """The page."""
    at = now()
    with looking() as (work, session):
        known = places(session)
        site = site_asked_for(known, request.args.get("site"))
        if site is None:
            return chart_page("calibration.html", here="calibration", report=None, known=known)
        report, chosen = _report(session, site)
        names = user_names(work.directory, [u for u in report.by_user if u])
    period = report.period
    return chart_page(
        "calibration.html",
        here="calibration",
        report=report,
        known=known,
        site=site,
        names=names,
        chosen=chosen,
        periods=PERIODS,
        said=calibrated,
        judges=report.proof is None or calibrated.judges(report.proof),
        enough=ENOUGH,
        no_one=NO_ONE,
        at=at,
        first=local_day(period.start, site.time_zone),
        last=local_day(period.end - timedelta(microseconds=1), site.time_zone),
        behind=_behind(site, report),
        alarm_url=_alarm_url(site, report),
        log=_log(site, report),
        charts_url=url_for("web.calibration_charts", **_asked(site, report)),
    )


def charts() -> Response:
    """`/calibration/charts`: figures in the colours of `scheme` (light or dark); none where too little is known."""
    # Bokeh takes half a second to load; whoever starts the server need not wait for it.
    from reports import charts as drawing

    scheme = request.args.get("scheme", "light")
    if scheme not in {"light", "dark"}:
        raise InvalidInput({"scheme": "light or dark is allowed"})
    palette = drawing.DARK if scheme == "dark" else drawing.LIGHT
    with looking() as (_, session):
        site = site_asked_for(places(session), request.args.get("site"))
        if site is None:
            raise NotFound("there is no site yet")
        report, _chosen = _report(session, site)
    figures = {}
    if report.overall.bands:
        bands = [
            drawing.Observed(label=calibrated.band(b.low, b.high), holds=b.tally.holds, **_numbers(b.tally))
            for b in report.overall.bands
        ]
        trend = [
            drawing.Observed(
                label=f"week of {calibrated.week(w.begins)}", begins=w.begins, holds=w.tally.holds, **_numbers(w.tally)
            )
            for w in report.by_week
        ]
        figures = {
            "bands": drawing.as_json_item(drawing.calibration_figure(bands, palette), "chart-bands"),
            "trend": drawing.as_json_item(drawing.trend_figure(trend, palette), "chart-trend"),
        }
    return jsonify(figures)


def _numbers(held: Tally) -> dict[str, Any]:
    return {"calls": held.calls, "stated": held.stated, "share": held.share, "low": held.low, "high": held.high}


def _report(session: AccountSession, site: Site) -> tuple[CalibrationReport, str]:
    """The report as the URL asks for it, and the choice of period. Raises InvalidInput."""
    asked = request.args.get("proof") or None
    if asked is not None and asked not in list(Proof):
        raise InvalidInput({"proof": f"{', '.join(Proof)} are allowed"})
    at = now()
    period, chosen = period_of(request.args, site, at, default=DAYS)
    return calibration_report(session, site, period, at, Proof(asked) if asked else None), chosen


def _asked(site: Site, report: CalibrationReport) -> dict[str, Any]:
    """The parameters that ask for this very report."""
    return {"site": site.site_id, **bounds(report.period), **({"proof": report.proof} if report.proof else {})}


def _behind(site: Site, report: CalibrationReport) -> Callable[..., str]:
    """Links to the calls behind a count."""

    def link(**more: Any) -> str:
        return url_for("web.calibration_calls", **{**_asked(site, report), **more})

    return link


def _alarm_url(site: Site, report: CalibrationReport) -> str:
    """The wrong answers that the alarm is about."""
    asked: dict[str, Any] = bounds(replace(report.period, start=report.slip_since))
    return url_for("web.calibration_calls", site=site.site_id, right="no", **asked)


def _log(site: Site, report: CalibrationReport) -> Callable[..., str]:
    """Links to the call log over the same site and period."""

    def link(**more: Any) -> str:
        return url_for("web.calls", site=site.site_id, **{**bounds(report.period), **more})

    return link


def calls() -> str:
    """`/calibration/calls`: the calls behind a count of the page, newest first."""
    with looking() as (_, session):
        known = places(session)
        site = site_asked_for(known, request.args.get("site"))
        if site is None:
            raise NotFound("there is no site yet")
        report, _chosen = _report(session, site)
    wanted = _wanted()
    judged = [c.judged for c in report.proven]
    counted = set(pooled(judged)) if report.proof is None else {j for j in judged if j.proof is report.proof}
    found: list[ProvenCall] = [
        c for c in report.proven if c.judged in counted and all(fits(c.judged) for fits in wanted)
    ]
    return render_template(
        "calibration_calls.html",
        here="calibration",
        known=known,
        site=site,
        report=report,
        count=len(found),
        calls=found[:MOST_CALLS],
        said=calibrated,
        short=short,
        at=now(),
        back=url_for("web.calibration", **_asked(site, report)),
    )


def _wanted() -> list[Callable[[Judged], bool]]:
    """The conditions in the URL. Raises InvalidInput."""
    given = request.args
    found: list[Callable[[Judged], bool]] = []
    if "right" in given:
        if given["right"] not in {"yes", "no"}:
            raise InvalidInput({"right": "yes or no is allowed"})
        found.append(lambda j: j.right is (given["right"] == "yes"))
    if "source" in given:
        found.append(lambda j: j.source_id == given["source"])
    if "user" in given:
        found.append(lambda j: (j.user_id or NO_ONE) == given["user"])
    if "version" in given:
        found.append(lambda j: (j.version or NO_ONE) == given["version"])
    if "week" in given:
        begins = _day(given["week"])
        found.append(lambda j: begins <= j.day < begins + timedelta(days=7))
    if "least" in given or "most" in given:
        least, most = _likelihood("least", 0.0), _likelihood("most", 1.0)
        found.append(lambda j: least <= j.stated <= most)
    return found


def _day(text: str) -> date:
    try:
        return min(date.fromisoformat(text), date.max - timedelta(days=7))
    except ValueError:
        raise InvalidInput({"week": "a date is allowed, such as 2026-03-02"}) from None


def _likelihood(name: str, default: float) -> float:
    try:
        value = float(request.args.get(name, default))
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise InvalidInput({name: "a likelihood from 0 to 1 is allowed"})
    return value


def add_routes(web: Blueprint) -> None:
    """The page, its charts, and the calls behind its counts."""
    web.add_url_rule("/calibration", view_func=calibration)
    web.add_url_rule("/calibration/charts", endpoint="calibration_charts", view_func=charts)
    web.add_url_rule("/calibration/calls", endpoint="calibration_calls", view_func=calls)
