"""KerasImageFileEstimator: trains a user's Keras model in the user's Keras; the C core runs the result.

URIs ──imageLoader──► images [n, ...] ──Keras: load, compile, fit, save──► file ──► KerasImageFileTransformer
       once a search                    once for each param map
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl.deep.cells import OpenShape, fits, input_shape, shape_text
from pydeepl.deep.keras_image import KerasImageFileTransformer
from pydeepl.deep.model_files import new_model_path
from pydeepl.deep.model_params import HasKerasLoss, HasKerasOptimizer, HasOutputMode
from pydeepl.deep.model_stage import KeepsModelNotLoader
from pydeepl.deep.uris import Loader, check_uri_field, load_images
from pydeepl.frame.batches import split_rows
from pydeepl.keras.onnx import is_onnx
from pydeepl.linalg import is_vector, vector_matrix
from pydeepl.ml.base import RowsEstimator, is_pyspark, keyword_only
from pydeepl.ml.columns import existing_column, input_column, is_number, to_numbers
from pydeepl.ml.param import Param, ParamMap
from pydeepl.ml.param.shared import HasInputCol, HasLabelCol, HasOutputCol
from pydeepl.progress import progress_bar

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["KerasImageFileEstimator"]

Labels = NDArray[Any] | None

_ROWS = 64  # images that are loaded at a time
_training = threading.Lock()  # Keras keeps its state for the process: one model is trained at a time


@dataclass(frozen=True)
class TrainingImages:
    """Images in memory: [m, *shape], their labels [m, ...], the rows [m] they are of, and who loaded them."""

    images: NDArray[Any]
    labels: Labels
    rows: NDArray[np.intp]
    loader: Loader


class KerasImageFileEstimator(
    RowsEstimator[KerasImageFileTransformer],
    HasInputCol,
    HasOutputCol,
    HasLabelCol,
    KeepsModelNotLoader,
    HasKerasOptimizer,
    HasKerasLoss,
    HasOutputMode,
):
    """Trains a Keras model on the image files that a column names.

    Parameters
    ----------
    inputCol, outputCol, imageLoader, outputMode : as KerasImageFileTransformer's, which fit() gives.
    labelCol : the column of labels: one-hot vectors (or arrays, or numbers, where the loss takes such);
        "" for none.
    modelFile : path of the Keras model to begin with (.keras or .h5); the file stays as it is.
    kerasOptimizer : name of an optimizer ("adam"), or a Keras optimizer; every fit has one of its own.
    kerasLoss : name of a loss ("categorical_crossentropy"), or a Keras loss.
    kerasFitParams : arguments of the model's fit, such as {"epochs": 5, "batch_size": 64, "verbose": 0}.

    Keras has to be installed, with any of its backends. The images are held in memory, those that do not load
    left out. fit(frame, [maps]), fitMultiple and CrossValidator load images once for all param maps.

    fit() raises ImportError without Keras; WeightsError where the C core does not have the model's layers,
    before anything is trained; ValueError for params that are not set, columns that do not fit and no image
    at all; TypeError for an optimizer and ValueError for a loss that Keras does not know.

    Source: sparkdl's KerasImageFileEstimator.
    """

    @keyword_only
    def __init__(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        outputMode: str = "vector",
        labelCol: str | None = None,
        modelFile: str | os.PathLike[str] | None = None,
        imageLoader: Callable[[str], Any] | None = None,
        kerasOptimizer: Any = None,
        kerasLoss: Any = None,
        kerasFitParams: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        outputMode: str = "vector",
        labelCol: str | None = None,
        modelFile: str | os.PathLike[str] | None = None,
        imageLoader: Callable[[str], Any] | None = None,
        kerasOptimizer: Any = None,
        kerasLoss: Any = None,
        kerasFitParams: dict[str, Any] | None = None,
    ) -> Self:
        """Sets params by keyword."""
        return self._set(**self._input_kwargs)

    # ---- params

    def _tunable(self) -> list[Param[Any]]:
        """The params that param maps may hold: what the images in memory do not depend on."""
        training = [self.kerasOptimizer, self.kerasLoss, self.kerasFitParams, self.modelFile]
        return [*training, self.outputCol, self.outputMode]

    def _validateParams(self, paramMap: ParamMap) -> bool:
        """True where all params are set, here or in a param map that may hold them. Raises ValueError."""
        tunable = self._tunable()
        undefined = [param for param in self.params if not self.isDefined(param)]
        missing = {
            "defined": [param.name for param in undefined if param not in tunable],
            "defined or tuned": [
                param.name for param in undefined if param in tunable and param not in paramMap
            ],
            "not tuned": [param.name for param in paramMap if param not in tunable],
        }
        told = [f"{what}: {names}" for what, names in missing.items() if names]
        if told:
            raise ValueError(f"{self.uid}: Following Params must be {', '.join(told)}")
        return True

    def _labels(self) -> str | None:
        return self._optional(self.labelCol) or None

    # ---- data

    def _data_columns(self) -> tuple[str, ...]:
        labels = self._labels()
        return (self.getInputCol(), *([labels] if labels is not None else []))

    def _read_data(self, dataset: DataFrame) -> TrainingImages:
        uris = input_column(self, self.inputCol, dataset)
        check_uri_field(dataset.column_field(uris))
        labels = self._labels()
        columns = [uris]
        if labels is not None:
            columns.append(existing_column(self, self.labelCol, labels, dataset))
            _check_label_field(dataset.column_field(labels))
        loader, shape = self._loader(), input_shape(self.model())
        read = _Reader(loader, shape, labels)
        with progress_bar(dataset._most_rows(), "training images", unit="image") as bar:
            for batch in split_rows(dataset._arrow(columns), _ROWS):
                read.add(batch)
                bar.update(batch.num_rows)
        if not len(read.rows):
            raise ValueError(
                f"{self.uid}: Cannot extract any feature from dataset: of {read.count} rows, imageLoader "
                "loaded no image"
            )
        return read.data()

    def _getNumpyFeaturesAndLabels(self, dataset: DataFrame) -> tuple[NDArray[Any], Labels]:
        """The images [m, *shape] and labels [m, ...] to train on."""
        data = self._read_data(dataset)
        return data.images, data.labels

    # ---- fitting

    def fitMultiple(
        self, dataset: Any, paramMaps: Sequence[ParamMap]
    ) -> Iterator[tuple[int, KerasImageFileTransformer]]:
        """Fits a model for each param map, with images loaded once.

        Parameters
        ----------
        dataset: as for `fit`.
        paramMaps: sequence of param maps, of kerasOptimizer, kerasLoss, kerasFitParams, modelFile, outputCol
            and outputMode. Raises ValueError for others.

        Returns
        -------
        An iterator of (index, model); the model is fitted with `paramMaps[index]`.
        """
        for params in paramMaps:
            self._validateParams(params)
        frame = self._rows(dataset)
        estimators = [self.copy(params) for params in paramMaps]
        data = estimators[0]._read_data(frame) if estimators else None
        return _Models(lambda index: estimators[index]._fit_rows(data, None, frame), len(estimators))

    def _fit(self, dataset: DataFrame) -> KerasImageFileTransformer:
        self._validateParams({})
        return self._fit_rows(self._read_data(dataset), None, dataset)

    def _fit_spark(self, dataset: Any) -> KerasImageFileTransformer:
        return self._fit(self._rows(dataset))

    def _rows(self, dataset: Any) -> DataFrame:
        """A dataset of any kind as a frame of ours; of a PySpark frame the columns to train on."""
        from pydeepl.frame import adopt

        if not is_pyspark(dataset):
            return adopt(dataset)[0]
        from pydeepl.spark.collecting import collected

        return collected(dataset, list(self._data_columns()))

    def _fit_rows(
        self,
        data: Any,
        rows: NDArray[np.bool_] | None,
        training: DataFrame,
        threads: int = 0,
        watch: Callable[[int, float], object] | None = None,
    ) -> KerasImageFileTransformer:
        self._validateParams({} if data.loader is self._loader() else {self.imageLoader: None})
        shape = input_shape(self.model())  # and the core has all its layers
        if not fits(data.images.shape[1:], shape):
            found = list(data.images.shape[1:])
            raise ValueError(f"{self.uid}: the images are {found}, the model takes {shape_text(shape)}")
        chosen = slice(None) if rows is None else rows[data.rows]
        if not len(data.rows[chosen]):
            raise ValueError(f"{self.uid}: imageLoader loaded none of the images of the rows to train on")
        labels = None if data.labels is None else data.labels[chosen]
        with _training:
            path = self._train(data.images[chosen], labels)
        model = self._copyValues(KerasImageFileTransformer())
        return model._set(modelFile=path)

    def _train(self, images: NDArray[Any], labels: Labels) -> str:
        """Trains the model; the path of the file it is saved to."""
        if is_onnx(self.getModelFile()):
            raise ValueError(f"{self.getModelFile()}: Keras trains its own models, .keras and .h5: not ONNX")
        keras = _keras()
        model = keras.models.load_model(self.getModelFile(), compile=False)
        model.compile(
            optimizer=_optimizer(keras, self.getKerasOptimizer()), loss=_loss(keras, self.getKerasLoss())
        )
        model.fit(x=images, y=labels, **self.getKerasFitParams())
        path = new_model_path(".h5" if str(keras.__version__).startswith("2.") else ".keras")
        model.save(path)
        return path


class _Models:
    """Fits a model for each index; several threads may draw from it."""

    def __init__(self, fit: Callable[[int], KerasImageFileTransformer], count: int) -> None:
        self._fit, self._indices, self._lock = fit, iter(range(count)), threading.Lock()

    def __iter__(self) -> Iterator[tuple[int, KerasImageFileTransformer]]:
        return self

    def __next__(self) -> tuple[int, KerasImageFileTransformer]:
        with self._lock:
            index = next(self._indices)
        return index, self._fit(index)


class _Reader:
    """Batches of URIs and labels, gathered as arrays."""

    def __init__(self, loader: Loader, shape: OpenShape, label: str | None) -> None:
        self._loader, self._shape, self._label = loader, shape, label
        self._images: list[NDArray[Any]] = []
        self._labels: list[NDArray[Any]] = []
        self.rows: list[int] = []
        self.count = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Loads a batch's images."""
        images: dict[int, NDArray[Any]] = {}
        for row, image in enumerate(load_images(self._loader, batch.column(0).to_pylist(), self._shape)):
            if image is not None:
                images[row] = self._of_one_shape(image)
        there = list(images)
        if there:
            self._images.append(np.stack(list(images.values())))
        if there and self._label is not None:
            self._labels.append(_label_array(batch.column(1).take(pa.array(there)), self._label, self.count))
        self.rows += [self.count + row for row in there]
        self.count += batch.num_rows

    def _of_one_shape(self, image: NDArray[Any]) -> NDArray[Any]:
        """The image; where the model leaves its size open, the first image's is everyone's."""
        if not fits(image.shape, self._shape):
            expected = shape_text(self._shape)
            raise ValueError(f"images of different sizes: {list(image.shape)} and {expected} before it")
        self._shape = image.shape
        return image

    def data(self) -> TrainingImages:
        """All of it."""
        labels = np.concatenate(self._labels) if self._labels else None
        return TrainingImages(
            np.concatenate(self._images), labels, np.array(self.rows, np.intp), self._loader
        )


