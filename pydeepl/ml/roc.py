"""ROC curves of several classes, each against the rest, with their micro and macro averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pydeepl.ml.metrics import BinaryMetrics

__all__ = ["RocCurves", "roc"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RocCurves:
    """The curves of each class against the rest.

    Attributes
    ----------
    classes: the classes, in the order of the scores' columns.
    curves: (false positive rates, true positive rates) for each class.
    areas: area under each class' curve; NaN for a class with no rows, or with all of them.
    micro: the curve of all (row, class) pairs taken together; micro_area: the area under it.
    macro: the mean of the classes' curves at each false positive rate; macro_area: the mean of their areas,
        over the classes that have one.
    """

    classes: NDArray[Any]
    curves: list[tuple[Floats, Floats]]
    areas: Floats
    micro: tuple[Floats, Floats]
    micro_area: float
    macro: tuple[Floats, Floats]
    macro_area: float


def roc(y_true: ArrayLike, scores: ArrayLike, labels: ArrayLike | None = None) -> RocCurves:
    """One-against-the-rest ROC curves.

    Parameters
    ----------
    y_true: classes [rows].
    scores: numbers [rows, classes], such as probabilities; or predicted classes [rows], which count as a
        score of 1 for the class and 0 for the others.
    labels: the class of each column; by default 0, 1, ... for scores, all that occur for predicted classes.

    Raises
    ------
    ValueError for no rows, unequal lengths, NaN scores, or classes of y_true beyond the labels.
    """
    true = np.ravel(np.asarray(y_true))
    values = np.asarray(scores)
    predicted = values.ndim == 1 or values.shape[1:] == (1,)
    if labels is not None:
        classes = np.asarray(labels)
    elif predicted:
        classes = np.unique(np.concatenate([true, np.ravel(values)]))
    else:
        classes = np.arange(values.shape[1])
    matrix = np.asarray(values.reshape(-1, 1) == classes if predicted else values, np.float64)
    _check(true, matrix, classes)
    hits = true[:, None] == classes
    metrics = [BinaryMetrics(matrix[:, place], hits[:, place]) for place in range(len(classes))]
    curves = [metric.roc() for metric in metrics]
    known = hits.any(axis=0) & ~hits.all(axis=0)
    areas = np.where(known, [metric.areaUnderROC for metric in metrics], np.nan)
    micro = BinaryMetrics(matrix.ravel(), hits.ravel())
    known_curves = [curve for curve, kept in zip(curves, known, strict=True) if kept]
    macro_area = float(areas[known].mean()) if known.any() else float("nan")
    return RocCurves(
        classes, curves, areas, micro.roc(), micro.areaUnderROC, _mean_curve(known_curves), macro_area
    )


def _check(true: NDArray[Any], matrix: Floats, classes: NDArray[Any]) -> None:
    if not len(true) or matrix.shape != (len(true), len(classes)):
        raise ValueError(
            f"expected scores of shape [{len(true)} rows, {len(classes)} classes], at least one row, "
            f"got {matrix.shape}"
        )
    if np.isnan(matrix).any():
        raise ValueError(f"scores: found NaN in row {int(np.isnan(matrix).any(axis=1).argmax())}")
    others = ~np.isin(true, classes)
    if others.any():
        row = int(others.argmax())
        raise ValueError(f"y_true: class {true[row]} in row {row} is not among the labels {classes.tolist()}")


def _mean_curve(curves: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """The mean of curves, exact: at each rate where one of them has a point, its lower and upper ends."""
    if not curves:
        return np.array([0.0, 1.0]), np.array([np.nan, np.nan])
    grid = np.unique(np.concatenate([x for x, _ in curves]))
    heights = np.mean([_ends(grid, x, y) for x, y in curves], axis=0)
    return np.repeat(grid, 2), heights.ravel()


def _ends(grid: Floats, x: Floats, y: Floats) -> Floats:
    """A rising curve's height just before and just after each of the grid's places: [places, 2]."""
    places, first, count = np.unique(x, return_index=True, return_counts=True)
    low, high = y[first], y[first + count - 1]
    before = np.searchsorted(places, grid, side="right") - 1
    after = np.minimum(before + 1, len(places) - 1)
    width = np.where(after > before, places[after] - places[before], 1.0)
    right = high[before] + (grid - places[before]) / width * (low[after] - high[before])
    return np.stack([np.where(places[before] == grid, low[before], right), right], axis=1)
