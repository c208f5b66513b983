"""A fit finds the intensities that made the calls, without being told who called.

The calls are drawn by a known model of another level, another shape of the delay, another share of nobody and another
weight of a device than the prior's. What is compared are expected calls by range of delay and by nobody. The sampling
error of their logarithms is that of the mixture itself: the inverse of the sum of the outer products of each call's
true posterior, so it holds how hard late visitors and nobody are to tell apart.
"""

from dataclasses import replace

import numpy as np
import pytest

from matching.rules.balance import balance
from matching.rules.cells import DELAY_EDGES, Ints, delay_bins_of
from matching.rules.curves import Floats
from matching.rules.expect import Batch, Expected, expect
from matching.rules.exposed import LIKELY, Exposed, foreseen_calls
from matching.rules.facts import StaffDecision
from matching.rules.features import DELAY, FEATURES
from matching.rules.fit import fit, log_likelihood
from matching.rules.lessons import Lessons
from matching.rules.model import LikelihoodModel
from tests.matching.rules.played import Heard, hear, town
from tests.matching.rules.scenes import loose, quiet

RANGES = np.asarray([600.0, 8 * 3600.0])
SIGMAS = 4.0
SPREAD = replace(loose(), withheld=1e9)
"""Everybody withholds here, which says nothing and is not to be learnt."""


def _prior() -> LikelihoodModel:
    return replace(quiet(), phones=replace(quiet().phones, withheld_nobody=quiet().phones.withheld_visitor))


def _true() -> LikelihoodModel:
    """Fewer quick calls, more late ones, phones that call more often, and nobody twice as often."""
    knots = len(DELAY.seconds)
    weights = np.asarray(_prior().weights)
    weights[:knots] += -1.0 + 0.1 * np.arange(knots)
    weights[FEATURES.index("device_phone")] += 1.0
    return replace(
        _prior(),
        weights=tuple(float(weight) for weight in weights),
        background=replace(_prior().background, calls_per_day={"pool": 1.0, "other": 1.0}),
    )


@pytest.fixture(scope="module")
def heard() -> Heard:
    return hear(town(1, _true(), days=20.0, visitors=900), _prior())


@pytest.fixture(scope="module")
def lessons(heard: Heard) -> Lessons:
    return heard.lessons()


@pytest.fixture(scope="module")
def fitted(lessons: Lessons) -> tuple[LikelihoodModel, Expected]:
    return fit(lessons, prior=_prior(), spread=SPREAD, start=_prior(), version="night")


def _range_of(bins: Ints) -> Ints:
    return np.asarray(np.searchsorted(RANGES, DELAY_EDGES[bins], side="right"), dtype=np.int64)


def _expected_calls(lessons: Lessons, model: LikelihoodModel, exposed: Exposed | None = None) -> Floats:
    """Calls a model expects: by range of delay, and nobody's last."""
    exposed = exposed or Exposed.of(lessons, np.zeros(0, dtype=np.int64), _prior())
    sources = np.asarray([model.sources.get(name, 0.0) for name in lessons.sources])
    log2 = exposed.features @ np.asarray(model.weights) + sources[exposed.source]
    rates = np.exp2(log2) * exposed.by_row(np.asarray(model.hours))
    learnt = model.background
    nobody = sum(
        calls * 2.0 ** (learnt.sources.get(lessons.numbers[n][0], 0.0) + learnt.numbers.get(n, 0.0))
        for n, calls in foreseen_calls(lessons, Batch(lessons), model, model).items()
    )
    return np.append(np.bincount(_range_of(exposed.delay), rates, minlength=3), nobody)


def _sampling_error(lessons: Lessons) -> Floats:
    """Of the logarithms of ``_expected_calls``, for calls whose caller is not told."""
    batch = Batch(lessons)
    found = expect(batch, _true())
    shares = np.zeros((len(batch.calls), 4))
    np.add.at(shares, (batch.owner, _range_of(delay_bins_of(batch.cells))), found.rows)
    shares[:, 3] = found.none
    return np.sqrt(np.diag(np.linalg.inv(shares.T @ shares)))


def test_the_true_model_expects_the_calls_that_were_drawn(heard: Heard, lessons: Lessons) -> None:
    expected = _expected_calls(lessons, _true())
    nobody = sum(ring.truth is None for ring in heard.town.rings.values())
    made = len(heard.town.rings) - nobody
    assert abs(made - expected[:3].sum()) < SIGMAS * np.sqrt(expected[:3].sum())
    assert abs(nobody - expected[3]) < SIGMAS * np.sqrt(expected[3])


def test_level_shape_and_nobodys_share_are_recovered_from_unlabelled_calls(
    lessons: Lessons, fitted: tuple[LikelihoodModel, Expected]
) -> None:
    truth, told = _expected_calls(lessons, _true()), _expected_calls(lessons, fitted[0])
    error = _sampling_error(lessons)
    assert (np.abs(np.log(told / truth)) < SIGMAS * error).all(), (told, truth, error)
    # The errors themselves say something: the quick calls are known within a quarter, the rest within a factor.
    assert error[0] < 0.1
    assert error.max() < 0.8
    # All calls together are explained, no more and no less (but for what the prior still believes).
    assert told.sum() == pytest.approx(len(lessons.calls), abs=SIGMAS * np.sqrt(len(lessons.calls)))


