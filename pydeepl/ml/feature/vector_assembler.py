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

from pydeepl.linalg import dense_type, is_vector, vector_array, vectors
from pydeepl.ml.attributes import attribute, feature_attributes, vector_field, vector_size
from pydeepl.ml.base import Transformer, keyword_only
from pydeepl.ml.columns import existing_column, is_number, output_column, to_numbers
from pydeepl.ml.param.shared import HasHandleInvalid, HasInputCols, HasOutputCol
from pydeepl.ml.persistence import MLReadable, MLWritable
from pydeepl.ml.training_set import feature_blocks

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
        kind = self.field.type.storage_type if is_vector(self.field.type) else self.field.type
        return (kind.value_type if pa.types.is_fixed_size_list(kind) else kind) in _EXACT_IN_FLOAT32

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


class VectorAssembler(Transformer, HasInputCols, HasOutputCol, HasHandleInvalid, MLWritable, MLReadable):
    """Puts the values of columns side by side into one vector a row.

    The output is dense, of float32 where all inputs are (columns whose numbers float32 holds exactly count as
    such), else of float64. Spark makes each row dense or sparse, whichever is smaller; the numbers are the
    same. The output's metadata say the number of features, and their names where there are at most 1024.

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
        dtype = np.float32 if all(part.is_exact_in_float32 for part in parts) else np.float64
        features = [feature for part in parts for feature in part.features()]
        field = vector_field(output, dense_type(width, dtype), width, features)
        keep, uid = self.getHandleInvalid() == "keep", self.uid

        def stage(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
            first_row = 0
            for batch in batches:
                matrix = np.empty((batch.num_rows, width), dtype)
                place = 0
                for part in parts:
                    column, out = batch.column(part.field.name), matrix[:, place : place + part.width]
                    try:
                        part.fill(out, column, first_row, keep)
                    except ValueError as error:
                        raise ValueError(
                            f"{uid}: {error} (handleInvalid is {'keep' if keep else 'error'!r})"
                        ) from None
                    place += part.width
                yield [vector_array(matrix)]
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
