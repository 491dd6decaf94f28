"""A classifier's training set, read from a frame and checked: messages name column, row and value."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pydeepl import _core
from pydeepl.linalg import SparseRows, vector_rows, vectors
from pydeepl.ml.columns import to_numbers

if TYPE_CHECKING:
    from pydeepl.frame import DataFrame

__all__ = [
    "TrainingSet",
    "check_labels",
    "check_weights",
    "classes_among",
    "count_classes",
    "feature_blocks",
    "feature_rows",
    "read_training_set",
]

Floats: TypeAlias = NDArray[np.float64]
Block: TypeAlias = NDArray[np.float32]

# More classes than this are taken for labels that are no class numbers, if most of them have no row.
_MANY_CLASSES = 1000


@dataclass(frozen=True)
class TrainingSet:
    """Features [n, d] that many fits may share, labels [n], weights [n] or None.

    A row of weight 0 is as if it were not there: `on_rows` gives a fold of a cross-validation.
    """

    features: _core.FeatureMatrix
    labels: Floats
    weights: Floats | None

    def on_rows(self, rows: NDArray[np.bool_] | None) -> TrainingSet:
        """The set without the rows outside `rows` (bool [n]; None: none are): their weight is 0.

        The features are shared, not copied. Raises ValueError where no row with a weight is left.
        """
        if rows is None:
            return self
        weights = np.where(rows, 1.0 if self.weights is None else self.weights, 0.0)
        if not weights.any():
            raise ValueError(f"expected a row with a weight > 0 to train on, found none in {rows.sum()} rows")
        return TrainingSet(self.features, self.labels, weights)

    @property
    def used_labels(self) -> Floats:
        """The labels of rows whose weight is not 0."""
        return self.labels if self.weights is None else self.labels[self.weights != 0]


def _first_row(wrong: NDArray[np.bool_]) -> int:
    return int(wrong.argmax())


def feature_rows(
    column: Any, name: str, first_row: int, width: int | None
) -> list[NDArray[Any] | SparseRows]:
    """A batch's vectors as [rows, features] blocks, sparse vectors as compressed rows; messages name the
    dataset's row."""
    if column.null_count:
        row = first_row + pc.index(pc.is_null(column), True).as_py()
        raise ValueError(f"column {name!r}: expected a vector, found null in row {row}")
    try:
        blocks = vector_rows(column, name)
    except ValueError as error:
        raise _explained(error, column, name, first_row) from None
    for block in blocks:
        found = block.size if isinstance(block, SparseRows) else block.shape[1]
        if width is not None and found != width:
            raise ValueError(f"column {name!r}: expected {width} features, found {found} in row {first_row}")
        width = found
        first_row += len(block)
    return blocks


def feature_blocks(column: Any, name: str, first_row: int, width: int | None) -> list[NDArray[Any]]:
    """feature_rows with sparse vectors in full."""
    rows = feature_rows(column, name, first_row, width)
    return [block.toArray() if isinstance(block, SparseRows) else block for block in rows]


def _explained(error: ValueError, column: Any, name: str, first_row: int) -> ValueError:
    """The error with the first row whose vector has another size, if that is what is wrong."""
    sizes = [len(vector) for vector in vectors(column) if vector is not None]
    for row, size in enumerate(sizes):
        if size != sizes[0]:
            return ValueError(
                f"column {name!r}: expected {sizes[0]} features, found {size} in row {first_row + row}"
            )
    return error


def _as_float32(block: NDArray[Any]) -> Block:
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused as such
        return np.ascontiguousarray(block, np.float32)


def _append(matrix: _core.FeatureMatrix, block: NDArray[Any] | SparseRows, column: str) -> None:
    try:
        if isinstance(block, SparseRows):
            matrix.append_csr(block.indptr, block.indices, block.values)
        else:
            matrix.append(_as_float32(block))
    except ValueError as error:
        raise ValueError(f"column {column!r}: {error}") from None


