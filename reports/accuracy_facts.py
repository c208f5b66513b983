"""What the accuracy report reads of numbers and calls: a query each, whatever their number."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, literal_column, select

from reports.counts import local_seconds
from reports.period import Period
from reports.rules.accuracy import CallOutcome
from reports.rules.counts import HOURS_OF_WEEK, MONDAY_SHIFT, WEEK_SECONDS
from reports.rules.recommend import Money
from store.calls import Call
from store.sessions import AccountSession
from store.sites import Site, TrackingNumber, TrackingSource


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberNow:
    """A tracking number as it stands now; `price` is what it costs a month, None where that is not known."""

    number: str
    status: str
    price: Money | None


def numbers_now(session: AccountSession, site_id: str) -> dict[str, list[NumberNow]]:
    """The site's numbers by source, without the released ones: they belong to history."""
    rows = session.execute(
        select(
            TrackingNumber.source_id,
            TrackingNumber.number,
            TrackingNumber.status,
            TrackingNumber.monthly_price_minor,
            TrackingNumber.price_currency,
        )
        .join(
            TrackingSource,
            and_(
                TrackingSource.account_id == TrackingNumber.account_id,
                TrackingSource.source_id == TrackingNumber.source_id,
            ),
        )
        .where(TrackingSource.site_id == site_id, TrackingNumber.status != "released")
        .order_by(TrackingNumber.number)
    )
    found: dict[str, list[NumberNow]] = defaultdict(list)
    for source_id, number, status, minor, currency in rows:
        price = None if minor is None or currency is None else Money(amount_minor=minor, currency=currency)
        found[source_id].append(NumberNow(number=number, status=status, price=price))
    return dict(found)


def active_numbers(session: AccountSession, source_id: str) -> int:
    """How many active numbers the source has."""
    return (
        session.scalar(
            select(func.count())
            .select_from(TrackingNumber)
            .where(TrackingNumber.source_id == source_id, TrackingNumber.status == "active")
        )
        or 0
    )


def outcomes_of(session: AccountSession, site_id: str, period: Period) -> list[CallOutcome]:
    """The calls of the period as the report sees them, without spam."""
    calls = Call.__table__.c
    rows = session.execute(
        select(
            calls.source_id,
            calls.number,
            case((calls.model_visit_id.is_not(None), calls.model_likelihood)),
            calls.none_likelihood,
            case((calls.matched_by == "staff", True), else_=False),
            # By visitor: the candidate stands for the person, whichever of their visits staff point at.
            calls.matched_visitor_id.is_not_distinct_from(calls.model_visitor_id),
        ).where(
            calls.account_id == session.account_id,
            calls.site_id == site_id,
            calls.started_at >= period.start,
            calls.started_at < period.end,
            calls.spam.is_(False),
        )
    )
    # In parts: rows that are gone again at once do not trouble the collector of garbage.
    return [CallOutcome._make(row) for part in rows.partitions(1_000) for row in part]


def grouped(outcomes: Sequence[CallOutcome]) -> dict[str, dict[str, list[CallOutcome]]]:
    """Calls by source and number."""
    found: dict[str, dict[str, list[CallOutcome]]] = defaultdict(lambda: defaultdict(list))
    for outcome in outcomes:
        found[outcome.source][outcome.number].append(outcome)
    return found


def calls_by_hour(session: AccountSession, site: Site, period: Period, at: datetime) -> dict[str, list[int]]:
    """Calls of each source until `at` by hour of the week on the site's clock, Monday's first, without spam."""
    until = max(period.start, min(period.end, at + timedelta(days=1)))
    local = local_seconds(Call.started_at, period.start, until, site.time_zone)
    in_week = (local + literal_column(str(MONDAY_SHIFT))) % literal_column(str(WEEK_SECONDS))
    hour = in_week - in_week % literal_column("3600")
    rows = session.execute(
        select(Call.source_id, hour, func.count())
        .where(
            Call.site_id == site.site_id,
            Call.started_at >= period.start,
            Call.started_at < until,
            Call.spam.is_(False),
        )
        .group_by(Call.source_id, hour)
    )
    found: dict[str, list[int]] = {}
    for source_id, second, calls in rows:
        found.setdefault(source_id, [0] * HOURS_OF_WEEK)[int(second) // 3600] = calls
    return found
