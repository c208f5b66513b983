"""A call is a race: rank its candidates, with nobody among the answers.

likelihood(v) = rate(v) / (rate(nobody) + sum of rates), each rate being the intensity times how well the
caller id fits (the competing-risks share of a superposition of point processes). Worked in log2 with
log-sum-exp, so each likelihood is also a sum of evidence rows against nobody.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from matching.rules import phones
from matching.rules.curves import Floats
from matching.rules.evidence import ROWS, Evidence, Scene, rows
from matching.rules.facts import NEW_PHONE, CallFacts, CandidateFacts, PhoneHistory
from matching.rules.model import INTENSITY_ROWS, LIMIT, LikelihoodModel

_COLUMN = {name: column for column, name in enumerate(ROWS)}


class Ranked(NamedTuple):
    """A candidate and their probability.

    ``rank`` counts from 1. ``evidence`` is empty for candidates nobody asked about. ``race`` is log2 of this
    call's own factor for this visitor against nobody, what earlier calls say of the owner left out: the part
    to store with the call and to hand back in ``EarlierCall.races`` when the phone rings again. For a phone
    met before it says how much likelier than the owner's mere ringing again this visitor's visit makes the
    call, so it must be stored as it was given at that call.
    """

    visitor: str
    visit: str
    likelihood: float
    rank: int
    evidence: tuple[Evidence, ...]
    race: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """All answers to "who called?"; ``none`` and the likelihoods sum to 1."""

    none: float
    candidates: tuple[Ranked, ...]

    @property
    def best(self) -> Ranked | None:
        """The model's match: the likeliest candidate, or None where nobody is likelier."""
        return self.candidates[0] if self.candidates and self.candidates[0].likelihood >= self.none else None


def rank(
    model: LikelihoodModel,
    call: CallFacts,
    candidates: Sequence[CandidateFacts],
    phone_history: PhoneHistory = NEW_PHONE,
    *,
    evidence_for: int = 20,
    visitors: Collection[str] = (),
) -> Ranking:
    """Return every candidate with their likelihood, the likeliest first.

    Ties: last seen later first, then by visitor id.

    Evidence is worded for the ``evidence_for`` likeliest and for ``visitors``.
    Raises ValueError where a visitor is a candidate twice.
    """
    if not candidates:
        return Ranking(none=1.0, candidates=())
    if len({candidate.visitor for candidate in candidates}) != len(candidates):
        raise ValueError("a visitor can be a candidate only once")
    # Vectorised functions round by an element's place: in one order the same crowd gets the same bits.
    candidates = sorted(candidates, key=lambda candidate: candidate.visitor)
    posterior = {} if call.caller is None else phones.owners(phone_history, model.phones)
    weights, race = _weigh(model, call, candidates, phone_history, posterior)
    scores = weights.sum(axis=1)
    order = sorted(range(len(candidates)), key=_placing(scores.tolist(), candidates))
    likelihoods, none = _normalise(scores[order])
    scene = Scene(call=call, history=phone_history, posterior=posterior, model=model)
    asked, races, ranked = set(visitors), race.tolist(), []
    for place, (index, likelihood) in enumerate(zip(order, likelihoods, strict=True), start=1):
        candidate = candidates[index]
        worded = place <= evidence_for or candidate.visitor in asked
        evidence = rows(scene, candidate, weights[index].tolist()) if worded else ()
        ranked.append(Ranked(candidate.visitor, candidate.visit, likelihood, place, evidence, races[index]))
    return Ranking(none=none, candidates=tuple(ranked))


def explain(
    model: LikelihoodModel,
    call: CallFacts,
    candidates: Sequence[CandidateFacts],
    visitor: str,
    phone_history: PhoneHistory = NEW_PHONE,
) -> Ranked | None:
    """Return one candidate with evidence, whatever their rank, or None where they are no candidate.

    All candidates are needed: who else was there decides the likelihood (not the evidence).
    """
    ranking = rank(model, call, candidates, phone_history, evidence_for=0, visitors=(visitor,))
    return next((ranked for ranked in ranking.candidates if ranked.visitor == visitor), None)


