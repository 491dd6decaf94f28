"""Folds: which rows are held out, by a column of fold numbers that is computed row by row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pydeepl.frame import DataFrame
from pydeepl.frame.plan import ROW, Filter, uniform

if TYPE_CHECKING:
    from pydeepl.frame.batches import Mask

__all__ = ["GivenFolds", "RandomFolds", "Split", "keep_columns", "read_folds", "rows_in_fold"]


class Split(ABC):
    """A way to number rows. `count`: the folds are 0 ... count - 1; `columns`: those that tell the folds."""

    count: int
    columns: tuple[str, ...] = ()

    @abstractmethod
    def number(self, dataset: DataFrame, name: str) -> DataFrame:
        """The dataset with the column `name`, int32: each row's fold."""


class RandomFolds(Split):
    """Folds of about given shares of the rows: fold i is `dataset.randomSplit(shares, seed)[i]`.

    Each row falls into a fold by the seed and its place in the dataset alone, not by the threads at work.

    Parameters
    ----------
    dataset: whose rows are split.
    shares: one a fold, positive.
    seed: of the draw.
    """

    def __init__(self, dataset: DataFrame, shares: Sequence[float], seed: int) -> None:
        self.count = len(shares)
        self._bounds = np.cumsum(np.asarray(shares, float) / sum(shares))[:-1]
        self._seed, self._draw = seed, dataset._node.draws

    def number(self, dataset: DataFrame, name: str) -> DataFrame:
        """The dataset (or a frame made of it row by row) with the column of folds."""

        def folds(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
            for batch in batches:
                numbers = uniform(batch.column(0).to_numpy(), self._seed, self._draw)
                yield [pa.array(np.searchsorted(self._bounds, numbers, side="right").astype(np.int32))]

        return dataset._with_stage(folds, [ROW], [_fold_field(name)])


class GivenFolds(Split):
    """Folds that the user's column of whole numbers tells.

    Raises TypeError where the column holds something else; numbers outside [0, count) are a ValueError when
    they are read.
    """

    def __init__(self, dataset: DataFrame, column: str, count: int) -> None:
        field = dataset.column_field(column)
        self.count, self.column, self.columns = count, field.name, (field.name,)
        kind = field.type
        if not pa.types.is_integer(kind):
            raise TypeError(f"foldCol {column!r}: expected whole numbers, found {kind}")

    def number(self, dataset: DataFrame, name: str) -> DataFrame:
        """The dataset with the column of folds, checked."""

        def folds(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
            first_row = 0
            for batch in batches:
                yield [self._checked(batch.column(0), first_row)]
                first_row += batch.num_rows

        return dataset._with_stage(folds, [self.column], [_fold_field(name)])

    def _checked(self, column: pa.Array, first_row: int) -> pa.Array:
        inside = pc.and_(pc.greater_equal(column, 0), pc.less(column, self.count))
        place = pc.index(pc.fill_null(inside, False), False).as_py()
        if place >= 0:
            found = column[place].as_py()
            raise ValueError(
                f"foldCol {self.column!r}: Fold number must be in range [0, {self.count}), but got "
                f"{'null' if found is None else found} in row {first_row + place}"
            )
        return column.cast(pa.int32())


def _fold_field(name: str) -> pa.Field:
    return pa.field(name, pa.int32(), nullable=False)


def read_folds(dataset: DataFrame, name: str) -> NDArray[np.int32]:
    """The column of folds [n]."""
    parts = [batch.column(0).to_numpy() for batch in dataset._arrow([name])]
    return np.concatenate([np.empty(0, np.int32), *parts])


class _Fold:
    """A condition: the row is in a fold, or is in none but it."""

    def __init__(self, name: str, fold: int, inside: bool) -> None:
        self._name, self._fold, self._inside = name, fold, inside
        self.columns = frozenset([name])

    def mask(self, batch: pa.RecordBatch) -> Mask:
        """The rows that pass."""
        mask: Mask = (batch.column(self._name).to_numpy() == self._fold) == self._inside
        return mask


def rows_in_fold(dataset: DataFrame, name: str, fold: int, inside: bool) -> DataFrame:
    """The rows of a fold, or all others, without the column of folds."""
    text = f"{name} {'=' if inside else '!='} {fold}"
    return DataFrame(Filter(dataset._node, _Fold(name, fold, inside), text)).drop(name)


def keep_columns(dataset: DataFrame, names: Sequence[str]) -> DataFrame:
    """The dataset with columns that are computed once and kept, within the frame's memory budget."""

    def same(batches: Iterator[pa.RecordBatch]) -> Iterator[list[Any]]:
        for batch in batches:
            yield batch.columns

    if not names:
        return dataset
    return dataset._with_stage(same, names, [dataset.column_field(name) for name in names], keep=True)
