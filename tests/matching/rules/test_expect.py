"""The E-step sees a call as the ranking does."""

from dataclasses import replace

import numpy as np
import pytest

from matching.rules import lessons as lessons_module
from matching.rules.expect import Batch, Expected, expect
from matching.rules.facts import StaffDecision
from matching.rules.habits import SHARED_FROM
from matching.rules.lessons import Lessons
from matching.rules.model import LikelihoodModel
from tests.matching.rules.played import START, Event, Heard, Ring, Town, hear, town
from tests.matching.rules.scenes import PHONE, likelihoods, quiet

SEED = 5
OWN = "+14155550199"
VISITORS = 180
"""So few that no number has more holders than are looked at of an earlier call."""


@pytest.fixture(scope="module")
def drawn() -> Town:
    return town(SEED, quiet(), days=15.0, visitors=VISITORS, phones=True, forms=0.2)


@pytest.fixture(scope="module")
def model() -> LikelihoodModel:
    """Not the one that drew the calls: this is about two ways of saying the same."""
    burst = replace(quiet().background, burst=1e-5, sources={"ads": 0.5}, numbers={"n1": -0.7})
    return replace(quiet(), sources={"search": 0.4}, background=burst)


@pytest.fixture(scope="module")
def heard(drawn: Town, model: LikelihoodModel) -> Heard:
    """Every candidate is kept, however unlikely."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lessons_module, "NEGLIGIBLE", -1.0)
        return hear(drawn, model)


@pytest.fixture(scope="module")
def found(heard: Heard, model: LikelihoodModel) -> Expected:
    return expect(Batch(heard.lessons()), model)


def _apart(heard: Heard, found: Expected) -> list[tuple[bool, int, float]]:
    """Per call: known phone, candidates, the largest difference between posterior and likelihood."""
    batch = Batch(heard.lessons())
    apart = []
    for place, call in enumerate(batch.calls):
        given = likelihoods(heard.answers[call.call])
        rows = dict(zip(call.visitors, found.rows[batch.part(place)].tolist(), strict=True))
        told = {None: float(found.none[place])} | rows
        apart.append((call.known, len(given), max(abs(share - given[who]) for who, share in told.items())))
    return apart


def test_the_town_has_calls_of_every_kind(heard: Heard) -> None:
    assert sum(call.known for call in heard.calls) > 20
    assert sum(bool(call.forms) for call in heard.calls) > 3
    assert sum(ring.truth is None for ring in heard.town.rings.values()) > 20
    assert sum(call.facts.recent_nobody > 0.0 for call in heard.calls) > 0
    assert {int(fit) for call in heard.calls for fit in call.fits} == {0, 1, 2}


def test_posteriors_are_the_likelihoods_of_the_ranking(heard: Heard, found: Expected) -> None:
    assert max(apart for _, _, apart in _apart(heard, found)) < 1e-6


def test_leaving_out_the_negligible_changes_next_to_nothing(drawn: Town, model: LikelihoodModel) -> None:
    heard = hear(drawn, model)
    found = expect(Batch(heard.lessons()), model)
    for known, size, apart in _apart(heard, found):
        # A phone that rings again may bring up somebody whom its first call had left out.
        assert apart < (0.02 if known else 1e-6 * (size + 1))


def test_posteriors_of_a_call_sum_to_one_and_parts_are_parts(heard: Heard, found: Expected) -> None:
    batch = Batch(heard.lessons())
    total = np.bincount(batch.owner, found.rows, minlength=len(batch.calls)) + found.none
    assert total == pytest.approx(np.ones(len(batch.calls)), abs=1e-9)
    assert (found.fresh <= found.rows + 1e-12).all()
    assert (found.fresh >= 0.0).all()
    assert (found.idle + found.burst <= found.none + 1e-9).all()
    assert np.isfinite(found.log_likelihood).all()


def test_a_phone_that_rings_again_teaches_nothing_about_visits(heard: Heard, found: Expected) -> None:
    batch = Batch(heard.lessons())
    for place, again in found.redials.items():
        assert batch.known[place]
        assert not found.fresh[batch.part(place)].any()
        assert 0.0 <= again.visitor + again.nobody <= 1.0 + 1e-9
        assert again.since >= 0.0
    assert len(found.redials) > 20


def test_the_order_of_other_phones_calls_changes_nothing(heard: Heard, model: LikelihoodModel, found: Expected) -> None:
    phone = next(call.caller for call in heard.calls if call.known and call.caller)
    mine = tuple(call for call in heard.calls if call.caller == phone)
    alone = expect(Batch(heard.lessons(calls=mine)), model)
    batch = Batch(heard.lessons())
    places = [place for place, call in enumerate(batch.calls) if call.caller == phone]
    assert alone.none == pytest.approx(found.none[places], abs=1e-6)


def _decide(heard: Heard, call: str, visitor: str | None, model: LikelihoodModel) -> tuple[float, Expected, Lessons]:
    told = heard.lessons(decisions={call: StaffDecision(visitor=visitor)})
    batch = Batch(told)
    place = next(place for place, one in enumerate(batch.calls) if one.call == call)
    found = expect(batch, model)
    if visitor is None:
        return float(found.none[place]), found, told
    row = int(batch.starts[place]) + batch.calls[place].visitors.index(visitor)
    return float(found.rows[row]), found, told


def test_staff_are_believed_at_least_as_far_as_they_are_trusted(
    heard: Heard, model: LikelihoodModel, found: Expected
) -> None:
    trust = model.phones.decision
    batch = Batch(heard.lessons())
    for place in range(0, len(batch.calls), 9):
        call = batch.calls[place]
        before = float(found.none[place])
        share, after, _ = _decide(heard, call.call, None, model)
        agreed = before * trust / (before * trust + (1.0 - before) * (1.0 - trust))
        assert share == pytest.approx(max(trust, agreed), abs=1e-6)
        assert float(after.rows[batch.part(place)].sum()) + share == pytest.approx(1.0, abs=1e-6)
        if call.visitors:
            share, _, _ = _decide(heard, call.call, call.visitors[0], model)
            assert trust - 1e-6 <= share <= 1.0


def test_a_decision_for_somebody_who_was_no_candidate_moves_nothing(
    heard: Heard, model: LikelihoodModel, found: Expected
) -> None:
    call = next(call.call for call in heard.calls if not call.known)
    told = heard.lessons(decisions={call: StaffDecision(visitor="somebody")})
    after = expect(Batch(told), model)
    places = [place for place, one in enumerate(heard.calls) if one.call == call]
    assert after.none[places] == pytest.approx(found.none[places])


def test_a_decision_on_a_first_call_is_heard_when_the_phone_rings_again(heard: Heard, model: LikelihoodModel) -> None:
    again = next(call for call in heard.calls if call.known and not call.forms)
    first = next(call for call in heard.calls if call.caller == again.caller)
    place = next(place for place, call in enumerate(heard.calls) if call.call == again.call)
    _, nobody, _ = _decide(heard, first.call, None, model)
    who = next(visitor for visitor in again.visitors if visitor in first.visitors)
    _, somebody, _ = _decide(heard, first.call, who, model)
    assert nobody.none[place] > somebody.none[place]


def test_no_calls_at_all_have_an_answer(heard: Heard, model: LikelihoodModel) -> None:
    found = expect(Batch(heard.lessons(calls=heard.calls[:0])), model)
    assert found.rows.size == found.none.size == found.log_likelihood.size == 0


def test_a_shared_phone_is_nobodys_own_for_the_fit_as_for_the_ranking(model: LikelihoodModel) -> None:
    """Four visitors left the same phone; a fifth, whose own phone is known, is on the site when it rings."""
    events, number = [], "n0"
    for place in range(SHARED_FROM + 1):
        name, at = f"v{place}", START + 10.0 * place
        told = {"source": "ads", "device": "phone", "region": None}
        events += [
            Event(at=at, what="arrived", who=name, told=told),
            Event(at=at, what="viewed", who=name, told={"path": "/"}),
            Event(at=at, what="shown", who=name, told={"number": number, "source": "ads"}),
            Event(at=at + 1, what="filled", who=name, told={"phone": OWN if place == SHARED_FROM else PHONE}),
        ]
    events.append(Event(at=START + 60.0, what="called", who="c"))
    ring = Ring(call="c", number=number, caller=PHONE, truth=None)
    heard = hear(Town(events=tuple(events), rings={"c": ring}, end=START + 100.0), model)
    assert not heard.calls[0].known
    assert max(apart for _, _, apart in _apart(heard, expect(Batch(heard.lessons()), model))) < 1e-6
