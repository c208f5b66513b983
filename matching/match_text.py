"""Scores a text as a call at its moment would be: who held the number, what they did, whose phone it is.

A text is a race like a call: whoever was shown the number could write to it. The shares of a race do not depend on how
often people write instead of calling, as long as visitors and others do so alike; so the model of calls serves. What a
text said stays with it: it is no evidence for later calls, because its likelihoods came from the same history.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.time import format_time
from matching.incoming import Incoming
from matching.rules.model import LikelihoodModel
from matching.score import Answer, as_rows, score
from store.messages import Message
from store.sessions import AccountSession
from store.sites import TrackingSource

__all__ = ["match_text", "of_text"]


def of_text(message: Message) -> Incoming:
    """A text as matching asks about it."""
    return Incoming(
        id=message.message_id,
        what="text",
        site_id=message.site_id,
        source_id=message.source_id,
        number=message.number,
        from_number=message.from_number,
    )


def match_text(session: AccountSession, message: Message, *, at: datetime, model: LikelihoodModel, days: int) -> None:
    """Ranks who may have sent `message` as of `at`, and gives it to the best, or to nobody where that is likelier.

    `days`: how long ago a holder of the number may have been seen. Fills the message's `model_version`,
    `none_likelihood`, `matched_*` and `candidates`, whose likelihoods and `none_likelihood` sum to 1. Does not flush.
    """
    answer = score(session, of_text(message), at=at, model=model, days=days)
    best = answer.ranking.best
    message.model_version, message.none_likelihood = answer.version, answer.ranking.none
    message.matched_visit_id = best.visit if best else None
    message.matched_visitor_id = best.visitor if best else None
    message.matched_likelihood = best.likelihood if best else None
    message.candidates = _kept(answer, _slugs(session, answer.scene.sources.values()))


def _kept(answer: Answer, slugs: dict[str, str]) -> list[Any]:
    """The candidates as the message keeps them: the likeliest first, evidence for those that have it."""
    seen_at = {c.visitor: c.last_seen_at for c in answer.scene.candidates}
    sources = answer.scene.sources
    return [
        {
            "rank": ranked.rank,
            "visit_id": ranked.visit,
            "visitor_id": ranked.visitor,
            "source": slugs.get(sources[ranked.visitor] or ""),
            "likelihood": ranked.likelihood,
            "last_seen_at": format_time(seen_at[ranked.visitor]),
            "evidence": as_rows(ranked.evidence) if ranked.evidence else None,
        }
        for ranked in answer.ranking.candidates
    ]


def _slugs(session: AccountSession, source_ids: Collection[str | None]) -> dict[str, str]:
    """Source id → slug."""
    asked = {source_id for source_id in source_ids if source_id is not None}
    if not asked:
        return {}
    query = select(TrackingSource.source_id, TrackingSource.slug).where(TrackingSource.source_id.in_(asked))
    return {row.source_id: row.slug for row in session.execute(query)}
