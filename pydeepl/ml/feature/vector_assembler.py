"""VectorAssembler: several columns side by side as one column of vectors.

Source: the behaviour of pyspark.ml.feature.VectorAssembler (Spark 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pydeepl.linalg import (
    MIXED,
    MIXED_STORAGE_FLOAT32,
    SparseRows,
    VectorType,
    dense_type,
    is_vector,
    sparse_vector_array,
    vector_array,
    vectors,
)
from pydeepl.ml.attributes import (
    attribute,
    feature_attributes,
    holds_float32,
    is_sparse,
    vector_field,
    vector_size,
)
from pydeepl.ml.base import Transformer, keyword_only
from pydeepl.ml.columns import existing_column, is_number, output_column, to_numbers
from pydeepl.ml.param.shared import HasHandleInvalid, HasInputCols, HasOutputCol
from pydeepl.ml.persistence import MLReadable, MLWritable
from pydeepl.ml.training_set import feature_blocks, feature_rows

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["VectorAssembler"]

# Numbers of these types are the same numbers in float32.
_EXACT_IN_FLOAT32 = (pa.float32(), pa.bool_(), pa.int8(), pa.int16())


@dataclass(frozen=True)
class _Part:
    """An input column: its field, and the size of its vectors, or None for a column of numbers."""

    field: pa.Field
    size: int | None

    @property
    def width(self) -> int:
        """How many features it makes."""
        return 1 if self.size is None else self.size

    @property
    def is_exact_in_float32(self) -> bool:
        """Whether float32 holds all its values."""
        kind = self.field.type
        return kind in _EXACT_IN_FLOAT32 if self.size is None else holds_float32(kind)

    def features(self) -> list[dict[str, Any]]:
        """The ML attributes of its features."""
        if self.size is not None:
            return feature_attributes(self.field, self.size)
        return [{"type": "numeric", **attribute(self.field), "name": self.field.name}]

    def fill(self, out: NDArray[Any], column: pa.Array, first_row: int, keep: bool) -> None:
        """Writes the column's values to out [rows, width]; where `keep`, NaN for what is null."""
        name = self.field.name
        if self.size is None:
            numbers = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
            if keep:
                out[:, 0] = numbers.cast(pa.float64()).to_numpy(zero_copy_only=False)
            else:
                out[:, 0] = to_numbers(numbers, name, first_row)
            return
        rows = np.arange(len(column))
        if keep and column.null_count:
            out[:] = np.nan
            rows = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
            column = column.take(pa.array(rows))
        done = 0
        for block in feature_blocks(column, name, first_row, self.size):
            out[rows[done : done + len(block)]] = block
            done += len(block)

    def nonzeros(self, column: pa.Array, first_row: int, keep: bool) -> tuple[NDArray[Any], ...]:
        """The rows, features and values that are not 0, row after row; `keep` as for `fill`."""
        if is_sparse(column.type) and not (keep and column.null_count):
            for block in feature_rows(column, self.field.name, first_row, self.size):
                if isinstance(block, SparseRows):
                    used = np.arange(block.indptr[0], block.indptr[-1])
                    used = used[block.values[used] != 0]
                    rows = np.searchsorted(block.indptr, used, side="right") - 1
                    return rows, block.indices[used], block.values[used]
        out = np.empty((len(column), self.width))
        self.fill(out, column, first_row, keep)
        rows, places = np.nonzero(out)
        return rows, places, out[rows, places]