def test_the_fit_lies_nearer_to_the_truth_than_the_prior(
    lessons: Lessons, fitted: tuple[LikelihoodModel, Expected]
) -> None:
    phone = FEATURES.index("device_phone")
    true, told, before = (model.weights[phone] for model in (_true(), fitted[0], _prior()))
    assert abs(told - true) < abs(before - true)
    assert log_likelihood(lessons, fitted[0]) > log_likelihood(lessons, _prior())


def test_a_fit_foresees_days_it_has_not_seen_better_than_the_prior(fitted: tuple[LikelihoodModel, Expected]) -> None:
    other = hear(town(2, _true(), days=10.0, visitors=400), _prior()).lessons()
    assert log_likelihood(other, fitted[0]) > log_likelihood(other, _prior())
    assert log_likelihood(other, _true()) > log_likelihood(other, _prior())


def test_a_wrong_belief_about_nobodys_caller_ids_is_no_better_foresight() -> None:
    """Nobody withholds here; a model that says all of nobody's callers do foresees these calls worse."""
    shown = hear(town(3, _true(), days=10.0, visitors=300, phones=True), _prior()).lessons()
    wrong = replace(_true(), phones=replace(_true().phones, withheld_nobody=0.9))
    assert log_likelihood(shown, wrong) < log_likelihood(shown, _true())


def test_the_same_lessons_give_the_same_model(lessons: Lessons, fitted: tuple[LikelihoodModel, Expected]) -> None:
    again, found = fit(lessons, prior=_prior(), spread=SPREAD, start=_prior(), version="night")
    assert again == fitted[0]
    assert again.dumps() == fitted[0].dumps()
    assert found.rows.tolist() == fitted[1].rows.tolist()


def test_where_the_search_begins_hardly_matters(lessons: Lessons, fitted: tuple[LikelihoodModel, Expected]) -> None:
    elsewhere, _ = fit(lessons, prior=_prior(), spread=SPREAD, start=_true(), version="night", rounds=12)
    assert _expected_calls(lessons, elsewhere) == pytest.approx(_expected_calls(lessons, fitted[0]), rel=0.1)


def test_progress_is_told_and_ends_at_one(lessons: Lessons) -> None:
    told: list[float] = []
    few = replace(lessons, calls=lessons.calls[:40])
    fit(few, prior=_prior(), spread=SPREAD, start=_prior(), version="x", rounds=3, progress=told.append)
    assert told == pytest.approx([1 / 3, 2 / 3, 1.0])


def test_staff_who_say_who_called_bring_nobodys_share_to_what_was_drawn(heard: Heard) -> None:
    truth = {call: StaffDecision(visitor=ring.truth) for call, ring in heard.town.rings.items()}
    told = heard.lessons(decisions=truth)
    model, found = fit(told, prior=_prior(), spread=SPREAD, start=_prior(), version="told")
    nobody = sum(ring.truth is None for ring in heard.town.rings.values())
    # Staff are trusted, not infallible: of every call a little goes to the others.
    doubt = (1.0 - _prior().phones.decision) * len(told.calls)
    assert abs(float(found.none.sum()) - nobody) < doubt
    assert abs(_expected_calls(told, model)[3] - nobody) < SIGMAS * np.sqrt(nobody) + doubt


@pytest.mark.parametrize("to_nobody", [True, False])
def test_overrides_move_the_fit(
    heard: Heard, lessons: Lessons, fitted: tuple[LikelihoodModel, Expected], to_nobody: bool
) -> None:
    chosen = {}
    for call in lessons.calls[::4]:
        best = heard.answers[call.call].candidates
        chosen[call.call] = StaffDecision(visitor=None if to_nobody or not best else best[0].visitor)
    moved, _ = fit(heard.lessons(decisions=chosen), prior=_prior(), spread=SPREAD, start=_prior(), version="moved")
    before, after = _expected_calls(lessons, fitted[0])[3], _expected_calls(lessons, moved)[3]
    assert after > 1.2 * before if to_nobody else after < before


def _objective(lessons: Lessons, exposed: Exposed, model: LikelihoodModel) -> float:
    """Σ log intensity − ∫ intensity − ½ distance² from the prior, of calls by phones never met before."""
    apart = np.append(
        np.asarray(model.weights) - np.asarray(_prior().weights),
        np.log2(model.background.rate("pool") / _prior().background.rate("pool")),
    )
    covariance = SPREAD.weights @ SPREAD.weights.T + 1e-6 * np.eye(len(apart))
    penalty = 0.5 * float(apart @ np.linalg.solve(covariance, apart))
    called = float(expect(Batch(lessons), model).log_likelihood.sum())
    return called - float(_expected_calls(lessons, model, exposed).sum()) - penalty


@pytest.mark.parametrize("level", [-1.0, 0.0, 2.0])
@pytest.mark.parametrize("nobody", [0.2, 1.0, 6.0])
def test_balance_never_lowers_the_objective(lessons: Lessons, level: float, nobody: float) -> None:
    weights = np.asarray(_prior().weights)
    weights[: len(DELAY.seconds)] += level
    background = replace(_prior().background, calls_per_day={"pool": nobody, "other": nobody})
    model = replace(_prior(), weights=tuple(float(weight) for weight in weights), background=background)
    batch = Batch(lessons)
    found = expect(batch, model)
    exposed = Exposed.of(lessons, batch.cells[found.rows > LIKELY], _prior())
    after = balance(lessons, batch, exposed, found, model, prior=_prior(), spread=SPREAD)
    assert after != model
    assert _objective(lessons, exposed, after) > _objective(lessons, exposed, model)
