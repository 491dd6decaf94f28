"""TFTransformer: a TensorFlow graph over a column of arrays, on the C core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pydeepl.deep.keras_tensor import check_array_field, model_outputs
from pydeepl.deep.model_columns import array_type, rows_together
from pydeepl.deep.tf_graph import TFInputGraph, tensor_name
from pydeepl.deep.tf_stage import KeepsGraph
from pydeepl.ml.base import Transformer, keyword_only
from pydeepl.ml.columns import existing_column, new_column
from pydeepl.ml.param import Param, Params

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["TFTransformer"]

Pairs = list[tuple[str, str]]


def _to_graph(value: Any) -> TFInputGraph:
    if not isinstance(value, TFInputGraph):
        raise TypeError(f"Could not convert {type(value)} to TFInputGraph")
    return value


def _pairs(value: Any, what: str) -> Pairs:
    """A dict (or, from a file, a list of pairs) of texts, sorted."""
    pairs = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs
    ):
        raise TypeError(f"Could not convert [type {type(value)}] {value} to {what} mapping")
    for name in (name for pair in pairs for name in pair):
        if not isinstance(name, str):
            raise TypeError(f"expect string type but got type {type(name)} for {name}")
    return sorted((first, second) for first, second in pairs)


def _to_inputs(value: Any) -> Pairs:
    return [
        (column, tensor_name(tensor)) for column, tensor in _pairs(value, "column name to tf.Tensor name")
    ]


def _to_outputs(value: Any) -> Pairs:
    pairs = _pairs(value, "tf.Tensor name to column name")
    if not pairs:
        raise ValueError("outputMapping is empty: expected at least one tensor's name and its column")
    return [(tensor_name(tensor), column) for tensor, column in pairs]


class TFTransformer(Transformer, KeepsGraph):
    """Appends columns of a TensorFlow graph's outputs for the arrays in a column.

    Parameters
    ----------
    tfInputGraph : a TFInputGraph.
    inputMapping : {column: "tensor:0"}, of one column of arrays of numbers or vectors.
    outputMapping : {"tensor:0": column to append}; the columns are arrays of float32.
    tfHParms : accepted as in sparkdl, and unused.

    The graph's operations run as layers of the C core, in float32; WeightsError lists those that no layer
    stands for. ValueError for columns that do not fit, as KerasTransformer. save() keeps the graph.

    Source: sparkdl's TFTransformer.
    """

    _graph_param = "tfInputGraph"

    tfInputGraph: Param[TFInputGraph] = Param(
        Params._dummy(), "tfInputGraph", "the TensorFlow graph, a TFInputGraph", _to_graph
    )
    inputMapping: Param[Pairs] = Param(
        Params._dummy(),
        "inputMapping",
        "dict of a column's name to the name of the graph's input",
        _to_inputs,
    )
    outputMapping: Param[Pairs] = Param(
        Params._dummy(), "outputMapping", "dict of names of tensors to those of columns", _to_outputs
    )
    tfHParms: Param[Any] = Param(Params._dummy(), "tfHParms", "unused")

    @keyword_only
    def __init__(
        self,
        *,
        tfInputGraph: TFInputGraph | None = None,
        inputMapping: Mapping[str, str] | None = None,
        outputMapping: Mapping[str, str] | None = None,
        tfHParms: Any = None,
    ) -> None:
        super().__init__()
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        tfInputGraph: TFInputGraph | None = None,
        inputMapping: Mapping[str, str] | None = None,
        outputMapping: Mapping[str, str] | None = None,
        tfHParms: Any = None,
    ) -> Self:
        """Sets params by keyword."""
        return self._set(**self._input_kwargs)

    def getTFInputGraph(self) -> TFInputGraph:
        """The value of tfInputGraph."""
        return self.getOrDefault(self.tfInputGraph)

    def setTFInputGraph(self, value: TFInputGraph) -> Self:
        """Sets tfInputGraph."""
        return self._set(tfInputGraph=value)

    def getInputMapping(self) -> Pairs:
        """The value of inputMapping, as sorted pairs."""
        return self.getOrDefault(self.inputMapping)

    def setInputMapping(self, value: Mapping[str, str]) -> Self:
        """Sets inputMapping."""
        return self._set(inputMapping=value)

    def getOutputMapping(self) -> Pairs:
        """The value of outputMapping, as sorted pairs."""
        return self.getOrDefault(self.outputMapping)

    def setOutputMapping(self, value: Mapping[str, str]) -> Self:
        """Sets outputMapping."""
        return self._set(outputMapping=value)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        pairs = self.getInputMapping()
        if len(pairs) != 1:
            raise ValueError(f"{self.uid}: inputMapping {dict(pairs)}: expected one column, for one input")
        ((name, feed),) = pairs
        existing_column(self, self.inputMapping, name, dataset)
        graph, models, fields = self.getTFInputGraph(), [], []
        for fetch, column in self.getOutputMapping():
            models.append(graph.model(feed, fetch))
            check_array_field(dataset.column_field(name), models[-1])
            output = new_column(self, self.outputMapping, column, dataset)
            fields.append(pa.field(output, array_type(models[-1])))

        def outputs(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
            first_row = 0
            for batch in batches:
                yield [model_outputs(model, batch.column(0), name, first_row) for model in models]
                first_row += batch.num_rows

        rows = min(rows_together(model) for model in models)
        return dataset._with_stage(outputs, [name], fields, keep=True, rows=rows)
