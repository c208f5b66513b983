"""Expectation–maximisation over uncertain calls: a model that explains a site's calls, shrunk to the shipped prior.

The objective is the point process's own, Σ over calls of log(λ₀ m₀ + Σ λᵥ mᵥ) − ∫λ over all exposure. The E-step
(``expect``) shares each call among its candidates and nobody; the M-step fits the visitors' intensity by a Poisson
regression on exposure (``CallIntensity``), and everything else by Gamma-Poisson and Beta shrinkage.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from matching.rules.background import RECENT_SCALE, RECENT_SECONDS, Background
from matching.rules.balance import balance
from matching.rules.cells import Ints
from matching.rules.curves import HOURS, Floats, sums
from matching.rules.expect import Batch, Expected, expect
from matching.rules.exposed import LIKELY, WEEK, Exposed, foreseen_calls
from matching.rules.intensity import CallIntensity
from matching.rules.lessons import OTHER, SAME, UNKNOWN, Lessons
from matching.rules.model import LikelihoodModel
from matching.rules.phones import PhoneParams
from matching.rules.spread import Spread

LN2 = float(np.log(2.0))


def fit(
    lessons: Lessons,
    *,
    prior: LikelihoodModel,
    spread: Spread,
    start: LikelihoodModel,
    version: str,
    rounds: int = 8,
    progress: Callable[[float], None] | None = None,
) -> tuple[LikelihoodModel, Expected]:
    """Return the model fitted to the lessons, and the posteriors it ends with; ``start`` is where the search begins.

    The same lessons give the same model, to the last bit on one machine.
    """
    batch = Batch(lessons)
    model = replace(start, version=version)
    found = expect(batch, model)
    exposed = Exposed.of(lessons, batch.cells[found.rows > LIKELY], prior)
    where = exposed.rows_of(batch.cells)
    for step in range(rounds):
        model = _maximise(lessons, batch, exposed, where, found, model, prior, spread)
        model = balance(lessons, batch, exposed, found, model, prior=prior, spread=spread)
        found = expect(batch, model)
        if progress is not None:
            progress((step + 1) / rounds)
    return model, found


def _maximise(
    lessons: Lessons,
    batch: Batch,
    exposed: Exposed,
    where: Ints,
    found: Expected,
    model: LikelihoodModel,
    prior: LikelihoodModel,
    spread: Spread,
) -> LikelihoodModel:
    share = found.fresh * batch.weights[batch.owner]
    calls = sums(where, share, len(exposed.seconds))
    idle = float((found.idle * batch.weights).sum())
    watched = foreseen_calls(lessons, batch, model, prior)
    weights, by_source, level = _intensities(
        lessons, exposed, calls, np.asarray(model.hours), idle, sum(watched.values()), prior, spread
    )
    rates = np.exp2(exposed.features @ weights + by_source[exposed.source])
    hours = _hours(
        prior.hours,
        sums(batch.hours[batch.owner], share, HOURS),
        exposed.by_hour(rates),
        spread.hours,
    )
    return replace(
        model,
        weights=tuple(float(w) for w in weights),
        hours=hours,
        sources={name: float(by_source[place]) for place, name in enumerate(lessons.sources)},
        background=_background(lessons, batch, found, watched, 2.0**level, prior, spread),
        phones=_phones(lessons, batch, found, prior.phones, spread),
    )


def _intensities(
    lessons: Lessons,
    exposed: Exposed,
    calls: Floats,
    hours: Floats,
    idle: float,
    watched: float,
    prior: LikelihoodModel,
    spread: Spread,
) -> tuple[Floats, Floats, float]:
    """Weights of FEATURES, log2 of each source's visitors (by place), and log2 of nobody's level against the prior's.

    Visitors and nobody are fitted together: how much businesses differ in the one goes with how they differ in the
    other. ``calls`` per row of exposure; ``idle`` calls by nobody where ``watched`` were foreseen.
    """
    base = np.asarray(prior.weights)
    # A call from a cell that nobody was exposed in (its edge was just crossed) still needs a row to weigh.
    expected = np.maximum(exposed.by_row(hours) * np.exp2(exposed.features @ base), 1e-9)
    places, width = len(lessons.sources), len(base)
    last = max(int(exposed.source.max(initial=0)) + 1, places)
    table = np.zeros((len(expected) + 1, spread.weights.shape[1] + last))
    table[:-1, : spread.weights.shape[1]] = exposed.features @ spread.weights[:width]
    table[-1, : spread.weights.shape[1]] = spread.weights[width]
    table[np.arange(len(expected)), spread.weights.shape[1] + exposed.source] = spread.sources
    expected = np.append(expected, max(watched, 1e-9))
    counted = np.append(calls, idle)
    estimator = CallIntensity().fit(table * LN2, counted / expected, sample_weight=expected)
    z = estimator.coef_
    moved = spread.weights @ z[: spread.weights.shape[1]]
    return base + moved[:width], z[spread.weights.shape[1] :] * spread.sources, float(moved[width])


def _hours(prior: tuple[float, ...], calls: Floats, expected: Floats, strength: float) -> tuple[float, ...]:
    """log2 by hour kind: the prior's, moved by what was counted; neighbouring hours lend each other half."""
    counted = _smooth(calls)
    foreseen = _smooth(expected * np.exp2(np.asarray(prior)))
    level = (strength + calls.sum()) / (strength + foreseen.sum()) if foreseen.sum() > 0 else 1.0
    ratio = (strength + counted) / (strength + foreseen * level)
    return tuple(float(p + r) for p, r in zip(prior, np.log2(ratio), strict=True))


