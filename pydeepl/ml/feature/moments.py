"""Means and variances of feature columns, in one pass over blocks of rows.

Each slab of rows is centred by its own first row and mean, and slabs are merged by

    n = n_a + n_b,   delta = m_b - m_a
    m = m_a + delta n_b / n,   S = S_a + S_b + delta^2 n_a n_b / n

where m is the mean and S the sum of squared deviations (Chan, Golub, LeVeque: "Updating formulae and a
pairwise algorithm for computing sample variances", 1979). A constant column has S = 0 exactly, not a rounding
of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pydeepl.ml.training_set import feature_blocks

if TYPE_CHECKING:
    from pydeepl.frame import DataFrame

__all__ = ["Moments", "centred", "finite_blocks", "row_slabs"]

Floats = NDArray[np.float64]

_SLAB_BYTES = 16 << 20  # float64 copies of rows are made in pieces of this size


def row_slabs(block: NDArray[Any]) -> Iterator[tuple[slice, Floats]]:
    """The rows of a block [rows, d] as float64, a bounded number at a time, and where they are in it."""
    step = max(1, _SLAB_BYTES // (8 * max(1, block.shape[1])))
    for start in range(0, len(block), step):
        rows = slice(start, min(start + step, len(block)))
        yield rows, np.asarray(block[rows], np.float64)


def finite_blocks(dataset: DataFrame, column: str) -> Iterator[NDArray[Any]]:
    """A column's vectors as [rows, d] blocks, in row order.

    Raises ValueError, with the row, for null, vectors of different sizes, NaN and infinity.
    """
    rows, width = 0, None
    for batch in dataset._arrow([column]):
        for block in feature_blocks(batch.column(0), column, rows, width):
            width = block.shape[1]
            _check_finite(block, column, rows)
            yield block
            rows += len(block)


def _check_finite(block: NDArray[Any], column: str, first_row: int) -> None:
    for rows, slab in row_slabs(block):
        with np.errstate(invalid="ignore", over="ignore"):
            suspect = ~np.isfinite(slab.sum(axis=1))  # one pass, without a mask as large as the slab
        for row in np.flatnonzero(suspect):
            wrong = np.flatnonzero(~np.isfinite(slab[row]))
            if len(wrong):
                raise ValueError(
                    f"column {column!r}: features must be finite, found {slab[row, wrong[0]]:g} in row "
                    f"{first_row + rows.start + row}, feature {wrong[0]}"
                )


def centred(rows: Floats) -> tuple[Floats, Floats]:
    """Rows [rows, d] less their mean, and the mean [d]; of equal numbers exactly 0 and that number."""
    deviations = rows - rows[0]
    shift = deviations.mean(axis=0)
    deviations -= shift
    return deviations, rows[0] + shift


class Moments:
    """The mean and variance of each column of the blocks added so far.

    Attributes: rows, how many; mean, float64 [d].
    """

    def __init__(self, width: int) -> None:
        self.rows = 0
        self.mean: Floats = np.zeros(width)
        self._deviations: Floats = np.zeros(width)

    def add(self, block: NDArray[Any]) -> None:
        """Takes in the rows of a block [rows, d]."""
        for _, slab in row_slabs(block):
            deviations, mean = centred(slab)
            self._merge(len(slab), mean, np.einsum("ij,ij->j", deviations, deviations))

    def _merge(self, rows: int, mean: Floats, deviations: Floats) -> None:
        total = self.rows + rows
        delta = mean - self.mean if self.rows else np.zeros_like(mean)
        self.mean = self.mean + delta * (rows / total) if self.rows else mean
        self._deviations = self._deviations + deviations + delta * delta * (self.rows * rows / total)
        self.rows = total

    def variance(self) -> Floats:
        """The unbiased variance of each column; 0 for less than two rows."""
        return self._deviations / max(1, self.rows - 1)
