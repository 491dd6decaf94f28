"""The objective of a model, from its coefficients alone: the same few lines of NumPy judge every contestant.

    F = mean over rows of (log sum_k exp(t_k) - t_label) + regParam * ((1 - a) / 2 * |b|_2^2 + a * |b|_1)

with margins t = x . coefficients + intercepts in float64, a = elasticNetParam, and b the coefficients times
the features' standard deviations (standardization=True; the intercepts are not penalised).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROWS = 512  # rows that are float64 at once


def deviations(x: NDArray[np.float32]) -> Floats:
    """Standard deviations of the columns (n - 1); 0 where a column is constant, exactly."""
    mean = x.mean(axis=0, dtype=np.float64)
    total = np.zeros_like(mean)
    for start in range(0, len(x), ROWS):
        total += ((x[start : start + ROWS] - mean) ** 2).sum(axis=0)
    return np.where(x.min(axis=0) == x.max(axis=0), 0, np.sqrt(total / (len(x) - 1)))


@dataclass
class Judge:
    """Computes objectives on one data set."""

    x: NDArray[np.float32]
    labels: NDArray[np.int32]

    def __post_init__(self) -> None:
        self.deviations = deviations(self.x)

    def loss(self, coefficients: Floats, intercepts: Floats) -> float:
        total = 0.0
        for start in range(0, len(self.x), ROWS):
            margins = self.x[start : start + ROWS].astype(np.float64) @ coefficients.T + intercepts
            margins -= margins.max(axis=1, keepdims=True)
            chosen = margins[np.arange(len(margins)), self.labels[start : start + ROWS]]
            total += float((np.log(np.exp(margins).sum(axis=1)) - chosen).sum())
        return total / len(self.x)

    def objective(
        self, coefficients: Floats, intercepts: Floats, regParam: float, elasticNetParam: float
    ) -> float:
        scaled = coefficients * self.deviations
        ridge, lasso = 0.5 * float((scaled**2).sum()), float(np.abs(scaled).sum())
        penalty = regParam * ((1 - elasticNetParam) * ridge + elasticNetParam * lasso)
        return self.loss(coefficients, intercepts) + penalty
