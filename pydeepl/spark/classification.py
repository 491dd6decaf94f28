"""LogisticRegression as an estimator of pyspark.ml."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyspark.ml import Estimator, Model
from pyspark.ml.linalg import DenseMatrix, DenseVector, SparseMatrix, SparseVector
from pyspark.ml.param import Param, Params, TypeConverters

from pydeepl.ml import classification as own
from pydeepl.spark.partitions import transform_partitions
from pydeepl.spark.persistence import SavedParams, SavedWithOwn
from pydeepl.spark.stages import OwnParams
from pydeepl.spark.training import fit_logistic

__all__ = ["LogisticRegression", "LogisticRegressionModel", "TrainingSummary"]


class _Estimator(OwnParams, Estimator, SavedParams):  # type: ignore[misc]
    pass


class LogisticRegression(_Estimator, kind=own.LogisticRegression):
    """pydeepl.LogisticRegression as an estimator of pyspark.ml, with one more param:

    maxDriverBytes: training rows (4 bytes a feature, or 12 a non-zero of sparse vectors) of at most so many
        bytes are brought to the driver and trained there; more are trained on the executors, which take the
        same path through the sums of their partitions. 0: always on the executors. Unset: half of the
        driver's free memory. Solver "newton-cg" needs the rows on the driver.
    """

    maxDriverBytes: Any = Param(
        Params._dummy(),
        "maxDriverBytes",
        "most bytes of training rows that are trained on the driver; unset: half of its free memory",
        typeConverter=TypeConverters.toInt,
    )

    def getMaxDriverBytes(self) -> int:
        """The value of maxDriverBytes. Raises KeyError where it is not set."""
        return int(self.getOrDefault("maxDriverBytes"))

    def setMaxDriverBytes(self, value: int) -> Any:
        """Sets maxDriverBytes."""
        return self._set(maxDriverBytes=value)

    def _fit(self, dataset: Any) -> LogisticRegressionModel:
        estimator = own.LogisticRegression(**self._own_values())._resetUid(self.uid)
        room = self.getMaxDriverBytes() if self.isSet("maxDriverBytes") else None
        fitted, history = fit_logistic(estimator, dataset, room)
        model: LogisticRegressionModel = LogisticRegressionModel(fitted)._resetUid(self.uid)
        model._summary = TrainingSummary([float(value) for value in history])
        self._copyValues(model)
        return model


class TrainingSummary:
    """The solver's path. Metrics on any rows: pyspark.ml.evaluation on what the model makes of them."""

    def __init__(self, objectiveHistory: list[float]) -> None:
        self.objectiveHistory = objectiveHistory
        """The objective at the start and after each iteration."""

    @property
    def totalIterations(self) -> int:
        """Iterations made."""
        return len(self.objectiveHistory) - 1


class _Model(OwnParams, Model, SavedWithOwn):  # type: ignore[misc]
    pass


class LogisticRegressionModel(_Model, kind=own.LogisticRegression, doc=False):
    """A fitted pydeepl logistic regression as a model of pyspark.ml; LogisticRegression.fit makes it."""

    def __init__(self, fitted: own.LogisticRegressionModel | None = None) -> None:
        super().__init__()
        self._fitted = fitted
        self._summary: TrainingSummary | None = None

    def _own(self) -> own.LogisticRegressionModel:
        if self._fitted is None:
            raise ValueError(f"{self.uid}: a model without coefficients; LogisticRegression.fit makes models")
        model = self._fitted.copy()._resetUid(self.uid)
        return model._set(**self._own_values())

    def _take(self, fitted: own.LogisticRegressionModel) -> None:
        self._fitted = fitted

    def _transform(self, dataset: Any) -> Any:
        return transform_partitions(self._own(), dataset)

    @property
    def numClasses(self) -> int:
        """Number of classes."""
        return self._own().numClasses

    @property
    def numFeatures(self) -> int:
        """Number of features."""
        return self._own().numFeatures

    @property
    def coefficientMatrix(self) -> DenseMatrix | SparseMatrix:
        """Coefficients, a row for each class, one row if binomial."""
        return _to_mllib(self._own().coefficientMatrix)

    @property
    def interceptVector(self) -> DenseVector | SparseVector:
        """Intercepts, one for each row of the coefficients."""
        return _to_mllib(self._own().interceptVector)

    @property
    def coefficients(self) -> DenseVector | SparseVector:
        """Coefficients of a binomial model; ValueError for multinomial ones."""
        return _to_mllib(self._own().coefficients)

    @property
    def intercept(self) -> float:
        """Intercept of a binomial model; ValueError for multinomial ones."""
        return self._own().intercept

    def predict(self, value: Any) -> float:
        """The predicted class of one vector [numFeatures]."""
        return self._own().predict(value)

    def predictRaw(self, value: Any) -> DenseVector:
        """The margin of each class for one vector [numFeatures]."""
        return DenseVector(self._own().predictRaw(value).toArray())

    def predictProbability(self, value: Any) -> DenseVector:
        """The probability of each class for one vector [numFeatures]."""
        return DenseVector(self._own().predictProbability(value).toArray())

    @property
    def hasSummary(self) -> bool:
        """Whether there is a training summary: not in a model that was loaded."""
        return self._summary is not None

    @property
    def summary(self) -> TrainingSummary:
        """The training's path. Raises RuntimeError where there is none."""
        if self._summary is None:
            raise RuntimeError(f"No training summary available for this {type(self).__name__}")
        return self._summary


def _to_mllib(value: Any) -> Any:
    """pydeepl's vector or matrix as MLlib's, of the same storage."""
    name = type(value).__name__
    if name == "DenseVector":
        return DenseVector(value.toArray())
    if name == "SparseVector":
        return SparseVector(value.size, np.asarray(value.indices), np.asarray(value.values))
    matrix = np.asarray(value.toArray())
    if name == "DenseMatrix":
        return DenseMatrix(*matrix.shape, matrix.ravel().tolist(), isTransposed=True)
    rows, columns = np.nonzero(matrix)
    starts = np.searchsorted(rows, np.arange(len(matrix) + 1))
    return SparseMatrix(*matrix.shape, starts, columns, matrix[rows, columns], isTransposed=True)
