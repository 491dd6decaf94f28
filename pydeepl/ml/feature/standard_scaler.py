"""StandardScaler: features of mean 0 and standard deviation 1.

Source: the behaviour of pyspark.ml.feature.StandardScaler (Spark 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl.linalg import DenseVector, dense_type, is_vector, vector_array
from pydeepl.ml.attributes import vector_field
from pydeepl.ml.base import Estimator, Model, keyword_only
from pydeepl.ml.columns import input_column, output_column
from pydeepl.ml.feature.moments import Floats, Moments, finite_blocks, row_slabs
from pydeepl.ml.param import Param, Params, TypeConverters
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol
from pydeepl.ml.persistence import MLReadable, MLWritable, StageState
from pydeepl.ml.training_set import feature_blocks

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["StandardScaler", "StandardScalerModel"]


class _StandardScalerParams(HasInputCol, HasOutputCol):
    """Params of the estimator and of its model."""

    withMean: Param[bool] = Param(
        Params._dummy(), "withMean", "whether the mean is subtracted", TypeConverters.toBoolean
    )
    withStd: Param[bool] = Param(
        Params._dummy(), "withStd", "whether to divide by the standard deviation", TypeConverters.toBoolean
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(withMean=False, withStd=True)

    def getWithMean(self) -> bool:
        """The value of withMean or its default."""
        return self.getOrDefault(self.withMean)

    def getWithStd(self) -> bool:
        """The value of withStd or its default."""
        return self.getOrDefault(self.withStd)


class StandardScaler(Estimator["StandardScalerModel"], _StandardScalerParams, MLWritable, MLReadable):
    """Scales each feature by its standard deviation in the training set, and centres it if asked to.

    Parameters
    ----------
    inputCol, outputCol: names of the column of feature vectors [d], and of that of the scaled ones.
    withMean: whether the mean is subtracted; False by default, as sparse features become dense by it.
    withStd: whether to divide by the standard deviation: the square root of the unbiased variance (n - 1).
    """

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        withMean: bool = False,
        withStd: bool = True,
        inputCol: str | None = None,
        outputCol: str | None = None,
    ) -> None:
        super().__init__()
        self.setParams(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        withMean: bool = False,
        withStd: bool = True,
        inputCol: str | None = None,
        outputCol: str | None = None,
    ) -> Self:
        """Sets the params that are given; see the class for their meaning."""
        return self._set(**{name: value for name, value in self._input_kwargs.items() if value is not None})

    def setWithMean(self, value: bool) -> Self:
        """Sets withMean."""
        return self._set(withMean=value)

    def setWithStd(self, value: bool) -> Self:
        """Sets withStd."""
        return self._set(withStd=value)

    def _fit(self, dataset: DataFrame) -> StandardScalerModel:
        name = input_column(self, self.inputCol, dataset)
        output_column(self, self.outputCol, dataset)
        moments: Moments | None = None
        for block in finite_blocks(dataset, name):
            moments = moments or Moments(block.shape[1])
            moments.add(block)
        if moments is None:
            raise ValueError(f"{self.uid}: column {name!r}: expected rows to fit to, found an empty dataset")
        model = StandardScalerModel(moments.mean, np.sqrt(moments.variance()))
        return self._copyValues(model._resetUid(self.uid))


class StandardScalerModel(Model, _StandardScalerParams, MLWritable, MLReadable):
    """Scales features by a fitted mean and standard deviation; a feature that was constant becomes 0.

    Float32 features stay float32: the scaled numbers are Spark's, rounded.

    Parameters
    ----------
    mean, std: float64 [d].
    """

    def __init__(self, mean: Floats, std: Floats) -> None:
        super().__init__()
        if mean.ndim != 1 or mean.shape != std.shape:
            raise ValueError(f"expected as many means as deviations, got {mean.shape} and {std.shape}")
        self._mean, self._std = mean, std

    def __repr__(self) -> str:
        return (
            f"StandardScalerModel: uid={self.uid}, numFeatures={len(self._mean)}, "
            f"withMean={str(self.getWithMean()).lower()}, withStd={str(self.getWithStd()).lower()}"
        )

    @property
    def mean(self) -> DenseVector:
        """The mean of each feature [d]."""
        return DenseVector(self._mean)

    @property
    def std(self) -> DenseVector:
        """The standard deviation of each feature [d]."""
        return DenseVector(self._std)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        name = input_column(self, self.inputCol, dataset)
        output, width = output_column(self, self.outputCol, dataset), len(self._mean)
        kind = dataset.column_field(name).type
        dtype = np.float32 if _is_float32(kind) else np.float64
        mean = self._mean if self.getWithMean() else None
        scale = _reciprocal(self._std) if self.getWithStd() else None

        def stage(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
            first_row = 0
            for batch in batches:
                scaled = np.empty((batch.num_rows, width), dtype)
                done = 0
                for block in feature_blocks(batch.column(0), name, first_row, width):
                    _scale(block, mean, scale, scaled[done : done + len(block)])
                    done += len(block)
                yield [vector_array(scaled)]
                first_row += batch.num_rows

        return dataset._with_stage(stage, [name], [vector_field(output, dense_type(width, dtype), width)])

    def _state(self) -> StageState:
        return StageState(arrays={"mean": self._mean, "std": self._std})

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        return cls(state.array("mean", ndim=1), state.array("std", ndim=1))


def _is_float32(kind: pa.DataType) -> bool:
    storage = kind.storage_type if is_vector(kind) else kind
    return bool(pa.types.is_fixed_size_list(storage) and storage.value_type == pa.float32())


def _reciprocal(std: Floats) -> Floats:
    """1 / std, and 0 where std is 0."""
    found = np.zeros_like(std)
    np.divide(1.0, std, out=found, where=std != 0)
    return found


def _scale(block: NDArray[Any], mean: Floats | None, scale: Floats | None, out: NDArray[Any]) -> None:
    for rows, slab in row_slabs(block):
        if mean is not None:
            slab = slab - mean
        out[rows] = slab if scale is None else slab * scale
