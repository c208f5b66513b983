"""Works out an answer for a call or a text: gathers the scene, ranks it, adds what was learnt later. Keeps nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert

from matching.gather import Scene, gather
from matching.incoming import Incoming
from matching.phone_history import phone_history
from matching.rules.evidence import Evidence
from matching.rules.hindsight import as_if_before, with_spam
from matching.rules.model import LikelihoodModel
from matching.rules.rank import Ranking, rank
from store.calls import Call, CallCandidate
from store.sessions import AccountSession

EVIDENCE_FOR = 20
"""Candidates whose evidence is kept with the call; others are explained when somebody asks."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the model says of a call or a text, with the scene it was said of."""

    ranking: Ranking
    scene: Scene
    version: str


def score(
    session: AccountSession,
    incoming: Incoming,
    *,
    at: datetime,
    model: LikelihoodModel,
    days: int,
    known_at: datetime | None = None,
    visitors: Collection[str] = (),
    evidence_for: int = EVIDENCE_FOR,
) -> Answer:
    """The answer for `incoming` as it stood at `at`, with what was known at `known_at` (None: at `at` itself).

    `days`: how long before `at` a holder of the number may have been seen. `visitors` get evidence besides the
    `evidence_for` likeliest. What was learnt later is the phone's (forms, decisions, other calls) and a spam mark; a
    candidate's `race` stays what it was at the call, for it is handed to the phone's other calls.
    """
    scene = gather(session, incoming, at=at, days=days)
    ranking = rank(
        model, scene.call, scene.candidates, scene.history, evidence_for=evidence_for, visitors=tuple(visitors)
    )
    if known_at is None:
        return Answer(ranking=ranking, scene=scene, version=model.version)
    history = as_if_before(phone_history(session, incoming, known_at), at)
    if history != scene.history:
        races = {c.visitor: c.race for c in ranking.candidates}
        later = rank(model, scene.call, scene.candidates, history, evidence_for=evidence_for, visitors=tuple(visitors))
        ranking = Ranking(
            none=later.none, candidates=tuple(c._replace(race=races[c.visitor]) for c in later.candidates)
        )
    return Answer(ranking=with_spam(ranking) if incoming.spam else ranking, scene=scene, version=model.version)


def keep_candidates(session: AccountSession, call: Call, answer: Answer) -> None:
    """Makes the answer's candidates those of the call."""
    session.execute(
        delete(CallCandidate).where(CallCandidate.call_id == call.call_id).execution_options(synchronize_session=False)
    )
    for stale in [row for row in session.identity_map.values() if isinstance(row, CallCandidate)]:
        if stale.call_id == call.call_id:
            session.expunge(stale)
    seen_at = {c.visitor: c.last_seen_at for c in answer.scene.candidates}
    rows = [
        {
            "account_id": session.account_id,
            "call_id": call.call_id,
            "rank": ranked.rank,
            "visit_id": ranked.visit,
            "visitor_id": ranked.visitor,
            "source_id": answer.scene.sources[ranked.visitor],
            "likelihood": ranked.likelihood,
            "race": ranked.race,
            "last_seen_at": seen_at[ranked.visitor],
            "evidence": as_rows(ranked.evidence) if ranked.evidence else None,
        }
        for ranked in answer.ranking.candidates
    ]
    if rows:
        session.execute(insert(CallCandidate), rows)


def as_rows(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Evidence as it is kept and answered."""
    return [{"name": e.name, "value": e.value, "weight": e.weight} for e in evidence]
