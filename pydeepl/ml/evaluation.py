"""Evaluators: one number for a dataset of predictions, with Spark's metric names and numbers.

Source: the behaviour of pyspark.ml.evaluation (Spark 4). Beyond Spark, an empty dataset, null and NaN are
refused, and predictions and scores may be of any numeric type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl.linalg import vector_matrix
from pydeepl.ml.base import Evaluator, keyword_only
from pydeepl.ml.columns import input_column, is_number, read_numbers, to_numbers, weight_column
from pydeepl.ml.metrics import BinaryMetrics, MulticlassMetrics, log_loss
from pydeepl.ml.param import Param, Params, TypeConverters, checked
from pydeepl.ml.param.shared import (
    HasLabelCol,
    HasPredictionCol,
    HasProbabilityCol,
    HasRawPredictionCol,
    HasWeightCol,
)
from pydeepl.ml.persistence import MLReadable, MLWritable

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame
    from pydeepl.mllib import evaluation as mllib

__all__ = ["BinaryClassificationEvaluator", "MulticlassClassificationEvaluator"]

# Metric name -> its value, from the counts and beta.
_METRICS: dict[str, Callable[[MulticlassMetrics, float], float]] = {
    "f1": lambda metrics, beta: metrics.weightedFMeasure(),
    "accuracy": lambda metrics, beta: metrics.accuracy,
    "weightedPrecision": lambda metrics, beta: metrics.weightedPrecision,
    "weightedRecall": lambda metrics, beta: metrics.weightedRecall,
    "weightedTruePositiveRate": lambda metrics, beta: metrics.weightedTruePositiveRate,
    "weightedFalsePositiveRate": lambda metrics, beta: metrics.weightedFalsePositiveRate,
    "weightedFMeasure": lambda metrics, beta: metrics.weightedFMeasure(beta),
    "hammingLoss": lambda metrics, beta: metrics.hammingLoss,
}
# Metric name -> its value for each label.
_METRICS_BY_LABEL: dict[str, Callable[[MulticlassMetrics, float], NDArray[np.float64]]] = {
    "truePositiveRateByLabel": lambda metrics, beta: metrics.truePositiveRateByLabel,
    "falsePositiveRateByLabel": lambda metrics, beta: metrics.falsePositiveRateByLabel,
    "precisionByLabel": lambda metrics, beta: metrics.precisionByLabel,
    "recallByLabel": lambda metrics, beta: metrics.recallByLabel,
    "fMeasureByLabel": lambda metrics, beta: metrics.fMeasureByLabel(beta),
}
_MULTICLASS = (*_METRICS, *_METRICS_BY_LABEL, "logLoss")
_SMALLER_IS_BETTER = ("weightedFalsePositiveRate", "falsePositiveRateByLabel", "logLoss", "hammingLoss")
_BINARY = ("areaUnderROC", "areaUnderPR")


def _one_of(names: tuple[str, ...]) -> Callable[[Any], str]:
    return checked(TypeConverters.toString, names.__contains__, f"one of {', '.join(names)}")


class MulticlassClassificationEvaluator(
    Evaluator, HasLabelCol, HasPredictionCol, HasWeightCol, HasProbabilityCol, MLWritable, MLReadable
):
    """Evaluates predicted classes.

    Parameters
    ----------
    predictionCol, labelCol: names of the columns of predicted and true classes, numbers.
    metricName: f1 (the default), accuracy, weightedPrecision, weightedRecall, weightedTruePositiveRate,
        weightedFalsePositiveRate, weightedFMeasure, truePositiveRateByLabel, falsePositiveRateByLabel,
        precisionByLabel, recallByLabel, fMeasureByLabel, logLoss or hammingLoss.
    weightCol: name of the column of row weights; None: every row weighs 1.
    metricLabel: the class that the ByLabel metrics are of.
    beta: what recall weighs in weightedFMeasure and fMeasureByLabel (> 0).
    probabilityCol: name of the column of class probabilities, vectors or lists; read for logLoss alone.
    eps: logLoss clips probabilities into [eps, 1 - eps]; in (0, 0.5).
    """

    metricName: Param[str] = Param(
        Params._dummy(), "metricName", f"the metric: {', '.join(_MULTICLASS)}", _one_of(_MULTICLASS)
    )
    metricLabel: Param[float] = Param(
        Params._dummy(),
        "metricLabel",
        "the class that the ByLabel metrics are of (>= 0)",
        checked(TypeConverters.toFloat, lambda value: value >= 0, "a number >= 0"),
    )
    beta: Param[float] = Param(
        Params._dummy(),
        "beta",
        "what recall weighs in weightedFMeasure and fMeasureByLabel (> 0)",
        checked(TypeConverters.toFloat, lambda value: 0 < value < np.inf, "a finite number > 0"),
    )
    eps: Param[float] = Param(
        Params._dummy(),
        "eps",
        "logLoss clips probabilities into [eps, 1 - eps]; in (0, 0.5)",
        checked(TypeConverters.toFloat, lambda value: 0 < value < 0.5, "a number in (0, 0.5)"),
    )

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        predictionCol: str = "prediction",
        labelCol: str = "label",
        metricName: str = "f1",
        weightCol: str | None = None,
        metricLabel: float = 0.0,
        beta: float = 1.0,
        probabilityCol: str = "probability",
        eps: float = 1e-15,
    ) -> None:
        super().__init__()
        self._setDefault(metricName="f1", metricLabel=0.0, beta=1.0, eps=1e-15)
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        predictionCol: str = "prediction",
        labelCol: str = "label",
        metricName: str = "f1",
        weightCol: str | None = None,
        metricLabel: float = 0.0,
        beta: float = 1.0,
        probabilityCol: str = "probability",
        eps: float = 1e-15,
    ) -> Self:
        """Sets params by keyword."""
        return self._set(**self._input_kwargs)

    def getMetricName(self) -> str:
        """The value of metricName or its default."""
        return self.getOrDefault(self.metricName)

    def setMetricName(self, value: str) -> Self:
        """Sets metricName."""
        return self._set(metricName=value)

    def getMetricLabel(self) -> float:
        """The value of metricLabel or its default."""
        return self.getOrDefault(self.metricLabel)

    def setMetricLabel(self, value: float) -> Self:
        """Sets metricLabel."""
        return self._set(metricLabel=value)

    def getBeta(self) -> float:
        """The value of beta or its default."""
        return self.getOrDefault(self.beta)

    def setBeta(self, value: float) -> Self:
        """Sets beta."""
        return self._set(beta=value)

    def getEps(self) -> float:
        """The value of eps or its default."""
        return self.getOrDefault(self.eps)

    def setEps(self, value: float) -> Self:
        """Sets eps."""
        return self._set(eps=value)

    def isLargerBetter(self) -> bool:
        """Whether a larger value of the metric is better."""
        return self.getMetricName() not in _SMALLER_IS_BETTER

    def getMetrics(self, dataset: Any) -> mllib.MulticlassMetrics:
        """All metrics of a dataset's predictions, and their confusion matrix (Spark has it in Scala alone).

        Parameters
        ----------
        dataset: as for `evaluate`.
        """
        from pydeepl.frame import adopt
        from pydeepl.mllib.evaluation import MulticlassMetrics

        frame, _ = adopt(dataset)
        columns = [input_column(self, param, frame) for param in (self.predictionCol, self.labelCol)]
        weight = weight_column(self, frame)
        return MulticlassMetrics(frame.select(*columns, *([weight] if weight else [])))

    def _evaluate(self, dataset: DataFrame) -> float:
        name = self.getMetricName()
        label = input_column(self, self.labelCol, dataset)
        weight = weight_column(self, dataset)
        weights = [weight] if weight else []
        if name == "logLoss":
            return self._log_loss(dataset, label, weights)
        prediction = input_column(self, self.predictionCol, dataset)
        metrics = MulticlassMetrics(*read_numbers(dataset, [label, prediction, *weights]))
        if name in _METRICS:
            return _METRICS[name](metrics, self.getBeta())
        wanted = metrics.labels == self.getMetricLabel()
        if not wanted.any():
            raise ValueError(
                f"{self.uid}: metricLabel {self.getMetricLabel()} is not among the labels of column "
                f"{label!r}: {metrics.labels.tolist()}"
            )
        return float(_METRICS_BY_LABEL[name](metrics, self.getBeta())[wanted][0])

    def _log_loss(self, dataset: DataFrame, label: str, weights: list[str]) -> float:
        column = input_column(self, self.probabilityCol, dataset)
        numbers, matrix = _read_with_vectors(dataset, [label, *weights], column)
        return log_loss(numbers[0], matrix, *numbers[1:], eps=self.getEps())


class BinaryClassificationEvaluator(
    Evaluator, HasLabelCol, HasRawPredictionCol, HasWeightCol, MLWritable, MLReadable
):
    """Evaluates scores of two classes by the area under a curve.

    Parameters
    ----------
    rawPredictionCol: name of the column of scores: numbers, or vectors (or lists) whose second element is the
        score of class 1, such as raw predictions and probabilities.
    labelCol: name of the column of true classes; a label above 0.5 is positive.
    metricName: areaUnderROC (the default) or areaUnderPR.
    weightCol: name of the column of row weights; None: every row weighs 1.
    numBins: how many points the curves are thinned to, about, where there are at least twice as many distinct
        scores; 0 takes them all.
    """

    metricName: Param[str] = Param(
        Params._dummy(), "metricName", f"the metric: {' or '.join(_BINARY)}", _one_of(_BINARY)
    )
    numBins: Param[int] = Param(
        Params._dummy(),
        "numBins",
        "how many points the curves are thinned to (>= 0); 0 takes them all",
        checked(TypeConverters.toInt, lambda value: value >= 0, "a whole number >= 0"),
    )

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        rawPredictionCol: str = "rawPrediction",
        labelCol: str = "label",
        metricName: str = "areaUnderROC",
        weightCol: str | None = None,
        numBins: int = 1000,
    ) -> None:
        super().__init__()
        self._setDefault(metricName="areaUnderROC", numBins=1000)
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        rawPredictionCol: str = "rawPrediction",
        labelCol: str = "label",
        metricName: str = "areaUnderROC",
        weightCol: str | None = None,
        numBins: int = 1000,
    ) -> Self:
        """Sets params by keyword."""
        return self._set(**self._input_kwargs)

    def getMetricName(self) -> str:
        """The value of metricName or its default."""
        return self.getOrDefault(self.metricName)

    def setMetricName(self, value: str) -> Self:
        """Sets metricName."""
        return self._set(metricName=value)

    def getNumBins(self) -> int:
        """The value of numBins or its default."""
        return self.getOrDefault(self.numBins)

    def setNumBins(self, value: int) -> Self:
        """Sets numBins."""
        return self._set(numBins=value)

    def _evaluate(self, dataset: DataFrame) -> float:
        label = input_column(self, self.labelCol, dataset)
        score = input_column(self, self.rawPredictionCol, dataset)
        weight = weight_column(self, dataset)
        numbers, scores = _read_with_vectors(dataset, [label, *([weight] if weight else [])], score)
        if scores.ndim == 2 and scores.shape[1] < 2:
            raise ValueError(f"column {score!r}: expected vectors of size 2, found size {scores.shape[1]}")
        positive = scores if scores.ndim == 1 else scores[:, 1]
        metrics = BinaryMetrics(positive, *numbers, numBins=self.getNumBins())
        return metrics.areaUnderROC if self.getMetricName() == "areaUnderROC" else metrics.areaUnderPR


def _read_with_vectors(
    dataset: DataFrame, columns: list[str], vectors: str
) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
    """Numeric columns [rows], and a column of vectors [rows, size] or numbers [rows], in one pass."""
    distinct = list(dict.fromkeys([*columns, vectors]))
    batches = list(dataset._arrow(distinct))
    if not batches:
        return [np.empty(0) for _ in columns], np.empty(0)
    table = pa.Table.from_batches(batches)
    numbers = [to_numbers(table.column(column), column) for column in columns]
    return numbers, _vector_numbers(table.column(vectors), vectors)


def _vector_numbers(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    """Vectors as [rows, size], numbers as [rows]. Raises ValueError, with the row, for NaN."""
    if is_number(column.type):
        return to_numbers(column, name)
    matrix = np.asarray(vector_matrix(column, name), np.float64)
    missing = np.isnan(matrix).any(axis=1)
    if missing.any():
        raise ValueError(f"column {name!r}: expected numbers, found NaN in row {missing.argmax()}")
    return matrix
