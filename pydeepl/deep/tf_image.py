"""TFImageTransformer: a TensorFlow graph over a column of images, on the C core."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from numpy.typing import NDArray

from pydeepl.deep.cells import column_of_sizes
from pydeepl.deep.image_cells import CHANNEL_ORDERS, image_cell
from pydeepl.deep.model_columns import (
    image_column,
    predict_arrays,
    vector_column,
    vector_field,
)
from pydeepl.deep.model_params import HasOutputMode
from pydeepl.deep.rows import check_image_field
from pydeepl.deep.tf_graph import IMAGE_INPUT, TFInputGraph, tensor_name
from pydeepl.deep.tf_stage import KeepsGraph
from pydeepl.frame.batches import conform
from pydeepl.frame.values import python_values
from pydeepl.images.schema import IMAGE_TYPE
from pydeepl.keras.tensorflow import placeholder_shape
from pydeepl.linalg import MIXED
from pydeepl.ml.base import Transformer, keyword_only
from pydeepl.ml.columns import input_column, output_column
from pydeepl.ml.param import Param, Params
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["TFImageTransformer"]

_ROWS = 64  # images that are arrays at a time


def _to_graph(value: Any) -> TFInputGraph:
    return value if isinstance(value, TFInputGraph) else TFInputGraph(value)


def _to_channel_order(value: Any) -> str:
    if value not in CHANNEL_ORDERS:
        raise ValueError(f"Unsupported channel order. Expected one of {CHANNEL_ORDERS} but got {value!r}")
    return str(value)


class TFImageTransformer(Transformer, HasInputCol, HasOutputCol, HasOutputMode, KeepsGraph):
    """Appends a column of a TensorFlow graph's outputs for the images in a column.

    Parameters
    ----------
    channelOrder : "RGB", "BGR" or "L" (images of one channel): the order in which the graph takes channels.
    inputCol : the column of images (image structs of bytes or float32). They go to the graph as they are,
        with values 0 to 255 where they are bytes.
    outputCol : the column to append; null where the image is.
    graph : a frozen graph, whatever TFInputGraph takes: a tf.Graph, a GraphDef, its bytes, a .pb file.
    inputTensor, outputTensor : names of tensors ("input:0"), or tf.Tensors.
    outputMode : "vector" for vectors, the output flattened; "image" for image structs of float32 pixels.

    Images may differ in size where the graph's input leaves it open: those of one size run together.

    The graph's operations run as layers of the C core; WeightsError lists those that no layer stands for.
    save() keeps the graph.

    Source: sparkdl's TFImageTransformer.
    """

    _graph_param = "graph"

    graph: Param[TFInputGraph] = Param(Params._dummy(), "graph", "the TensorFlow graph, frozen", _to_graph)
    inputTensor: Param[str] = Param(
        Params._dummy(), "inputTensor", "name of the tensor that takes the images", tensor_name
    )
    outputTensor: Param[str] = Param(
        Params._dummy(), "outputTensor", "name of the tensor of the output", tensor_name
    )
    channelOrder: Param[str] = Param(
        Params._dummy(), "channelOrder", "order of the channels: L, RGB or BGR", _to_channel_order
    )

    @keyword_only
    def __init__(
        self,
        *,
        channelOrder: str | None = None,
        inputCol: str | None = None,
        outputCol: str | None = None,
        graph: Any = None,
        inputTensor: Any = f"{IMAGE_INPUT}:0",
        outputTensor: Any = None,
        outputMode: str = "vector",
    ) -> None:
        super().__init__()
        self._setDefault(inputTensor=f"{IMAGE_INPUT}:0")
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        channelOrder: str | None = None,
        inputCol: str | None = None,
        outputCol: str | None = None,
        graph: Any = None,
        inputTensor: Any = f"{IMAGE_INPUT}:0",
        outputTensor: Any = None,
        outputMode: str = "vector",
    ) -> Self:
        """Sets params by keyword."""
        return self._set(**self._input_kwargs)

    def getGraph(self) -> TFInputGraph:
        """The value of graph."""
        return self.getOrDefault(self.graph)

    def setGraph(self, value: Any) -> Self:
        """Sets graph."""
        return self._set(graph=value)

    def getInputTensor(self) -> str:
        """The name of the input tensor."""
        return self.getOrDefault(self.inputTensor)

    def setInputTensor(self, value: Any) -> Self:
        """Sets inputTensor."""
        return self._set(inputTensor=value)

    def getOutputTensor(self) -> str:
        """The name of the output tensor."""
        return self.getOrDefault(self.outputTensor)

    def setOutputTensor(self, value: Any) -> Self:
        """Sets outputTensor."""
        return self._set(outputTensor=value)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        images = input_column(self, self.inputCol, dataset)
        name = output_column(self, self.outputCol, dataset)
        check_image_field(dataset.column_field(images))
        graph, feed, fetch = self.getGraph(), self.getInputTensor(), self.getOutputTensor()
        shape = placeholder_shape(graph.graph, feed)
        closed = shape is not None and -1 not in shape
        field = pa.field(name, MIXED)
        if self.getOutputMode() == "image":
            field = pa.field(name, IMAGE_TYPE)
        elif closed:
            field = vector_field(name, graph.model(feed, fetch))
        run = _Run(graph, feed, fetch, shape if closed else None, self.getOrDefault(self.channelOrder), field)
        return dataset._with_stage(run, [images], [field], keep=True, rows=_ROWS)


class _Run:
    """Batches of images to columns of outputs. `shape`: of every image, None where the graph takes any."""

    def __init__(
        self, graph: TFInputGraph, feed: str, fetch: str, shape: list[int] | None, order: str, field: pa.Field
    ) -> None:
        self._graph, self._feed, self._fetch, self._shape = graph, feed, fetch, shape
        self._order, self._field = order, field

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
        for batch in batches:
            images = python_values(batch.column(0))
            cells = [image_cell(image, self._order) for image in images]
            for image, cell in zip(images, cells, strict=True):
                if cell is not None:
                    self._check(cell.shape, image["origin"])
            yield [column_of_sizes(cells, self._outputs, self._field.type)]

    def _check(self, shape: tuple[int, ...], origin: str) -> None:
        if self._shape is not None and list(shape) != self._shape:
            raise ValueError(
                f"{origin}: an image {list(shape)} where the graph takes {self._shape}; "
                "imageIO.createResizeImageUDF resizes images"
            )

    def _outputs(self, cells: list[NDArray[Any]]) -> pa.Array:
        model = self._graph.model(self._feed, self._fetch, cells[0].shape)
        column = image_column if self._field.type == IMAGE_TYPE else vector_column
        return conform(column(predict_arrays(model, cells)), self._field.type)
