"""StringIndexer: names of classes to class numbers.

Source: the behaviour of pyspark.ml.feature.StringIndexer (Spark 4).
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pydeepl.ml.attributes import nominal_field
from pydeepl.ml.base import Estimator, Model, keyword_only
from pydeepl.ml.columns import existing_column, is_number, new_column
from pydeepl.ml.param import Param, Params, TypeConverters, checked
from pydeepl.ml.param.shared import (
    HasHandleInvalid,
    HasInputCol,
    HasInputCols,
    HasOutputCol,
    HasOutputCols,
)
from pydeepl.ml.persistence import MLReadable, MLWritable, StageState

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["StringIndexer", "StringIndexerModel"]

UNKNOWN = "__unknown"  # what handleInvalid="keep" calls the class of all other values
_SHOWN_LABELS = 10


# stringOrderType -> the order of (label, count) pairs; equal counts are in alphabetical order, whichever way.
# Alphabetical is by code point, which Spark's UTF-8 and Python's strings agree on.
_ORDERS: dict[str, Callable[[list[tuple[str, int]]], list[tuple[str, int]]]] = {
    "frequencyDesc": lambda pairs: sorted(pairs, key=lambda pair: (-pair[1], pair[0])),
    "frequencyAsc": lambda pairs: sorted(pairs, key=lambda pair: (pair[1], pair[0])),
    "alphabetDesc": lambda pairs: sorted(pairs, key=lambda pair: pair[0], reverse=True),
    "alphabetAsc": lambda pairs: sorted(pairs, key=lambda pair: pair[0]),
}


def label_texts(column: pa.Array) -> pa.Array:
    """A column of strings or numbers as Spark casts it to string: 1 is "1", 1.0 is "1.0", null is null."""
    from pydeepl.frame.show import cell_text

    if pa.types.is_string(column.type):
        return column
    encoded = column.dictionary_encode()  # each different number is written once
    texts = pa.array([cell_text(value, column.type) for value in encoded.dictionary.to_pylist()], pa.string())
    return texts.take(encoded.indices)


class _StringIndexerParams(HasHandleInvalid, HasInputCol, HasOutputCol, HasInputCols, HasOutputCols):
    """Params of the estimator and of its model."""

    stringOrderType: Param[str] = Param(
        Params._dummy(),
        "stringOrderType",
        f"the order of the labels: {', '.join(_ORDERS)}; equally frequent ones are in alphabetical order",
        checked(TypeConverters.toString, _ORDERS.__contains__, f"one of {', '.join(_ORDERS)}"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(handleInvalid="error", stringOrderType="frequencyDesc")

    def getStringOrderType(self) -> str:
        """The value of stringOrderType or its default."""
        return self.getOrDefault(self.stringOrderType)

    def setStringOrderType(self, value: str) -> Self:
        """Sets stringOrderType."""
        return self._set(stringOrderType=value)

    def _column_pairs(self) -> list[tuple[str, str]]:
        """The names of input and output columns, of inputCol and outputCol or of inputCols and outputCols."""
        if self.isSet(self.inputCol) == self.isSet(self.inputCols):
            raise ValueError(f"{self.uid}: expected either inputCol or inputCols to be set")
        if self.isSet(self.inputCol):
            if self.isSet(self.outputCols):
                raise ValueError(f"{self.uid}: inputCol goes with outputCol; outputCols is set")
            return [(self.getInputCol(), self.getOutputCol())]
        if self.isSet(self.outputCol):
            raise ValueError(f"{self.uid}: inputCols goes with outputCols; outputCol is set")
        inputs, outputs = self.getInputCols(), self.getOutputCols()
        if len(inputs) != len(outputs) or len(set(outputs)) != len(outputs):
            raise ValueError(
                f"{self.uid}: expected as many outputCols as inputCols, all different, "
                f"got {outputs} for {inputs}"
            )
        return list(zip(inputs, outputs, strict=True))

    def _input_param(self) -> Param[Any]:
        return self.inputCol if self.isSet(self.inputCol) else self.inputCols

    def _output_param(self) -> Param[Any]:
        return self.outputCol if self.isSet(self.inputCol) else self.outputCols

    def _checked_input(self, name: str, dataset: DataFrame) -> str:
        """An input column's name. Raises ValueError where there is none, TypeError for another type."""
        found = existing_column(self, self._input_param(), name, dataset)
        kind = dataset.column_field(found).type
        if not (pa.types.is_string(kind) or is_number(kind)):
            raise TypeError(f"{self.uid}: column {name!r}: expected strings or numbers, found {kind}")
        return found


