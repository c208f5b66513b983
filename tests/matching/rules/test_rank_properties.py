"""What holds for every call, whatever the facts."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.rules.curves import HOURS
from matching.rules.facts import (
    CandidateFacts,
    EarlierCall,
    FormPhone,
    PhoneHistory,
    StaffDecision,
)
from matching.rules.features import CLICK, CLICKS, FEATURES
from matching.rules.model import LikelihoodModel, prior
from matching.rules.rank import Ranking, explain, rank
from tests.matching.rules.scenes import AT, call, candidate, likelihoods, textbook

SECONDS = st.floats(0.0, 60 * 86_400.0)
VISITORS = [f"v{number}" for number in range(6)]


@st.composite
def known(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "page_open": draw(st.booleans()),
        "left": draw(st.booleans()),
        "shown": draw(st.booleans()),
        "seconds_since_view": draw(st.none() | SECONDS),
        "last_page_path": draw(st.sampled_from([None, "/", "/contact", "/pricing/plans"])),
        "page_views": draw(st.integers(1, 60)),
        "visits": draw(st.integers(1, 30)),
        "tel_click_seconds": draw(st.none() | SECONDS),
        "form_seconds": draw(st.none() | SECONDS),
        "device": draw(st.sampled_from([None, "phone", "tablet", "desktop", "other"])),
        "region": draw(st.sampled_from([None, "US-NY", "US-CA", "DE-BE"])),
        "other_phone": draw(st.floats(0.0, 1.0)),
    }


@st.composite
def crowds(draw: st.DrawFn, least: int = 0) -> list[CandidateFacts]:
    names = draw(st.lists(st.sampled_from(VISITORS), unique=True, min_size=least))
    return [candidate(name, draw(SECONDS), **draw(known())) for name in names]


CALLS = st.builds(
    call,
    caller=st.none() | st.just("+12125550123"),
    local_hour_of_week=st.integers(0, 167),
    number_kind=st.sampled_from(["pool", "offline", "other"]),
    caller_region=st.sampled_from([None, "US-NY", "US-WY", "FR-75"]),
    region_share=st.none() | st.floats(0.0, 1.0),
    recent_calls_other_numbers=st.integers(0, 500),
    recent_nobody=st.floats(0.0, 1e4),
    number=st.sampled_from(["", "n1", "n2"]),
    source=st.sampled_from(["", "ads"]),
)
RACES = st.dictionaries(st.sampled_from([*VISITORS, "gone"]), st.floats(-400.0, 400.0))
EARLIER = st.builds(
    EarlierCall,
    at=st.integers(1, 10**7).map(lambda seconds: AT - timedelta(seconds=seconds)),
    races=RACES,
    number=st.sampled_from(["", "n1", "n2"]),
    decision=st.none() | st.builds(StaffDecision, visitor=st.none() | st.sampled_from([*VISITORS, "gone"])),
)
FORMS = st.builds(
    FormPhone,
    at=st.integers(1, 10**7).map(lambda seconds: AT - timedelta(seconds=seconds)),
    visitor=st.sampled_from([*VISITORS, "gone"]),
)
HISTORIES = st.builds(
    PhoneHistory,
    calls=st.lists(EARLIER, max_size=3).map(tuple),
    forms=st.lists(FORMS, max_size=2).map(tuple),
    shared=st.booleans(),
)
ABSURD = st.floats(-1e12, 1e12)
EXTREME = st.builds(
    lambda weights, hour, source, number: replace(
        textbook(),
        weights=tuple(weights),
        hours=(hour,) * HOURS,
        sources={"ads": source},
        background=replace(textbook().background, sources={"ads": source}, numbers={"n1": number}),
    ),
    st.lists(ABSURD, min_size=len(FEATURES), max_size=len(FEATURES)),
    ABSURD,
    ABSURD,
    ABSURD,
)
SENSIBLE = st.sampled_from([textbook(), prior()])
MODELS = SENSIBLE | EXTREME


def holds(ranking: Ranking) -> None:
    """What every answer keeps: sums and order."""
    shares = [ranked.likelihood for ranked in ranking.candidates]
    assert math.fsum([*shares, ranking.none]) == pytest.approx(1.0, abs=1e-12)
    assert shares == sorted(shares, reverse=True)
    assert [ranked.rank for ranked in ranking.candidates] == list(range(1, len(shares) + 1))
    for ranked in ranking.candidates:
        assert math.isfinite(ranked.race)
        assert 0.0 < ranked.likelihood <= 1.0
        weight = math.fsum(row.weight for row in ranked.evidence)
        assert weight == pytest.approx(math.log2(ranked.likelihood / ranking.none), abs=1e-9)
        assert ranked.evidence[0].name == "base_rate"
        assert all(row.weight != 0.0 and row.value for row in ranked.evidence[1:])


@given(model=MODELS, ring=CALLS, crowd=crowds(), history=HISTORIES)
def test_likelihoods_sum_to_one_and_evidence_adds_up(
    model: LikelihoodModel, ring: Any, crowd: list[CandidateFacts], history: PhoneHistory
) -> None:
    holds(rank(model, ring, crowd, history))


@given(model=MODELS, ring=CALLS, crowd=crowds(least=2), history=HISTORIES, data=st.data())
def test_the_order_of_candidates_changes_nothing(
    model: LikelihoodModel, ring: Any, crowd: list[CandidateFacts], history: PhoneHistory, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(crowd))
    assert rank(model, ring, shuffled, history) == rank(model, ring, crowd, history)


@given(ring=CALLS, crowd=crowds(least=1), history=HISTORIES, sooner=st.floats(0.0, 1.0))
def test_where_interest_only_fades_a_more_recent_candidate_is_never_less_likely(
    ring: Any, crowd: list[CandidateFacts], history: PhoneHistory, sooner: float
) -> None:
    """Of a model whose delay falls from knot to knot, everything but the last life sign being equal."""
    first, *rest = (replace(one, seconds_since_view=None) for one in crowd)
    recent = replace(first, seconds_since_seen=first.seconds_since_seen * sooner)
    before = likelihoods(rank(textbook(), ring, [first, *rest], history))[first.visitor]
    after = likelihoods(rank(textbook(), ring, [recent, *rest], history))[first.visitor]
    assert after >= before * (1.0 - 1e-9)


@given(ring=CALLS, crowd=crowds(least=1), history=HISTORIES, seconds=st.floats(0.0, 600.0))
def test_a_tel_click_raises_the_likelihood(
    ring: Any, crowd: list[CandidateFacts], history: PhoneHistory, seconds: float
) -> None:
    model = textbook()
    first, *rest = crowd
    without = rank(model, ring, [replace(first, tel_click_seconds=None), *rest], history)
    clicked = rank(model, ring, [replace(first, tel_click_seconds=seconds), *rest], history)
    assert likelihoods(clicked)[first.visitor] >= likelihoods(without)[first.visitor] * (1.0 - 1e-12)
    # In odds against nobody, where nothing saturates, it is strictly more: for a new phone by the whole click.
    if ring.caller is None or not history.known:
        gain = _odds(clicked, first.visitor) - _odds(without, first.visitor)
        place = np.log2(np.asarray(CLICK.seconds) + CLICK.offset)
        curve = np.interp(np.log2(seconds + CLICK.offset), place, np.asarray(model.weights)[CLICKS])
        assert gain == pytest.approx(float(curve), abs=1e-6)


def _odds(ranking: Ranking, visitor: str) -> float:
    return math.log2(likelihoods(ranking)[visitor] / ranking.none)


@given(ring=CALLS, crowd=crowds(least=1), history=HISTORIES, more=st.floats(0.1, 1e3))
def test_calls_from_nobody_on_other_numbers_speak_for_nobody(
    ring: Any, crowd: list[CandidateFacts], history: PhoneHistory, more: float
) -> None:
    quiet = rank(textbook(), replace(ring, recent_nobody=0.0), crowd, history)
    burst = rank(textbook(), replace(ring, recent_nobody=more), crowd, history)
    assert burst.none >= quiet.none * (1.0 - 1e-12)
    # The candidates' odds among each other stay.
    assert [one.visitor for one in burst.candidates] == [one.visitor for one in quiet.candidates]


@given(ring=CALLS, crowd=crowds(), history=HISTORIES)
def test_withheld_and_shared_phones_have_no_phone_evidence(
    ring: Any, crowd: list[CandidateFacts], history: PhoneHistory
) -> None:
    private = {"known_phone", "other_phone"}
    hidden = rank(textbook(), replace(ring, caller=None), crowd, history)
    assert hidden == rank(textbook(), replace(ring, caller=None), crowd)
    shared = rank(textbook(), ring, crowd, replace(history, shared=True))
    assert shared == rank(textbook(), ring, crowd, PhoneHistory(shared=True))
    for ranked in (*hidden.candidates, *shared.candidates):
        assert private.isdisjoint(row.name for row in ranked.evidence)
    assert all(row.name != "area_code" for ranked in hidden.candidates for row in ranked.evidence)


@given(model=MODELS, ring=CALLS, crowd=crowds(), history=HISTORIES)
def test_a_model_that_went_through_json_scores_identically(
    model: LikelihoodModel, ring: Any, crowd: list[CandidateFacts], history: PhoneHistory
) -> None:
    again = LikelihoodModel.loads(model.dumps())
    assert rank(again, ring, crowd, history) == rank(model, ring, crowd, history)


@given(model=SENSIBLE, ring=CALLS, crowd=crowds(least=1), history=HISTORIES)
def test_one_by_one_equals_the_batch(
    model: LikelihoodModel, ring: Any, crowd: list[CandidateFacts], history: PhoneHistory
) -> None:
    batch = model.contributions(model.featurize(crowd), ring)
    single = [model.contributions(model.featurize([one]), ring)[0].tolist() for one in crowd]
    assert batch.tolist() == single
    together = rank(model, ring, crowd, history)
    alone = {one.visitor: rank(model, ring, [one], history).candidates[0] for one in crowd}
    for ranked in together.candidates:
        assert ranked.race == pytest.approx(alone[ranked.visitor].race, abs=1e-12)
        assert explain(model, ring, crowd, ranked.visitor, history) == ranked


@settings(max_examples=30)
@given(history=HISTORIES, data=st.data())
def test_the_order_in_which_history_is_told_changes_nothing(history: PhoneHistory, data: st.DataObject) -> None:
    moments = [fact.at for fact in history.calls]
    if len(set(moments)) < len(moments):
        return  # calls of one moment have no order to restore
    told = replace(history, calls=tuple(data.draw(st.permutations(history.calls))))
    crowd = [candidate(name, 500.0) for name in VISITORS]
    assert rank(textbook(), call(), crowd, told) == rank(textbook(), call(), crowd, history)
