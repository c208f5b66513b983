"""What is learnt after a call: later facts of the phone, and a spam mark. No database."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.rules.evidence import Evidence
from matching.rules.facts import EarlierCall, FormPhone, PhoneHistory
from matching.rules.hindsight import SPAM, as_if_before, with_spam
from matching.rules.rank import Ranked, Ranking

AT = datetime(2026, 3, 2, 14, tzinfo=UTC)
seconds = st.integers(-500_000, 500_000).filter(bool)


def call(after: int) -> EarlierCall:
    return EarlierCall(at=AT + timedelta(seconds=after), races={f"v{after}": 1.0})


def form(after: int) -> FormPhone:
    return FormPhone(at=AT + timedelta(seconds=after), visitor=f"v{after}")


def order(history: PhoneHistory) -> list[str]:
    """Who is named, in the order of time."""
    facts = [(c.at, next(iter(c.races))) for c in history.calls] + [(f.at, f.visitor) for f in history.forms]
    return [name for _, name in sorted(facts)]


@given(st.lists(seconds, unique=True, max_size=6), st.lists(seconds, unique=True, max_size=6))
def test_nothing_lies_after_the_call_and_the_order_stays(calls: list[int], forms: list[int]) -> None:
    forms = [when for when in forms if when not in calls]
    history = PhoneHistory(calls=tuple(map(call, calls)), forms=tuple(map(form, forms)))
    moved = as_if_before(history, AT)
    assert all(fact.at < AT for fact in (*moved.calls, *moved.forms))
    assert order(moved) == order(history)
    if calls:
        last = max(c.at for c in moved.calls)
        nearest = min(abs(when) for when in calls)
        assert (AT - last).total_seconds() == pytest.approx(nearest, abs=1e-3) or all(when < 0 for when in calls)


@given(st.lists(seconds.map(lambda s: -abs(s)), unique=True, max_size=6))
def test_a_history_without_hindsight_is_left_alone(calls: list[int]) -> None:
    history = PhoneHistory(calls=tuple(map(call, calls)))
    assert as_if_before(history, AT) is history


def ranking(scores: list[float]) -> Ranking:
    """Candidates with these weights against nobody."""
    weights = [2.0**score for score in scores]
    total = math.fsum(weights) + 1.0
    return Ranking(
        none=1.0 / total,
        candidates=tuple(
            Ranked(f"v{i}", f"w{i}", weight / total, i + 1, (Evidence("base_rate", "", score),) if i < 2 else (), score)
            for i, (weight, score) in enumerate(zip(weights, scores, strict=True))
        ),
    )


@given(st.lists(st.floats(-40, 40), max_size=12))
def test_a_spam_mark_makes_nobody_likely_and_keeps_the_books(scores: list[float]) -> None:
    before, after = ranking(scores), with_spam(ranking(scores))
    assert math.fsum([after.none, *(c.likelihood for c in after.candidates)]) == pytest.approx(1, abs=1e-12)
    assert after.none >= before.none - 1e-15
    assert after.none >= SPAM - 1e-12
    assert after.best is None or not scores
    for then, now in zip(before.candidates, after.candidates, strict=True):
        assert now.race - then.race == pytest.approx(after.candidates[0].race - before.candidates[0].race, abs=1e-9)
        assert now.race <= then.race
        if now.evidence:
            stated = math.log2(now.likelihood / after.none)
            assert math.fsum(row.weight for row in now.evidence) == pytest.approx(stated, abs=1e-9)
            assert now.evidence[-1].name == "spam"
        else:
            assert not then.evidence


def test_agreement_adds_up_and_stops_short_of_certainty() -> None:
    agreed = with_spam(ranking([-10.0]))
    assert agreed.none > ranking([-10.0]).none > SPAM
    assert with_spam(ranking([-39.0])).none < 1.0
