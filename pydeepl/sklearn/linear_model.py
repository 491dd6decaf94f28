"""LogisticRegression with scikit-learn's parameters and objective, trained in the C core."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from pydeepl import _core
from pydeepl.checks import is_whole
from pydeepl.linalg import SparseRows
from pydeepl.ml.margins import linear_margins, logistic, softmax

Floats: TypeAlias = NDArray[np.float64]

_SOLVERS = ("lbfgs", "newton-cg")


class LogisticRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Binomial and multinomial logistic regression with elastic net, with scikit-learn's parameters.

    Minimises, as scikit-learn's class of this name does, with the rows' weights w_i,

        C sum_i w_i loss_i + (1 - l1_ratio) / 2 |b|_2^2 + l1_ratio |b|_1

    Parameters
    ----------
    C : inverse of the penalty's strength, > 0; infinity: none. Spark's regParam is 1 / (C sum_i w_i).
    l1_ratio : share of L1 in the penalty, 0 to 1; every solver takes every share.
    tol : "lbfgs" stops where an iteration lowers the objective by less than this share of it; "newton-cg"
        where the duality gap, a bound of what is left to gain, is at most this share of it.
    fit_intercept : whether there is an intercept, which is not penalised.
    standardization : whether the penalty applies to the coefficients of standardized features, as Spark does
        by default, and scikit-learn never.
    class_weight : None, "balanced" or {class: weight}, times the rows' weights.
    solver : "newton-cg" goes to the optimum; "lbfgs" takes Spark MLlib's path (L-BFGS, or OWL-QN with L1).
    max_iter : most iterations.
    threads : threads of the training; None for all CPUs that the process may use.

    Attributes: classes_ [classes], coef_ float64 [classes, features], or [1, features] of two classes,
    intercept_ [classes] or [1], n_iter_ [1], n_features_in_, feature_names_in_ where X has names.

    Dense and sparse features are rounded to float32 for training, and sparse ones never made dense. A feature
    that is constant gets the coefficient 0. fit raises ValueError for what scikit-learn's refuses, and
    warns (ConvergenceWarning) where max_iter came first.

    Source: scikit-learn's LogisticRegression (interface, objective), Spark MLlib (solver).
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        l1_ratio: float = 0.0,
        tol: float = 1e-6,
        fit_intercept: bool = True,
        standardization: bool = False,
        class_weight: dict[Any, float] | str | None = None,
        solver: str = "newton-cg",
        max_iter: int = 100,
        threads: int | None = None,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.standardization = standardization
        self.class_weight = class_weight
        self.solver = solver
        self.max_iter = max_iter
        self.threads = threads

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> LogisticRegression:
        """Trains on X [n, features], dense or sparse, y [n] of any classes, sample_weight [n], >= 0."""
        self._check_parameters()
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float32, np.float64], order="C")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = self._row_weights(X, y, codes, sample_weight)
        present = np.unique(codes[weights > 0])
        if len(present) < 2:
            found = self.classes_[present].tolist()
            raise ValueError(f"expected rows of 2 classes or more to train on, found one class: {found}")
        self._train(_matrix(X, self.threads), codes.astype(np.float64), weights)
        return self

    def decision_function(self, X: Any) -> Floats:
        """The margins: [n, classes], or [n] of class 1 for two classes."""
        margins = self._margins(X)
        return margins if len(self.coef_) > 1 else margins[:, 0]

    def predict_proba(self, X: Any) -> Floats:
        """The probability of each class, [n, classes]."""
        margins = self._margins(X)
        return softmax(margins) if len(self.coef_) > 1 else logistic(margins[:, 0])

    def predict_log_proba(self, X: Any) -> Floats:
        """The logarithm of predict_proba."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of the largest margin, [n]."""
        margins = self._margins(X)
        best = margins.argmax(axis=1) if len(self.coef_) > 1 else (margins[:, 0] > 0).astype(np.intp)
        return np.asarray(self.classes_[best])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_parameters(self) -> None:
        checks = {
            "C": (isinstance(self.C, Real) and self.C > 0, "a number > 0"),
            "l1_ratio": (isinstance(self.l1_ratio, Real) and 0 <= self.l1_ratio <= 1, "a number from 0 to 1"),
            "tol": (isinstance(self.tol, Real) and 0 <= self.tol < np.inf, "a number >= 0"),
            "max_iter": (is_whole(self.max_iter) and self.max_iter >= 0, "a whole number >= 0"),
            "solver": (self.solver in _SOLVERS, f"one of {', '.join(_SOLVERS)}"),
            "threads": (
                self.threads is None or (is_whole(self.threads) and self.threads > 0),
                "a whole number > 0, or None",
            ),
        }
        for name, (right, expected) in checks.items():
            if not right:
                raise ValueError(f"{name} must be {expected}, got {getattr(self, name)!r}")

    def _row_weights(self, X: Any, y: NDArray[Any], codes: NDArray[np.intp], given: Any) -> Floats:
        weights: Floats = np.asarray(_check_sample_weight(given, X, dtype=np.float64))
        if (weights < 0).any():
            row = int((weights < 0).argmax())
            raise ValueError(
                f"Negative values in data passed to `sample_weight`: {weights[row]:g} in row {row}"
            )
        if self.class_weight is None:
            return weights
        if self.class_weight == "balanced":
            totals = np.bincount(codes, weights)
            factors: Floats = totals.sum() / (len(totals) * np.where(totals > 0, totals, 1))
        else:
            factors = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        return np.asarray(weights * factors[codes])

    def _train(self, features: _core.FeatureMatrix, labels: Floats, weights: Floats) -> None:
        classes = len(self.classes_)
        problem = (
            features,
            labels,
            weights,
            classes,
            classes > 2,
            int(self.max_iter),
            1 / self.C / weights.sum(),
        )
        penalty = (self.l1_ratio, self.tol, bool(self.fit_intercept), bool(self.standardization))
        threads = self.threads or 0
        if self.solver == "newton-cg":
            self.coef_, self.intercept_, history, certificate = _core.logistic_optimum(
                *problem, *penalty, threads
            )
            early = certificate[3] == "iterations"
        else:
            self.coef_, self.intercept_, history = _core.logistic_fit(*problem, *penalty, False, threads)
            early = len(history) > self.max_iter
        self.n_iter_ = np.array([len(history) - 1], np.int32)
        if early:
            text = f"max_iter={self.max_iter} ended the training before tol={self.tol:g} was reached"
            warnings.warn(text, ConvergenceWarning, stacklevel=3)

    def _margins(self, X: Any) -> Floats:
        check_is_fitted(self)
        X = validate_data(
            self, X, reset=False, accept_sparse="csr", dtype=[np.float32, np.float64], order="C"
        )
        return linear_margins(_rows(X) if issparse(X) else X, self.coef_, self.intercept_)


def _rows(X: Any) -> SparseRows:
    rows = csr_array(X)
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return SparseRows(rows.indptr.astype(np.int64), rows.indices.astype(np.int32), rows.data, rows.shape[1])


def _matrix(X: Any, threads: int | None) -> _core.FeatureMatrix:
    matrix = _core.FeatureMatrix(X.shape[1], threads or 0)
    if issparse(X):
        rows = _rows(X)
        matrix.append_csr(rows.indptr, rows.indices, rows.values)
    else:
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused as such
            matrix.append(np.ascontiguousarray(X, np.float32))
    matrix.finish()
    return matrix