class VectorAssembler(Transformer, HasInputCols, HasOutputCol, HasHandleInvalid, MLWritable, MLReadable):
    """Puts the values of columns side by side into one vector a row.

    The output is sparse where an input is, else dense; of float32 where all inputs are (columns whose numbers
    float32 holds exactly count as such), else of float64. Spark makes each row dense or sparse, whichever is
    smaller; the numbers are the same. The output's metadata say the number of features, and their names where
    there are at most 1024.

    Parameters
    ----------
    inputCols: names of columns of numbers, booleans or vectors, in the order of the features.
    outputCol: name of the column of vectors.
    handleInvalid: what becomes of null (and, in columns of numbers, NaN): "error" refuses it, "skip" leaves
        its row out, "keep" makes it NaN. With "keep", the size of the vectors must be known before they are
        read: from the column's type or metadata.
    """

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        inputCols: list[str] | None = None,
        outputCol: str | None = None,
        handleInvalid: str = "error",
    ) -> None:
        super().__init__()
        self._setDefault(handleInvalid="error")
        self.setParams(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        inputCols: list[str] | None = None,
        outputCol: str | None = None,
        handleInvalid: str = "error",
    ) -> Self:
        """Sets the params that are given; see the class for their meaning."""
        return self._set(**{name: value for name, value in self._input_kwargs.items() if value is not None})

    def _transform(self, dataset: DataFrame) -> DataFrame:
        names = [existing_column(self, self.inputCols, name, dataset) for name in self.getInputCols()]
        output = output_column(self, self.outputCol, dataset)
        distinct = list(dict.fromkeys(names))
        if not names:
            raise ValueError(f"{self.uid}: inputCols is empty; expected the name of a column at least")
        if self.getHandleInvalid() == "skip":
            dataset = dataset.dropna(subset=distinct)
        known = {name: self._part(dataset, name) for name in distinct}
        parts = [known[name] for name in names]
        width = sum(part.width for part in parts)
        dtype: Any = np.float32 if all(part.is_exact_in_float32 for part in parts) else np.float64
        sparse = any(is_sparse(part.field.type) for part in parts)
        kind = _sparse_type(dtype) if sparse else dense_type(width, dtype)
        features = [feature for part in parts for feature in part.features()]
        field = vector_field(output, kind, width, features)
        keep, uid = self.getHandleInvalid() == "keep", self.uid
        assemble = _sparse if sparse else _dense

        def stage(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
            first_row = 0
            for batch in batches:
                try:
                    yield [assemble(parts, batch, dtype, first_row, keep)]
                except ValueError as error:
                    invalid = "keep" if keep else "error"
                    raise ValueError(f"{uid}: {error} (handleInvalid is {invalid!r})") from None
                first_row += batch.num_rows

        return dataset._with_stage(stage, distinct, [field])

    def _part(self, dataset: DataFrame, name: str) -> _Part:
        field = dataset.column_field(name)
        if is_number(field.type) or pa.types.is_boolean(field.type):
            return _Part(field, None)
        lists = pa.types.is_list(field.type) or pa.types.is_fixed_size_list(field.type)
        if not (is_vector(field.type) or (lists and is_number(field.type.value_type))):
            raise TypeError(
                f"{self.uid}: column {name!r}: expected numbers, booleans or vectors, found {field.type}"
            )
        size = vector_size(field)
        if size is None and self.getHandleInvalid() == "keep":
            raise ValueError(
                f"{self.uid}: column {name!r}: handleInvalid='keep' needs the size of its vectors before "
                "they are read, and neither its type nor its metadata tell it"
            )
        return _Part(field, _first_size(dataset, name) if size is None else size)


def _dense(parts: list[_Part], batch: pa.RecordBatch, dtype: Any, first_row: int, keep: bool) -> pa.Array:
    """A batch's columns side by side in full."""
    matrix = np.empty((batch.num_rows, sum(part.width for part in parts)), dtype)
    place = 0
    for part in parts:
        part.fill(matrix[:, place : place + part.width], batch.column(part.field.name), first_row, keep)
        place += part.width
    return vector_array(matrix)


def _sparse(parts: list[_Part], batch: pa.RecordBatch, dtype: Any, first_row: int, keep: bool) -> pa.Array:
    """A batch's columns side by side as compressed rows."""
    found, place = [], 0
    for part in parts:
        rows, features, values = part.nonzeros(batch.column(part.field.name), first_row, keep)
        found.append((rows, features + place, values.astype(dtype)))
        place += part.width
    rows, features, values = (np.concatenate(each) for each in zip(*found, strict=True))
    order = np.argsort(rows, kind="stable")  # within a row the parts stay in turn, so their features rise
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=batch.num_rows))])
    return sparse_vector_array((indptr, features[order], values[order], place))


def _sparse_type(dtype: Any) -> VectorType:
    return VectorType(MIXED_STORAGE_FLOAT32) if dtype == np.float32 else MIXED


def _first_size(dataset: DataFrame, name: str) -> int:
    """The size of a column's first vector; 0 where there is none."""
    for batch in dataset.select(name).limit(1)._arrow():
        column = batch.column(0)
        if column.null_count:
            raise ValueError(f"column {name!r}: expected a vector, found null in row 0")
        if is_vector(column.type):
            return len(vectors(column)[0] or ())
        return int(pc.list_value_length(column)[0].as_py())
    return 0
