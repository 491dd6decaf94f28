"""StandardScaler: features of mean 0 and standard deviation 1.

Source: the behaviour of pyspark.ml.feature.StandardScaler (Spark 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pydeepl.linalg import DenseVector, dense_type, sparse_vector_array, vector_array
from pydeepl.ml.attributes import holds_float32, is_sparse, vector_field
from pydeepl.ml.base import Estimator, Model, keyword_only
from pydeepl.ml.columns import input_column, output_column
from pydeepl.ml.feature.moments import Block, Floats, Moments, finite_blocks, row_slabs, width_of
from pydeepl.ml.param import Param, Params, TypeConverters
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol
from pydeepl.ml.persistence import MLReadable, MLWritable, StageState
from pydeepl.ml.training_set import feature_rows

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
            moments = moments or Moments(width_of(block))
            moments.add(block)
        if moments is None:
            raise ValueError(f"{self.uid}: column {name!r}: expected rows to fit to, found an empty dataset")
        model = StandardScalerModel(moments.mean, np.sqrt(moments.variance()))
        return self._copyValues(model._resetUid(self.uid))


class StandardScalerModel(Model, _StandardScalerParams, MLWritable, MLReadable):
    """Scales features by a fitted mean and standard deviation; a feature that was constant becomes 0.

    Float32 features stay float32: the scaled numbers are Spark's, rounded. Sparse features stay sparse,
    unless the mean is subtracted.

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
        mean = self._mean if self.getWithMean() else None
        scale = _reciprocal(self._std) if self.getWithStd() else None
        if not (is_sparse(kind) and mean is None):
            kind = dense_type(width, np.float32 if holds_float32(kind) else np.float64)

        def stage(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
            first_row = 0
            for batch in batches:
                blocks = feature_rows(batch.column(0), name, first_row, width)
                yield [_scaled(blocks, mean, scale, kind)]
                first_row += batch.num_rows

        return dataset._with_stage(stage, [name], [vector_field(output, kind, width)])

    def _state(self) -> StageState:
        return StageState(arrays={"mean": self._mean, "std": self._std})

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        return cls(state.array("mean", ndim=1), state.array("std", ndim=1))


def _reciprocal(std: Floats) -> Floats:
    """1 / std, and 0 where std is 0."""
    found = np.zeros_like(std)
    np.divide(1.0, std, out=found, where=std != 0)
    return found


def _scaled(blocks: list[Block], mean: Floats | None, scale: Floats | None, kind: pa.DataType) -> pa.Array:
    """The vectors less the mean, times scale, as a column of vectors of a kind; sparse ones stay sparse."""
    if is_sparse(kind):
        none = pa.ExtensionArray.from_storage(kind, pa.array([], kind.storage_type))
        return pa.concat_arrays([none, *(_scaled_sparse(block, scale) for block in blocks)])
    scaled = np.empty((sum(map(len, blocks)), kind.size), kind.storage_type.value_type.to_pandas_dtype())
    done = 0
    for block in blocks:
        for rows, slab in row_slabs(block):
            if mean is not None:
                slab = slab - mean
            out = scaled[done + rows.start : done + rows.stop]
            out[:] = slab if scale is None else slab * scale
        done += len(block)
    return vector_array(scaled)


def _scaled_sparse(block: Any, scale: Floats | None) -> pa.Array:
    values = (
        block.values if scale is None else (block.values * scale[block.indices]).astype(block.values.dtype)
    )
    return sparse_vector_array((block.indptr, block.indices, values, block.size))
