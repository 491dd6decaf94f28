"""PCA: features on their principal components.

With n rows of d features, X centred, S = X'X / (n - 1) the covariance:

    n >= d    the components are the eigenvectors of S [d, d], summed up in one pass over the rows
    n <  d    those of the Gram matrix X X' [n, n] give them: where X X' u = l u, v = X'u / sqrt(l) is an
              eigenvector of X'X for the same l. S, of d^2 numbers, is never formed.

Both are computed in float64. An eigenvector's sign is anyone's choice; ours makes its largest entry positive.

Source: the behaviour of pyspark.ml.feature.PCA (Spark 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl import _core
from pydeepl.linalg import DenseVector, SparseRows, dense_type, vector_array
from pydeepl.ml.attributes import vector_field
from pydeepl.ml.base import Estimator, Model, keyword_only
from pydeepl.ml.columns import input_column, output_column
from pydeepl.ml.feature.moments import Block, Floats, centred, finite_blocks
from pydeepl.ml.matrix import DenseMatrix
from pydeepl.ml.param import Param, Params, TypeConverters, checked
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol
from pydeepl.ml.persistence import MLReadable, MLWritable, StageState
from pydeepl.ml.training_set import feature_rows

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["PCA", "PCAModel"]

_COLUMNS_BYTES = 32 << 20  # columns of X are centred in pieces of this size


class _PCAParams(HasInputCol, HasOutputCol):
    """Params of the estimator and of its model."""

    k: Param[int] = Param(
        Params._dummy(),
        "k",
        "the number of principal components (> 0)",
        checked(TypeConverters.toInt, lambda value: value > 0, "a whole number > 0"),
    )

    def getK(self) -> int:
        """The value of k. Raises UndefinedParamError where it is not set."""
        return self.getOrDefault(self.k)


class PCA(Estimator["PCAModel"], _PCAParams, MLWritable, MLReadable):
    """Finds the k directions in which features vary most. Sparse features are made dense for the fit.

    Parameters
    ----------
    k: how many; at most d.
    inputCol: name of the column of feature vectors [d]. outputCol: name of that of their projections [k].
    """

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self, *, k: int | None = None, inputCol: str | None = None, outputCol: str | None = None
    ) -> None:
        super().__init__()
        self.setParams(**self._input_kwargs)

    @keyword_only
    def setParams(
        self, *, k: int | None = None, inputCol: str | None = None, outputCol: str | None = None
    ) -> Self:
        """Sets the params that are given; see the class for their meaning."""
        return self._set(**{name: value for name, value in self._input_kwargs.items() if value is not None})

    def setK(self, value: int) -> Self:
        """Sets k."""
        return self._set(k=value)

    def _fit(self, dataset: DataFrame) -> PCAModel:
        name, k = input_column(self, self.inputCol, dataset), self.getK()
        output_column(self, self.outputCol, dataset)
        scatter: _Scatter | None = None
        held: list[NDArray[Any]] = []
        rows = 0
        for block in finite_blocks(dataset, name):
            if isinstance(block, SparseRows):
                block = block.toArray()
            if k > block.shape[1]:
                raise ValueError(
                    f"{self.uid}: k: expected at most {block.shape[1]}, the number of features, got {k}"
                )
            held.append(block)
            rows += len(block)
            if sum(map(len, held)) >= block.shape[1]:
                scatter = scatter or _Scatter(block.shape[1])
                scatter.add(np.concatenate(held))
                held = []
        if rows < 2:
            raise ValueError(f"{self.uid}: column {name!r}: expected two rows at least, found {rows}")
        if scatter is None:
            components, ratios = _components_of_few(held, k)
        else:
            if held:
                scatter.add(np.concatenate(held))
            components, ratios = _components_of_scatter(scatter.matrix, k)
        return self._copyValues(PCAModel(components, ratios)._resetUid(self.uid))


class _Scatter:
    """The sum of outer products of centred rows [d, d], merged as moments.py does with variances."""

    def __init__(self, width: int) -> None:
        self._rows, self._mean, self.matrix = 0, np.zeros(width), np.zeros((width, width))

    def add(self, block: NDArray[Any]) -> None:
        """Takes in rows [rows, d]."""
        rows, mean = centred(np.asarray(block, np.float64))
        total = self._rows + len(rows)
        delta = mean - self._mean
        self.matrix += rows.T @ rows
        self.matrix += np.outer(delta, delta * (self._rows * len(rows) / total))
        self._mean += delta * (len(rows) / total)
        self._rows = total


def _components_of_scatter(matrix: Floats, k: int) -> tuple[Floats, Floats]:
    """The first components [d, k] and their shares of the variance [k], of X'X."""
    values, vectors = np.linalg.eigh(matrix)
    return _signed(vectors[:, ::-1][:, :k]), _shares(values[::-1], k)


