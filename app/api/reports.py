"""`/api/v1/reports/accuracy`: whether there are enough numbers, and whether the likelihoods are true."""

from typing import Literal

from flask import Response, jsonify
from pydantic import ConfigDict, Field

from app.api.auth import reading
from app.api.base import Answer, api_blueprint
from app.api.paging import Query
from app.engine_room import engine_room
from core.time import format_time
from reports.accuracy import AccuracyReport, SourceAccuracy, accuracy_report
from reports.period import period_asked_for, site_asked_for
from reports.rules.accuracy import CalibrationBin

bp = api_blueprint("reports")


class AccuracyQuery(Query):
    """Which site and period. Times are ISO 8601, or dates: the midnight that begins them at the site."""

    site: str | None = Field(default=None, description="May be left out where the account has one site.")
    from_: str | None = Field(default=None, alias="from", description="Inclusive; by default 30 local days before.")
    to: str | None = Field(default=None, description="Exclusive; by default the last local midnight.")


class NumberAccuracyAnswer(Answer):
    """One tracking number of a source; `visitors` were given it in the period."""

    number: str
    status: str
    visitors: int
    calls: int
    mean_likelihood: float | None
    share_above_target: float | None
    overridden: int


class SourceAccuracyAnswer(Answer):
    """One source: its numbers against its visitors, and how well its calls could be told apart."""

    source: str
    name: str
    kind: str
    deleted: bool
    numbers: int = Field(description="Active now.")
    average_daily_visitors: float
    busiest_day_visitors: int
    recommended_numbers: int
    verdict: Literal["more", "right", "fewer"]
    calls: int
    mean_likelihood: float | None = Field(description="Over calls that the model matched; null where there are none.")
    share_above_target: float | None = Field(description="Of calls that the model matched.")
    overridden: int = Field(description="Calls that staff decided.")
    numbers_detail: list[NumberAccuracyAnswer]


class BinAnswer(Answer):
    """Model matches of these likelihoods: `confirmed` were decided by staff, `right` with the model's choice."""

    likelihood_from: float
    likelihood_to: float
    matches: int
    mean_likelihood: float | None
    confirmed: int
    confirmed_mean_likelihood: float | None
    right: int


class CalibrationAnswer(Answer):
    """Ten bins, all matches together, and the calls that the model gave to nobody (by the likelihood of nobody)."""

    bins: list[BinAnswer]
    total: BinAnswer
    nobody: BinAnswer


class AccuracyAnswer(Answer):
    """The accuracy report of one site."""

    model_config = ConfigDict(populate_by_name=True)

    site: str
    from_: str = Field(alias="from")
    to: str
    as_of: str
    visitors_per_number: int
    likelihood_target: float
    sources: list[SourceAccuracyAnswer]
    calibration: CalibrationAnswer


@bp.get("/reports/accuracy", responses={200: AccuracyAnswer})
def report_accuracy(query: AccuracyQuery) -> Response:
    """How many numbers each source has and needs, and how far its matches can be trusted."""
    at = engine_room().now()
    with reading() as session:
        site = site_asked_for(session, query.site)
        period = period_asked_for(query.from_, query.to, site.time_zone, at)
        report = accuracy_report(session, site, period, at)
    return jsonify(_answer(report).json_ready())


def _answer(report: AccuracyReport) -> AccuracyAnswer:
    calibration = report.calibration
    return AccuracyAnswer(
        site=report.site_id,
        from_=format_time(report.period.start),
        to=format_time(report.period.end),
        as_of=format_time(report.as_of),
        visitors_per_number=report.visitors_per_number,
        likelihood_target=report.likelihood_target,
        sources=[_source(source) for source in report.sources],
        calibration=CalibrationAnswer(
            bins=[_bin(b) for b in calibration.bins],
            total=_bin(calibration.total),
            nobody=_bin(calibration.nobody),
        ),
    )


def _source(source: SourceAccuracy) -> SourceAccuracyAnswer:
    return SourceAccuracyAnswer(
        source=source.slug,
        name=source.name,
        kind=source.kind,
        deleted=source.deleted,
        numbers=source.numbers,
        average_daily_visitors=source.average_daily_visitors,
        busiest_day_visitors=source.busiest_day_visitors,
        recommended_numbers=source.recommended_numbers,
        verdict=source.verdict,
        calls=source.figures.calls,
        mean_likelihood=source.figures.mean_likelihood,
        share_above_target=source.figures.share_above_target,
        overridden=source.figures.overridden,
        numbers_detail=[
            NumberAccuracyAnswer(
                number=n.number,
                status=n.status,
                visitors=n.visitors,
                calls=n.figures.calls,
                mean_likelihood=n.figures.mean_likelihood,
                share_above_target=n.figures.share_above_target,
                overridden=n.figures.overridden,
            )
            for n in source.numbers_detail
        ],
    )


def _bin(b: CalibrationBin) -> BinAnswer:
    return BinAnswer(
        likelihood_from=b.likelihood_from,
        likelihood_to=b.likelihood_to,
        matches=b.matches,
        mean_likelihood=b.mean_likelihood,
        confirmed=b.confirmed,
        confirmed_mean_likelihood=b.confirmed_mean_likelihood,
        right=b.right,
    )
