"""Many businesses are drawn from one distribution; pooling finds it again."""

import numpy as np
import pytest

from matching.rules.curves import Floats
from matching.rules.hierarchy import Observed, Population, pool

MEAN = np.asarray([-2.0, 1.0, 0.5])
COVARIANCE = np.asarray([[1.0, 0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 0.2]])
SOURCES = 0.6
BUSINESSES = 60
START = Population(mean=np.zeros(3), covariance=np.eye(3) * 4.0, sources=1.0)


def _business(rng: np.random.Generator, size: float) -> tuple[Observed, Floats]:
    weights = rng.multivariate_normal(MEAN, COVARIANCE)
    by_source = rng.normal(0.0, SOURCES, 4)
    rows = 120
    features = np.column_stack([np.ones(rows), rng.integers(0, 2, rows), rng.normal(size=rows)]).astype(np.float64)
    source = rng.integers(0, 4, rows).astype(np.float64)
    seconds = rng.uniform(0.5, 1.5, rows) * size
    rate = seconds * 2.0 ** (features @ weights + by_source[source.astype(int)])
    calls = rng.poisson(rate).astype(np.float64)
    return Observed(features=features, source=source, calls=calls, seconds=seconds), weights


@pytest.fixture(scope="module")
def drawn() -> tuple[list[Observed], Floats]:
    rng = np.random.default_rng(11)
    found = [_business(rng, size=(3.0, 10.0, 40.0)[place % 3]) for place in range(BUSINESSES)]
    return [one for one, _ in found], np.asarray([weights for _, weights in found])


@pytest.fixture(scope="module")
def pooled(drawn: tuple[list[Observed], Floats]) -> Population:
    return pool(drawn[0], START, rounds=25)


def test_the_mean_is_found_within_its_sampling_error(pooled: Population) -> None:
    # Sources move a business's level too: 4 of them, so a quarter of their variance is added.
    error = np.sqrt((np.diag(COVARIANCE) + np.asarray([SOURCES**2 / 4, 0.0, 0.0])) / BUSINESSES)
    assert (np.abs(pooled.mean - MEAN) < 4.0 * error).all()


def test_the_covariance_is_found_within_its_sampling_error(pooled: Population) -> None:
    variance = np.diag(COVARIANCE)
    error = np.sqrt((np.outer(variance, variance) + COVARIANCE**2) / BUSINESSES)
    assert (np.abs(pooled.covariance - COVARIANCE) < 4.0 * error + 0.1).all()
    assert pooled.covariance[0, 1] > 0.2
    assert (pooled.covariance == pooled.covariance.T).all()
    assert np.linalg.eigvalsh(pooled.covariance).min() > 0.0


def test_how_far_sources_lie_apart_is_found(pooled: Population) -> None:
    assert pooled.sources == pytest.approx(SOURCES, rel=0.25)


def test_the_order_of_businesses_hardly_matters(drawn: tuple[list[Observed], Floats], pooled: Population) -> None:
    again = pool(drawn[0][::-1], START, rounds=25)
    assert again.mean == pytest.approx(pooled.mean, abs=1e-6)
    assert again.covariance == pytest.approx(pooled.covariance, abs=1e-6)


def test_businesses_that_are_all_alike_keep_the_least_deviation() -> None:
    rng = np.random.default_rng(12)
    features = np.column_stack([np.ones(50), rng.normal(size=50)])
    seconds = np.full(50, 1e4)
    calls = np.round(seconds * 2.0 ** (features @ [-3.0, 0.5]))
    alike = [Observed(features=features, source=np.zeros(50), calls=calls, seconds=seconds)] * 8
    start = Population(mean=np.zeros(2), covariance=np.eye(2), sources=0.5)
    found = pool(alike, start, rounds=20, floor=0.2)
    assert (np.diag(found.covariance) >= 0.2**2 - 1e-12).all()
    assert found.mean[1] == pytest.approx(0.5, abs=0.02)
