"""The spread around the prior, and how it is made from businesses."""

import numpy as np
import pytest

from matching.rules.features import FEATURES
from matching.rules.shipped import beta_of
from matching.rules.spread import Spread, shipped_spread
from tests.matching.rules.scenes import loose


def test_a_spread_that_went_through_json_is_the_same() -> None:
    plain = loose().as_json()
    again = Spread.from_json(plain)
    assert again.as_json() == plain
    assert again.weights == pytest.approx(loose().weights, abs=1e-4)


def test_a_spread_of_other_features_is_refused() -> None:
    plain = loose().as_json()
    with pytest.raises(ValueError, match="not this program's"):
        Spread.from_json(plain | {"features": list(FEATURES[:-1])})
    del plain["rho"]
    with pytest.raises(KeyError, match="rho"):
        Spread.from_json(plain)


def test_the_shipped_spread_is_one() -> None:
    spread = shipped_spread()
    covariance = spread.weights @ spread.weights.T
    assert covariance.shape == (len(FEATURES) + 1, len(FEATURES) + 1)
    assert np.isfinite(covariance).all()
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    assert (np.diag(covariance) > 0.0).all()
    counts = {name: getattr(spread, name) for name in spread.__dataclass_fields__ if name != "weights"}
    assert all(0.0 < value < 1e4 for value in counts.values()), counts


@pytest.mark.parametrize(("mean", "strength"), [(0.1, 20.0), (0.5, 8.0), (0.9, 50.0)])
def test_beta_of_finds_the_distribution_again(mean: float, strength: float) -> None:
    rng = np.random.default_rng(21)
    trials = rng.integers(30, 400, 3_000)
    shares = rng.beta(mean * strength, (1.0 - mean) * strength, len(trials))
    counts = list(zip(rng.binomial(trials, shares).tolist(), trials.tolist(), strict=True))
    found, how_strong = beta_of(counts)
    error = np.sqrt(mean * (1.0 - mean) / (strength + 1.0) / len(trials))
    assert found == pytest.approx(mean, abs=5.0 * error)
    assert how_strong == pytest.approx(strength, rel=0.2)


def test_beta_of_takes_off_what_chance_alone_would_scatter() -> None:
    """Businesses that share one share exactly are as strong a belief as may be held."""
    rng = np.random.default_rng(22)
    trials = rng.integers(20, 60, 400)
    counts = [(float(rng.binomial(n, 0.3)), float(n)) for n in trials]
    assert beta_of(counts)[1] > 80.0


def test_beta_of_leaves_out_businesses_that_say_nothing() -> None:
    told = [(10.0, 50.0), (20.0, 50.0), (15.0, 50.0)]
    assert beta_of([*told, (0.0, 0.0), (1.0, 1.0)]) == beta_of(told)
    mean, strength = beta_of([(0.0, 0.0), (1.0, 2.0)])
    assert 0.0 < mean < 1.0
    assert strength == 2.0
    for counts in ([(0.0, 100.0)], [(100.0, 100.0)], [(0.0, 100.0), (100.0, 100.0)]):
        mean, strength = beta_of(counts)
        assert 0.0 < mean < 1.0
        assert 2.0 <= strength <= 200.0
