"""The call log: lists of calls, one call with everything known about it, and what changed since the last look.

Two queries for a list, five for one call (six where it was answered again), whatever their size.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, or_, select

from core.ids import is_id
from reports.call_facts import CallDetail, CallRow, Candidate, Decision, Match, Money, Note, Superseded
from reports.call_filter import CallFilter, conditions
from reports.call_parts import Parts, parts_of
from reports.superseded import superseded
from store.calls import Call, CallCandidate, CallNote, MatchDecision
from store.sessions import AccountSession
from store.sites import TrackingSource
from store.visits import Visit

__all__ = [
    "CallDetail",
    "CallFilter",
    "CallRow",
    "Candidate",
    "Decision",
    "Match",
    "Money",
    "Note",
    "Superseded",
    "call_detail",
    "changed_since",
    "list_calls",
]

OVERLAP = timedelta(seconds=10)
"""How far `changed_since` looks back: a change is stamped before its transaction is committed and can be seen."""


def list_calls(
    session: AccountSession, asked: CallFilter, limit: int, before: tuple[datetime, str] | None = None
) -> list[CallRow]:
    """Up to `limit` calls, newest first, older than the place `before` (started_at, call_id). Two queries.

    Raises InvalidInput where the filter holds a number that is none.
    """
    query = _calls().where(*conditions(asked)).order_by(Call.started_at.desc(), Call.call_id.desc()).limit(limit)
    if before is not None:
        at, call_id = before
        # The first condition says nothing new; it is what an index can start from.
        query = query.where(
            Call.started_at <= at, or_(Call.started_at < at, and_(Call.started_at == at, Call.call_id < call_id))
        )
    return _rows(session, query)


def changed_since(
    session: AccountSession, since: datetime, asked: CallFilter | None = None, limit: int = 200
) -> list[CallRow]:
    """Calls that came or changed since `since` (the largest `updated_at` seen so far), in the order of change.

    Looks `OVERLAP` further back, so what comes is to be put in place by `call_id`: some may be known. Two queries.
    """
    query = _calls().where(Call.updated_at >= since - OVERLAP, *conditions(asked or CallFilter()))
    return _rows(session, query.order_by(Call.updated_at, Call.call_id).limit(limit))


def call_detail(session: AccountSession, call_id: str) -> CallDetail | None:
    """The call with all its parts, or None where this account has no such call. Six queries at most."""
    found = _rows(session, _calls().where(Call.call_id == call_id)) if is_id(call_id) else []
    if not found:
        return None
    history = tuple(_history(session, call_id))
    again = sum(1 for line in history if line.by == "model" and not line.undo) > 1
    return CallDetail(
        call=found[0],
        candidates=tuple(_candidates(session, call_id)),
        history=history,
        notes=tuple(_notes(session, call_id)),
        answers=superseded(session, call_id) if again else (),
    )


def _calls() -> Select[*tuple[Any, ...]]:
    return (
        select(Call, TrackingSource.slug, TrackingSource.name, Visit.channel, Visit.touch_campaign)
        .join(
            TrackingSource,
            and_(TrackingSource.account_id == Call.account_id, TrackingSource.source_id == Call.source_id),
        )
        .outerjoin(Visit, and_(Visit.account_id == Call.account_id, Visit.visit_id == Call.matched_visit_id))
    )


def _rows(session: AccountSession, query: Select[*tuple[Any, ...]]) -> list[CallRow]:
    found = session.execute(query).all()
    parts = parts_of(session, [call.call_id for call, *_ in found])
    return [_row(call, *rest, parts=parts.get(call.call_id, Parts())) for call, *rest in found]


def _row(call: Call, slug: str, name: str, channel: str | None, campaign: str | None, *, parts: Parts) -> CallRow:
    value = None
    if call.value_minor is not None and call.value_currency is not None:
        value = Money(amount_minor=call.value_minor, currency=call.value_currency)
    return CallRow(
        call_id=call.call_id,
        provider_call_id=call.provider_call_id,
        site_id=call.site_id,
        source_id=call.source_id,
        source=slug,
        source_name=name,
        number=call.number,
        destination=call.destination,
        from_number=call.from_number,
        caller_name=call.caller_name,
        started_at=call.started_at,
        status=call.status,
        duration_seconds=call.duration_seconds,
        spam=call.spam,
        value=value,
        updated_at=call.updated_at,
        none=call.none_likelihood,
        match=_match(call),
        model_visit_id=call.model_visit_id,
        model_visitor_id=call.model_visitor_id,
        model_likelihood=call.model_likelihood,
        channel=channel,
        campaign=campaign,
        tags=tuple(parts.tags),
        recordings=tuple(parts.recordings),
        legs=tuple(parts.legs),
    )


def _match(call: Call) -> Match | None:
    if call.matched_by != "staff" and call.matched_visit_id is None:
        return None
    return Match(
        visit_id=call.matched_visit_id,
        visitor_id=call.matched_visitor_id,
        likelihood=call.matched_likelihood or 0.0,
        by="staff" if call.matched_by == "staff" else "model",
        at=call.matched_at or call.started_at,
        user_id=call.matched_user_id,
    )


def _candidates(session: AccountSession, call_id: str) -> Iterable[Candidate]:
    rows = session.execute(
        select(CallCandidate, TrackingSource.slug, Visit.last_path, Visit.left_at, Visit.device)
        .outerjoin(Visit, and_(Visit.account_id == CallCandidate.account_id, Visit.visit_id == CallCandidate.visit_id))
        .outerjoin(
            TrackingSource,
            and_(
                TrackingSource.account_id == CallCandidate.account_id,
                TrackingSource.source_id == CallCandidate.source_id,
            ),
        )
        .where(CallCandidate.call_id == call_id)
        .order_by(CallCandidate.rank)
    )
    for row, slug, path, left_at, device in rows:
        yield Candidate(
            visit_id=row.visit_id,
            visitor_id=row.visitor_id,
            likelihood=row.likelihood,
            rank=row.rank,
            source=slug,
            last_seen_at=row.last_seen_at,
            evidence=row.evidence,
            path=path,
            left_at=left_at,
            device=device or "other",
        )


def _history(session: AccountSession, call_id: str) -> Iterable[Decision]:
    rows = session.scalars(
        select(MatchDecision)
        .where(MatchDecision.call_id == call_id)
        .order_by(MatchDecision.at, MatchDecision.decision_id)
    )
    for row in rows:
        yield Decision(
            at=row.at,
            by="staff" if row.by == "staff" else "model",
            user_id=row.user_id,
            visit_id=row.visit_id,
            visitor_id=row.visitor_id,
            likelihood=row.likelihood,
            reason=row.reason,
            model=row.model_version,
            undo=row.undo,
        )


def _notes(session: AccountSession, call_id: str) -> Iterable[Note]:
    rows = session.scalars(select(CallNote).where(CallNote.call_id == call_id).order_by(CallNote.at, CallNote.note_id))
    for row in rows:
        yield Note(note_id=row.note_id, at=row.at, user_id=row.user_id, text=row.text)