def _check_label_field(field: pa.Field) -> None:
    kind = field.type
    lists = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
    if not (is_vector(kind) or is_number(kind) or (lists and is_number(kind.value_type))):
        raise ValueError(
            f"column {field.name!r}: must encode labels in one-hot vector format, as arrays or as numbers, "
            f"but got {kind}"
        )


def _label_array(column: pa.Array, name: str, first_row: int) -> NDArray[Any]:
    if is_number(column.type):
        numbers = to_numbers(column, name, first_row)
        return numbers.astype(np.int64) if pa.types.is_integer(column.type) else numbers
    return vector_matrix(column, f"column {name!r}")


def _keras() -> Any:
    try:
        return import_module("keras")
    except ImportError as error:
        raise ImportError(
            "KerasImageFileEstimator trains in Keras, which could not be imported "
            f"({error}): pip install keras and one of tensorflow, jax and torch"
        ) from error


def _optimizer(keras: Any, asked: Any) -> Any:
    """An optimizer of its own for one fit: it keeps state of the model it trains."""
    try:
        if isinstance(asked, str | Mapping):
            return keras.optimizers.get(asked)
        return keras.optimizers.deserialize(keras.optimizers.serialize(asked))
    except (ValueError, TypeError, AttributeError) as error:
        raise TypeError(f"Named optimizer not supported in Keras: [type {type(asked)}] {asked}") from error


def _loss(keras: Any, asked: Any) -> Any:
    try:
        return keras.losses.get(asked)
    except (ValueError, TypeError) as error:
        raise ValueError(f"Named loss not supported in Keras: [type {type(asked)}] {asked}") from error
