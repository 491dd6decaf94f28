"""KerasImageFileTransformer: a user's own Keras model over files that a user's own function loads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from numpy.typing import NDArray

from pydeepl.deep.cells import column_of_sizes, input_shape, is_open
from pydeepl.deep.model_columns import (
    check_image_output,
    image_column,
    predict_arrays,
    rows_together,
    vector_column,
    vector_field,
)
from pydeepl.deep.model_params import HasOutputMode
from pydeepl.deep.model_stage import KeepsModelNotLoader
from pydeepl.deep.uris import Loader, check_uri_field, load_images
from pydeepl.frame.batches import conform
from pydeepl.images.schema import IMAGE_TYPE
from pydeepl.keras.model import KerasModel
from pydeepl.ml.base import Transformer, keyword_only
from pydeepl.ml.columns import input_column, output_column
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol
from pydeepl.progress import progress_bar

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["KerasImageFileTransformer"]


class KerasImageFileTransformer(Transformer, HasInputCol, HasOutputCol, KeepsModelNotLoader, HasOutputMode):
    """Appends a column of a Keras model's outputs for the image files that a column names.

    Parameters
    ----------
    inputCol : the column of URIs.
    outputCol : the column to append.
    modelFile : path of the model: .keras or .h5, as pydeepl.keras.load_model takes it.
    imageLoader : function of a URI that gives the model's input for it: an array [height, width, channels]
        or [1, height, width, channels], of uint8 or float, channels in the model's order (R, G, B for most).
        It is called on several threads. Where it raises (which is logged) or gives None, the output is null.
    outputMode : "vector" for dense float32 vectors, the output flattened; "image" for image structs of
        float32 pixels, of a model whose output is [height, width, 1 | 3 | 4].
    kerasFitParams : what KerasImageFileEstimator trained with; nothing is computed from it.

    Raises FileNotFoundError and WeightsError for the model, ValueError for columns that do not fit and,
    when the outputs are read, for an image that does not have the shape of the model's input.

    save() keeps the model file's content, load() brings it back. Functions are not saved: set imageLoader
    again after load().

    Source: sparkdl's KerasImageFileTransformer.
    """

    @keyword_only
    def __init__(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        modelFile: str | os.PathLike[str] | None = None,
        imageLoader: Callable[[str], Any] | None = None,
        outputMode: str = "vector",
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
        imageLoader: Callable[[str], Any] | None = None,
        outputMode: str = "vector",
    ) -> Self:
        """Sets params by keyword."""
        return self._set(**self._input_kwargs)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        uris = input_column(self, self.inputCol, dataset)
        name = output_column(self, self.outputCol, dataset)
        check_uri_field(dataset.column_field(uris))
        loader, model = self._loader(), self.model()
        images = self.getOutputMode() == "image"
        if images and not is_open(input_shape(model)):
            check_image_output(model.outputShape)
        field = pa.field(name, IMAGE_TYPE) if images else vector_field(name, model)
        run = _Run(loader, model, field.type, dataset._most_rows())
        return dataset._with_stage(run, [uris], [field], keep=True, rows=rows_together(model))


class _Run:
    """Batches of URIs to columns of outputs."""

    def __init__(self, loader: Loader, model: KerasModel, kind: pa.DataType, total: int | None) -> None:
        self._loader, self._model, self._kind, self._total = loader, model, kind, total

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
        with progress_bar(self._total, f"{self._model.name} outputs", unit="image") as bar:
            for batch in batches:
                images = load_images(self._loader, batch.column(0).to_pylist(), input_shape(self._model))
                yield [column_of_sizes(list(images), self._outputs, self._kind)]
                bar.update(batch.num_rows)

    def _outputs(self, images: list[NDArray[Any]]) -> pa.Array:
        column = image_column if self._kind == IMAGE_TYPE else vector_column
        return conform(column(predict_arrays(self._model, images)), self._kind)
