"""Makes the shipped prior and its spread from businesses whose truth is known: a mixture over kinds of business.

Every business is one draw. What is learnt of each with the truth at hand says where a parameter lies on average, and
how far businesses lie apart: that is how much belief a fit gives to the prior.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import numpy as np

from matching.rules.background import RECENT_SCALE, RECENT_SECONDS
from matching.rules.curves import HOURS, Floats
from matching.rules.expect import Batch, Expected, expect
from matching.rules.exposed import WEEK, Exposed, foreseen_calls
from matching.rules.features import CLICKS, DELAYS, FEATURES, FORMS, LINGERS, MARKS
from matching.rules.fit import phone_counts, redial_counts
from matching.rules.hierarchy import Observed, Population, pool
from matching.rules.lessons import Lessons
from matching.rules.model import LikelihoodModel
from matching.rules.spread import Spread

_TRUE = 0.9999
_POOLING = 5
"""Rounds of pooling in each round; the next one goes on where it ended."""
_SHARES = (
    "withheld_visitor",
    "withheld_nobody",
    "rho",
    "other_number",
    "same_region",
    "same_region_phone",
    "moved_near",
    "local",
)


@dataclass(kw_only=True, eq=False)
class _Told:
    """One business under the present model, with its truth."""

    lessons: Lessons
    batch: Batch
    found: Expected
    exposed: Exposed
    calls: Floats


def make(
    businesses: Sequence[Lessons], *, start: LikelihoodModel, spread: Spread, version: str, rounds: int = 3
) -> tuple[LikelihoodModel, Spread]:
    """Return prior and spread. ``decisions`` of the lessons hold the truth of every call; values are rounded.

    ``start`` and ``spread`` are where the search begins, and give what no business can tell (a page that was closed).
    """
    model = replace(start, version=version)
    population = Population(
        mean=np.append(np.asarray(start.weights), 0.0),
        covariance=spread.weights @ spread.weights.T,
        sources=spread.sources,
    )
    for _ in range(rounds):
        told = [_tell(lessons, model) for lessons in businesses]
        population = pool([_observed(one, model) for one in told], population, rounds=_POOLING)
        shares, strengths = _shares(told, model, spread)
        background = model.background
        model = replace(
            model,
            weights=tuple(round(float(w), 3) for w in population.mean[:-1]),
            hours=_hours([_visitor_hours(one, model) for one in told], model.hours),
            background=replace(
                background,
                calls_per_day={
                    kind: round(rate * 2.0 ** float(population.mean[-1]), 5)
                    for kind, rate in background.calls_per_day.items()
                },
                hours=_hours([_nobody_hours(one, model) for one in told], background.hours),
                burst=_burst(told, model),
            ),
            phones=replace(model.phones, **(shares | _redials(told, model))),
        )
        # Nobody's level is counted against the model's own rate, which has just taken it over.
        population = replace(population, mean=np.append(population.mean[:-1], 0.0))
    return hedged(model, population, strengths, start=start, spread=spread)


def hedged(
    model: LikelihoodModel,
    population: Population,
    strengths: dict[str, float],
    *,
    start: LikelihoodModel,
    spread: Spread,
) -> tuple[LikelihoodModel, Spread]:
    """Meet what was found half-way from where the search began: simulated businesses are not all there are.

    The mean and covariance are those of a population of which half is as found and half as reasoned; what the two
    disagree about is what a fit may move most. Shares lie half-way, with the weaker belief of the two.
    """
    began = np.append(np.asarray(start.weights), np.log2(start.background.rate("pool") / model.background.rate("pool")))
    apart = population.mean - began
    mean = (population.mean + began) / 2
    covariance = (population.covariance + spread.weights @ spread.weights.T) / 2 + np.outer(apart, apart) / 4
    shares = {name: round((getattr(model.phones, name) + getattr(start.phones, name)) / 2, 4) for name in _SHARES}
    hours, quiet = (
        tuple(round((a + b) / 2, 3) for a, b in zip(found, before, strict=True))
        for found, before in ((model.hours, start.hours), (model.background.hours, start.background.hours))
    )
    background = model.background
    level = 2.0 ** float(mean[-1])
    served = replace(
        model,
        weights=tuple(round(float(w), 3) for w in mean[:-1]),
        hours=hours,
        background=replace(
            background,
            calls_per_day={kind: round(rate * level, 5) for kind, rate in background.calls_per_day.items()},
            hours=quiet,
        ),
        phones=replace(model.phones, **shares),
    )
    belief = {name: min(found, getattr(spread, name)) for name, found in strengths.items()}
    found = replace(
        spread,
        weights=np.round(np.linalg.cholesky(covariance), 4),
        sources=round((population.sources + spread.sources) / 2, 3),
        **belief,
    )
    return served, found


def _tell(lessons: Lessons, model: LikelihoodModel) -> _Told:
    batch = Batch(lessons)
    found = expect(batch, replace(model, phones=replace(model.phones, decision=_TRUE)))
    exposed = Exposed.of(lessons, batch.cells[found.rows > 0.05], model)
    share = found.fresh * batch.weights[batch.owner]
    calls = np.bincount(exposed.rows_of(batch.cells), share, minlength=len(exposed.seconds)).astype(np.float64)
    return _Told(lessons=lessons, batch=batch, found=found, exposed=exposed, calls=calls)


def _observed(told: _Told, model: LikelihoodModel) -> Observed:
    """A business's rows of exposure, and nobody's as the last."""
    exposed = told.exposed
    watched = sum(foreseen_calls(told.lessons, told.batch, model, model).values())
    rows, width = len(exposed.seconds), len(FEATURES)
    features = np.zeros((rows + 1, width + 1))
    features[:-1, :-1] = exposed.features
    features[-1, -1] = 1.0
    return Observed(
        features=features,
        source=np.append(exposed.source, -1),
        calls=np.append(told.calls, float((told.found.idle * told.batch.weights).sum())),
        seconds=np.append(exposed.by_row(np.asarray(model.hours)), watched),
    )


def _visitor_hours(told: _Told, model: LikelihoodModel) -> tuple[Floats, Floats]:
    share = told.found.fresh * told.batch.weights[told.batch.owner]
    counted = np.bincount(told.batch.hours[told.batch.owner], share, minlength=HOURS)
    rates = np.exp2(told.exposed.features @ np.asarray(model.weights))
    return counted.astype(np.float64), told.exposed.by_hour(rates)


def _nobody_hours(told: _Told, model: LikelihoodModel) -> tuple[Floats, Floats]:
    counted = np.bincount(told.batch.hours, told.found.idle * told.batch.weights, minlength=HOURS)
    return counted.astype(np.float64), WEEK


def _hours(told: Sequence[tuple[Floats, Floats]], before: tuple[float, ...]) -> tuple[float, ...]:
    """log2 by hour, mean factor 1 over a week's exposure: each business counts alike, whatever its size."""
    counted = sum(c / (c.sum() + 20.0) for c, _ in told) + 0.02 * np.exp2(np.asarray(before)) * WEEK
    exposed = sum(e / max(float(e.sum()), 1e-12) for _, e in told)
    # An hour that nobody was exposed in says nothing: the term from before stands on both sides.
    raw = np.asarray(counted / (exposed + 0.02 * WEEK)).reshape(3, 24)
    smooth = (np.roll(raw, 1, axis=1) + 2 * raw + np.roll(raw, -1, axis=1)).ravel() / 4
    return tuple(round(float(v), 3) for v in np.log2(smooth / float((smooth * WEEK).sum())))


