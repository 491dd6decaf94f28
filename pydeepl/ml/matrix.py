"""Matrices, dense and sparse: what a model's coefficients come as, with pyspark.ml.linalg's names and texts.

Source: the behaviour of pyspark.ml.linalg and of a fitted model's `coefficientMatrix` (Spark 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pydeepl.linalg import DenseVector, SparseVector, Vector, _short

__all__ = ["DenseMatrix", "Matrices", "Matrix", "SparseMatrix", "compressed_matrix", "compressed_vector"]

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]

# A text shows this many values (the first and the last of more), as PySpark's does.
_SHOWN_VALUES = 16


class Matrix:
    """A matrix of doubles, dense or sparse."""

    numRows: int
    numCols: int
    values: Floats
    isTransposed: bool

    def toArray(self) -> Floats:
        """The matrix as a float64 array [numRows, numCols]."""
        raise TypeError(f"{type(self).__name__} holds no values; make a DenseMatrix or a SparseMatrix")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        array = self.toArray().astype(np.float64 if dtype is None else dtype, copy=bool(copy))
        return array

    def _check_indices(self, row: int, column: int) -> None:
        if not 0 <= row < self.numRows:
            raise IndexError(f"Row index {row} is out of range [0, {self.numRows})")
        if not 0 <= column < self.numCols:
            raise IndexError(f"Column index {column} is out of range [0, {self.numCols})")

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Matrix)
            and (self.numRows, self.numCols) == (other.numRows, other.numCols)
            and bool((self.toArray() == other.toArray()).all())
        )

    __hash__ = None  # type: ignore[assignment]  # values can be changed


class DenseMatrix(Matrix):
    """A matrix with all of its values stored.

    Parameters
    ----------
    numRows, numCols: its shape.
    values: numRows * numCols numbers, column after column, or row after row where isTransposed.
    isTransposed: how the values lie.

    Raises
    ------
    ValueError where the number of values is another.
    """

    def __init__(self, numRows: int, numCols: int, values: Any, isTransposed: bool = False) -> None:
        flat = np.asarray(values, np.float64).reshape(-1)
        if flat.size != numRows * numCols:
            raise ValueError(f"expected {numRows} x {numCols} values, got {flat.size}")
        self.numRows, self.numCols, self.values, self.isTransposed = numRows, numCols, flat, isTransposed

    def toArray(self) -> Floats:
        """The matrix as a float64 array [numRows, numCols] (not a copy)."""
        order: Any = "C" if self.isTransposed else "F"
        return self.values.reshape((self.numRows, self.numCols), order=order)

    def toSparse(self) -> SparseMatrix:
        """The same matrix as a SparseMatrix, column after column."""
        return _sparse(self.toArray(), by_rows=False)

    def __getitem__(self, indices: tuple[int, int]) -> float:
        row, column = indices
        self._check_indices(row, column)
        return float(self.toArray()[row, column])

    def __repr__(self) -> str:
        shown = ", ".join(_shortened([_short(value) for value in _shown(self.values)], self.values.size))
        return f"DenseMatrix({self.numRows}, {self.numCols}, [{shown}], {self.isTransposed})"

    def __str__(self) -> str:
        first, *rest = repr(self.toArray()).splitlines()
        indent = " " * (len("DenseMatrix") - len("array"))
        return "\n".join([first.replace("array", "DenseMatrix"), *(indent + line for line in rest)])


class SparseMatrix(Matrix):
    """A matrix with the values that are not 0 stored, column after column, or row after row.

    Parameters
    ----------
    numRows, numCols: its shape.
    colPtrs: where each column begins in rowIndices and values, and last their length [numCols + 1].
    rowIndices: the row of each value, ascending in each column.
    values: as many numbers.
    isTransposed: whether rows take the part of columns: colPtrs [numRows + 1] then tells where each row
        begins, and rowIndices the column of each value.

    Raises
    ------
    ValueError where the lengths do not fit, or an index is outside the matrix or out of order.
    """

    def __init__(
        self,
        numRows: int,
        numCols: int,
        colPtrs: Any,
        rowIndices: Any,
        values: Any,
        isTransposed: bool = False,
    ) -> None:
        self.numRows, self.numCols, self.isTransposed = numRows, numCols, isTransposed
        self.colPtrs: Indices = np.asarray(colPtrs, np.int32)
        self.rowIndices: Indices = np.asarray(rowIndices, np.int32)
        self.values = np.asarray(values, np.float64)
        lines, width = (numRows, numCols) if isTransposed else (numCols, numRows)
        if self.colPtrs.shape != (lines + 1,):
            raise ValueError(f"Expected colPtrs of size {lines + 1}, got {self.colPtrs.size}.")
        if self.rowIndices.shape != self.values.shape or self.values.ndim != 1:
            raise ValueError(f"Expected rowIndices of length {self.values.size}, got {self.rowIndices.size}.")
        counts = np.diff(self.colPtrs)
        if self.colPtrs[0] != 0 or self.colPtrs[-1] != self.values.size or (counts < 0).any():
            raise ValueError(
                f"Expected colPtrs to ascend from 0 to {self.values.size}, got {self.colPtrs.tolist()}"
            )
        if self.values.size and not 0 <= self.rowIndices.min() <= self.rowIndices.max() < width:
            raise ValueError(f"Expected rowIndices from 0 to {width - 1}, got {self.rowIndices.tolist()}")
        if (np.diff(self._lines().astype(np.int64) * width + self.rowIndices) <= 0).any():
            raise ValueError(f"Expected rowIndices that ascend, got {self.rowIndices.tolist()}")

    def _lines(self) -> npt.NDArray[np.intp]:
        """The column of each value, or its row where isTransposed."""
        return np.repeat(np.arange(len(self.colPtrs) - 1), np.diff(self.colPtrs))

    def _places(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """The row and the column of each value."""
        lines = self._lines()
        return (lines, self.rowIndices) if self.isTransposed else (self.rowIndices, lines)

    def toArray(self) -> Floats:
        """The matrix as a new float64 array [numRows, numCols]."""
        array = np.zeros((self.numRows, self.numCols), order="C" if self.isTransposed else "F")
        array[self._places()] = self.values
        return array

    def toDense(self) -> DenseMatrix:
        """The same matrix as a DenseMatrix, column after column."""
        return DenseMatrix(self.numRows, self.numCols, self.toArray().ravel(order="F"))

    def __getitem__(self, indices: tuple[int, int]) -> float:
        row, column = indices
        self._check_indices(row, column)
        line, wanted = (row, column) if self.isTransposed else (column, row)
        begin, end = self.colPtrs[line], self.colPtrs[line + 1]
        place = begin + int(np.searchsorted(self.rowIndices[begin:end], wanted))
        return float(self.values[place]) if place < end and self.rowIndices[place] == wanted else 0.0

    def __repr__(self) -> str:
        values = _shortened([_short(value) for value in _shown(self.values)], self.values.size)
        rows = _shortened([str(row) for row in _shown(self.rowIndices)], self.rowIndices.size)
        pointers = _shortened([str(pointer) for pointer in _shown(self.colPtrs)], self.colPtrs.size)
        parts = ", ".join(f"[{', '.join(part)}]" for part in (pointers, rows, values))
        return f"SparseMatrix({self.numRows}, {self.numCols}, {parts}, {self.isTransposed})"

    def __str__(self) -> str:
        kind = "CSRMatrix" if self.isTransposed else "CSCMatrix"
        rows, columns = (places[:_SHOWN_VALUES].tolist() for places in self._places())
        values = self.values[:_SHOWN_VALUES].tolist()
        cells = [f"({i},{j}) {_short(v)}" for i, j, v in zip(rows, columns, values, strict=True)]
        more = [".."] * 2 if self.values.size > _SHOWN_VALUES else []
        return "\n".join([f"{self.numRows} X {self.numCols} {kind}", *cells, *more])


class Matrices:
    """Makes matrices, as pyspark.ml.linalg.Matrices does."""

    @staticmethod
    def dense(numRows: int, numCols: int, values: Any) -> DenseMatrix:
        """A DenseMatrix of values [numRows * numCols], column after column."""
        return DenseMatrix(numRows, numCols, values)

    @staticmethod
    def sparse(
        numRows: int, numCols: int, colPtrs: Sequence[int], rowIndices: Sequence[int], values: Sequence[float]
    ) -> SparseMatrix:
        """A SparseMatrix of values column after column."""
        return SparseMatrix(numRows, numCols, colPtrs, rowIndices, values)


# ---- the smaller of two forms


def _sparse(array: Floats, by_rows: bool) -> SparseMatrix:
    lines = array if by_rows else array.T
    line, place = np.nonzero(lines)
    pointers = np.concatenate([[0], np.cumsum(np.count_nonzero(lines, axis=1))])
    return SparseMatrix(len(array), array.shape[1], pointers, place, lines[line, place], by_rows)


def compressed_matrix(array: Floats) -> Matrix:
    """The matrix in the form that takes the fewest bytes, as Spark keeps a model's coefficients.

    Parameters: array, float64 [rows, columns]. Returns a DenseMatrix, row after row, or a SparseMatrix by
    columns or by rows.
    """
    rows, columns = array.shape
    header, pointer = 12, 4  # bytes of one of Java's arrays beside its values, and of one of its ints
    dense = header + 8 * array.size
    values = 3 * header + (8 + pointer) * int(np.count_nonzero(array))
    by_columns, by_rows = values + pointer * (columns + 1), values + pointer * (rows + 1)
    if dense <= min(by_columns, by_rows):
        return DenseMatrix(rows, columns, array, True)
    return _sparse(array, by_rows=by_rows < by_columns)


def compressed_vector(values: Floats) -> Vector:
    """A model's intercepts: a SparseVector where that is smaller by Spark's rule, else a DenseVector.

    The intercepts of a model of one class, all 0 but one that is infinite, are sparse whatever their number.
    """
    places = np.flatnonzero(values)
    one_class = len(values) > 1 and bool(np.isinf(values).any())
    if one_class or 1.5 * (len(places) + 1) < len(values):
        return SparseVector(len(values), places, values[places])
    return DenseVector(values)


# ---- texts


def _shown(values: npt.NDArray[Any]) -> list[Any]:
    half = _SHOWN_VALUES // 2
    kept = values if values.size <= _SHOWN_VALUES else np.concatenate([values[:half], values[-half:]])
    return list(kept.tolist())


def _shortened(texts: list[str], size: int) -> list[str]:
    half = _SHOWN_VALUES // 2
    return texts if size <= _SHOWN_VALUES else [*texts[:half], "...", *texts[half:]]
