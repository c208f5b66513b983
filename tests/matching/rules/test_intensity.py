"""The estimator of call intensities."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize  # type: ignore[import-untyped]
from sklearn.utils.estimator_checks import parametrize_with_checks

from matching.rules.intensity import CallIntensity


@parametrize_with_checks([CallIntensity()])  # type: ignore[untyped-decorator]
def test_it_is_an_estimator_of_the_librarys_kind(estimator: Any, check: Any) -> None:
    check(estimator)


def _cells(seed: int, rows: int, calls: float) -> tuple[Any, Any, Any]:
    """Columns, expected calls under the prior, and true weights of rows of exposure."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.integers(0, 2, rows), rng.normal(size=rows), rng.uniform(0, 1, rows)])
    return X, rng.uniform(0.1, 1.9, rows) * calls / rows, np.asarray([0.8, -0.5, 0.3])


def test_without_shrinkage_exact_rates_are_recovered_exactly() -> None:
    X, expected, truth = _cells(1, 300, 50.0)
    found = CallIntensity(alpha=1e-9, tol=1e-10).fit(X, np.exp(X @ truth), sample_weight=expected)
    assert found.coef_ == pytest.approx(truth, abs=1e-5)
    assert found.predict(X) == pytest.approx(np.exp(X @ truth), rel=1e-4)


def test_much_data_brings_the_weights_back_within_their_sampling_error() -> None:
    X, expected, truth = _cells(2, 2_000, 100_000.0)
    calls = np.random.default_rng(3).poisson(expected * np.exp(X @ truth))
    found = CallIntensity().fit(X, calls / expected, sample_weight=expected)
    rate = expected * np.exp(X @ truth)
    error = np.sqrt(np.diag(np.linalg.inv((X * rate[:, None]).T @ X + np.eye(3))))
    assert (np.abs(found.coef_ - truth) < 4.0 * error).all()
    assert error.max() < 0.05


@pytest.mark.parametrize("alpha", [0.1, 1.0, 30.0])
def test_ratios_and_weights_are_the_poisson_likelihood_with_its_exposure(alpha: float) -> None:
    """The optimum of Σ calls log rate − Σ rate − alpha/2 |w|², found by another way."""
    X, expected, truth = _cells(4, 400, 150.0)
    calls = np.random.default_rng(5).poisson(expected * np.exp(X @ truth))

    def loss(w: Any) -> tuple[float, Any]:
        rate = expected * np.exp(X @ w)
        value = rate.sum() - calls @ np.log(rate) + alpha / 2.0 * w @ w
        return float(value), X.T @ (rate - calls) + alpha * w

    direct = minimize(loss, np.zeros(3), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    found = CallIntensity(alpha=alpha, tol=1e-9).fit(X, calls / expected, sample_weight=expected)
    assert found.coef_ == pytest.approx(direct, abs=1e-5)


def test_a_stronger_prior_pulls_harder_and_no_calls_at_all_is_an_answer() -> None:
    X, expected, truth = _cells(6, 400, 150.0)
    calls = np.random.default_rng(7).poisson(expected * np.exp(X @ truth))
    sizes = [
        float(np.linalg.norm(CallIntensity(alpha=alpha).fit(X, calls / expected, sample_weight=expected).coef_))
        for alpha in (0.01, 1.0, 100.0, 1e5)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 0.01 * sizes[0]
    none = CallIntensity().fit(X, np.zeros(len(X)), sample_weight=expected)
    assert np.isfinite(none.coef_).all()
    assert (none.predict(X) < 1.0).mean() > 0.9


def test_splitting_a_row_in_two_changes_nothing() -> None:
    X, expected, truth = _cells(8, 200, 80.0)
    calls = np.random.default_rng(9).poisson(expected * np.exp(X @ truth)).astype(float)
    whole = CallIntensity(tol=1e-10).fit(X, calls / expected, sample_weight=expected).coef_
    parts = CallIntensity(tol=1e-10).fit(
        np.vstack([X, X]),
        np.concatenate([calls, np.zeros(len(X))]) / np.tile(expected / 2, 2),
        sample_weight=np.tile(expected / 2, 2),
    )
    assert parts.coef_ == pytest.approx(whole, abs=1e-6)


def test_contributions_add_up_to_log2_of_the_ratio() -> None:
    X, expected, truth = _cells(10, 100, 80.0)
    found = CallIntensity().fit(X, np.exp(X @ truth), sample_weight=expected)
    assert found.contributions(X).shape == X.shape
    assert found.contributions(X).sum(axis=1) == pytest.approx(np.log2(found.predict(X)))


def test_negative_ratios_are_refused() -> None:
    X, expected, _ = _cells(11, 20, 5.0)
    with pytest.raises(ValueError, match="out of the valid range"):
        CallIntensity().fit(X, -np.ones(20), sample_weight=expected)
