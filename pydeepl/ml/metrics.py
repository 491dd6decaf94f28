"""Metrics of classification from arrays: what evaluators, training summaries, reports and plots compute with.

All sums are weighted; without weights a row weighs 1.

Source: the definitions of Spark's MulticlassMetrics and BinaryClassificationMetrics
(org.apache.spark.mllib.evaluation, Spark 4), also where a denominator is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["BinaryMetrics", "MulticlassMetrics", "log_loss"]

Floats = NDArray[np.float64]


def _weights(weights: ArrayLike | None, rows: int) -> Floats:
    """Row weights, checked: as many as rows, finite, >= 0 and not all 0."""
    if rows == 0:
        raise ValueError("expected rows to evaluate, found an empty dataset")
    if weights is None:
        return np.ones(rows)
    array = np.asarray(weights, np.float64)
    if array.shape != (rows,):
        raise ValueError(f"expected {rows} weights, got {array.shape}")
    wrong = ~((array >= 0) & np.isfinite(array))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"expected finite weights >= 0, found {array[row]} in row {row}")
    if not array.any():
        raise ValueError(f"expected a weight > 0, found {rows} weights of 0")
    return array


def _sums(places: NDArray[np.int64], weights: Floats, size: int) -> Floats:
    """Sums of the weights at each place from 0 to size - 1; weights at later places are left out."""
    return np.asarray(np.bincount(places, weights, minlength=size)[:size], np.float64)


def _ratio(numerator: Any, denominator: Any, otherwise: float = np.nan) -> Floats:
    """numerator / denominator, and `otherwise` where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    quotient = np.full(numerator.shape, otherwise, np.float64)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient


