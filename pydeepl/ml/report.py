"""The classification report: precision, recall, F1 and support of each class, as a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pydeepl.ml.metrics import MulticlassMetrics

__all__ = ["class_codes", "report"]

_HEADERS = ("precision", "recall", "f1-score", "support")
_WIDEST_AVERAGE = len("weighted avg")


def report(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    labels: Sequence[Any] | None = None,
    target_names: Sequence[str] | None = None,
    digits: int = 2,
) -> str:
    """The text of a classification report, in scikit-learn's layout.

    Parameters
    ----------
    y_true, y_pred: classes [rows], numbers or strings; a data frame of one column will do.
    labels: the classes to show, in that order; by default all that occur.
    target_names: a name for each class shown.
    digits: decimals of the numbers.

    Returns
    -------
    The text; a number whose denominator is 0 is shown as 0.

    Raises
    ------
    ValueError for empty or unequal inputs, or another number of names than classes.

    Source: sklearn.metrics.classification_report.
    """
    classes, true_codes, predicted_codes = class_codes(y_true, y_pred, labels)
    names = [str(name) for name in (classes if target_names is None else target_names)]
    if len(names) != len(classes):
        raise ValueError(f"expected {len(classes)} target_names, one a class, got {len(names)}")
    metrics = MulticlassMetrics(true_codes, predicted_codes, classes=np.arange(len(classes)))
    by_class = np.nan_to_num(
        [metrics.precisionByLabel, metrics.recallByLabel, metrics.fMeasureByLabel()], nan=0.0
    )
    support = metrics.support.astype(np.int64)
    width = max(*map(len, names), _WIDEST_AVERAGE, digits)

    def line(name: str, numbers: Sequence[float] | NDArray[np.float64], count: int) -> str:
        cells = "".join(f" {number:>9.{digits}f}" for number in numbers)
        return f"{name:>{width}} {cells} {count:>9}\n"

    rows = sum(support)
    text = f"{'':>{width}} " + "".join(f" {header:>9}" for header in _HEADERS) + "\n\n"
    text += "".join(map(line, names, by_class.T, support)) + "\n"
    if (true_codes < len(classes)).all() and (predicted_codes < len(classes)).all():
        text += f"{'accuracy':>{width}} {'':>10}{'':>10} {metrics.accuracy:>9.{digits}f} {rows:>9}\n"
    else:
        text += line("micro avg", metrics.micro_average(), rows)
    weighted = (by_class * support).sum(axis=1) / max(rows, 1)
    return text + line("macro avg", by_class.mean(axis=1), rows) + line("weighted avg", weighted, rows)


def class_codes(
    y_true: ArrayLike, y_pred: ArrayLike, labels: Sequence[Any] | None = None
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """The classes, and true and predicted classes as places among them; len(classes) for any other class.

    Raises ValueError for empty or unequal inputs, repeated labels, or a mix of numbers and strings.
    """
    true, predicted = _column(y_true, "y_true"), _column(y_pred, "y_pred")
    if len(true) != len(predicted) or not len(true):
        raise ValueError(
            f"expected as many y_pred as y_true, at least one; got {len(predicted)} and {len(true)}"
        )
    if (true.dtype.kind in "US") != (predicted.dtype.kind in "US"):
        raise ValueError(
            f"expected classes of one kind, got y_true of {true.dtype}, y_pred of {predicted.dtype}"
        )
    # Of equal numbers the set keeps y_true's: with labels 0, 1 and predictions 0.0, 1.0 the classes are 0, 1.
    found = {*np.unique(true).tolist(), *np.unique(predicted).tolist()}
    classes = np.asarray(sorted(found) if labels is None else list(labels))
    order = np.argsort(classes, kind="stable")
    if classes.ndim != 1 or not len(classes) or (classes[order][1:] == classes[order][:-1]).any():
        raise ValueError(f"labels: expected distinct classes, at least one, got {classes.tolist()}")

    def codes(values: NDArray[Any]) -> NDArray[np.int64]:
        place = np.minimum(np.searchsorted(classes, values, sorter=order), len(classes) - 1)
        return np.where(classes[order][place] == values, order[place], len(classes))

    return classes, codes(true), codes(predicted)


def _column(values: ArrayLike, name: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind == "O" and all(isinstance(value, str) for value in array):
        array = array.astype(str)
    if array.ndim != 1 or array.dtype.kind not in "biufUS":
        raise ValueError(f"{name}: expected one class a row, got shape {array.shape} of {array.dtype}")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"{name}: expected classes, found NaN in row {int(np.isnan(array).argmax())}")
    return array
