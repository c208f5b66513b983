"""The accuracy report: whether there are enough numbers, and whether likelihoods are true.

Five queries however many sources, numbers and days there are: the sources, their numbers, visitors by source and local
day, visitors by number, and the calls.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select

from core.time import day_start, local_day
from numberpool.rules.sizing import Verdict, average_daily_visitors, recommended_numbers, verdict
from reports.period import Period
from reports.rules.accuracy import Calibration, CallFigures, CallOutcome, calibration, call_figures
from store.calls import Call
from store.sessions import AccountSession
from store.sites import Site, TrackingNumber, TrackingSource
from store.visits import Assignment, Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberAccuracy:
    """One tracking number: how it stands now, the visitors who were given it in the period, and its calls."""

    number: str
    status: str
    visitors: int
    figures: CallFigures


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceAccuracy:
    """One tracking source. `numbers` are those active now; visitors are counted once per local day.

    A deleted source is here for its visits or calls of the period; it has no numbers any more and needs none.
    """

    source_id: str
    slug: str
    name: str
    kind: str
    deleted: bool
    numbers: int
    average_daily_visitors: float
    busiest_day_visitors: int
    recommended_numbers: int
    verdict: Verdict
    figures: CallFigures
    numbers_detail: tuple[NumberAccuracy, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AccuracyReport:
    """The report on one site over `period`, as it stood at `as_of`."""

    site_id: str
    period: Period
    as_of: datetime
    visitors_per_number: int
    likelihood_target: float
    sources: tuple[SourceAccuracy, ...]
    calibration: Calibration


def accuracy_report(session: AccountSession, site: Site, period: Period, at: datetime) -> AccuracyReport:
    """The accuracy of `site` over `period`, sources in their order. Calls marked as spam are left out."""
    sources = session.scalars(
        select(TrackingSource)
        .where(TrackingSource.site_id == site.site_id)
        .order_by(TrackingSource.deleted_at.is_not(None), TrackingSource.position, TrackingSource.source_id)
    ).all()
    by_day = _visitors_by_day(session, site.site_id, period)
    outcomes = _outcomes(session, site.site_id, period)
    gathered = _Gathered(
        site=site,
        period=period,
        by_day=by_day,
        numbers=_numbers(session, site.site_id),
        visitors=_visitors_by_number(session, site.site_id, period),
        outcomes=_grouped(outcomes),
    )
    return AccuracyReport(
        site_id=site.site_id,
        period=period,
        as_of=at,
        visitors_per_number=site.visitors_per_number,
        likelihood_target=site.likelihood_target,
        sources=tuple(_source(gathered, s) for s in sources if s.deleted_at is None or gathered.saw(s.source_id)),
        calibration=calibration(outcomes),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Gathered:
    """What the queries brought, by source."""

    site: Site
    period: Period
    by_day: Mapping[str, Sequence[int]]
    numbers: Mapping[str, Sequence[tuple[str, str]]]
    visitors: Mapping[tuple[str, str], int]
    outcomes: Mapping[str, Mapping[str, Sequence[CallOutcome]]]

    def saw(self, source_id: str) -> bool:
        """Whether the source had a visit or a call in the period."""
        return source_id in self.by_day or source_id in self.outcomes


def _source(gathered: _Gathered, source: TrackingSource) -> SourceAccuracy:
    by_day = gathered.by_day.get(source.source_id, ())
    by_number = gathered.outcomes.get(source.source_id, {})
    average = average_daily_visitors(by_day, gathered.period.days)
    numbers = gathered.numbers.get(source.source_id, ())
    active = sum(1 for _, status in numbers if status == "active")
    recommended = recommended_numbers(source.kind, average, gathered.site.visitors_per_number)
    deleted = source.deleted_at is not None
    target = gathered.site.likelihood_target
    return SourceAccuracy(
        source_id=source.source_id,
        slug=source.slug,
        name=source.name,
        kind=source.kind,
        deleted=deleted,
        numbers=active,
        average_daily_visitors=average,
        busiest_day_visitors=max(by_day, default=0),
        recommended_numbers=recommended,
        verdict="right" if deleted and not active else verdict(active, recommended),
        figures=call_figures([o for held in by_number.values() for o in held], target),
        numbers_detail=tuple(
            NumberAccuracy(
                number=number,
                status=status,
                visitors=gathered.visitors.get((source.source_id, number), 0),
                figures=call_figures(by_number.get(number, ()), target),
            )
            for number, status in numbers
        ),
    )


def _visitors_by_day(session: AccountSession, site_id: str, period: Period) -> dict[str, list[int]]:
    """Distinct visitors of each local day by source; days without any are left out (they add nothing to the sum)."""
    rows = session.execute(
        select(Visit.source_id, func.count(Visit.visitor_id.distinct()))
        .where(Visit.site_id == site_id, Visit.source_id.is_not(None), *_within(period))
        .group_by(Visit.local_day, Visit.source_id)
    )
    found: dict[str, list[int]] = defaultdict(list)
    for source_id, visitors in rows:
        if source_id is not None:
            found[source_id].append(visitors)
    return dict(found)


def _within(period: Period) -> list[ColumnElement[bool]]:
    """Visits begun in the period: by local day, as the index has it, and by the clock where it is cut inside a day."""
    first = local_day(period.start, period.time_zone)
    last = local_day(period.end - timedelta(microseconds=1), period.time_zone)
    conditions: list[ColumnElement[bool]] = [Visit.local_day.between(first, last)]
    if not _is_midnight(first, period.start, period.time_zone):
        conditions.append(Visit.started_at >= period.start)
    if not _is_midnight(last + timedelta(days=1), period.end, period.time_zone):
        conditions.append(Visit.started_at < period.end)
    return conditions


def _is_midnight(day: date, at: datetime, time_zone: str) -> bool:
    return day_start(day, time_zone) == at


def _numbers(session: AccountSession, site_id: str) -> dict[str, list[tuple[str, str]]]:
    """(number, status) by source, without the released ones: they belong to history."""
    rows = session.execute(
        select(TrackingNumber.source_id, TrackingNumber.number, TrackingNumber.status)
        .join(TrackingSource, _source_of_number())
        .where(TrackingSource.site_id == site_id, TrackingNumber.status != "released")
        .order_by(TrackingNumber.number)
    )
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for source_id, number, status in rows:
        found[source_id].append((number, status))
    return dict(found)


def _visitors_by_number(session: AccountSession, site_id: str, period: Period) -> dict[tuple[str, str], int]:
    """Distinct visitors who were given each number in the period, by (source, number).

    By number first: that is how the index leads to assignments of a period.
    """
    numbers = (
        select(TrackingNumber.number)
        .join(TrackingSource, _source_of_number())
        .where(TrackingNumber.account_id == session.account_id, TrackingSource.site_id == site_id)
    )
    rows = session.execute(
        select(Assignment.source_id, Assignment.number, func.count(Assignment.visitor_id.distinct()))
        .where(
            Assignment.number.in_(numbers),
            Assignment.started_at >= period.start,
            Assignment.started_at < period.end,
        )
        .group_by(Assignment.source_id, Assignment.number)
    )
    return {(source_id, number): visitors for source_id, number, visitors in rows}


def _source_of_number() -> ColumnElement[bool]:
    return and_(
        TrackingSource.account_id == TrackingNumber.account_id, TrackingSource.source_id == TrackingNumber.source_id
    )


def _outcomes(session: AccountSession, site_id: str, period: Period) -> list[CallOutcome]:
    rows = session.execute(
        select(
            Call.source_id,
            Call.number,
            Call.model_visit_id,
            Call.model_likelihood,
            Call.none_likelihood,
            Call.model_visitor_id,
            Call.matched_by,
            Call.matched_visitor_id,
        ).where(
            Call.site_id == site_id,
            Call.started_at >= period.start,
            Call.started_at < period.end,
            Call.spam.is_(False),
        )
    )
    return [
        CallOutcome(
            source=row.source_id,
            number=row.number,
            likelihood=row.model_likelihood if row.model_visit_id is not None else None,
            none=row.none_likelihood,
            decided=row.matched_by == "staff",
            # By visitor: the candidate stands for the person, whichever of their visits staff point at.
            agreed=row.matched_visitor_id == row.model_visitor_id,
        )
        for row in rows
    ]


def _grouped(outcomes: Sequence[CallOutcome]) -> dict[str, dict[str, list[CallOutcome]]]:
    found: dict[str, dict[str, list[CallOutcome]]] = defaultdict(lambda: defaultdict(list))
    for outcome in outcomes:
        found[outcome.source][outcome.number].append(outcome)
    return found
