"""Small builders of facts for the tests of matching's rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from matching.rules.facts import CallFacts, CandidateFacts, EarlierCall
from matching.rules.model import prior
from matching.rules.rank import Ranking, rank

AT = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
"""A Tuesday afternoon."""

PHONE = "+12125550123"
DAY = 86_400.0


def call(at: datetime = AT, **known: Any) -> CallFacts:
    facts: dict[str, Any] = {"caller": PHONE, "local_hour_of_week": 34} | known
    return CallFacts(at=at, **facts)


def candidate(visitor: str, seconds: float, *, at: datetime = AT, **known: Any) -> CandidateFacts:
    return CandidateFacts(
        visitor=visitor,
        visit=f"visit-{visitor}",
        source="ads",
        last_seen_at=at - timedelta(seconds=seconds),
        seconds_since_seen=seconds,
        **known,
    )


def likelihoods(ranking: Ranking) -> dict[str | None, float]:
    return {None: ranking.none} | {ranked.visitor: ranked.likelihood for ranked in ranking.candidates}


def earlier(ranking: Ranking, at: datetime, **known: Any) -> EarlierCall:
    """What is kept of a ranked call for the next time the phone rings."""
    return EarlierCall(at=at, races={ranked.visitor: ranked.race for ranked in ranking.candidates}, **known)


def clear_first_call(at: datetime) -> EarlierCall:
    """A call that visitor ``a`` very probably made, ``b`` having been there as well."""
    here = [
        candidate("a", 5.0, at=at, page_open=True, tel_click_seconds=4.0),
        candidate("b", 3_000.0, at=at),
    ]
    return earlier(rank(prior(), replace(call(), at=at), here), at)
