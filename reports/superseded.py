"""The answers of a call that later, better ones took the place of. One query."""

from typing import Any

from sqlalchemy import select

from core.time import parse_time
from reports.call_facts import Candidate, Superseded
from store.calls import CallAnswer
from store.sessions import AccountSession


def superseded(session: AccountSession, call_id: str) -> tuple[Superseded, ...]:
    """The earlier answers of a call, oldest first."""
    rows = session.scalars(select(CallAnswer).where(CallAnswer.call_id == call_id).order_by(CallAnswer.ordinal))
    return tuple(
        Superseded(
            at=row.at,
            reason=row.reason,
            model=row.model_version,
            none=row.none_likelihood,
            visit_id=row.visit_id,
            visitor_id=row.visitor_id,
            likelihood=row.likelihood,
            candidates=tuple(kept_candidate(kept) for kept in row.candidates),
        )
        for row in rows
    )


def kept_candidate(kept: dict[str, Any]) -> Candidate:
    """A candidate as an earlier answer, or a text, keeps it in JSON."""
    return Candidate(
        visit_id=kept["visit_id"],
        visitor_id=kept["visitor_id"],
        likelihood=kept["likelihood"],
        rank=kept["rank"],
        source=kept["source"],
        last_seen_at=parse_time(kept["last_seen_at"]),
        evidence=kept["evidence"],
    )
