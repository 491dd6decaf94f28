"""From features to the margins of a linear model, and from those to probabilities."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pydeepl import _core
from pydeepl.linalg import SparseRows

__all__ = ["linear_margins", "logistic", "softmax"]

Floats: TypeAlias = NDArray[np.float64]


def linear_margins(
    x: NDArray[Any] | SparseRows, coefficients: Floats, intercepts: Floats, first_row: int = 0
) -> Floats:
    """Margins [n, sets] of features [n, d] for coefficients [sets, d] and intercepts [sets].

    Features of float64 go to BLAS, so that they are not rounded. first_row: the number of row 0 in the
    message of a ValueError, which sparse rows give where a feature is not finite.
    """
    if isinstance(x, SparseRows):
        return _core.logistic_margins_csr(
            x.indptr, x.indices, x.values, first_row, coefficients, intercepts, 0
        )
    if x.dtype == np.float32:
        return _core.logistic_margins(np.ascontiguousarray(x), coefficients, intercepts, 0)
    return np.ascontiguousarray(x @ coefficients.T + intercepts)


def softmax(margins: Floats) -> Floats:
    """Probabilities [n, classes] of margins [n, classes]; a margin of +inf is certain."""
    highest = margins.max(axis=1, keepdims=True, initial=-np.inf)
    with np.errstate(invalid="ignore"):
        odds = np.where(np.isposinf(highest), np.isposinf(margins), np.exp(margins - highest))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def logistic(margins: Floats) -> Floats:
    """Probabilities [n, 2] of class 1's margins [n]."""
    with np.errstate(over="ignore"):
        positive = 1 / (1 + np.exp(-margins))
    return np.stack([1 - positive, positive], axis=1)
