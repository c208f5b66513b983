"""`/api/v1/reports/accuracy`: whether there are enough numbers, and whether the likelihoods are true."""

from typing import Any, Literal

from flask import Response
from pydantic import ConfigDict, Field

from app.accuracy_csv import accuracy_csv
from app.advice import advice
from app.api.auth import noted, reading, writing
from app.api.base import Answer, api_blueprint
from app.api.paging import Query
from app.engine_room import engine_room
from core.time import format_time
from reports.accuracy import AccuracyReport, NumberAccuracy, SourceAccuracy, accuracy_report
from reports.period import period_asked_for, site_asked_for
from reports.rules.accuracy import CalibrationBin
from reports.rules.pool_curve import CurvePoint
from reports.rules.recommend import Money
from store.sites import Site

bp = api_blueprint("reports")


class AccuracyQuery(Query):
    """Which site and period. Times are ISO 8601, or dates: the midnight that begins them at the site."""

    site: str | None = Field(default=None, description="May be left out where the account has one site.")
    from_: str | None = Field(default=None, alias="from", description="Inclusive; by default 30 local days before.")
    to: str | None = Field(default=None, description="Exclusive; by default the last local midnight.")


class AccuracyTableQuery(AccuracyQuery):
    """The same, and who reads the table."""

    for_: Literal["machines", "people"] = Field(
        default="machines",
        alias="for",
        description="`machines`: exact values. `people`: phone numbers as at home; cells that a spreadsheet would take "
        "for a formula begin with an apostrophe.",
    )


class MoneyAnswer(Answer):
    """An amount in minor units of its currency."""

    amount_minor: int
    currency: str


class NumberAccuracyAnswer(Answer):
    """One tracking number of a source."""

    number: str
    status: str
    visitors: int = Field(description="Were given it in the period; who was given it anew counts again.")
    average_daily_visitors: float
    daily_visitors_90th_percentile: int
    busiest_hour_visitors: int
    unused: bool = Field(description="Active, and nobody was given it in the period.")
    monthly_price: MoneyAnswer | None = Field(description="Null where it is not known.")
    achieved_likelihood: float | None
    calls: int
    mean_likelihood: float | None
    share_above_target: float | None
    overridden: int


class CurvePointAnswer(Answer):
    """What so many numbers mean for the coming weeks; each share with its 90 % interval."""

    numbers: int
    likelihood: float = Field(description="Mean likelihood of the answer to a call, a visitor or nobody.")
    likelihood_low: float
    likelihood_high: float
    sure_share: float = Field(description="Share of calls with a sure match.")
    sure_share_low: float
    sure_share_high: float


class RecommendationAnswer(Answer):
    """How many numbers the source should have, by the 1:20 rule and the curve. Nothing is bought by itself."""

    numbers: int
    change: int = Field(description="Numbers to add; below 0: numbers that could go.")
    why: Literal["rule", "under_target", "keeps_target", "right"]
    now: CurvePointAnswer | None = Field(description="What is expected of the present numbers; null without a curve.")
    then: CurvePointAnswer | None = Field(description="What is expected of the recommended ones; null without a curve.")
    monthly_cost: MoneyAnswer | None = Field(description="Of the change; below 0 it saves. Null: no price is known.")
    text: str


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
    daily_visitors_90th_percentile: int = Field(description="Not exceeded on nine of ten days.")
    busiest_hour_visitors: int = Field(description="Distinct visitors of the busiest hour of any day.")
    unused_numbers: int = Field(description="Active numbers that nobody was given in the period.")
    achieved_likelihood: float | None = Field(description="Mean likelihood of the answers given, nobody included.")
    achieved_sure_share: float | None = Field(description="Share of calls with a sure match.")
    expected: CurvePointAnswer | None = Field(description="What the curve expects of the present numbers.")
    curve: list[CurvePointAnswer] = Field(description="Numbers against likelihood, as played; empty without a curve.")
    no_curve: str | None = Field(description="Why there is no curve.")
    monthly_price: list[MoneyAnswer] = Field(description="Of all its numbers, by currency, as far as it is known.")
    numbers_without_price: int
    recommendation: RecommendationAnswer
    visitors_by_hour: list[float | None] = Field(description="Mean by hour of the week, Monday's first hour first.")
    calls_by_hour: list[float | None]
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
    report, _ = _report(query)
    # A thousand numbers are written by the library that checked them, not turned into Python values first.
    return Response(_answer(report).model_dump_json(by_alias=True), mimetype="application/json")