class StringIndexer(Estimator["StringIndexerModel"], _StringIndexerParams, MLWritable, MLReadable):
    """Numbers the different values of a column, so that a classifier can learn them: 0.0, 1.0, 2.0, ...

    Numbers are taken as the strings that Spark makes of them. Nulls and NaN have no part in the fit.

    Parameters
    ----------
    inputCol, outputCol: name of a column of strings or numbers, and of the column of their indices.
    inputCols, outputCols: the same for several columns, each with labels of its own.
    handleInvalid: what the model does with nulls and values that the fit has not seen: "error" refuses them,
        "skip" leaves their rows out, "keep" gives them the index behind the last label.
    stringOrderType: which label gets which index: "frequencyDesc" (the most frequent 0), "frequencyAsc",
        "alphabetDesc" or "alphabetAsc". Equal counts are in alphabetical order, by code point.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from pydeepl.ml.feature import StringIndexer
    >>> table = pa.table({"animal": ["dog", "cat", "dog"]})
    >>> model = StringIndexer(inputCol="animal", outputCol="label").fit(table)
    >>> model.labels, model.transform(table)["label"].to_pylist()
    (['dog', 'cat'], [0.0, 1.0, 0.0])
    """

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        inputCols: list[str] | None = None,
        outputCols: list[str] | None = None,
        handleInvalid: str = "error",
        stringOrderType: str = "frequencyDesc",
    ) -> None:
        super().__init__()
        self._set(**_given(self._input_kwargs))

    @keyword_only
    def setParams(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        inputCols: list[str] | None = None,
        outputCols: list[str] | None = None,
        handleInvalid: str = "error",
        stringOrderType: str = "frequencyDesc",
    ) -> Self:
        """Sets the params that are given; see the class for their meaning."""
        return self._set(**_given(self._input_kwargs))

    def _fit(self, dataset: DataFrame) -> StringIndexerModel:
        pairs = self._column_pairs()
        for _, output in pairs:
            new_column(self, self._output_param(), output, dataset)
        names = [self._checked_input(name, dataset) for name, _ in pairs]
        counts: dict[str, Counter[str]] = {name: Counter() for name in names}
        for batch in dataset._arrow(list(counts)):
            for name, counted in counts.items():
                column = batch.column(name)
                found = pc.value_counts(column.filter(column.is_valid()))
                texts = label_texts(found.field("values")).to_pylist()
                if pa.types.is_floating(column.type):
                    texts = [None if text == "NaN" else text for text in texts]
                for text, number in zip(texts, found.field("counts").to_pylist(), strict=True):
                    if text is not None:
                        counted[text] += number
        order = _ORDERS[self.getStringOrderType()]
        labels = [[label for label, _ in order(list(counts[name].items()))] for name in names]
        return self._copyValues(StringIndexerModel(labels)._resetUid(self.uid))


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


