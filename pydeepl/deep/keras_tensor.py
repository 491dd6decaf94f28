"""KerasTransformer: a user's own Keras model over a column of arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pydeepl.deep.cells import with_nulls
from pydeepl.deep.model_columns import array_column, array_type, predict_arrays, rows_together
from pydeepl.deep.model_stage import KeepsModel
from pydeepl.keras.model import KerasModel
from pydeepl.linalg import is_vector, vector_matrix
from pydeepl.ml.base import Transformer, keyword_only
from pydeepl.ml.columns import input_column, is_number, output_column
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["KerasTransformer"]


class KerasTransformer(Transformer, HasInputCol, HasOutputCol, KeepsModel):
    """Appends a column of a Keras model's outputs for the arrays in a column.

    Parameters
    ----------
    inputCol : the column of arrays of numbers, or of vectors: nested as the model's input is, or flat with as
        many numbers.
    outputCol : the column to append: arrays of float32, nested as the model's output is; null where the input
        is.
    modelFile : path of the model: .keras or .h5, as pydeepl.keras.load_model takes it.
    kerasFitParams : unused, as in sparkdl.

    Raises FileNotFoundError and WeightsError for the model, ValueError for columns that do not fit and,
    when the outputs are read, naming the row, for an array of another size. save() keeps the model file's
    content, load() brings it back.

    Source: sparkdl's KerasTransformer.
    """

    @keyword_only
    def __init__(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        modelFile: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        modelFile: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Sets params by keyword."""
        return self._set(**self._input_kwargs)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        column = input_column(self, self.inputCol, dataset)
        name = output_column(self, self.outputCol, dataset)
        model = self.model()
        check_array_field(dataset.column_field(column), model)

        def outputs(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
            first_row = 0
            for batch in batches:
                yield [model_outputs(model, batch.column(0), column, first_row)]
                first_row += batch.num_rows

        field = pa.field(name, array_type(model))
        return dataset._with_stage(outputs, [column], [field], keep=True, rows=rows_together(model))


def model_outputs(model: KerasModel, column: pa.Array, name: str, first_row: int = 0) -> pa.Array:
    """The model's outputs for a column of arrays or vectors; `name` and `first_row` are for messages."""
    valid = np.asarray(column.is_valid())
    if not valid.any():
        return pa.nulls(len(valid), array_type(model))
    arrays = _arrays(column.filter(pa.array(valid)), model.inputShape, name, first_row, valid)
    return with_nulls(array_column(predict_arrays(model, arrays)), valid)


def check_array_field(field: pa.Field, model: KerasModel, what: str | None = None) -> None:
    """Raises ValueError where a column holds no arrays for the model. what: to call it; None: by its name."""
    kind, depth = field.type, 0
    if is_vector(kind):
        return
    while _is_list(kind):
        kind, depth = kind.value_type, depth + 1
    if not is_number(kind) or depth not in (1, len(model.inputShape)):
        shape = ", ".join(map(str, model.inputShape))
        what = what or f"column {field.name!r}"
        raise ValueError(
            f"{what}: expected arrays of numbers or vectors for the model's input "
            f"[{shape}], found {field.type}"
        )


def _is_list(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests)


def _arrays(
    column: pa.Array, shape: tuple[int, ...], name: str, first_row: int, valid: NDArray[np.bool_]
) -> NDArray[Any]:
    """The cells of a column without nulls, [n, *shape]. `valid`: the rows that they are of, for messages."""
    rows = first_row + np.flatnonzero(valid)
    if is_vector(column.type):
        size = int(np.prod(shape))
        try:
            matrix = vector_matrix(column, f"column {name!r}")
        except ValueError as error:
            raise ValueError(f"rows {rows[0]} to {rows[-1]} of {error}") from error
        if len(matrix) and matrix.shape[1] != size:
            _refuse(rows[0], name, size, shape, matrix.shape[1])
        return matrix.reshape(len(matrix), *shape)
    depth, kind = 0, column.type
    while _is_list(kind):
        kind, depth = kind.value_type, depth + 1
    per_row = 1
    for size in shape if depth > 1 else (int(np.prod(shape)),):
        lengths = pc.fill_null(pc.list_value_length(column), -1).to_numpy()
        wrong = np.flatnonzero(lengths != size)
        if len(wrong):
            _refuse(rows[wrong[0] // per_row], name, size, shape, lengths[wrong[0]])
        column, per_row = column.flatten(), per_row * size
    if column.null_count:
        place = pc.index(column.is_null(), True).as_py()
        raise ValueError(f"row {rows[place // per_row]} of column {name!r}: a number in its array is null")
    numbers = column.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(numbers).reshape(len(rows), *shape)


def _refuse(row: int, name: str, size: int, shape: tuple[int, ...], found: int) -> None:
    whole = f"[{', '.join(map(str, shape))}]"
    got = "null" if found < 0 else found
    raise ValueError(
        f"row {row} of column {name!r}: expected {size} values (the model's input is {whole}), found {got}"
    )