def _smooth(values: Floats) -> Floats:
    days = values.reshape(3, 24)
    return np.asarray(days + 0.5 * (np.roll(days, 1, axis=1) + np.roll(days, -1, axis=1)), dtype=np.float64).ravel()


def _background(
    lessons: Lessons,
    batch: Batch,
    found: Expected,
    watched: dict[str, float],
    account: float,
    prior: LikelihoodModel,
    spread: Spread,
) -> Background:
    """Nobody's rates: each source's shrunk to the account's, each number's to its source's."""
    before = prior.background
    idle = found.idle * batch.weights
    count = dict.fromkeys(watched, 0.0)
    for place, call in enumerate(batch.calls):
        count[call.number] = count.get(call.number, 0.0) + float(idle[place])
    by_source: dict[str, list[str]] = {}
    for number, (source, _) in lessons.numbers.items():
        by_source.setdefault(source, []).append(number)
    sources: dict[str, float] = {}
    numbers: dict[str, float] = {}
    for source in sorted(by_source):
        owned = sorted(by_source[source])
        foreseen = sum(watched[n] for n in owned) * account
        ratio = _pull(sum(count[n] for n in owned), foreseen, spread.background_source)
        sources[source] = float(np.log2(ratio))
        for n in owned:
            numbers[n] = float(np.log2(_pull(count[n], watched[n] * account * ratio, spread.background_number)))
    hours = _hours(
        before.hours,
        sums(batch.hours, idle, HOURS),
        WEEK * sum(watched.values()) * account,
        spread.background_hours,
    )
    scale = RECENT_SCALE * (1.0 - np.exp(-RECENT_SECONDS / RECENT_SCALE))
    exposure = float((found.none * batch.weights).sum()) * scale * max(len(watched) - 1, 0)
    burst = before.burst * _pull(float((found.burst * batch.weights).sum()), before.burst * exposure, spread.burst)
    return replace(
        before,
        calls_per_day={kind: rate * account for kind, rate in before.calls_per_day.items()},
        sources=sources,
        numbers=numbers,
        hours=hours,
        burst=float(burst),
    )


def _pull(count: float, foreseen: float, strength: float) -> float:
    """The ratio of counted to foreseen calls, with ``strength`` calls of belief in 1 (Gamma-Poisson)."""
    return (strength + count) / (strength + foreseen)


def _beta(prior: float, yes: float, trials: float, strength: float) -> float:
    """A probability with ``strength`` trials of belief in its prior (Beta-binomial)."""
    return float(np.clip((strength * prior + yes) / (strength + trials), 1e-4, 1.0 - 1e-4))


def _phones(lessons: Lessons, batch: Batch, found: Expected, prior: PhoneParams, spread: Spread) -> PhoneParams:
    """Every share shrunk to its prior by as many trials as the spread says, redialling by scale."""
    counts = phone_counts(batch, found, prior)
    strengths = {
        "withheld_visitor": spread.withheld,
        "withheld_nobody": spread.withheld,
        "rho": spread.rho,
        "other_number": spread.other_number,
        "same_region": spread.regions,
        "same_region_phone": spread.regions,
        "moved_near": spread.local,
        "local": spread.local,
    }
    shares: dict[str, Any] = {
        name: _beta(getattr(prior, name), *counts[name], strength) for name, strength in strengths.items()
    }
    for name, (counted, foreseen) in redial_counts(lessons, batch, found, prior).items():
        factors = (spread.redial + counted) / (spread.redial + foreseen)
        shares[name] = getattr(prior, name).scaled(factors)
    return replace(prior, **shares)


def phone_counts(batch: Batch, found: Expected, params: PhoneParams) -> dict[str, tuple[float, float]]:
    """For each share among the phone parameters: expected number of times it was so, out of how many."""
    rows = found.rows * batch.weights[batch.owner]
    by_call = np.bincount(batch.owner, rows, minlength=len(batch.calls))
    nobody = found.none * batch.weights
    hidden = batch.withheld
    again = list(found.redials.items())
    other = sum(r.nobody * batch.weights[p] for p, r in again if not r.same)
    redialled = sum(r.nobody * batch.weights[p] for p, r in again)
    known = batch.known[batch.owner]
    own = float(rows[known].sum())
    return {
        "withheld_visitor": (float(by_call[hidden].sum()), float(by_call.sum())),
        "withheld_nobody": (float(nobody[hidden].sum()), float(nobody.sum())),
        "rho": (own, own + float((rows * batch.other_phone)[~known].sum())),
        "other_number": (float(other), float(redialled)),
        **_region_counts(batch, found, params),
    }


