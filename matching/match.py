"""Scores a call: ranks who could have made it, credits the best, keeps what was said and why."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select

from core.ids import new_id
from matching.gather import gather
from matching.rules.evidence import Evidence
from matching.rules.model import LikelihoodModel, prior
from matching.rules.rank import Ranked, rank
from matching.rules.rank import explain as explain_ranked
from store.calls import Call, CallCandidate, MatchDecision
from store.sessions import AccountSession

EVIDENCE_FOR = 20
"""Candidates whose evidence is kept with the call; others are explained when somebody asks."""
CANDIDATE_DAYS = 60
"""How long ago a holder of the number may have been seen, unless a setting says otherwise."""


def match_call(session: AccountSession, call: Call, *, at: datetime, model: LikelihoodModel, days: int) -> None:
    """Ranks the candidates of `call` as of `at` and credits it to the best, or to nobody where that is likelier.

    `days`: how long ago a holder of the number may have been seen. Fills the call's `model_*`, `none_likelihood` and
    `matched_*`, its candidates and the first line of its history. Likelihoods and `none_likelihood` sum to 1.
    """
    scene = gather(session, call, at=at, days=days)
    ranking = rank(model, scene.call, scene.candidates, scene.history, evidence_for=EVIDENCE_FOR)
    seen_at = {c.visitor: c.last_seen_at for c in scene.candidates}
    session.execute(
        delete(CallCandidate).where(CallCandidate.call_id == call.call_id).execution_options(synchronize_session=False)
    )
    rows = [
        {
            "account_id": session.account_id,
            "call_id": call.call_id,
            "rank": ranked.rank,
            "visit_id": ranked.visit,
            "visitor_id": ranked.visitor,
            "source_id": scene.sources[ranked.visitor],
            "likelihood": ranked.likelihood,
            "race": ranked.race,
            "last_seen_at": seen_at[ranked.visitor],
            "evidence": as_rows(ranked.evidence) if ranked.evidence else None,
        }
        for ranked in ranking.candidates
    ]
    if rows:
        session.execute(insert(CallCandidate), rows)
    _credit(session, call, ranking.best, none=ranking.none, at=at, version=model.version)


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


def as_rows(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Evidence as it is kept and answered."""
    return [{"name": e.name, "value": e.value, "weight": e.weight} for e in evidence]


def explain(
    session: AccountSession,
    call: Call,
    visitor_id: str,
    *,
    model: LikelihoodModel | None = None,
    days: int = CANDIDATE_DAYS,
) -> list[dict[str, Any]] | None:
    """The evidence for a candidate whose evidence was not kept, or None for a visitor who was no candidate.

    Worked out again from what was known when the call came. News that reached us since (a page's report sent late)
    stands in a row of its own, so that the weights still add up to log2(likelihood ÷ none) as it was stated.
    """
    stated = session.scalar(
        select(CallCandidate).where(CallCandidate.call_id == call.call_id, CallCandidate.visitor_id == visitor_id)
    )
    if stated is None:
        return None
    if stated.evidence is not None:
        return stated.evidence
    scene = gather(session, call, at=call.started_at, days=days)
    ranked = explain_ranked(model or prior(), scene.call, scene.candidates, visitor_id, scene.history)
    rows = as_rows(ranked.evidence) if ranked else []
    if stated.likelihood > 0 and call.none_likelihood > 0:
        wanting = math.log2(stated.likelihood / call.none_likelihood) - math.fsum(row["weight"] for row in rows)
        if abs(wanting) > 1e-9:
            rows.append({"name": "late_news", "value": "reported after the call was scored", "weight": wanting})
    return rows
