"""Scores a call: ranks who could have made it, credits the best, keeps what was said and why."""

import math
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from core.ids import new_id
from matching.incoming import of_call
from matching.models import model_of_version
from matching.rules.model import LikelihoodModel
from matching.rules.rank import Ranked
from matching.score import EVIDENCE_FOR, as_rows, keep_candidates, score
from store.calls import Call, CallAnswer, CallCandidate, MatchDecision
from store.sessions import AccountSession

__all__ = ["CANDIDATE_DAYS", "EVIDENCE_FOR", "explain", "match_call"]

CANDIDATE_DAYS = 60
"""How long ago a holder of the number may have been seen, unless a setting says otherwise."""


def match_call(session: AccountSession, call: Call, *, at: datetime, model: LikelihoodModel, days: int) -> None:
    """Ranks the candidates of `call` as of `at` and credits it to the best, or to nobody where that is likelier.

    `days`: how long ago a holder of the number may have been seen. Fills the call's `model_*`, `none_likelihood` and
    `matched_*`, its candidates and the first line of its history. Likelihoods and `none_likelihood` sum to 1.
    """
    answer = score(session, of_call(call), at=at, model=model, days=days)
    keep_candidates(session, call, answer)
    _credit(session, call, answer.ranking.best, none=answer.ranking.none, at=at, version=answer.version)


def _credit(
    session: AccountSession, call: Call, best: Ranked | None, *, none: float, at: datetime, version: str
) -> None:
    """The model's choice, and the credit until staff decide otherwise."""
    call.model_version, call.none_likelihood = version, none
    call.model_visit_id = call.matched_visit_id = best.visit if best else None
    call.model_visitor_id = call.matched_visitor_id = best.visitor if best else None
    call.model_likelihood = call.matched_likelihood = best.likelihood if best else None
    call.matched_by = "model" if best else None
    call.matched_at = at if best else None
    call.updated_at = max(call.updated_at, at)
    session.add(
        MatchDecision(
            decision_id=new_id(at),
            call_id=call.call_id,
            at=at,
            by="model",
            visit_id=best.visit if best else None,
            visitor_id=best.visitor if best else None,
            likelihood=best.likelihood if best else none,
            model_version=version,
        )
    )
    session.flush()


def explain(
    session: AccountSession,
    call: Call,
    visitor_id: str,
    *,
    model: LikelihoodModel | None = None,
    days: int = CANDIDATE_DAYS,
) -> list[dict[str, Any]] | None:
    """The evidence for a candidate whose evidence was not kept, or None for a visitor who was no candidate.

    Worked out again from what was known when the answer was given. News that reached us since (a page's report sent
    late) stands in a row of its own, so that the weights still add up to log2(likelihood ÷ none) as it was stated.
    """
    stated = session.scalar(
        select(CallCandidate).where(CallCandidate.call_id == call.call_id, CallCandidate.visitor_id == visitor_id)
    )
    if stated is None:
        return None
    if stated.evidence is not None:
        return stated.evidence
    answer = score(
        session,
        of_call(call),
        at=call.started_at,
        known_at=_answered_again_at(session, call),
        model=model or model_of_version(session, call.model_version),
        days=days,
        visitors=(visitor_id,),
        evidence_for=0,
    )
    ranked = next((c for c in answer.ranking.candidates if c.visitor == visitor_id), None)
    rows = as_rows(ranked.evidence) if ranked else []
    if stated.likelihood > 0 and call.none_likelihood > 0:
        wanting = math.log2(stated.likelihood / call.none_likelihood) - math.fsum(row["weight"] for row in rows)
        if abs(wanting) > 1e-9:
            rows.append({"name": "late_news", "value": "reported after the call was scored", "weight": wanting})
    return rows


def _answered_again_at(session: AccountSession, call: Call) -> datetime | None:
    """When the answer that counts was given, where that is a later one; None for the answer at the call itself."""
    again = session.scalar(select(CallAnswer.ordinal).where(CallAnswer.call_id == call.call_id).limit(1))
    if again is None:
        return None
    return session.scalar(
        select(func.max(MatchDecision.at)).where(
            MatchDecision.call_id == call.call_id, MatchDecision.by == "model", MatchDecision.undo.is_(False)
        )
    )
