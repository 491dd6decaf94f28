"""DeepImagePredictor: images in, ImageNet's classes out, as a column of a frame. Source: sparkdl."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl.deep.image_featurizer import DeepImageFeaturizer
from pydeepl.deep.plan import check_model
from pydeepl.linalg import vector_matrix
from pydeepl.ml.base import Transformer, keyword_only
from pydeepl.ml.param import Param, Params, TypeConverters
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol
from pydeepl.ml.persistence import MLReadable, MLWritable
from pydeepl.weights.class_index import class_index

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["DeepImagePredictor"]

_CLASSES = 1000

PREDICTIONS_TYPE = pa.list_(
    pa.struct([("class", pa.string()), ("description", pa.string()), ("probability", pa.float32())])
)


def _to_top_k(value: Any) -> int:
    count = TypeConverters.toInt(value)
    if not 1 <= count <= _CLASSES:
        raise ValueError(f"topK must be from 1 to {_CLASSES}, got {count}")
    return count


class DeepImagePredictor(Transformer, HasInputCol, HasOutputCol, MLReadable, MLWritable):
    """Appends a column of a pretrained network's predictions of the images in a column.

    Parameters
    ----------
    inputCol : the column of images (Spark's image struct).
    outputCol : the column to append: dense float32 vectors of the 1000 classes' probabilities, or, with
        decodePredictions, arrays of (class, description, probability), the topK best first; `class` is
        the WordNet id. Of equal probabilities the class that comes first does.
    modelName : InceptionV3, Xception, ResNet50, VGG16 or VGG19, or a model of your own (see Featurizer),
        whose output is then given as it is.
    decodePredictions, topK : see outputCol. The names are Keras' own, downloaded once; the network's output
        has to be the 1000 classes.
    weights, precision, batchSize, cache, exact, fastDecode, preprocessing : see Featurizer; the weights are
        those with the top.

    transform() raises ValueError as DeepImageFeaturizer's does, and WeightsUnavailable where the names cannot
    be had.

    Source: sparkdl's DeepImagePredictor; Keras' decode_predictions.
    """

    modelName: Param[str] = Param(
        Params._dummy(), "modelName", "name of the pretrained network, or a model file's path", check_model
    )
    decodePredictions: Param[bool] = Param(
        Params._dummy(),
        "decodePredictions",
        "whether predictions are the topK classes' names and probabilities, not all probabilities",
        TypeConverters.toBoolean,
    )
    topK: Param[int] = Param(
        Params._dummy(), "topK", "classes of a decoded prediction (1 to 1000)", _to_top_k
    )
    # The same params as the featurizer's, which does the work.
    weights = DeepImageFeaturizer.weights
    precision = DeepImageFeaturizer.precision
    batchSize = DeepImageFeaturizer.batchSize
    cache = DeepImageFeaturizer.cache
    exact = DeepImageFeaturizer.exact
    fastDecode = DeepImageFeaturizer.fastDecode
    preprocessing = DeepImageFeaturizer.preprocessing

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        modelName: str | None = None,
        decodePredictions: bool = False,
        topK: int = 5,
        weights: str | None = None,
        precision: str = "float32",
        batchSize: int | None = None,
        cache: bool | str | None = None,
        exact: bool = False,
        fastDecode: bool = False,
        preprocessing: str | None = None,
    ) -> None:
        super().__init__()
        self._setDefault(decodePredictions=False, topK=5, precision="float32", exact=False, fastDecode=False)
        self._setDefault(weights=None, batchSize=None, cache=None, preprocessing=None)
        self._kept: tuple[dict[str, Any], DeepImageFeaturizer] | None = None
        self.classNames: list[tuple[str, str]] | None = None  # where the file of them may not be: a worker
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        modelName: str | None = None,
        decodePredictions: bool = False,
        topK: int = 5,
        weights: str | None = None,
        precision: str = "float32",
        batchSize: int | None = None,
        cache: bool | str | None = None,
        exact: bool = False,
        fastDecode: bool = False,
        preprocessing: str | None = None,
    ) -> Self:
        """Sets params by keyword."""
        return self._set(**self._input_kwargs)

    def getModelName(self) -> str:
        """The value of modelName."""
        return self.getOrDefault(self.modelName)

    def setModelName(self, value: str) -> Self:
        """Sets modelName."""
        return self._set(modelName=value)

    def weightsFile(self) -> str:
        """See Featurizer."""
        return self._network(self.getOrDefault(self.outputCol)).weightsFile()

    def _transform(self, dataset: DataFrame) -> DataFrame:
        if not self.getOrDefault(self.decodePredictions):
            return self._network(self.getOrDefault(self.outputCol))._transform(dataset)
        output = self.getOrDefault(self.outputCol)
        if output in dataset.columns:
            raise ValueError(f"{self.uid}: output column {output!r} is already there")
        hidden = f"{self.uid}_probabilities"
        classes = self._network(hidden).featurizer().spec.numFeatures
        if classes != _CLASSES:
            raise ValueError(
                f"{self.uid}: decodePredictions needs ImageNet's {_CLASSES} classes, "
                f"but the model gives {classes}"
            )
        names, count = self.classNames or class_index(), self.getOrDefault(self.topK)
        probabilities = self._network(hidden)._transform(dataset)
        decoded = probabilities._with_stage(
            _decoding(names, count), [hidden], [pa.field(output, PREDICTIONS_TYPE)]
        )
        return decoded.drop(hidden)

    def _network(self, output: str) -> DeepImageFeaturizer:
        """The stage that computes the probabilities; kept, so that one predictor loads its weights once."""
        names = ("inputCol", "modelName", "weights", "precision", "batchSize", "cache", "exact", "fastDecode")
        values = {name: self.getOrDefault(name) for name in (*names, "preprocessing")}
        values = {name: value for name, value in values.items() if value is not None}
        if self._kept is None or self._kept[0] != values:
            stage = DeepImageFeaturizer(**values)
            stage._set(layer=stage.featurizer().spec.outputLayer)
            stage._resetUid(self.uid)
            self._kept = (values, stage)
        return self._kept[1]._set(outputCol=output)


def _decoding(
    names: list[tuple[str, str]], count: int
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[list[pa.Array]]]:
    ids, descriptions = (pa.array(column) for column in zip(*names, strict=True))

    def decode(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
        for batch in batches:
            yield [_decoded(vector_matrix(batch.column(0)), ids, descriptions, count)]

    return decode


def _decoded(probabilities: NDArray[Any], ids: pa.Array, descriptions: pa.Array, count: int) -> pa.Array:
    """The best `count` classes of each row [n, classes] as an array of PREDICTIONS_TYPE."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    values = np.take_along_axis(probabilities, best, axis=1).astype(np.float32)
    classes = pa.array(best.ravel())
    columns = [ids.take(classes), descriptions.take(classes), pa.array(values.ravel())]
    offsets = pa.array(np.arange(0, best.size + 1, count, dtype=np.int32))
    return pa.ListArray.from_arrays(
        offsets, pa.StructArray.from_arrays(columns, fields=list(PREDICTIONS_TYPE.value_type))
    )