class MulticlassMetrics:
    """Metrics of predicted classes, from weighted counts.

    The by-label arrays have one number for each class of `labels`. Rows whose label or prediction is another
    class count as false, and have no place of their own.

    Parameters
    ----------
    labels: numbers [rows], the true classes.
    predictions: numbers [rows], the predicted classes.
    weights: numbers >= 0 [rows], or None for 1 each.
    classes: the classes to count, ascending; by default the distinct labels, as in Spark.

    Raises
    ------
    ValueError for an empty dataset, arrays of different lengths, or weights that are negative or all 0.
    """

    def __init__(
        self,
        labels: ArrayLike,
        predictions: ArrayLike,
        weights: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> None:
        truth, predicted = np.asarray(labels, np.float64), np.asarray(predictions, np.float64)
        if truth.ndim != 1 or truth.shape != predicted.shape:
            raise ValueError(
                f"expected as many predictions as labels, got {predicted.shape} and {truth.shape}"
            )
        self._weights = _weights(weights, len(truth))
        #: the classes of the by-label arrays, ascending
        self.labels = np.unique(truth if classes is None else np.asarray(classes, np.float64))
        self._label, self._prediction = self._places(truth), self._places(predicted)
        self._hit = hit = truth == predicted
        size = len(self.labels)
        #: the weight of each class' rows
        self.support = _sums(self._label, self._weights, size)
        self._total = self._weights.sum()
        self._true_positives = _sums(self._label, np.where(hit, self._weights, 0.0), size)
        self._false_positives = _sums(self._prediction, np.where(hit, 0.0, self._weights), size)

    def _places(self, values: Floats) -> NDArray[np.int64]:
        """The place of each value in `labels`; len(labels) for values that are not there."""
        place = np.searchsorted(self.labels, values)
        found = self.labels[np.minimum(place, len(self.labels) - 1)] == values
        return np.where(found, place, len(self.labels))

    def _average(self, by_label: Floats) -> float:
        """The mean over labels, each weighing what its rows do."""
        return float((by_label * self.support).sum() / self._total)

    @property
    def accuracy(self) -> float:
        """Share of right predictions."""
        return float(self._weights[self._hit].sum() / self._total)

    @property
    def hammingLoss(self) -> float:
        """Share of wrong predictions."""
        return float(self._weights[~self._hit].sum() / self._total)

    @property
    def recallByLabel(self) -> Floats:
        """Share of each label's rows that are predicted so."""
        return _ratio(self._true_positives, self.support)

    @property
    def truePositiveRateByLabel(self) -> Floats:
        """The same as `recallByLabel`."""
        return self.recallByLabel

    @property
    def falsePositiveRateByLabel(self) -> Floats:
        """Share of the other labels' rows that are predicted as each label; NaN where there are no others."""
        return _ratio(self._false_positives, self._total - self.support)

    @property
    def precisionByLabel(self) -> Floats:
        """Share of the predictions of each label that are right; 0 where it is never predicted."""
        return _ratio(self._true_positives, self._true_positives + self._false_positives, otherwise=0.0)

    def fMeasureByLabel(self, beta: float = 1.0) -> Floats:
        """F-measure of each label: the harmonic mean of precision and recall, recall weighing beta^2."""
        # The same from the counts, where fewer roundings come in: 3 of 4 right is 0.75 and no bit less.
        predicted = self._true_positives + self._false_positives
        below = beta * beta * self.support + predicted
        return np.where(self.support == 0, np.nan, _ratio((1 + beta * beta) * self._true_positives, below))

    @property
    def weightedPrecision(self) -> float:
        """Precision, averaged over labels by the weight of their rows."""
        return self._average(self.precisionByLabel)

    @property
    def weightedRecall(self) -> float:
        """Recall, averaged over labels by the weight of their rows."""
        return self._average(self.recallByLabel)

    @property
    def weightedTruePositiveRate(self) -> float:
        """The same as `weightedRecall`."""
        return self.weightedRecall

    @property
    def weightedFalsePositiveRate(self) -> float:
        """False positive rate, averaged over labels by the weight of their rows."""
        return self._average(self.falsePositiveRateByLabel)

    def weightedFMeasure(self, beta: float = 1.0) -> float:
        """F-measure, averaged over labels by the weight of their rows."""
        return self._average(self.fMeasureByLabel(beta))

    def micro_average(self) -> tuple[float, float, float]:
        """Precision, recall and F1 of all classes' counts taken together; 0 where a denominator is 0."""
        hits, support = self._true_positives.sum(), self.support.sum()
        predicted = hits + self._false_positives.sum()
        parts = ((hits, predicted), (hits, support), (2 * hits, predicted + support))
        precision, recall, f1 = (float(_ratio(above, below, otherwise=0.0)) for above, below in parts)
        return precision, recall, f1

    def confusionMatrix(self) -> Floats:
        """Weights [labels, labels] by true label (row) and predicted label (column)."""
        size = len(self.labels)
        known = (self._label < size) & (self._prediction < size)
        cells = self._label[known] * size + self._prediction[known]
        return _sums(cells, self._weights[known], size * size).reshape(size, size)


def log_loss(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None, *, eps: float = 1e-15
) -> float:
    """The mean of -log(probability of the true class).

    Parameters
    ----------
    labels: whole numbers [rows] in [0, classes).
    probabilities: numbers [rows, classes].
    weights: numbers >= 0 [rows], or None for 1 each.
    eps: probabilities are clipped into [eps, 1 - eps]; in (0, 0.5).

    Raises
    ------
    ValueError for an empty dataset, a label without a probability, or bad weights.
    """
    truth, matrix = np.asarray(labels, np.float64), np.asarray(probabilities, np.float64)
    scale = _weights(weights, len(truth))
    if not 0 < eps < 0.5:
        raise ValueError(f"eps: expected a number in (0, 0.5), got {eps}")
    if matrix.ndim != 2 or len(matrix) != len(truth):
        raise ValueError(f"expected probabilities of shape [{len(truth)}, classes], got {matrix.shape}")
    wrong = ~((truth == np.floor(truth)) & (truth >= 0) & (truth < matrix.shape[1]))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"label in row {row}: expected a whole number from 0 to {matrix.shape[1] - 1} "
            f"(there are {matrix.shape[1]} probabilities), found {truth[row]}"
        )
    chosen = matrix[np.arange(len(truth)), truth.astype(np.int64)]
    # 1 - eps may round to 1: log1p keeps the loss of a sure, right prediction at eps rather than 0.
    loss = np.where(chosen > 1 - eps, -np.log1p(-eps), -np.log(np.maximum(chosen, eps)))
    return float((loss * scale).sum() / scale.sum())


