"""makeGraphUDF: a TensorFlow graph as a function that SQL calls, over a column of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pydeepl.deep.keras_tensor import check_array_field, model_outputs
from pydeepl.deep.model_columns import array_type
from pydeepl.deep.tf_graph import TFInputGraph, tensor_name
from pydeepl.frame import Column, SparkSession
from pydeepl.frame.column import Apply, named_column
from pydeepl.frame.errors import AnalysisException
from pydeepl.frame.types import from_arrow
from pydeepl.keras.tensorflow import placeholders

__all__ = ["makeGraphUDF"]


def makeGraphUDF(
    graph: Any,
    udf_name: str,
    fetches: Sequence[Any],
    feeds_to_fields_map: Mapping[str, str] | None = None,
    blocked: bool = False,
    register: bool = True,
) -> GraphUDF:
    """Makes a TensorFlow graph a function of a column of arrays, for SQL too.

    Parameters
    ----------
    graph : a frozen graph, whatever TFInputGraph takes; it has one placeholder.
    udf_name : the function's name.
    fetches : the one output, as a tensor or its name ("output:0").
    feeds_to_fields_map, blocked : accepted as in sparkdl; the argument is the column, batches run together.
    register : whether SQL knows it by its name.

    Returns the function of a column, which gives arrays of float32. Raises WeightsError as TFTransformer,
    ValueError for several outputs or inputs.

    Source: sparkdl.graph.tensorframes_udf.
    """
    source = graph if isinstance(graph, TFInputGraph) else TFInputGraph(graph)
    function = GraphUDF(udf_name, source, fetches)
    if register:
        SparkSession.builder.getOrCreate().udf.register(udf_name, function)
    return function


class GraphUDF:
    """A TensorFlow graph as a function of a column of arrays; made by makeGraphUDF."""

    def __init__(self, name: str, graph: TFInputGraph, fetches: Sequence[Any]) -> None:
        inputs = placeholders(graph.graph)
        if len(inputs) != 1 or len(fetches) != 1:
            raise ValueError(f"{name}: expected one input and one output, found {inputs} and {list(fetches)}")
        self.__name__ = name
        self.model = graph.model(f"{inputs[0]}:0", tensor_name(fetches[0]))
        self.returnType = from_arrow(array_type(self.model))

    def __call__(self, *cols: str | Column) -> Column:
        """The graph's outputs for a column of arrays. Raises AnalysisException for another type."""
        if len(cols) != 1:
            raise AnalysisException(f"{self.__name__}: expected one column, got {len(cols)}")
        args = [named_column(cols[0])._expression]
        name = f"{self.__name__}({args[0].name})"
        kind = array_type(self.model)
        return Column(Apply(self.outputs, args, name, kind, "always", cheap=False, check=self.check))

    def outputs(self, column: pa.Array) -> pa.Array:
        """The graph's outputs for an Arrow column of arrays: lists of float32."""
        return model_outputs(self.model, column, self.__name__)

    def check(self, field: pa.Field, what: str | None = None) -> None:
        """Raises AnalysisException where a column holds no arrays for the graph.

        what: to call it; None: by its name.
        """
        try:
            check_array_field(field, self.model, what)
        except ValueError as error:
            raise AnalysisException(f"{self.__name__}: {error}") from error