def _region_counts(batch: Batch, found: Expected, params: PhoneParams) -> dict[str, tuple[float, float]]:
    """How telling regions are here: who kept the area code of their region, and where nobody's callers live."""
    told = (batch.fits != UNKNOWN) & ~batch.known[batch.owner]
    weight = (found.rows * batch.weights[batch.owner])[told]
    same, phone, owner = (batch.fits == SAME)[told], batch.on_phone[told], batch.owner[told]
    near, anywhere = _shares(batch, params)
    moved = params.moved_near * near[owner] + (1.0 - params.moved_near) * anywhere[owner]
    counts: dict[str, tuple[float, float]] = {}
    for name, which in (("same_region", ~phone), ("same_region_phone", phone)):
        stay = getattr(params, name)
        kept = stay / (stay + (1.0 - stay) * moved)
        counts[name] = (float((weight * same * kept)[which].sum()), float(weight[which].sum()))
    # Among those who moved here from elsewhere, and among nobody's: near the site's visitors, or anywhere?
    away = weight * (batch.fits == OTHER)[told]
    from_near = params.moved_near * near[owner] / np.maximum(moved, 1e-12)
    counts["moved_near"] = (float((away * from_near).sum()), float(away.sum()))
    asked = np.asarray([c.facts.caller_region is not None and not c.known for c in batch.calls], dtype=bool)
    nobody = (found.none * batch.weights)[asked]
    local = params.local * near[asked]
    local = local / np.maximum(local + (1.0 - params.local) * anywhere[asked], 1e-12)
    counts["local"] = (float((nobody * local).sum()), float(nobody.sum()))
    return counts


def _shares(batch: Batch, params: PhoneParams) -> tuple[Floats, Floats]:
    """Per call: the share of the caller's region among the number's holders, and among all people."""
    anywhere = [params.regions.get(c.facts.caller_region or "", params.other_region) for c in batch.calls]
    given = [c.facts.region_share for c in batch.calls]
    near = [a if share is None else share for a, share in zip(anywhere, given, strict=True)]
    return np.asarray(near, dtype=np.float64), np.asarray(anywhere, dtype=np.float64)


def redial_counts(
    lessons: Lessons, batch: Batch, found: Expected, params: PhoneParams
) -> dict[str, tuple[Floats, Floats]]:
    """How often phones rang again, by scale, and how often that was foreseen over the time each was waited for."""
    waited, visitors, weights = _waiting(lessons, batch, found)
    answers: dict[str, tuple[Floats, Floats]] = {}
    for name, decay, owned in (
        ("redial_visitor", params.redial_visitor, visitors),
        ("redial_nobody", params.redial_nobody, 1.0 - visitors),
    ):
        foreseen = (decay.spent(waited) * (owned * weights)[:, None]).sum(axis=0)
        counted = np.zeros(len(decay.scales) + 1)
        for place, again in found.redials.items():
            parts = np.append(decay.parts([again.since])[0], decay.floor)
            share = again.visitor if name == "redial_visitor" else again.nobody
            counted += parts / parts.sum() * share * batch.weights[place]
        answers[name] = (counted, np.asarray(foreseen, dtype=np.float64))
    return answers


def _waiting(lessons: Lessons, batch: Batch, found: Expected) -> tuple[Floats, Floats, Floats]:
    """For each time a phone was waited for: seconds, probability that its owner is a visitor, how much it counts."""
    last: dict[str, int] = {}
    spans: list[tuple[float, float, float]] = []
    for place, call in enumerate(batch.calls):
        if call.caller is None:
            continue
        before = last.get(call.caller)
        if before is not None:
            spans.append(_span(batch, found, before, call.at))
        last[call.caller] = place
    spans += [_span(batch, found, place, lessons.now) for place in last.values()]
    table = np.asarray(spans, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _span(batch: Batch, found: Expected, place: int, until: float) -> tuple[float, float, float]:
    return max(until - batch.calls[place].at, 0.0), 1.0 - float(found.none[place]), float(batch.weights[place])


def log_likelihood(lessons: Lessons, model: LikelihoodModel) -> float:
    """Natural log of how well a model foresaw the lessons' calls: Σ log intensity − ∫ intensity.

    For lessons of a period that the model was not fitted to. It is about first calls: a phone that rings again is left
    out, and so is the waiting for it.
    """
    batch = Batch(lessons)
    exposed = Exposed.of(lessons, np.zeros(0, dtype=np.int64), model)
    by_source = np.asarray([model.sources.get(name, 0.0) for name in lessons.sources] + [0.0])
    place = np.minimum(exposed.source, len(by_source) - 1)
    rates = np.exp2(exposed.features @ np.asarray(model.weights) + by_source[place])
    visitors = float((exposed.by_row(np.asarray(model.hours)) * rates).sum())
    learnt = model.background
    nobody = sum(
        foreseen * 2.0 ** (learnt.sources.get(lessons.numbers[n][0], 0.0) + learnt.numbers.get(n, 0.0))
        for n, foreseen in foreseen_calls(lessons, batch, model, model).items()
    )
    called = float(expect(batch, model).log_likelihood[~batch.known].sum()) if len(batch.calls) else 0.0
    return called - visitors - float(nobody)
