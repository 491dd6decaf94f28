"""DenseMatrix: what a model's coefficients come as, with pyspark.ml.linalg's names."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["DenseMatrix"]

_SHOWN_ROWS = 16
_SHOWN_VALUES = 16


class DenseMatrix:
    """A matrix of doubles.

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

    def toArray(self) -> npt.NDArray[np.float64]:
        """The matrix as a float64 array [numRows, numCols]."""
        order: Any = "C" if self.isTransposed else "F"
        return self.values.reshape((self.numRows, self.numCols), order=order)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        array = self.toArray().astype(np.float64 if dtype is None else dtype, copy=bool(copy))
        return array

    def __getitem__(self, indices: tuple[int, int]) -> float:
        row, column = indices
        if not 0 <= row < self.numRows:
            raise IndexError(f"Row index {row} is out of range [0, {self.numRows})")
        if not 0 <= column < self.numCols:
            raise IndexError(f"Column index {column} is out of range [0, {self.numCols})")
        return float(self.toArray()[row, column])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DenseMatrix)
            and (self.numRows, self.numCols) == (other.numRows, other.numCols)
            and bool((self.toArray() == other.toArray()).all())
        )

    __hash__ = None  # type: ignore[assignment]  # values can be changed

    def __repr__(self) -> str:
        shown = ", ".join(f"{value:.4g}" for value in self.values[:_SHOWN_VALUES])
        more = ", ..." if self.values.size > _SHOWN_VALUES else ""
        return f"DenseMatrix({self.numRows}, {self.numCols}, [{shown}{more}], {self.isTransposed})"

    def __str__(self) -> str:
        rows = np.array2string(self.toArray(), threshold=_SHOWN_ROWS * _SHOWN_VALUES)
        return f"DenseMatrix({self.numRows} x {self.numCols})\n{rows}"