TABLE: dict[str, Any] = {
    "description": "The report as a table with a header, a line per source and per number.",
    "content": {"text/csv": {"schema": {"type": "string"}}},
}


@bp.get("/reports/accuracy.csv", responses={200: TABLE})
def report_accuracy_table(query: AccuracyTableQuery) -> Response:
    """The same as CSV, a line per source and per number."""
    report, site = _report(query)
    text = accuracy_csv(report, query.for_, site.country)
    with writing() as (_, session):
        noted(session, "export.accuracy", site.site_id, reader=query.for_)
    return Response(text, content_type="text/csv; charset=utf-8")


def _report(query: AccuracyQuery) -> tuple[AccuracyReport, Site]:
    at = engine_room().now()
    with reading() as session:
        site = site_asked_for(session, query.site)
        period = period_asked_for(query.from_, query.to, site.time_zone, at)
        return accuracy_report(session, site, period, at), site


def _answer(report: AccuracyReport) -> AccuracyAnswer:
    calibration = report.calibration
    return AccuracyAnswer(
        site=report.site_id,
        from_=format_time(report.period.start),
        to=format_time(report.period.end),
        as_of=format_time(report.as_of),
        visitors_per_number=report.visitors_per_number,
        likelihood_target=report.likelihood_target,
        sources=[_source(report, source) for source in report.sources],
        calibration=CalibrationAnswer(
            bins=[_bin(b) for b in calibration.bins],
            total=_bin(calibration.total),
            nobody=_bin(calibration.nobody),
        ),
    )


def _source(report: AccuracyReport, source: SourceAccuracy) -> SourceAccuracyAnswer:
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
        daily_visitors_90th_percentile=source.daily.ninetieth,
        busiest_hour_visitors=source.daily.busiest_hour,
        unused_numbers=source.unused,
        achieved_likelihood=source.achieved.likelihood,
        achieved_sure_share=source.achieved.sure,
        expected=_point(source.expected),
        curve=[p for point in (source.curve.points if source.curve else ()) if (p := _point(point))],
        no_curve=source.no_curve or None,
        monthly_price=[m for price in source.prices.sums if (m := _money(price))],
        numbers_without_price=source.prices.unknown,
        recommendation=_recommendation(report, source),
        visitors_by_hour=list(source.visitors_by_hour),
        calls_by_hour=list(source.calls_by_hour),
        numbers_detail=[_number(n) for n in source.numbers_detail],
    )


def _recommendation(report: AccuracyReport, source: SourceAccuracy) -> RecommendationAnswer:
    found = source.recommendation
    return RecommendationAnswer(
        numbers=found.numbers,
        change=found.change,
        why=found.why.value,
        now=_point(found.now),
        then=_point(found.then),
        monthly_cost=_money(found.cost),
        text=advice(source, report.visitors_per_number, report.likelihood_target),
    )


def _point(point: CurvePoint | None) -> CurvePointAnswer | None:
    if point is None:
        return None
    return CurvePointAnswer(
        numbers=point.numbers,
        likelihood=point.likelihood,
        likelihood_low=point.low,
        likelihood_high=point.high,
        sure_share=point.sure,
        sure_share_low=point.sure_low,
        sure_share_high=point.sure_high,
    )


def _money(money: Money | None) -> MoneyAnswer | None:
    return MoneyAnswer(amount_minor=money.amount_minor, currency=money.currency) if money else None


def _number(n: NumberAccuracy) -> NumberAccuracyAnswer:
    return NumberAccuracyAnswer(
        number=n.number,
        status=n.status,
        visitors=n.visitors,
        average_daily_visitors=n.daily.mean,
        daily_visitors_90th_percentile=n.daily.ninetieth,
        busiest_hour_visitors=n.daily.busiest_hour,
        unused=n.unused,
        monthly_price=_money(n.price),
        achieved_likelihood=n.achieved.likelihood,
        calls=n.figures.calls,
        mean_likelihood=n.figures.mean_likelihood,
        share_above_target=n.figures.share_above_target,
        overridden=n.figures.overridden,
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