def _shares(told: Sequence[_Told], model: LikelihoodModel, spread: Spread) -> tuple[dict[str, Any], dict[str, float]]:
    counts = [phone_counts(one.batch, one.found, model.phones) for one in told]
    shares: dict[str, Any] = {}
    strengths: dict[str, list[float]] = {}
    groups = {
        "withheld_visitor": "withheld",
        "withheld_nobody": "withheld",
        "same_region": "regions",
        "same_region_phone": "regions",
        "moved_near": "local",
        "local": "local",
        "rho": "rho",
        "other_number": "other_number",
    }
    for name in _SHARES:
        mean, strength = beta_of([count[name] for count in counts])
        shares[name] = round(mean, 4)
        strengths.setdefault(groups[name], []).append(strength)
    return shares, {group: round(float(np.mean(found)), 1) for group, found in strengths.items()}


def beta_of(counts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Mean and strength (trials) of the Beta distribution that shares come from, by moments.

    ``counts``: (yes, trials) per business. The spread that trials alone would cause is taken off.
    """
    yes, trials = np.asarray(counts, dtype=np.float64).T
    kept = trials > 2.0
    if not kept.any():
        return 0.5, 2.0
    yes, trials = yes[kept], trials[kept]
    weights = trials / (trials + 20.0)
    share = yes / trials
    mean = float(np.clip((weights * share).sum() / weights.sum(), 1e-3, 1.0 - 1e-3))
    variance = float((weights * (share - mean) ** 2).sum() / weights.sum())
    noise = float((weights * mean * (1.0 - mean) / trials).sum() / weights.sum())
    between = max(variance - noise, mean * (1.0 - mean) / 200.0)
    return mean, float(np.clip(mean * (1.0 - mean) / between - 1.0, 2.0, 200.0))


def _redials(told: Sequence[_Told], model: LikelihoodModel) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    counts = [redial_counts(one.lessons, one.batch, one.found, model.phones) for one in told]
    for name in ("redial_visitor", "redial_nobody"):
        counted = sum(count[name][0] / (count[name][1].sum() + 5.0) for count in counts)
        foreseen = sum(count[name][1] / (count[name][1].sum() + 5.0) for count in counts)
        factors = (0.05 + np.asarray(counted)) / (0.05 + np.asarray(foreseen))
        decay = getattr(model.phones, name).scaled(factors)
        answers[name] = replace(
            decay,
            heights=tuple(float(f"{height:.3g}") for height in decay.heights),
            floor=float(f"{decay.floor:.3g}"),
        )
    return answers


def _burst(told: Sequence[_Told], model: LikelihoodModel) -> float:
    """Calls per second and number that a recent call by nobody brings along: the mean over businesses."""
    scale = RECENT_SCALE * (1.0 - float(np.exp(-RECENT_SECONDS / RECENT_SCALE)))
    rates = []
    for one in told:
        numbers = max(len(one.lessons.numbers) - 1, 0)
        exposure = float((one.found.none * one.batch.weights).sum()) * scale * numbers
        if exposure > 0:
            counted = float((one.found.burst * one.batch.weights).sum())
            rates.append((counted + 0.2) / (exposure + 0.2 / max(model.background.burst, 1e-9)))
    # The geometric mean: one business of robocalls says nothing of the others.
    return float(f"{float(np.exp(np.mean(np.log(rates)))):.3g}") if rates else model.background.burst


def reasoned() -> LikelihoodModel:
    """Return where the search begins: rates by reasoning, before any business was seen."""
    return LikelihoodModel.loads(files("matching").joinpath("reasoned.json").read_text(encoding="utf-8"))


def wide() -> Spread:
    """Return a wide spread around the reasoned rates: levels within a factor of two or three, curves smooth."""
    width = len(FEATURES)
    covariance = np.zeros((width + 1, width + 1))
    for knots, level, walk in ((DELAYS, 1.2, 0.55), (LINGERS, 0.3, 0.3), (CLICKS, 0.8, 0.5), (FORMS, 0.8, 0.4)):
        steps = np.arange(knots.stop - knots.start)
        smooth = level**2 + walk**2 * np.minimum.outer(steps, steps)
        covariance[knots, knots] = smooth + 0.15**2 * np.eye(len(steps))
    for place, deviation in enumerate((0.5, 2.0, 0.5, 0.8, 0.6, 0.25, 0.3, 0.7, 0.5), start=width - len(MARKS)):
        covariance[place, place] = deviation**2
    covariance[width, width] = 1.2**2
    return Spread(
        weights=np.asarray(np.linalg.cholesky(covariance), dtype=np.float64),
        sources=0.5,
        hours=6.0,
        background_source=4.0,
        background_number=8.0,
        background_hours=8.0,
        burst=2.0,
        withheld=25.0,
        regions=15.0,
        local=8.0,
        redial=3.0,
        rho=30.0,
        other_number=8.0,
    )