class BinaryMetrics:
    """Curves of a score over its thresholds, for labels of two classes; a label above 0.5 is positive.

    Parameters
    ----------
    scores: numbers [rows]; larger means more surely positive.
    labels: numbers [rows].
    weights: numbers >= 0 [rows], or None for 1 each.
    numBins: where there are at least 2 numBins distinct scores, each run of (distinct scores // numBins) of
        them becomes one point of the curves, as Spark does to keep them short; 0 keeps all points.

    Raises
    ------
    ValueError for an empty dataset, arrays of different lengths, or weights that are negative or all 0.
    """

    def __init__(
        self,
        scores: ArrayLike,
        labels: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        numBins: int = 0,
    ) -> None:
        score, label = np.asarray(scores, np.float64), np.asarray(labels, np.float64)
        if score.ndim != 1 or score.shape != label.shape:
            raise ValueError(f"expected as many scores as labels, got {score.shape} and {label.shape}")
        weight = _weights(weights, len(score))
        distinct, place = np.unique(score, return_inverse=True)
        positive = label > 0.5
        hits = _sums(place, np.where(positive, weight, 0.0), len(distinct))[::-1].cumsum()
        alarms = _sums(place, np.where(positive, 0.0, weight), len(distinct))[::-1].cumsum()
        ends = _bin_ends(len(distinct), numBins)
        #: the curves' thresholds, descending; a score at or above one is predicted positive
        self.thresholds = distinct[::-1][ends]
        self._true_positives, self._false_positives = hits[ends], alarms[ends]

    @property
    def recallByThreshold(self) -> Floats:
        """Share of the positives that are found, at each threshold; 0 without positives."""
        return _ratio(self._true_positives, self._true_positives[-1], otherwise=0.0)

    @property
    def precisionByThreshold(self) -> Floats:
        """Share of the found that are positive, at each threshold; 1 where nothing is found."""
        return _ratio(self._true_positives, self._true_positives + self._false_positives, otherwise=1.0)

    @property
    def falsePositiveRateByThreshold(self) -> Floats:
        """Share of the negatives that are found, at each threshold; 0 without negatives."""
        return _ratio(self._false_positives, self._false_positives[-1], otherwise=0.0)

    def fMeasureByThreshold(self, beta: float = 1.0) -> Floats:
        """F-measure at each threshold."""
        precision, recall = self.precisionByThreshold, self.recallByThreshold
        above = (1 + beta * beta) * precision * recall
        return _ratio(above, beta * beta * precision + recall, otherwise=0.0)

    def roc(self) -> tuple[Floats, Floats]:
        """The ROC curve from (0, 0) to (1, 1): false positive rates, true positive rates."""
        rates, recalls = self.falsePositiveRateByThreshold, self.recallByThreshold
        return np.concatenate([[0.0], rates, [1.0]]), np.concatenate([[0.0], recalls, [1.0]])

    def pr(self) -> tuple[Floats, Floats]:
        """The precision-recall curve: recalls, precisions.

        It begins at recall 0 with the first point's precision.
        """
        recalls, precisions = self.recallByThreshold, self.precisionByThreshold
        return np.concatenate([[0.0], recalls]), np.concatenate([precisions[:1], precisions])

    @property
    def areaUnderROC(self) -> float:
        """Area under the ROC curve, by trapezoids."""
        return _area(*self.roc())

    @property
    def areaUnderPR(self) -> float:
        """Area under the precision-recall curve, by trapezoids."""
        return _area(*self.pr())


def _bin_ends(size: int, bins: int) -> NDArray[np.int64]:
    """Indices of the last score of each bin."""
    group = size // bins if bins else 1
    if group < 2:
        return np.arange(size)
    return np.minimum(np.arange(group - 1, size + group - 1, group), size - 1)


def _area(x: Floats, y: Floats) -> float:
    return float((np.diff(x) * (y[1:] + y[:-1])).sum() / 2)
