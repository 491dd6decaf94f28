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
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pydeepl.linalg import SparseRows
from pydeepl.ml.training_set import feature_rows

if TYPE_CHECKING:
    from pydeepl.frame import DataFrame

__all__ = ["Block", "Moments", "centred", "finite_blocks", "row_slabs", "width_of"]

Floats = NDArray[np.float64]

_SLAB_BYTES = 16 << 20  # float64 copies of rows are made in pieces of this size


Block = NDArray[Any] | SparseRows


def width_of(block: Block) -> int:
    """The number of features."""
    return block.size if isinstance(block, SparseRows) else int(block.shape[1])


def row_slabs(block: Block) -> Iterator[tuple[slice, Floats]]:
    """The rows of a block [rows, d] in full as float64, a bounded number at a time, and where they are."""
    step = max(1, _SLAB_BYTES // (8 * max(1, width_of(block))))
    for start in range(0, len(block), step):
        stop = min(start + step, len(block))
        if isinstance(block, SparseRows):
            part = replace(block, indptr=block.indptr[start : stop + 1]).toArray()
        else:
            part = block[start:stop]
        yield slice(start, stop), np.asarray(part, np.float64)


def finite_blocks(dataset: DataFrame, column: str) -> Iterator[Block]:
    """A column's vectors as [rows, d] blocks, sparse vectors as compressed rows, in row order.

    Raises ValueError, with the row, for null, vectors of different sizes, NaN and infinity.
    """
    rows, width = 0, None
    for batch in dataset._arrow([column]):
        for block in feature_rows(batch.column(0), column, rows, width):
            width = width_of(block)
            _check_finite(block, column, rows)
            yield block
            rows += len(block)


def _check_finite(block: Block, column: str, first_row: int) -> None:
    if isinstance(block, SparseRows) and np.isfinite(block.values).all():
        return
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

    def add(self, block: Block) -> None:
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