def _components_of_few(blocks: list[NDArray[Any]], k: int) -> tuple[Floats, Floats]:
    """The same of blocks of fewer rows than features, by the Gram matrix X X'."""
    rows, width = sum(map(len, blocks)), blocks[0].shape[1]
    gram = np.zeros((rows, rows))
    for _, part in _centred_columns(blocks):
        gram += part @ part.T
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1], vectors[:, ::-1]
    # Directions in which the rows do not vary: what is left of them is rounding.
    rank = int((values > values[0] * rows * np.finfo(np.float64).eps).sum())
    used = min(k, rank)
    weights = vectors[:, :used] / np.sqrt(values[:used])
    components = np.empty((width, k))
    for columns, part in _centred_columns(blocks):
        components[columns, :used] = part.T @ weights
    # Any orthogonal directions complete them, also the same ones in every run.
    components[:, used:] = np.random.default_rng(0).standard_normal((width, k - used)) / np.sqrt(width)
    return _signed(_orthonormal(components)), _shares(values, k)


def _orthonormal(columns: Floats) -> Floats:
    """Columns [d, k] made orthonormal one after the other, by the Cholesky factor of their products, twice.

    Source: Yamamoto et al.: "Roundoff error analysis of the CholeskyQR2 algorithm", 2015. The columns are
    nearly orthogonal already; Householder's QR of so tall a matrix takes twenty times as long.
    """
    for _ in range(2):
        factor = np.linalg.cholesky(columns.T @ columns)
        columns = columns @ np.linalg.inv(factor).T
    return columns


def _centred_columns(blocks: list[NDArray[Any]]) -> Iterator[tuple[slice, Floats]]:
    """The columns of X, some at a time: where they are, and their centred values [rows, columns]."""
    rows, width = sum(map(len, blocks)), blocks[0].shape[1]
    for columns in _column_slices(rows, width):
        part = np.concatenate([np.asarray(block[:, columns], np.float64) for block in blocks])
        yield columns, centred(part)[0]


def _column_slices(rows: int, width: int) -> Iterator[slice]:
    """Slices of columns, of bounded size in float64."""
    step = max(1, _COLUMNS_BYTES // (8 * max(1, rows)))
    for start in range(0, width, step):
        yield slice(start, min(start + step, width))


def _signed(components: Floats) -> Floats:
    """The components with signs that make the largest entry of each positive (the first of equal ones)."""
    largest = np.abs(components).argmax(axis=0)
    signs = np.where(components[largest, np.arange(components.shape[1])] < 0, -1.0, 1.0)
    return np.ascontiguousarray(components * signs + 0.0)  # -0.0 + 0.0 is 0.0


def _shares(values: Floats, k: int) -> Floats:
    """The first eigenvalues over the sum of all; NaN where the rows are all the same."""
    values = np.maximum(values, 0)
    first = np.zeros(k)
    first[: min(k, len(values))] = values[:k]
    total = values.sum()
    return first / total if total > 0 else np.full(k, np.nan)


def _projected(block: Block, components: Floats, first_row: int) -> Floats:
    """Rows [rows, d] times components [d, k], in float64."""
    if isinstance(block, SparseRows):
        rows, none = np.ascontiguousarray(components.T), np.zeros(components.shape[1])
        return _core.logistic_margins_csr(block.indptr, block.indices, block.values, first_row, rows, none, 0)
    found = np.zeros((len(block), components.shape[1]))
    for columns in _column_slices(*block.shape):
        found += np.asarray(block[:, columns], np.float64) @ components[columns]
    return found


class PCAModel(Model, _PCAParams, MLWritable, MLReadable):
    """Projects features on fitted principal components, without centring them, as Spark does.

    Parameters
    ----------
    components: float64 [d, k]. explainedVariance: float64 [k].
    """

    def __init__(self, components: Floats, explainedVariance: Floats) -> None:
        super().__init__()
        if components.ndim != 2 or explainedVariance.shape != components.shape[1:]:
            raise ValueError(
                f"expected components [d, k] and k variances, "
                f"got {components.shape} and {explainedVariance.shape}"
            )
        self._components, self._shares = components, explainedVariance

    def __repr__(self) -> str:
        return f"PCAModel: uid={self.uid}, k={len(self._shares)}"

    @property
    def pc(self) -> DenseMatrix:
        """The principal components [d, k], a column each."""
        width, k = self._components.shape
        return DenseMatrix(width, k, self._components, True)

    @property
    def explainedVariance(self) -> DenseVector:
        """The share of the whole variance that lies along each component [k]."""
        return DenseVector(self._shares)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        name = input_column(self, self.inputCol, dataset)
        output = output_column(self, self.outputCol, dataset)
        components = self._components
        width, k = components.shape

        def stage(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
            first_row = 0
            for batch in batches:
                found = [np.empty((0, k))]
                for block in feature_rows(batch.column(0), name, first_row, width):
                    found.append(_projected(block, components, first_row))
                yield [vector_array(np.concatenate(found))]
                first_row += batch.num_rows

        return dataset._with_stage(stage, [name], [vector_field(output, dense_type(k, np.float64), k)])

    def _state(self) -> StageState:
        return StageState(arrays={"components": self._components, "explainedVariance": self._shares})

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        return cls(state.array("components", ndim=2), state.array("explainedVariance", ndim=1))
