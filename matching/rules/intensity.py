"""The estimator of call intensities: a Poisson regression on exposure that shrinks to a prior.

It sees arrays, never calls: one row per cell of exposure, whose target is calls per expected call. This module is the
only one that needs scikit-learn, and scoring never imports it.
"""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import PoissonRegressor
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from matching.rules.curves import Floats


class CallIntensity(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Log-linear ratio of true to prior intensity.

    With exposure E (seconds) and prior rate λ₀ of a cell, fit ``y`` = calls ÷ (E λ₀) with ``sample_weight`` = E λ₀: the
    Poisson likelihood of the calls (PoissonRegressor has no offset). ``alpha`` is the precision of the coefficients'
    prior N(0, 1/alpha) in natural log; columns carry each coefficient's own scale. There is no intercept: what is not
    in the columns stays at the prior.
    """

    def __init__(self, *, alpha: float = 1.0, max_iter: int = 100, tol: float = 1e-6) -> None:
        self.alpha = alpha
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to rows of X (n, k), ratios y (n,) of at least 0 and weights (n,). Raises ValueError as scikit-learn."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        # The library minimises the mean deviance over the weights plus alpha/2 |w|²; the sum's prior wants alpha/Σ.
        total = float(weights.sum())
        # One thread: these problems are small, and threads that wait for each other cost more than they bring.
        with threadpool_limits(1):
            inner = PoissonRegressor(
                alpha=self.alpha / total if total > 0 else self.alpha,
                fit_intercept=False,
                solver="newton-cholesky",
                max_iter=self.max_iter,
                tol=self.tol,
            ).fit(X, y, sample_weight=weights)
        self.coef_ = inner.coef_
        self.n_iter_ = max(int(inner.n_iter_), 1)
        return self

    def predict(self, X: Any) -> Floats:
        """Return the ratio to the prior rate, shape (n,)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return np.asarray(np.exp(X @ self.coef_), dtype=np.float64)

    def contributions(self, X: Any) -> Floats:
        """Return each column's part of log2 of the ratio, shape (n, k)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return np.asarray(X * self.coef_ / np.log(2.0), dtype=np.float64)

    def __sklearn_tags__(self) -> Any:
        """Counts cannot be negative, and without an intercept nothing is promised of a shifted target."""
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        tags.regressor_tags.poor_score = True
        return tags
