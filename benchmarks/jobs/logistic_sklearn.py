"""Fits scikit-learn's LogisticRegression on arrays: logistic_sklearn.py FEATURES.npy LABELS.npy

The problem is Spark's with standardization: the features are divided by their standard deviations (n - 1)
before the clock starts, and C is 1 / (n regParam). See benchmarks/logistic/protocol.py for what is asked and
answered; here a `form` (dense, centred or sparse), a `dtype` and a `solver` are settings, too, and a
`target`: an objective at which lbfgs stops, its values after each iteration noted.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from benchmarks.logistic.objective import deviations
from benchmarks.logistic.protocol import Fitted, answer

warnings.simplefilter("ignore", ConvergenceWarning)
features, labels = np.load(sys.argv[1]), np.load(sys.argv[2])
spread = deviations(features)
inverse = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)


means = features.mean(axis=0, dtype=np.float64)


@lru_cache(maxsize=2)
def scaled(form: str, dtype: str) -> Any:
    """Dense, centred (and dense) or sparse features over their deviations."""
    if form != "sparse":
        centre = means if form == "centred" else 0 * means
        return ((features - centre.astype(np.float32)) * inverse.astype(np.float32)).astype(dtype)
    sparse = scipy.sparse.csr_array(features).astype(dtype)
    sparse.data *= inverse[sparse.indices].astype(dtype)
    return sparse


@contextmanager
def recorded(history: list[float], target: float | None) -> Iterator[None]:
    """While the objective is wanted after each iteration: lbfgs stops when it is down to the target."""
    minimize = scipy.optimize.minimize

    def note(intermediate_result: Any) -> None:
        history.append(float(intermediate_result.fun))
        if target is not None and history[-1] <= target:
            raise StopIteration

    def minimize_and_note(*args: Any, callback: Any = None, **options: Any) -> Any:
        return minimize(*args, callback=note, **options)  # scikit-learn's own callback does nothing here

    scipy.optimize.minimize = minimize_and_note
    try:
        yield
    finally:
        scipy.optimize.minimize = minimize


def fit(
    form: str,
    dtype: str,
    solver: str,
    maxIter: int,
    regParam: float,
    elasticNetParam: float,
    tol: float,
    target: float | None = None,
) -> Fitted:
    x = scaled(form, dtype)
    history: list[float] = [np.nan]
    model = LogisticRegression(
        solver=solver, max_iter=maxIter, tol=tol, C=1 / (len(labels) * regParam), l1_ratio=elasticNetParam
    )
    with recorded(history, target) if target is not None else nullcontext():
        model.fit(x, labels)

    def values() -> dict[str, np.ndarray]:
        coefficients = model.coef_ * inverse
        moved = coefficients @ means.astype(np.float32) if form == "centred" else 0
        iterations = int(np.max(model.n_iter_))
        return {
            "coefficients": coefficients,
            "intercepts": model.intercept_ - moved,
            "history": np.array(history if target is not None else [np.nan] * (iterations + 1)),
        }

    return Fitted(values)


answer(fit, before=lambda form, dtype, **_: scaled(form, dtype))
