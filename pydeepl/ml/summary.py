"""Summaries of a classifier: its predictions on a dataset and the metrics of them, with Spark's names.

Source: the behaviour of pyspark.ml.classification's summaries (Spark 4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl.linalg import vector_matrix
from pydeepl.ml.columns import read_numbers
from pydeepl.ml.metrics import BinaryMetrics, MulticlassMetrics

if TYPE_CHECKING:
    from pydeepl.frame import DataFrame

__all__ = [
    "BinaryLogisticRegressionSummary",
    "BinaryLogisticRegressionTrainingSummary",
    "LogisticRegressionSummary",
    "LogisticRegressionTrainingSummary",
    "Optimality",
]


# What Spark's summaries thin their curves to, as its evaluator does by default.
_CURVE_POINTS = 1000


class LogisticRegressionSummary:
    """Predictions of a logistic regression on a dataset, and their metrics.

    Metrics are computed when first asked for, and then kept.

    Parameters
    ----------
    predictions: the dataset with the model's columns.
    columns: names by role: featuresCol, labelCol, predictionCol, probabilityCol, and weightCol or None.
    """

    def __init__(self, predictions: DataFrame, columns: dict[str, str | None]) -> None:
        self._predictions = predictions
        self._columns = columns

    def __repr__(self) -> str:
        return f"{type(self).__name__}: labels in {self.labelCol!r}, predictions in {self.predictionCol!r}"

    def _column(self, role: str) -> str:
        return self._columns[role] or ""

    @property
    def predictions(self) -> DataFrame:
        """The dataset with the model's columns."""
        return self._predictions

    @property
    def featuresCol(self) -> str:
        """Name of the column of features."""
        return self._column("featuresCol")

    @property
    def labelCol(self) -> str:
        """Name of the column of labels."""
        return self._column("labelCol")

    @property
    def predictionCol(self) -> str:
        """Name of the column of predictions."""
        return self._column("predictionCol")

    @property
    def probabilityCol(self) -> str:
        """Name of the column of probabilities."""
        return self._column("probabilityCol")

    @property
    def weightCol(self) -> str:
        """Name of the column of weights; "" where there is none."""
        return self._column("weightCol")

    def _weights(self) -> list[str]:
        return [self.weightCol] if self.weightCol else []

    @cached_property
    def _metrics(self) -> MulticlassMetrics:
        columns = [self.labelCol, self.predictionCol, *self._weights()]
        return MulticlassMetrics(*read_numbers(self._predictions, columns))

    @property
    def labels(self) -> list[float]:
        """The labels, ascending; the order of the by-label metrics."""
        return [float(label) for label in self._metrics.labels]

    @property
    def accuracy(self) -> float:
        """Share of right predictions."""
        return self._metrics.accuracy

    @property
    def truePositiveRateByLabel(self) -> list[float]:
        """Share of each label's rows that are predicted so."""
        return _floats(self._metrics.truePositiveRateByLabel)

    @property
    def falsePositiveRateByLabel(self) -> list[float]:
        """Share of the other labels' rows that are predicted as each label."""
        return _floats(self._metrics.falsePositiveRateByLabel)

    @property
    def precisionByLabel(self) -> list[float]:
        """Share of the predictions of each label that are right."""
        return _floats(self._metrics.precisionByLabel)

    @property
    def recallByLabel(self) -> list[float]:
        """Share of each label's rows that are predicted so."""
        return _floats(self._metrics.recallByLabel)

    def fMeasureByLabel(self, beta: float = 1.0) -> list[float]:
        """F-measure of each label; recall weighs beta^2."""
        return _floats(self._metrics.fMeasureByLabel(beta))

    @property
    def weightedTruePositiveRate(self) -> float:
        """True positive rate, averaged over labels by their weight."""
        return self._metrics.weightedTruePositiveRate

    @property
    def weightedFalsePositiveRate(self) -> float:
        """False positive rate, averaged over labels by their weight."""
        return self._metrics.weightedFalsePositiveRate

    @property
    def weightedRecall(self) -> float:
        """Recall, averaged over labels by their weight."""
        return self._metrics.weightedRecall

    @property
    def weightedPrecision(self) -> float:
        """Precision, averaged over labels by their weight."""
        return self._metrics.weightedPrecision

    def weightedFMeasure(self, beta: float = 1.0) -> float:
        """F-measure, averaged over labels by their weight; recall weighs beta^2."""
        return self._metrics.weightedFMeasure(beta)


