"""The best answer is the posterior: calibrated, and every answer that knows less, or something false, is worse."""

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from app.demo.simulator import KINDS, Answer, Simulated, best_answer
from app.demo.simulator.area_codes import draw_phone, state_of
from tests.app.demo.simulator.playing import allocated, played

FLOOR = 1e-4


def chance_of_truth(simulated: Simulated, answers: Mapping[str, Answer]) -> np.ndarray:
    return np.array(
        [
            answers[call].none if visitor is None else answers[call].likelihoods.get(visitor, 0.0)
            for call, visitor in simulated.truth.items()
        ]
    )


def loss(simulated: Simulated, answers: Mapping[str, Answer]) -> np.ndarray:
    return -np.log(np.maximum(chance_of_truth(simulated, answers), FLOOR))


@pytest.fixture(scope="module")
def answered() -> dict[str, tuple[Simulated, dict[str, Answer]]]:
    return {kind: (played(kind, 7), best_answer(played(kind, 7), allocated(kind, 7))) for kind in KINDS}


def test_every_call_is_answered_and_the_answers_sum_to_one(answered):
    for simulated, answers in answered.values():
        assert set(answers) == set(simulated.truth)
        numbers = {number for pool in simulated.site["pools"] for number in pool["numbers"]}
        for answer in answers.values():
            assert math.fsum([answer.none, *answer.likelihoods.values()]) == pytest.approx(1, abs=1e-9)
            assert answer.number in numbers or (answer.none == 1 and not answer.likelihoods and answer.number is None)


def test_only_those_shown_the_rung_number_are_candidates(answered):
    simulated, answers = answered["many_pools"]
    shown: dict[str, list[tuple[str, str]]] = {}
    for at, visitor, number, _ in allocated("many_pools", 7):
        shown.setdefault(visitor, []).append((at, number))
    at = {line["id"]: line["at"] for line in simulated.lines if line["type"] == "call"}
    for call, answer in answers.items():
        for visitor in answer.likelihoods:
            assert [number for begun, number in shown[visitor] if begun <= at[call]][-1] == answer.number


def test_the_answers_are_calibrated_over_all_kinds(answered):
    said, came = [], []
    for simulated, answers in answered.values():
        for call, visitor in simulated.truth.items():
            for candidate, likelihood in answers[call].likelihoods.items():
                said.append(likelihood)
                came.append(candidate == visitor)
            said.append(answers[call].none)
            came.append(visitor is None)
    likelihood, true = np.array(said), np.array(came, dtype=float)
    edges = [0.0, 0.001, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97, 0.99, 1.0 + 1e-9]
    for low, high in pairwise(edges):
        here = (likelihood >= low) & (likelihood < high)
        spread = math.sqrt(float((likelihood[here] * (1 - likelihood[here])).sum()))
        off = float(true[here].sum() - likelihood[here].sum())
        # Four standard errors, and a little for what is summed by expectation.
        assert abs(off) < 4 * spread + 0.004 * here.sum() + 1, (low, high, int(here.sum()), off, spread)


def test_nobody_is_as_frequent_as_said(answered):
    for kind, (_, answers) in answered.items():
        said = np.array([answer.none for answer in answers.values()])
        came = sum(visitor is None for visitor in played(kind, 7).truth.values())
        assert abs(came - said.sum()) < 4.5 * math.sqrt(float((said * (1 - said)).sum())) + 2, kind


def test_the_loss_is_what_the_answers_themselves_expect(answered):
    surprise, expected, spread = 0.0, 0.0, 0.0
    for simulated, answers in answered.values():
        if not simulated.business.exact:
            continue
        surprise += float(-np.log(np.maximum(chance_of_truth(simulated, answers), 1e-12)).sum())
        for answer in answers.values():
            shares = np.array([answer.none, *answer.likelihoods.values()])
            logs = np.log(np.maximum(shares, 1e-300))
            expected -= float(shares @ logs)
            spread += float(shares @ logs**2) - float(shares @ logs) ** 2
    assert expected > 100
    assert abs(surprise - expected) < 4 * math.sqrt(spread)


def forgetting_regions(simulated: Simulated) -> Simulated:
    regions = replace(simulated.business.regions, local_mobile=0.0, local_desktop=0.0)
    return replace(simulated, business=replace(simulated.business, regions=regions))


def forgetting_phones(simulated: Simulated) -> Simulated:
    """Every call comes under a new number of the same state."""
    rng = np.random.default_rng(1)
    lines = simulated.insight.switchboards
    calls = tuple(
        call
        if call.phone is None or call.phone in lines
        else replace(call, phone=draw_phone(state_of(call.phone), rng))
        for call in simulated.insight.calls
    )
    return replace(simulated, insight=replace(simulated.insight, calls=calls))


def slower(simulated: Simulated) -> Simulated:
    calling = simulated.business.calling
    delays = tuple(replace(delay, scale=delay.scale * 3.0) for delay in calling.delays)
    drift = simulated.business.drift and replace(simulated.business.drift, delays=delays)
    business = replace(simulated.business, calling=replace(calling, delays=delays), drift=drift)
    return replace(simulated, business=business)


def fewer_strangers(simulated: Simulated) -> Simulated:
    business = simulated.business
    sources = tuple(replace(source, saved=source.saved / 6) for source in business.sources)
    return replace(simulated, business=replace(business, sources=sources))


def forgetting_clicks(simulated: Simulated) -> Simulated:
    calling = replace(simulated.business.calling, click_calls=1e-6)
    return replace(simulated, business=replace(simulated.business, calling=calling))


@pytest.mark.parametrize(
    ("wrong", "kinds", "least"),
    [
        (forgetting_regions, ("franchise", "law_firm", "local_trade", "television"), 0.02),
        (forgetting_phones, ("printed_number", "form_heavy", "clinic", "robocalls"), 0.1),
        (slower, ("two_screens", "call_center", "changing", "night_service"), 0.005),
        (fewer_strangers, ("printed_number", "clinic", "newsletter"), 0.01),
        (forgetting_clicks, ("local_trade", "mobile_gateway", "night_service"), 0.02),
    ],
)
def test_knowing_less_or_wrongly_costs(answered, wrong, kinds, least):
    worse = []
    for kind in kinds:
        simulated, answers = answered[kind]
        spoilt = best_answer(wrong(simulated), allocated(kind, 7))
        worse.append(loss(simulated, spoilt) - loss(simulated, answers))
    difference = np.concatenate(worse)
    assert difference.mean() > least
    assert difference.mean() > 2 * difference.std() / math.sqrt(len(difference))


def test_the_truth_and_the_future_are_not_read():
    simulated = played("wholesale", 7)
    whole = best_answer(simulated, allocated("wholesale", 7))
    half = len(simulated.insight.calls) // 2
    until = simulated.insight.calls[half].at
    blind = tuple(replace(call, visitor=None) for call in simulated.insight.calls[: half + 1])
    insight = replace(simulated.insight, calls=blind, call_ids=simulated.insight.call_ids[: half + 1])
    early = [row for row in allocated("wholesale", 7) if np.datetime64(row[0][:-1], "ms").astype(int) <= until]
    partly = best_answer(replace(simulated, insight=insight, truth={}, lines=()), early)
    assert partly == {call: whole[call] for call in partly}
    assert len(partly) == half + 1
