"""What a call log shows around its calls, one query each.

How often the caller rang before, how many others it could be, where a visitor is right now, and how the calls of a
filter divide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from reports.call_filter import CallFilter, conditions
from store.calls import Call, CallCandidate
from store.sessions import AccountSession
from store.sites import Site, TrackingSource
from store.visits import Visit

MOST_COUNTED = 2_000
WORTH_NAMING = 0.005
"""Candidates below this likelihood (half a per cent) are not counted among "n others"."""


@dataclass(frozen=True, kw_only=True)
class WhereNow:
    """How a visit stands: its last page, and when it was left (UTC; None: it goes on, or ended in silence)."""

    path: str | None
    left_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How the calls of a filter divide, `capped` where only the newest MOST_COUNTED were counted."""

    calls: int
    sure: int
    likely: int
    unsure: int
    nobody: int
    staff: int
    capped: bool


def earlier_calls(session: AccountSession, call_ids: Sequence[str]) -> dict[str, int]:
    """Call id → how many calls the same caller made before; withheld callers are left out."""
    if not call_ids:
        return {}
    before = aliased(Call)
    count = (
        select(func.count())
        .where(
            before.account_id == Call.account_id,
            before.from_number == Call.from_number,
            before.started_at < Call.started_at,
        )
        .correlate(Call)
        .scalar_subquery()
    )
    rows = session.execute(select(Call.call_id, count).where(Call.call_id.in_(call_ids), Call.from_number.is_not(None)))
    return {row[0]: row[1] for row in rows}


def candidate_counts(session: AccountSession, call_ids: Sequence[str]) -> dict[str, int]:
    """Call id → how many candidates are worth naming."""
    if not call_ids:
        return {}
    rows = session.execute(
        select(CallCandidate.call_id, func.count())
        .where(CallCandidate.call_id.in_(call_ids), CallCandidate.likelihood >= WORTH_NAMING)
        .group_by(CallCandidate.call_id)
    )
    return {row[0]: row[1] for row in rows}


def where_now(session: AccountSession, visit_ids: Sequence[str]) -> dict[str, WhereNow]:
    """Visit id → how it stands."""
    if not visit_ids:
        return {}
    rows = session.execute(select(Visit.visit_id, Visit.last_path, Visit.left_at).where(Visit.visit_id.in_(visit_ids)))
    return {visit_id: WhereNow(path=path, left_at=left_at) for visit_id, path, left_at in rows}


def counts(session: AccountSession, asked: CallFilter) -> Counts:
    """How the newest calls of a filter divide; each site says from which likelihood its matches are sure or likely."""
    rows = session.execute(
        select(Call.matched_by, Call.matched_visit_id, Call.matched_likelihood, Site.sure_from, Site.likely_from)
        .join(  # `conditions` may speak of the source
            TrackingSource,
            and_(TrackingSource.account_id == Call.account_id, TrackingSource.source_id == Call.source_id),
        )
        .join(Site, and_(Site.account_id == Call.account_id, Site.site_id == Call.site_id))
        .where(*conditions(asked))
        .order_by(Call.started_at.desc(), Call.call_id.desc())
        .limit(MOST_COUNTED)
    ).all()
    model = [(stated or 0.0, *limits) for by, visit_id, stated, *limits in rows if by != "staff" and visit_id]
    surely = sum(1 for stated, sure, _ in model if stated >= sure)
    unsure = sum(1 for stated, _, likely in model if stated < likely)
    return Counts(
        calls=len(rows),
        sure=surely,
        likely=len(model) - surely - unsure,
        unsure=unsure,
        nobody=sum(1 for _, visit_id, *_ in rows if visit_id is None),
        staff=sum(1 for by, *_ in rows if by == "staff"),
        capped=len(rows) == MOST_COUNTED,
    )