class BinaryLogisticRegressionSummary(LogisticRegressionSummary):
    """The summary of a model of two classes: also the curves of class 1's probability over its thresholds."""

    @property
    def scoreCol(self) -> str:
        """Name of the column that the curves' scores come from."""
        return self.probabilityCol

    @cached_property
    def _curves(self) -> BinaryMetrics:
        labels, *weights = read_numbers(self._predictions, [self.labelCol, *self._weights()])
        batches = list(self._predictions._arrow([self.probabilityCol]))
        blocks = [vector_matrix(batch.column(0), self.probabilityCol) for batch in batches if len(batch)]
        scores = np.concatenate([np.empty(0), *(block[:, 1] for block in blocks)])
        return BinaryMetrics(scores, labels, weights[0] if weights else None, numBins=_CURVE_POINTS)

    @property
    def roc(self) -> DataFrame:
        """The ROC curve from (0, 0) to (1, 1): a frame of FPR and TPR."""
        return _curve("FPR", "TPR", *self._curves.roc())

    @property
    def pr(self) -> DataFrame:
        """The precision-recall curve from recall 0: a frame of recall and precision."""
        return _curve("recall", "precision", *self._curves.pr())

    @property
    def areaUnderROC(self) -> float:
        """Area under the ROC curve."""
        return self._curves.areaUnderROC

    @property
    def fMeasureByThreshold(self) -> DataFrame:
        """A frame of threshold and F-Measure."""
        return _curve("threshold", "F-Measure", self._curves.thresholds, self._curves.fMeasureByThreshold())

    @property
    def precisionByThreshold(self) -> DataFrame:
        """A frame of threshold and precision."""
        return _curve("threshold", "precision", self._curves.thresholds, self._curves.precisionByThreshold)

    @property
    def recallByThreshold(self) -> DataFrame:
        """A frame of threshold and recall."""
        return _curve("threshold", "recall", self._curves.thresholds, self._curves.recallByThreshold)


class Optimality(NamedTuple):
    """How near to the optimum a model is.

    Parameters
    ----------
    objective: loss and penalty.
    residual, gap: what LogisticRegressionTrainingSummary calls kktResidual and dualityGap.
    """

    objective: float
    residual: float
    gap: float

    def measure(self) -> str:
        """The gap, or where there is none the residual, in words."""
        if math.isnan(self.gap):
            return f"KKT residual {self.residual:.3g}"
        return f"duality gap {self.gap:.3g}"


class LogisticRegressionTrainingSummary(LogisticRegressionSummary):
    """The summary of the training itself: metrics on the training data, and the solver's path.

    Parameters
    ----------
    predictions, columns: as for LogisticRegressionSummary.
    objectiveHistory: the objective at the start and after each iteration.
    optimality: how near to the optimum the model is, or what computes it when it is first asked for.
    """

    def __init__(
        self,
        predictions: DataFrame,
        columns: dict[str, str | None],
        objectiveHistory: NDArray[np.float64],
        optimality: Optimality | Callable[[], Optimality],
    ) -> None:
        super().__init__(predictions, columns)
        self._history = _floats(objectiveHistory)
        self._given_optimality = optimality

    @cached_property
    def _optimality(self) -> Optimality:
        given = self._given_optimality
        return given if isinstance(given, Optimality) else given()

    @property
    def kktResidual(self) -> float:
        """The largest violation of the optimality (Karush-Kuhn-Tucker) conditions. Not in Spark.

        It is 0 at the optimum. With the loss's gradient g over coefficients b of standardized features, and
        the penalty weights l1 and l2, it is the largest of |g + l2 b + l1 sign(b)| where b is not 0,
        max(|g| - l1, 0) where it is 0, and |g| for the intercepts. Computed by a pass over the training data
        when first asked for, unless the solver gave it.
        """
        return self._optimality.residual

    @property
    def dualityGap(self) -> float:
        """An upper bound of the objective's distance to the optimum. Not in Spark.

        It is the objective less the dual objective of a feasible dual point, made of the predictions. NaN
        without regularization, where there is no such bound. Computed as kktResidual is.
        """
        return self._optimality.gap

    @property
    def objectiveHistory(self) -> list[float]:
        """The objective (loss and penalty) at the start and after each iteration."""
        return self._history

    @property
    def totalIterations(self) -> int:
        """Number of iterations made."""
        return len(self._history) - 1

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}: {self.totalIterations} iterations, "
            f"objective {self._history[0]:.6g} -> {self._history[-1]:.6g}"
        )


class BinaryLogisticRegressionTrainingSummary(
    LogisticRegressionTrainingSummary, BinaryLogisticRegressionSummary
):
    """The training summary of a model of two classes."""


def _floats(values: NDArray[Any]) -> list[float]:
    return [float(value) for value in values]


def _curve(x: str, y: str, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> DataFrame:
    from pydeepl.frame import adopt

    frame: DataFrame = adopt(pa.table({x: xs, y: ys}))[0]
    return frame
