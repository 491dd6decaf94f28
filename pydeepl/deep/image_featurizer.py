"""DeepImageFeaturizer: Featurizer as a stage of a machine-learning pipeline, with sparkdl's params."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pydeepl.checks import check_positive
from pydeepl.deep.cache import check_cache
from pydeepl.deep.families import check_preprocessing
from pydeepl.deep.featurizer import Featurizer, check_precision
from pydeepl.deep.plan import check_model
from pydeepl.deep.rows import check_image_field, file_rows, image_rows, unreadable
from pydeepl.images.resize import hint_number
from pydeepl.linalg import dense_type, vector_array
from pydeepl.ml.base import Transformer, keyword_only
from pydeepl.ml.param import Param, Params, TypeConverters
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol
from pydeepl.ml.persistence import MLReadable, MLWritable
from pydeepl.progress import progress_bar

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["DeepImageFeaturizer"]


def _to_scale_hint(value: Any) -> str:
    name = TypeConverters.toString(value)
    hint_number(name)
    return name


def _to_cache(value: Any) -> bool | str:
    return check_cache(value) or False  # None, which is "unset", never comes here


def _to_preprocessing(value: Any) -> str:
    name = TypeConverters.toString(value)
    check_preprocessing(name)
    return name


def _to_batch_size(value: Any) -> int:
    return check_positive("batchSize", TypeConverters.toInt(value))


class DeepImageFeaturizer(Transformer, HasInputCol, HasOutputCol, MLReadable, MLWritable):
    """Appends a column of a pretrained network's features of the images in a column.

    Parameters
    ----------
    inputCol : the column of images (Spark's image struct).
    outputCol : the column to append: dense float32 vectors, the layer's output flattened, channels last.
    modelName, scaleHint : as sparkdl's.
    weights, precision, pooling, layer, batchSize, cache, exact, fastDecode, preprocessing : see Featurizer.

    transform() raises ValueError for a missing input column, an output column that is there already and an
    input column that holds no images; reading the features raises ValueError naming the row and the image's
    origin where an image cannot be used. Nothing is computed before the features are asked for.

    Source: sparkdl's DeepImageFeaturizer (InceptionV3, Xception, ResNet50, VGG16, VGG19); files and
    other families are ours.
    """

    modelName: Param[str] = Param(
        Params._dummy(), "modelName", "name of the pretrained network, or a model file's path", check_model
    )
    scaleHint: Param[str] = Param(
        Params._dummy(),
        "scaleHint",
        "java.awt.Image's hint for resizing to the network's input",
        _to_scale_hint,
    )
    weights: Param[str] = Param(
        Params._dummy(), "weights", "path or name of the weights; unset: ImageNet", TypeConverters.toString
    )
    precision: Param[str] = Param(
        Params._dummy(), "precision", "arithmetic of the network: float32 or bfloat16", check_precision
    )
    pooling: Param[str] = Param(
        Params._dummy(),
        "pooling",
        "avg or max: pool the features' map over height and width",
        TypeConverters.toString,
    )
    layer: Param[str] = Param(
        Params._dummy(),
        "layer",
        "name of the layer to read; unset: the network's last map",
        TypeConverters.toString,
    )
    batchSize: Param[int] = Param(
        Params._dummy(), "batchSize", "images that go through the network together (>= 1)", _to_batch_size
    )
    cache: Param[bool | str] = Param(
        Params._dummy(),
        "cache",
        "whether features are kept on disk: true, false or a folder; unset: PYDEEPL_FEATURE_CACHE decides",
        _to_cache,
    )
    exact: Param[bool] = Param(
        Params._dummy(),
        "exact",
        "whether convolutions are direct sums only, slower and with less rounding",
        TypeConverters.toBoolean,
    )

    fastDecode: Param[bool] = Param(
        Params._dummy(),
        "fastDecode",
        "whether large JPEGs are decoded at a reduced size where that suffices, faster and less exact",
        TypeConverters.toBoolean,
    )

    preprocessing: Param[str] = Param(
        Params._dummy(),
        "preprocessing",
        "how pixels become the network's input: tf, caffe, torch, unit or none; unset: as modelName wants it",
        _to_preprocessing,
    )

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        modelName: str | None = None,
        scaleHint: str = "SCALE_AREA_AVERAGING",
        weights: str | None = None,
        precision: str = "float32",
        pooling: str | None = None,
        layer: str | None = None,
        batchSize: int | None = None,
        cache: bool | str | None = None,
        exact: bool = False,
        fastDecode: bool = False,
        preprocessing: str | None = None,
    ) -> None:
        super().__init__()
        self._setDefault(scaleHint="SCALE_AREA_AVERAGING", precision="float32", exact=False, fastDecode=False)
        self._setDefault(weights=None, pooling=None, layer=None, batchSize=None, cache=None)
        self._setDefault(preprocessing=None)
        self._featurizer: tuple[dict[str, Any], Featurizer] | None = None
        self._set(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        modelName: str | None = None,
        scaleHint: str = "SCALE_AREA_AVERAGING",
        weights: str | None = None,
        precision: str = "float32",
        pooling: str | None = None,
        layer: str | None = None,
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

    def getScaleHint(self) -> str:
        """The value of scaleHint or its default."""
        return self.getOrDefault(self.scaleHint)

    def setScaleHint(self, value: str) -> Self:
        """Sets scaleHint."""
        return self._set(scaleHint=value)

    def featurizer(self) -> Featurizer:
        """The Featurizer that these params describe; kept, so that one stage loads its weights once."""
        names = ("modelName", "scaleHint", "weights", "precision", "pooling", "layer", "batchSize", "cache")
        params = {name: self.getOrDefault(name) for name in (*names, "exact", "fastDecode", "preprocessing")}
        if self._featurizer is None or self._featurizer[0] != params:
            self._featurizer = (params, Featurizer(**params))
        return self._featurizer[1]

    def weightsFile(self) -> str:
        """See Featurizer."""
        return self.featurizer().weightsFile()

    def _transform(self, dataset: DataFrame) -> DataFrame:
        input_col, output_col = self.getOrDefault(self.inputCol), self.getOrDefault(self.outputCol)
        if input_col not in dataset.columns:
            raise ValueError(
                f"{self.uid}: no column {input_col!r}; the columns are {', '.join(dataset.columns)}"
            )
        if output_col in dataset.columns:
            raise ValueError(f"{self.uid}: output column {output_col!r} is already there")
        check_image_field(dataset.column_field(input_col))
        featurizer = self.featurizer()
        total = dataset._most_rows()
        # Files rather than pixels: each is decoded and resized at once, or not at all where a cache has it.
        files = dataset._file_column(input_col)
        rows_of = image_rows if files is None else file_rows

        def features(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
            return _features(featurizer, rows_of, input_col, total, batches)

        output = pa.field(output_col, dense_type(featurizer.spec.numFeatures))
        return dataset._with_stage(features, [files or input_col], [output], keep=True)


def _features(
    featurizer: Featurizer,
    rows_of: Callable[[pa.Array, str, int], Sequence[tuple[str, Any]]],
    input_col: str,
    total: int | None,
    batches: Iterator[pa.RecordBatch],
) -> Iterator[list[pa.Array]]:
    def rows() -> Iterator[Sequence[tuple[str, Any]]]:
        first = 0
        for batch in batches:
            yield rows_of(batch.column(0), input_col, first)
            first += batch.num_rows

    with (
        progress_bar(total, f"{featurizer.modelName} features", unit="image") as bar,
        closing(featurizer.stream(rows(), unreadable)) as answers,
    ):
        for values in answers:
            bar.update(len(values))
            yield [vector_array(values)]
