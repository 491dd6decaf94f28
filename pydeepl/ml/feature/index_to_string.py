"""IndexToString: class numbers back to the names of the classes.

Source: the behaviour of pyspark.ml.feature.IndexToString (Spark 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pydeepl.ml.attributes import label_values
from pydeepl.ml.base import Transformer, keyword_only
from pydeepl.ml.columns import input_column, is_number, output_column
from pydeepl.ml.param import Param, Params, TypeConverters
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol
from pydeepl.ml.persistence import MLReadable, MLWritable

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["IndexToString"]


class IndexToString(Transformer, HasInputCol, HasOutputCol, MLWritable, MLReadable):
    """Turns indices into the labels they stand for: what StringIndexer did, undone.

    A fraction is cut off, as Spark does. An index without a label, null and NaN are refused.

    Parameters
    ----------
    inputCol: name of a column of indices, numbers.
    outputCol: name of the column of labels, strings.
    labels: labels[i] is that of index i, such as a StringIndexerModel's `labels`. Where it is not given or
        empty, the labels are those that a StringIndexer left in the input column's metadata; a classifier's
        predictions have none.
    """

    labels: Param[list[str]] = Param(
        Params._dummy(),
        "labels",
        "labels[i] is that of index i; unset or empty: those in the input column's metadata",
        TypeConverters.toListString,
    )

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self, *, inputCol: str | None = None, outputCol: str | None = None, labels: list[str] | None = None
    ) -> None:
        super().__init__()
        self.setParams(**self._input_kwargs)

    @keyword_only
    def setParams(
        self, *, inputCol: str | None = None, outputCol: str | None = None, labels: list[str] | None = None
    ) -> Self:
        """Sets the params that are given; see the class for their meaning."""
        return self._set(**{name: value for name, value in self._input_kwargs.items() if value is not None})

    def getLabels(self) -> list[str]:
        """The value of labels. Raises UndefinedParamError where it is not set."""
        return self.getOrDefault(self.labels)

    def setLabels(self, value: list[str]) -> Self:
        """Sets labels."""
        return self._set(labels=value)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        name = input_column(self, self.inputCol, dataset)
        output = output_column(self, self.outputCol, dataset)
        field = dataset.column_field(name)
        if not is_number(field.type):
            raise TypeError(f"{self.uid}: column {name!r}: expected indices, numbers, found {field.type}")
        labels = self._optional(self.labels) or label_values(field)
        if not labels:
            raise ValueError(
                f"{self.uid}: column {name!r} has no labels in its metadata; "
                "give labels, such as those of a StringIndexerModel"
            )
        uid, values = self.uid, pa.array(labels, pa.string())

        def stage(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
            rows = 0
            for batch in batches:
                yield [_looked_up(uid, name, batch.column(0), values, rows)]
                rows += batch.num_rows

        return dataset._with_stage(stage, [name], [pa.field(output, pa.string())])


def _looked_up(uid: str, name: str, column: pa.Array, values: pa.Array, first_row: int) -> pa.Array:
    numbers = np.trunc(column.cast(pa.float64()).to_numpy(zero_copy_only=False))  # null becomes NaN
    wrong = ~((numbers >= 0) & (numbers < len(values)))  # NaN is wrong too
    if wrong.any():
        row = int(wrong.argmax())
        found = column[row].as_py()
        raise ValueError(
            f"{uid}: column {name!r}: expected an index from 0 to {len(values) - 1} (there are {len(values)} "
            f"labels), found {'null' if found is None else found} in row {first_row + row}"
        )
    return values.take(pa.array(numbers.astype(np.int64)))