class StringIndexerModel(Model, _StringIndexerParams, MLWritable, MLReadable):
    """Turns values into the indices that a fit gave them; a column that is not there is passed over.

    Made by StringIndexer.fit, by `from_labels` or `from_arrays_of_labels`, or from:

    Parameters
    ----------
    labelsArray: for each input column the labels in the order of their indices.
    """

    def __init__(self, labelsArray: Sequence[Sequence[str]]) -> None:
        super().__init__()
        self._labels = [TypeConverters.toListString(labels) for labels in labelsArray]
        for labels in self._labels:
            twice = [label for label, number in Counter(labels).items() if number > 1]
            if twice:
                raise ValueError(f"{self.uid}: the labels must differ, found {twice[0]!r} twice")

    @classmethod
    def from_labels(
        cls,
        labels: Sequence[str],
        inputCol: str,
        outputCol: str | None = None,
        handleInvalid: str | None = None,
    ) -> Self:
        """The model of one column whose labels are known: labels[i] gets index i."""
        values = {"inputCol": inputCol, "outputCol": outputCol, "handleInvalid": handleInvalid}
        return cls([labels])._set(**_given(values))

    @classmethod
    def from_arrays_of_labels(
        cls,
        arrayOfLabels: Sequence[Sequence[str]],
        inputCols: Sequence[str],
        outputCols: Sequence[str] | None = None,
        handleInvalid: str | None = None,
    ) -> Self:
        """The model of several columns whose labels are known: arrayOfLabels[column][i] gets index i."""
        values = {"inputCols": inputCols, "outputCols": outputCols, "handleInvalid": handleInvalid}
        return cls(arrayOfLabels)._set(**_given(values))

    def __repr__(self) -> str:
        return f"StringIndexerModel: uid={self.uid}, labels={', '.join(map(_shown, self._labels))}"

    @property
    def labelsArray(self) -> list[list[str]]:
        """For each input column the labels in the order of their indices."""
        return [list(labels) for labels in self._labels]

    @property
    def labels(self) -> list[str]:
        """The labels of the only input column. Raises ValueError where there are several: see labelsArray."""
        if len(self._labels) != 1:
            raise ValueError(
                f"{self.uid}: fitted to {len(self._labels)} columns; their labels are in labelsArray"
            )
        return list(self._labels[0])

    def _transform(self, dataset: DataFrame) -> DataFrame:
        pairs = self._column_pairs()
        if len(pairs) != len(self._labels):
            raise ValueError(
                f"{self.uid}: expected as many input columns as there are lists of labels "
                f"({len(self._labels)}), got {[name for name, _ in pairs]}"
            )
        inputs, fields, value_sets = [], [], []
        keep = self.getHandleInvalid() == "keep"
        for (name, output), labels in zip(pairs, self._labels, strict=True):
            if name not in dataset.columns:
                warnings.warn(
                    f"{self.uid}: column {name!r} does not exist, so {output!r} is not made", stacklevel=4
                )
                continue
            inputs.append(self._checked_input(name, dataset))
            new_column(self, self._output_param(), output, dataset)
            fields.append(nominal_field(output, [*labels, UNKNOWN] if keep else labels))
            value_sets.append(pa.array(labels, pa.string()))
        if not inputs:
            return dataset
        if self.getHandleInvalid() == "skip":
            dataset = _with_known_values(dataset, inputs, value_sets)
        stage = _indexed(self.uid, inputs, value_sets, keep)
        return dataset._with_stage(stage, list(dict.fromkeys(inputs)), fields)

    def _state(self) -> StageState:
        return StageState(values={"labels": self._labels})

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        return cls(state.value("labels", list))


def _shown(labels: list[str]) -> str:
    more = f", ... {len(labels)} in all" if len(labels) > _SHOWN_LABELS else ""
    return f"[{', '.join(labels[:_SHOWN_LABELS])}{more}]"


def _with_known_values(dataset: DataFrame, inputs: list[str], value_sets: list[pa.Array]) -> DataFrame:
    """The rows whose values are all among the labels."""
    from pydeepl.frame.column import Apply, Column, Reference

    def known(*columns: pa.Array) -> pa.Array:
        found = [
            pc.is_in(label_texts(column), values) for column, values in zip(columns, value_sets, strict=True)
        ]
        return pa.array(np.logical_and.reduce([one.to_numpy(zero_copy_only=False) for one in found]))

    references = [Reference([name]) for name in inputs]
    return dataset.filter(Column(Apply(known, references, "known labels", pa.bool_(), "never")))


def _indexed(
    uid: str, inputs: list[str], value_sets: list[pa.Array], keep: bool
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[list[pa.Array]]]:
    """What computes the indices; without `keep` a value that is not among the labels is an error."""

    def stage(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
        rows = 0
        for batch in batches:
            found = []
            for name, values in zip(inputs, value_sets, strict=True):
                texts = label_texts(batch.column(name))
                index = pc.index_in(texts, values)
                if keep:
                    index = index.fill_null(len(values))
                elif index.null_count:
                    row = pc.index(index.is_null(), True).as_py()
                    raise ValueError(_invalid(uid, name, texts[row].as_py(), rows + row, values))
                found.append(index.cast(pa.float64()))
            yield found
            rows += batch.num_rows

    return stage


def _invalid(uid: str, column: str, value: str | None, row: int, values: pa.Array) -> str:
    found = "null" if value is None else f"the unseen label {value!r}"
    return (
        f"{uid}: column {column!r}: expected one of the labels {_shown(values.to_pylist())}, "
        f"found {found} in row {row}; handleInvalid='skip' leaves such rows out, 'keep' gives them index "
        f"{len(values)}"
    )
