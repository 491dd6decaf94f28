"""registerKerasImageUDF: a Keras model as a function that SQL calls, over images or over paths of files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl._core import default_threads
from pydeepl.deep.cells import Cell, OpenShape, column_of_sizes, fits, input_shape, shape_text
from pydeepl.deep.image_cells import image_cell
from pydeepl.deep.model_columns import array_column, predict_arrays, rows_together
from pydeepl.deep.model_files import new_model_path
from pydeepl.deep.networks import shared_model
from pydeepl.deep.rows import check_image_field, unreadable
from pydeepl.frame import Column, SparkSession
from pydeepl.frame.column import Apply, named_column
from pydeepl.frame.errors import AnalysisException
from pydeepl.frame.types import ArrayType, FloatType
from pydeepl.frame.values import python_values
from pydeepl.images import imageIO
from pydeepl.images.files import local_path
from pydeepl.images.streams import ahead
from pydeepl.keras.model import KerasModel

__all__ = ["KerasImageUDF", "registerKerasImageUDF"]


def registerKerasImageUDF(
    udf_name: str,
    keras_model_or_file_path: Any,
    preprocessor: Callable[[str], NDArray[Any]] | None = None,
) -> KerasImageUDF:
    """Makes a Keras model a function for SQL: `spark.sql("SELECT my_udf(image) FROM photos")`.

    Parameters
    ----------
    udf_name : the function's name; an earlier function of the name is replaced.
    keras_model_or_file_path : the path of a model (.keras or .h5, as pydeepl.keras.load_model takes it), what
        load_model gave, or a Keras model, which is saved to a temporary file.
    preprocessor : function of a file's path that gives the model's input, an array [height, width, channels]
        with channels R, G, B. It is called on several threads, and with it the function takes a column of
        paths or file: URIs; of images, each is first written to a PNG file.

    The function takes a column of images and gives an array of float32, the model's output flattened; null
    where the image is. Images go to the model as they are, with channels R, G, B and values 0 to 255: they
    need the size of its input (imageIO.createResizeImageUDF makes it so), and a model that wants other values
    has to compute them in its layers. Batches of rows run together.

    Returns the function, which columns can be given to as well: `frame.select(my_udf("image"))`. Raises
    FileNotFoundError, WeightsError, ValueError for a model of several inputs, and TypeError for what is no
    model or no function. A column of another type is an AnalysisException.

    Source: sparkdl.udf.keras_image_model.
    """
    path = model_path(keras_model_or_file_path)
    model = shared_model(path) if path is not None else keras_model_or_file_path
    function = KerasImageUDF(udf_name, model, preprocessor)
    SparkSession.builder.getOrCreate().udf.register(udf_name, function)
    return function


def model_path(model: Any) -> str | None:
    """The path of a model's file; None for a model of ours."""
    if isinstance(model, KerasModel):
        return None
    if isinstance(model, str | os.PathLike):
        return os.fspath(model)
    if not (hasattr(model, "save") and hasattr(model, "layers")):
        raise TypeError(f"expected a Keras model or the path of one, got {type(model).__name__}")
    path = new_model_path(".keras" if hasattr(model, "export") else ".h5")  # Keras 3, or an older one
    model.save(path)
    return path


