"""What a classifier got right, class by class, as text."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, classes: int) -> NDArray[np.int64]:
    """counts[i, j]: how often class i was taken for class j. [classes, classes]."""
    cells = np.asarray(labels, np.int64) * classes + np.asarray(predictions, np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def class_report(counts: NDArray[np.int64], names: Sequence[str]) -> str:
    """A table of precision, recall, F1 and the number of images of each class, and the weighted averages.

    A class that was never predicted has precision 0, one with no images recall 0, as in Spark's metrics.
    """
    right = np.diag(counts).astype(float)
    support = counts.sum(axis=1)
    precision = right / np.maximum(counts.sum(axis=0), 1)
    recall = right / np.maximum(support, 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    rows = [
        (name, *values) for name, *values in zip(names, precision, recall, f1, support.tolist(), strict=True)
    ]
    share = support / max(int(support.sum()), 1)
    rows.append(("weighted", precision @ share, recall @ share, f1 @ share, int(support.sum())))
    width = max(8, *(len(row[0]) for row in rows))
    lines = [f"{'class':>{width}}  precision  recall     F1  images"]
    lines += [f"{name:>{width}}  {p:9.3f}  {r:6.3f}  {f:5.3f}  {n:6d}" for name, p, r, f, n in rows]
    lines.insert(len(lines) - 1, "")
    return "\n".join(lines)