def check_labels(labels: Floats, column: str, first_row: int) -> None:
    """Raises ValueError, with the row, for labels that are no class numbers."""
    wrong = (labels < 0) | (labels != np.floor(labels)) | (labels >= 2**31 - 1)
    if wrong.any():
        row = _first_row(wrong)
        raise ValueError(
            f"column {column!r}: labels must be whole numbers in [0, 2147483647), "
            f"found {labels[row]:g} in row {first_row + row}"
        )


def check_weights(weights: Floats, column: str, first_row: int) -> None:
    """Raises ValueError, with the row, for weights that are negative or not finite."""
    wrong = ~((weights >= 0) & np.isfinite(weights))
    if wrong.any():
        row = _first_row(wrong)
        raise ValueError(
            f"column {column!r}: weights must be finite and >= 0, "
            f"found {weights[row]:g} in row {first_row + row}"
        )


def read_training_set(dataset: DataFrame, features: str, label: str, weight: str | None) -> TrainingSet:
    """Reads the columns batch by batch.

    Float32 features stay in the batches' own memory, unless few of them are not 0: then only those are kept.

    Raises
    ------
    ValueError for an empty dataset, nulls, vectors of different sizes, labels that are no class numbers, and
    weights that are negative, not finite or all 0: with the column, the row and the value.
    """
    names = list(dict.fromkeys([features, label, *([weight] if weight else [])]))
    matrix: _core.FeatureMatrix | None = None
    labels: list[Floats] = []
    weights: list[Floats] = []
    rows = 0
    for batch in dataset._arrow(names):
        labels.append(to_numbers(batch.column(label), label, rows))
        check_labels(labels[-1], label, rows)
        if weight:
            weights.append(to_numbers(batch.column(weight), weight, rows))
            check_weights(weights[-1], weight, rows)
        width = None if matrix is None else matrix.columns
        for block in feature_rows(batch.column(features), features, rows, width):
            if matrix is None:
                matrix = _core.FeatureMatrix(block.size if isinstance(block, SparseRows) else block.shape[1])
            _append(matrix, block, features)
        rows += batch.num_rows
    if matrix is None:
        raise ValueError(f"expected rows to train on, found an empty dataset (columns {', '.join(names)})")
    data = TrainingSet(matrix, np.concatenate(labels), np.concatenate(weights) if weight else None)
    if data.weights is not None and not data.weights.any():
        raise ValueError(f"column {weight!r}: expected a weight > 0, found {len(data.weights)} weights of 0")
    if matrix.columns:  # without columns the fit says what is wrong
        matrix.finish()
    return data


def _nominal_classes(field: pa.Field) -> int | None:
    """Number of classes in a label column's ML metadata (what StringIndexer leaves there), if it has any."""
    text = (field.metadata or {}).get(b"ml_attr")
    attribute = json.loads(text) if text else None
    if not isinstance(attribute, dict) or attribute.get("type") not in ("nominal", "binary"):
        return None
    if "vals" in attribute:
        return len(attribute["vals"])
    return 2 if attribute["type"] == "binary" else attribute.get("num_vals")


def count_classes(data: TrainingSet, field: pa.Field) -> int:
    """Number of classes: what the label column's metadata say, else the largest label + 1.

    Raises ValueError where the labels do not fit the metadata, or are too sparse for class numbers.
    """
    return classes_among(
        np.unique(data.used_labels), field, lambda label: f"row {_first_row(data.labels == label)}"
    )


def classes_among(distinct: Floats, field: pa.Field, place: Callable[[float], str]) -> int:
    """count_classes of the distinct labels; place: says for a message where a label is."""
    largest = float(distinct.max())
    inferred = int(largest) + 1
    known = _nominal_classes(field)
    if known is not None:
        if known < inferred:
            raise ValueError(
                f"column {field.name!r}: its metadata tell of {known} classes, but {place(largest)} has "
                f"label {inferred - 1}"
            )
        return known
    if inferred > _MANY_CLASSES and inferred > 10 * len(distinct):
        raise ValueError(
            f"column {field.name!r}: {len(distinct)} distinct labels, but the largest, {inferred - 1} in "
            f"{place(largest)}, stands for {inferred} classes; number the classes from 0"
        )
    return inferred