class KerasImageUDF:
    """A Keras model as a function of a column; made by registerKerasImageUDF.

    Attributes: model, the KerasModel; returnType, array<float>.
    """

    returnType = ArrayType(FloatType(), containsNull=False)

    def __init__(
        self, name: str, model: KerasModel, preprocessor: Callable[[str], NDArray[Any]] | None = None
    ) -> None:
        if preprocessor is not None and not callable(preprocessor):
            raise TypeError(f"{name}: expected preprocessor to be a function, got {preprocessor!r:.60}")
        input_shape(model)  # of one input
        self.__name__, self.model = name, model
        self._preprocessor = preprocessor

    def __repr__(self) -> str:
        return f"KerasImageUDF({self.__name__!r}: {self.model!r})"

    def __call__(self, *cols: str | Column) -> Column:
        """The model's outputs for a column of images. Raises AnalysisException for another type."""
        if len(cols) != 1:
            raise AnalysisException(f"{self.__name__}: expected one column, the image, got {len(cols)}")
        args = [named_column(cols[0])._expression]
        name = f"{self.__name__}({args[0].name})"
        kind = pa.list_(pa.float32())
        return Column(Apply(self.outputs, args, name, kind, "always", cheap=False, check=self.check))

    def outputs(self, column: pa.Array) -> pa.Array:
        """The model's outputs for an Arrow column of images (or paths): lists of float32."""
        most = rows_together(self.model)
        parts = [self._part(column.slice(first, most)) for first in range(0, len(column), most)]
        return pa.concat_arrays(parts) if parts else pa.nulls(0, pa.list_(pa.float32()))

    def _part(self, column: pa.Array) -> pa.Array:
        return column_of_sizes(list(self._cells(column)), self._arrays, pa.list_(pa.float32()))

    def _arrays(self, images: list[NDArray[Any]]) -> pa.Array:
        outputs = predict_arrays(self.model, images)
        return array_column(outputs.reshape(len(outputs), -1))

    def check(self, field: pa.Field, what: str | None = None) -> None:
        """Raises AnalysisException where a column does not hold what the function takes.

        what: to call it; None: by its name.
        """
        try:
            if self._preprocessor is None or not _is_text(field.type):
                check_image_field(field, what)
        except ValueError as error:
            paths = "" if self._preprocessor is None else ", or paths as string"
            raise AnalysisException(f"{self.__name__}: {error}{paths}") from error

    def _cells(self, column: pa.Array) -> Iterator[Cell]:
        if self._preprocessor is None:
            load: Callable[[Any], Cell] = image_cell
        elif _is_text(column.type):
            load = partial(_loaded_path, self._preprocessor)
        else:
            load = partial(_reloaded, self._preprocessor)
        threads = 1 if self._preprocessor is None else default_threads()
        cells, shape = python_values(column), input_shape(self.model)
        for cell, array in zip(cells, ahead(load, cells, threads), strict=True):
            if array is not None and not fits(array.shape, shape):
                place = cell if isinstance(cell, str) else cell["origin"]
                advice = "" if self._preprocessor is not None else _advice(array.shape, shape)
                raise ValueError(
                    f"{self.__name__}: {place}: an image {list(array.shape)} where the model takes "
                    f"{shape_text(shape)}{advice}"
                )
            yield array


def _advice(found: tuple[int, ...], wanted: OpenShape) -> str:
    """What makes an image fit a model."""
    if len(wanted) != 3:
        return ", which is no image: a preprocessor can make one of the other"
    if not fits(found[:2], wanted[:2]):
        return "; imageIO.createResizeImageUDF resizes images"
    return "; imageIO.readImagesWithCustomFn(path, imageIO.PIL_decode) reads every image as B, G, R"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _loaded_path(preprocessor: Callable[[str], NDArray[Any]], uri: str | None) -> Cell:
    if uri is None:
        return None
    array = preprocessor(local_path(uri))
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{uri}: expected the preprocessor to give a NumPy array, got {type(array).__name__}")
    return array[0] if array.ndim == 4 and len(array) == 1 else array


def _reloaded(preprocessor: Callable[[str], NDArray[Any]], image: Any) -> Cell:
    """What a preprocessor makes of an image that is written to a file for it."""
    if image is None:
        return None
    if image["mode"] < 0:
        raise ValueError(unreadable(str(image["origin"])))
    with tempfile.TemporaryDirectory(prefix="pydeepl-") as folder:
        path = Path(folder) / "image.png"
        imageIO.imageStructToPIL(image).save(path)
        return _loaded_path(preprocessor, str(path))
