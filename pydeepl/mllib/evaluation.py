"""MulticlassMetrics: metrics of predicted classes by Spark's older names.

Source: the behaviour of pyspark.mllib.evaluation (Spark 4).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from pydeepl.linalg import vector_matrix
from pydeepl.ml import metrics
from pydeepl.ml.columns import to_numbers
from pydeepl.ml.matrix import DenseMatrix

if TYPE_CHECKING:
    from pydeepl.frame import DataFrame

__all__ = ["MulticlassMetrics"]


class MulticlassMetrics:
    """Metrics of predicted classes.

    Parameters
    ----------
    predictionAndLabels: the rows' predictions, labels, and optionally weights and class probabilities, in
        this order: a dataset of two to four columns (a pydeepl, pandas or polars DataFrame, a pyarrow Table
        or RecordBatchReader), a pydeepl DataFrame's `rdd`, or an iterable of such rows.

    Raises
    ------
    ValueError for another number of columns, an empty dataset, null, NaN, or weights that are negative or
    all 0.

    Examples
    --------
    >>> from pydeepl.mllib.evaluation import MulticlassMetrics
    >>> metrics = MulticlassMetrics([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)])
    >>> metrics.accuracy, metrics.precision(1.0)
    (0.75, 0.5)
    >>> metrics.confusionMatrix().toArray().tolist()
    [[2.0, 1.0], [0.0, 1.0]]
    """

    def __init__(self, predictionAndLabels: Any) -> None:
        frame = _frame_of(predictionAndLabels)
        names = frame.columns
        if not 2 <= len(names) <= 4:
            raise ValueError(
                "MulticlassMetrics: expected the columns prediction, label and optionally weight and "
                f"probability, found {len(names)}: {', '.join(names)}"
            )
        table = frame.toArrow()
        prediction, label, *weight = (
            to_numbers(table.column(place).combine_chunks(), names[place])
            for place in range(min(3, len(names)))
        )
        self._labels, self._weights = label, weight[0] if weight else None
        self._probabilities = vector_matrix(table.column(3), names[3]) if len(names) == 4 else None
        self._metrics = metrics.MulticlassMetrics(label, prediction, self._weights)

    def _of(self, by_label: Any, label: float) -> float:
        """A label's number. Raises ValueError where no row has that label."""
        place = np.flatnonzero(self._metrics.labels == float(label))
        if not len(place):
            raise ValueError(f"label {label:g} is not among the labels {self._metrics.labels.tolist()}")
        return float(by_label[place[0]])

    def confusionMatrix(self) -> DenseMatrix:
        """The weights of the rows of each true label (row) and predicted label (column), labels ascending."""
        matrix = self._metrics.confusionMatrix()
        return DenseMatrix(len(matrix), len(matrix), matrix.T)

    def truePositiveRate(self, label: float) -> float:
        """The same as `recall`."""
        return self.recall(label)

    def falsePositiveRate(self, label: float) -> float:
        """Share of the other labels' rows that are predicted as a label."""
        return self._of(self._metrics.falsePositiveRateByLabel, label)

    def precision(self, label: float) -> float:
        """Share of the predictions of a label that are right."""
        return self._of(self._metrics.precisionByLabel, label)

    def recall(self, label: float) -> float:
        """Share of a label's rows that are predicted so."""
        return self._of(self._metrics.recallByLabel, label)

    def fMeasure(self, label: float, beta: float | None = None) -> float:
        """F-measure of a label: the harmonic mean of precision and recall, recall weighing beta^2."""
        return self._of(self._metrics.fMeasureByLabel(1.0 if beta is None else beta), label)

    @property
    def accuracy(self) -> float:
        """Share of right predictions."""
        return self._metrics.accuracy

    @property
    def weightedTruePositiveRate(self) -> float:
        """The same as `weightedRecall`."""
        return self._metrics.weightedTruePositiveRate

    @property
    def weightedFalsePositiveRate(self) -> float:
        """False positive rate, averaged over labels by the weight of their rows."""
        return self._metrics.weightedFalsePositiveRate

    @property
    def weightedRecall(self) -> float:
        """Recall, averaged over labels by the weight of their rows."""
        return self._metrics.weightedRecall

    @property
    def weightedPrecision(self) -> float:
        """Precision, averaged over labels by the weight of their rows."""
        return self._metrics.weightedPrecision

    def weightedFMeasure(self, beta: float | None = None) -> float:
        """F-measure, averaged over labels by the weight of their rows."""
        return self._metrics.weightedFMeasure(1.0 if beta is None else beta)

    def logLoss(self, eps: float = 1e-15) -> float:
        """The mean of -log(probability of the true class), probabilities clipped into [eps, 1 - eps].

        Raises ValueError where no probabilities were given.
        """
        if self._probabilities is None:
            raise ValueError("logLoss: the rows have no probabilities, the fourth column")
        return metrics.log_loss(self._labels, self._probabilities, self._weights, eps=eps)


def _frame_of(rows: Any) -> DataFrame:
    from pydeepl.frame import adopt
    from pydeepl.frame.convert import create_frame
    from pydeepl.frame.dataframe import Partitions

    if isinstance(rows, Partitions):
        return rows.frame
    if isinstance(rows, Iterable) and not hasattr(rows, "columns") and not hasattr(rows, "schema"):
        rows = list(rows)
        if not rows:
            raise ValueError("MulticlassMetrics: expected rows to evaluate, found none")
        return create_frame(rows)
    return adopt(rows)[0]