def _placing(scores: list[float], candidates: Sequence[CandidateFacts]) -> Callable[[int], tuple[float, float, str]]:
    """Return the sort key of a candidate's index."""

    def key(index: int) -> tuple[float, float, str]:
        return -scores[index], -candidates[index].last_seen_at.timestamp(), candidates[index].visitor

    return key


def _weigh(
    model: LikelihoodModel,
    call: CallFacts,
    candidates: Sequence[CandidateFacts],
    history: PhoneHistory,
    posterior: phones.Owners,
) -> tuple[Floats, Floats]:
    """Return the weights against nobody, shape (candidates, ROWS), and each candidate's race."""
    weights = np.zeros((len(candidates), len(ROWS)))
    weights[:, : len(INTENSITY_ROWS)] = model.contributions(model.featurize(candidates), call)
    background = model.background_terms(call)
    machines = np.clip([candidate.machine for candidate in candidates], -LIMIT, 0.0)
    weights[:, _COLUMN["machine"]] = machines
    if posterior:
        weights, race = _weigh_known(model, call, candidates, history, posterior, weights, background)
        return weights, race + machines
    for name, term in background.items():
        weights[:, _COLUMN[name]] -= term
    weights[:, _COLUMN["withheld"]] = _withheld(model.phones, withheld=call.caller is None)
    if call.caller is not None:
        regions = [candidate.region for candidate in candidates]
        on_phone = [candidate.device == "phone" for candidate in candidates]
        weights[:, _COLUMN["area_code"]] = phones.region_factors(call, regions, on_phone, model.phones)
        if not history.shared and not history.withheld:
            elsewhere = np.clip([candidate.other_phone for candidate in candidates], 0.0, 1.0)
            weights[:, _COLUMN["other_phone"]] = np.log2(1.0 - model.phones.rho * elsewhere)
    return weights, np.asarray(weights.sum(axis=1), dtype=np.float64)


def _withheld(params: phones.PhoneParams, *, withheld: bool) -> float:
    """log2 of how much likelier a visitor than nobody withholds, or shows, the number."""
    if withheld:
        return math.log2(params.withheld_visitor / params.withheld_nobody)
    return math.log2((1.0 - params.withheld_visitor) / (1.0 - params.withheld_nobody))


def _weigh_known(
    model: LikelihoodModel,
    call: CallFacts,
    candidates: Sequence[CandidateFacts],
    history: PhoneHistory,
    posterior: phones.Owners,
    weights: Floats,
    background: dict[str, float],
) -> tuple[Floats, Floats]:
    """Make ``weights`` those of a call from a phone met before; return them and each candidate's race.

    Its row says what the phone adds to the visitor's own intensity against nobody's. The region spoke at the phone's
    first call, and is in that call's race.
    """
    # A dialler's burst speaks for nobody whichever of nobody's phones it is, so it stays a row of its own.
    burst = background.pop("robocall_burst")
    visitor_log = weights[:, : len(INTENSITY_ROWS)].sum(axis=1)
    background_log = sum(background.values())
    redial = phones.redials(history, call, model.phones)
    own = np.asarray([posterior.get(candidate.visitor, 0.0) for candidate in candidates], dtype=np.float64)
    known = phones.known_phone_factors(visitor_log, background_log, redial, own, model.phones)
    for name, term in background.items():
        weights[:, _COLUMN[name]] -= term
    weights[:, _COLUMN["known_phone"]] = np.clip(known - (visitor_log - background_log), -3 * LIMIT, 3 * LIMIT)
    weights[:, _COLUMN["robocall_burst"]] = -burst
    race = np.logaddexp2(visitor_log, math.log2(redial[0])) - math.log2(redial[1]) - burst
    return weights, np.asarray(race, dtype=np.float64)


def _normalise(scores: Floats) -> tuple[list[float], float]:
    """Turn log2 scores against nobody (largest first) into probabilities and nobody's (log-sum-exp)."""
    top = max(float(scores[0]), 0.0)
    weights = np.exp2(scores - top)
    nobody = float(np.exp2(-top))
    total = float(weights.sum()) + nobody
    return (weights / total).tolist(), nobody / total
