"""The accuracy report: whether there are enough numbers, what more or fewer would bring, and how sure matches are.

A dozen queries however many sources, numbers and days there are: sources, numbers, visitors (see `reports.counts`),
calls, calls by hour, and the curves of numbers against likelihood.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from numberpool.rules.sizing import Verdict, average_daily_visitors, recommended_numbers, verdict
from reports.accuracy_facts import NumberNow, calls_by_hour, grouped, numbers_now, outcomes_of
from reports.counts import counts_of
from reports.period import Period
from reports.pool_curves import KeptCurve, kept_curves
from reports.rules.accuracy import (
    Achieved,
    Calibration,
    CallFigures,
    CallOutcome,
    achieved,
    calibration,
    call_figures,
)
from reports.rules.counts import HOURS_OF_WEEK, Counts, Daily, hours_held, per_hour
from reports.rules.pool_curve import CurvePoint, NoCurve, PoolCurve
from reports.rules.recommend import Asked, Money, Prices, Recommendation, price_of_one, prices, recommend
from store.sessions import AccountSession
from store.sites import Site, TrackingSource

NOT_YET = "no weeks were played with other pool sizes yet; that happens every night"
ONE_PRINTED = "an offline source is printed and needs exactly one number"
Week = tuple[float | None, ...]
"""168 means by hour of the week, Monday's first; None where the period holds no such hour."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberAccuracy:
    """One tracking number: how it stands now, the visitors who were given it in the period, and its calls.

    `unused`: it is active in a pool, and nobody was given it.
    """

    number: str
    status: str
    visitors: int
    daily: Daily
    unused: bool
    price: Money | None
    figures: CallFigures
    achieved: Achieved


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceAccuracy:
    """One tracking source. `numbers` are those active now; visitors are counted once per local day.

    `curve` says what other numbers of numbers would mean, `no_curve` why there is none; `expected` is its point for
    `numbers`. `prices` are of all numbers that are not released. A deleted source is here for its visits or calls of
    the period; it has no numbers any more and needs none.
    """

    source_id: str
    slug: str
    name: str
    kind: str
    deleted: bool
    numbers: int
    unused: int
    average_daily_visitors: float
    busiest_day_visitors: int
    daily: Daily
    recommended_numbers: int
    verdict: Verdict
    figures: CallFigures
    achieved: Achieved
    expected: CurvePoint | None
    curve: PoolCurve | None
    no_curve: str
    prices: Prices
    recommendation: Recommendation
    visitors_by_hour: Week
    calls_by_hour: Week
    numbers_detail: tuple[NumberAccuracy, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AccuracyReport:
    """The report on one site over `period`, as it stood at `as_of`."""

    site_id: str
    period: Period
    as_of: datetime
    visitors_per_number: int
    likelihood_target: float
    sure_from: float
    sources: tuple[SourceAccuracy, ...]
    calibration: Calibration


def accuracy_report(session: AccountSession, site: Site, period: Period, at: datetime) -> AccuracyReport:
    """The accuracy of `site` over `period`, sources in their order. Calls marked as spam are left out."""
    sources = session.scalars(
        select(TrackingSource)
        .where(TrackingSource.site_id == site.site_id)
        .order_by(TrackingSource.deleted_at.is_not(None), TrackingSource.position, TrackingSource.source_id)
    ).all()
    outcomes = outcomes_of(session, site.site_id, period)
    gathered = _Gathered(
        site=site,
        period=period,
        counts=counts_of(session, site, period, at),
        numbers=numbers_now(session, site.site_id),
        outcomes=grouped(outcomes),
        calls=calls_by_hour(session, site, period, at),
        held=hours_held(period.start, max(period.start, min(period.end, at)), period.time_zone),
        curves=kept_curves(session, site),
    )
    return AccuracyReport(
        site_id=site.site_id,
        period=period,
        as_of=at,
        visitors_per_number=site.visitors_per_number,
        likelihood_target=site.likelihood_target,
        sure_from=site.sure_from,
        sources=tuple(_source(gathered, s) for s in sources if s.deleted_at is None or gathered.saw(s.source_id)),
        calibration=calibration(outcomes),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Gathered:
    """What the queries brought, by source."""

    site: Site
    period: Period
    counts: Counts
    numbers: Mapping[str, Sequence[NumberNow]]
    outcomes: Mapping[str, Mapping[str, Sequence[CallOutcome]]]
    calls: Mapping[str, Sequence[int]]
    held: Sequence[float]
    curves: Mapping[str, KeptCurve]

    def saw(self, source_id: str) -> bool:
        """Whether the source had a visit or a call in the period."""
        return bool(self.counts.by_day(source_id)) or source_id in self.outcomes

    def curve(self, source: TrackingSource) -> tuple[PoolCurve | None, str]:
        """The curve of a source, or why there is none."""
        if source.kind == "offline":
            return None, ONE_PRINTED
        found = self.curves.get(source.source_id)
        if found is None:
            return None, NOT_YET
        return (None, found.curve.reason) if isinstance(found.curve, NoCurve) else (found.curve, "")

    def price_of_one(self, source_id: str) -> Money | None:
        """What another number of the source may cost a month."""
        own = (n.price for n in self.numbers.get(source_id, ()))
        return price_of_one(own, (n.price for held in self.numbers.values() for n in held))


def _source(gathered: _Gathered, source: TrackingSource) -> SourceAccuracy:
    source_id, site, days = source.source_id, gathered.site, gathered.period.days
    daily = gathered.counts.source(source_id, days)
    average = average_daily_visitors(gathered.counts.by_day(source_id), days)
    numbers = gathered.numbers.get(source_id, ())
    active = sum(1 for n in numbers if n.status == "active")
    recommended = recommended_numbers(source.kind, average, site.visitors_per_number)
    deleted = source.deleted_at is not None
    said: Verdict = "right" if deleted and not active else verdict(active, recommended)
    by_number = gathered.outcomes.get(source_id, {})
    outcomes = [o for held in by_number.values() for o in held]
    curve, no_curve = gathered.curve(source)
    detail = tuple(_number(gathered, source, n, by_number.get(n.number, ())) for n in numbers)
    asked = Asked(numbers=active, recommended=recommended, verdict=said, target=site.likelihood_target)
    return SourceAccuracy(
        source_id=source_id,
        slug=source.slug,
        name=source.name,
        kind=source.kind,
        deleted=deleted,
        numbers=active,
        unused=sum(1 for n in detail if n.unused),
        average_daily_visitors=average,
        busiest_day_visitors=daily.busiest_day,
        daily=daily,
        recommended_numbers=recommended,
        verdict=said,
        figures=call_figures(outcomes, site.likelihood_target),
        achieved=achieved(outcomes, site.sure_from),
        expected=curve.at(active) if curve is not None and active else None,
        curve=curve,
        no_curve=no_curve,
        prices=prices(n.price for n in numbers),
        recommendation=recommend(asked, curve, gathered.price_of_one(source_id)),
        visitors_by_hour=tuple(per_hour(gathered.counts.week(source_id), gathered.held)),
        calls_by_hour=tuple(per_hour(gathered.calls.get(source_id) or (0,) * HOURS_OF_WEEK, gathered.held)),
        numbers_detail=detail,
    )


def _number(
    gathered: _Gathered, source: TrackingSource, now: NumberNow, outcomes: Sequence[CallOutcome]
) -> NumberAccuracy:
    daily = gathered.counts.number(source.source_id, now.number, gathered.period.days)
    return NumberAccuracy(
        number=now.number,
        status=now.status,
        visitors=daily.total,
        daily=daily,
        unused=source.kind == "online" and now.status == "active" and not daily.total,
        price=now.price,
        figures=call_figures(outcomes, gathered.site.likelihood_target),
        achieved=achieved(outcomes, gathered.site.sure_from),
    )
