"""LogisticRegression: multinomial and binomial, with elastic net, trained in the C core.

Numbers agree with Spark MLlib 4 at every iteration, on features of float32: features of float64 are rounded
to float32 for training.

Source: the behaviour of pyspark.ml.classification (Spark 4).
"""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl import _core
from pydeepl.linalg import DenseVector, SparseRows, SparseVector, Vector, dense_type, vector_array
from pydeepl.ml.base import Model, RowsEstimator, keyword_only
from pydeepl.ml.columns import input_column, output_column, weight_column
from pydeepl.ml.margins import linear_margins, logistic, softmax
from pydeepl.ml.matrix import Matrix, SparseMatrix, compressed_matrix, compressed_vector
from pydeepl.ml.one_vs_rest import OneVsRest, OneVsRestModel
from pydeepl.ml.param import Param, Params, TypeConverters, checked
from pydeepl.ml.param.shared import (
    HasAggregationDepth,
    HasElasticNetParam,
    HasFeaturesCol,
    HasFitIntercept,
    HasLabelCol,
    HasMaxBlockSizeInMB,
    HasMaxIter,
    HasPredictionCol,
    HasProbabilityCol,
    HasRawPredictionCol,
    HasRegParam,
    HasStandardization,
    HasThreshold,
    HasThresholds,
    HasTol,
    HasWeightCol,
)
from pydeepl.ml.persistence import MLReadable, MLWritable, StageState
from pydeepl.ml.summary import (
    BinaryLogisticRegressionSummary,
    BinaryLogisticRegressionTrainingSummary,
    LogisticRegressionSummary,
    LogisticRegressionTrainingSummary,
    Optimality,
)
from pydeepl.ml.training_set import TrainingSet, count_classes, feature_rows, read_training_set
from pydeepl.progress import progress_bar, progress_wanted

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["LogisticRegression", "LogisticRegressionModel", "OneVsRest", "OneVsRestModel"]

Floats: TypeAlias = NDArray[np.float64]

_FAMILIES = ("auto", "binomial", "multinomial")
_SOLVERS = ("l-bfgs", "newton-cg")
_BOUNDS = (
    "lowerBoundsOnCoefficients",
    "upperBoundsOnCoefficients",
    "lowerBoundsOnIntercepts",
    "upperBoundsOnIntercepts",
)


class _LogisticRegressionParams(
    HasFeaturesCol,
    HasLabelCol,
    HasPredictionCol,
    HasProbabilityCol,
    HasRawPredictionCol,
    HasThresholds,
    HasThreshold,
    HasRegParam,
    HasElasticNetParam,
    HasMaxIter,
    HasFitIntercept,
    HasTol,
    HasStandardization,
    HasWeightCol,
    HasAggregationDepth,
    HasMaxBlockSizeInMB,
):
    """Params of the estimator and of its model."""

    family: Param[str] = Param(
        Params._dummy(),
        "family",
        f"the labels' distribution, one of {', '.join(_FAMILIES)}; auto: binomial for two classes or fewer",
        checked(
            TypeConverters.toString,
            lambda value: value.lower() in _FAMILIES,
            f"one of {', '.join(_FAMILIES)}",
        ),
    )

    solver: Param[str] = Param(
        Params._dummy(),
        "solver",
        f"the optimiser, one of {', '.join(_SOLVERS)}; l-bfgs: Spark's path; newton-cg: to the optimum, with "
        "a duality gap of at most tol times the objective",
        checked(TypeConverters.toString, lambda value: value in _SOLVERS, f"one of {', '.join(_SOLVERS)}"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(maxIter=100, regParam=0.0, tol=1e-6, family="auto", solver="l-bfgs")

    def getFamily(self) -> str:
        """The value of family, in the case it was given, or its default."""
        return self.getOrDefault(self.family)

    def getSolver(self) -> str:
        """The value of solver or its default."""
        return self.getOrDefault(self.solver)

    def setThreshold(self, value: float) -> Self:
        """Sets threshold, and clears thresholds."""
        self._set(threshold=value)
        self.clear(self.thresholds)
        return self

    def getThreshold(self) -> float:
        """The threshold of binary classification: of thresholds [t0, t1] where set, 1 / (1 + t0 / t1).

        Raises ValueError where thresholds has another length than 2, or does not agree with threshold.
        """
        self._checkThresholdConsistency()
        thresholds = self._optional(self.thresholds)
        if thresholds is None:
            return self.getOrDefault(self.threshold)
        return _equivalent_threshold(thresholds)

    def setThresholds(self, value: list[float]) -> Self:
        """Sets thresholds, and clears threshold."""
        self._set(thresholds=value)
        self.clear(self.threshold)
        return self

    def getThresholds(self) -> list[float]:
        """The value of thresholds; where only threshold t is set, [1 - t, t].

        Raises UndefinedParamError, a KeyError, where neither is set.
        """
        self._checkThresholdConsistency()
        if self._optional(self.thresholds) is None and self.isSet(self.threshold):
            threshold = self.getOrDefault(self.threshold)
            return [1 - threshold, threshold]
        return self.getOrDefault(self.thresholds)

    def _checkThresholdConsistency(self) -> None:
        thresholds = self._optional(self.thresholds)
        if thresholds is None or not self.isSet(self.threshold):
            return
        threshold, equivalent = self.getOrDefault(self.threshold), _equivalent_threshold(thresholds)
        if abs(threshold - equivalent) >= 1e-5:
            raise ValueError(
                f"{self.uid}: threshold {threshold:g} and thresholds {thresholds} (equivalent to threshold "
                f"{equivalent:g}) do not agree; set one of them"
            )

    def _checkThresholds(self, classes: int) -> None:
        thresholds = self._optional(self.thresholds)
        if thresholds is not None and len(thresholds) != classes:
            raise ValueError(
                f"{self.uid}: expected as many thresholds as classes ({classes}), "
                f"got {len(thresholds)}: {thresholds}"
            )


def _equivalent_threshold(thresholds: list[float]) -> float:
    if len(thresholds) != 2:
        raise ValueError(
            "Logistic Regression getThreshold only applies to binary classification, but thresholds has "
            f"length != 2. thresholds: {thresholds}"
        )
    return 1 / (1 + thresholds[0] / thresholds[1]) if thresholds[1] else 0.0


# ---- the estimator


class _Trained(NamedTuple):
    coefficients: Floats
    intercepts: Floats
    history: Floats
    optimality: Optimality | None = None  # where the solver tells of it


class LogisticRegression(
    RowsEstimator["LogisticRegressionModel"], _LogisticRegressionParams, MLWritable, MLReadable
):
    """Multinomial (softmax) and binomial logistic regression with elastic-net regularization.

    Minimises the weighted mean of the log loss plus
    regParam (elasticNetParam |b|_1 + (1 - elasticNetParam) / 2 |b|_2^2).

    Parameters
    ----------
    featuresCol: column of feature vectors [d].
    labelCol: column of class numbers 0, 1, 2, ...
    predictionCol, probabilityCol, rawPredictionCol: columns that the model appends; "" leaves one out.
    maxIter: most iterations. regParam: strength of the penalty. elasticNetParam: share of L1 in it.
    tol: convergence tolerance. fitIntercept: whether there is an intercept, which is not penalised.
    threshold, thresholds: how probabilities become predictions; see `getThreshold`.
    standardization: whether the penalty applies to coefficients of standardized features.
    weightCol: column of row weights; rows of weight 0 count for nothing.
    family: "auto", "binomial" or "multinomial", in any case.
    aggregationDepth, maxBlockSizeInMB: taken as Spark does; they have no effect here.
    solver: not in Spark. "l-bfgs" takes Spark's path: L-BFGS or, with an L1 term, OWL-QN, which stop where
        progress gets slow. "newton-cg" goes on to the optimum, by truncated Newton steps on the columns
        that matter, until the duality gap, which bounds the distance to the optimum, is at most tol times the
        objective; without any penalty there is no such bound, and the gradient has to be at most tol. maxIter
        then counts its outer iterations, of which it rarely needs more than ten.
    lowerBoundsOnCoefficients, upperBoundsOnCoefficients, lowerBoundsOnIntercepts, upperBoundsOnIntercepts:
        not supported; ValueError where one is given.

    Where all labels are one class and there is an intercept, the model predicts that class always, with a
    warning. "newton-cg" also warns where it does not reach the optimum, and where there is no finite one:
    without penalty on separable classes, and, with intercepts, for a class without rows, whose intercept
    becomes -infinity.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> from pydeepl.linalg import vector_array
    >>> from pydeepl.ml import LogisticRegression
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.5], [3.0, 2.0]], np.float32)
    >>> table = pa.table({"features": vector_array(x), "label": [0, 0, 1, 1]})
    >>> model = LogisticRegression(regParam=0.01).fit(table)
    >>> model.transform(table)["prediction"].to_pylist()
    [0.0, 0.0, 1.0, 1.0]
    """

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        featuresCol: str = "features",
        labelCol: str = "label",
        predictionCol: str = "prediction",
        maxIter: int = 100,
        regParam: float = 0.0,
        elasticNetParam: float = 0.0,
        tol: float = 1e-6,
        fitIntercept: bool = True,
        threshold: float = 0.5,
        thresholds: list[float] | None = None,
        probabilityCol: str = "probability",
        rawPredictionCol: str = "rawPrediction",
        standardization: bool = True,
        weightCol: str | None = None,
        aggregationDepth: int = 2,
        family: str = "auto",
        lowerBoundsOnCoefficients: Any = None,
        upperBoundsOnCoefficients: Any = None,
        lowerBoundsOnIntercepts: Any = None,
        upperBoundsOnIntercepts: Any = None,
        maxBlockSizeInMB: float = 0.0,
        solver: str = "l-bfgs",
    ) -> None:
        super().__init__()
        self._set_given(self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        featuresCol: str = "features",
        labelCol: str = "label",
        predictionCol: str = "prediction",
        maxIter: int = 100,
        regParam: float = 0.0,
        elasticNetParam: float = 0.0,
        tol: float = 1e-6,
        fitIntercept: bool = True,
        threshold: float = 0.5,
        thresholds: list[float] | None = None,
        probabilityCol: str = "probability",
        rawPredictionCol: str = "rawPrediction",
        standardization: bool = True,
        weightCol: str | None = None,
        aggregationDepth: int = 2,
        family: str = "auto",
        lowerBoundsOnCoefficients: Any = None,
        upperBoundsOnCoefficients: Any = None,
        lowerBoundsOnIntercepts: Any = None,
        upperBoundsOnIntercepts: Any = None,
        maxBlockSizeInMB: float = 0.0,
        solver: str = "l-bfgs",
    ) -> LogisticRegression:
        """Sets the params that are given; see the class for their meaning."""
        return self._set_given(self._input_kwargs)

    def _set_given(self, values: dict[str, Any]) -> Self:
        values = {name: value for name, value in values.items() if value is not None}
        for name in _BOUNDS:
            if name in values:
                raise ValueError(
                    f"{self.uid}: {name} is not supported: there is no bounded optimisation here"
                )
        self._set(**values)
        self._checkThresholdConsistency()
        return self

    def setMaxIter(self, value: int) -> Self:
        """Sets maxIter."""
        return self._set(maxIter=value)

    def setRegParam(self, value: float) -> Self:
        """Sets regParam."""
        return self._set(regParam=value)

    def setElasticNetParam(self, value: float) -> Self:
        """Sets elasticNetParam."""
        return self._set(elasticNetParam=value)

    def setTol(self, value: float) -> Self:
        """Sets tol."""
        return self._set(tol=value)

    def setFitIntercept(self, value: bool) -> Self:
        """Sets fitIntercept."""
        return self._set(fitIntercept=value)

    def setStandardization(self, value: bool) -> Self:
        """Sets standardization."""
        return self._set(standardization=value)

    def setAggregationDepth(self, value: int) -> Self:
        """Sets aggregationDepth."""
        return self._set(aggregationDepth=value)

    def setMaxBlockSizeInMB(self, value: float) -> Self:
        """Sets maxBlockSizeInMB."""
        return self._set(maxBlockSizeInMB=value)

    def setSolver(self, value: str) -> LogisticRegression:
        """Sets solver."""
        return self._set(solver=value)

    def setFamily(self, value: str) -> LogisticRegression:
        """Sets family."""
        return self._set(family=value)

    def setLowerBoundsOnCoefficients(self, value: Any) -> LogisticRegression:
        """Not supported: raises ValueError."""
        return self._set_given({"lowerBoundsOnCoefficients": value})

    def setUpperBoundsOnCoefficients(self, value: Any) -> LogisticRegression:
        """Not supported: raises ValueError."""
        return self._set_given({"upperBoundsOnCoefficients": value})

    def setLowerBoundsOnIntercepts(self, value: Any) -> LogisticRegression:
        """Not supported: raises ValueError."""
        return self._set_given({"lowerBoundsOnIntercepts": value})

    def setUpperBoundsOnIntercepts(self, value: Any) -> LogisticRegression:
        """Not supported: raises ValueError."""
        return self._set_given({"upperBoundsOnIntercepts": value})

    def _fit(self, dataset: DataFrame) -> LogisticRegressionModel:
        return self._fit_rows(self._read_data(dataset), None, dataset)

    def _fit_spark(self, dataset: Any) -> LogisticRegressionModel:
        from pydeepl.spark.training import fit_logistic

        return fit_logistic(self, dataset)[0]

    def _data_columns(self) -> tuple[str, ...]:
        weight = self._optional("weightCol")
        return (self.getFeaturesCol(), self.getLabelCol(), *([weight] if weight else []))

    def _read_data(self, dataset: DataFrame) -> TrainingSet:
        features = input_column(self, self.featuresCol, dataset)
        label = input_column(self, self.labelCol, dataset)
        self._checkThresholdConsistency()
        return read_training_set(dataset, features, label, weight_column(self, dataset))

    def _fit_rows(
        self,
        data: TrainingSet,
        rows: NDArray[np.bool_] | None,
        training: DataFrame,
        threads: int = 0,
        watch: Callable[[int, float], object] | None = None,
    ) -> LogisticRegressionModel:
        self._checkThresholdConsistency()
        data = data.on_rows(rows)
        classes = count_classes(data, training.column_field(self.getLabelCol()))
        self._checkThresholds(classes)
        trained = self._train(data, classes, threads, watch)
        multinomial = self._is_multinomial(classes)
        model = LogisticRegressionModel(trained.coefficients, trained.intercepts, classes, multinomial)
        self._copyValues(model._resetUid(self.uid))
        model._summarize(training, trained.history, trained.optimality or self._certifier(training, model))
        return model

    def _certifier(self, training: DataFrame, model: LogisticRegressionModel) -> Callable[[], Optimality]:
        """What computes the optimality of the model later, from the frame and the params as they are now."""
        estimator = self.copy()

        def certify() -> Optimality:
            data = estimator._read_data(training)
            found = _core.logistic_certify(
                data.features,
                data.labels,
                data.weights,
                model.numClasses,
                model._multinomial,
                estimator.getRegParam(),
                estimator.getElasticNetParam(),
                estimator.getFitIntercept(),
                estimator.getStandardization(),
                0,
                (model._coefficients, model._intercepts),
            )
            return Optimality(*found)

        return certify

    def _is_multinomial(self, classes: int) -> bool:
        family = self.getFamily().lower()
        if family == "binomial" and classes > 2:
            raise ValueError(
                f"{self.uid}: family 'binomial' takes 1 or 2 classes, "
                f"found {classes} in column {self.getLabelCol()!r}"
            )
        return family == "multinomial" or (family == "auto" and classes > 2)

    def _train(
        self,
        data: TrainingSet,
        classes: int,
        threads: int,
        watch: Callable[[int, float], object] | None,
        initial: tuple[Floats, Floats] | None = None,
    ) -> _Trained:
        """Trains from `initial` (coefficients, intercepts) on."""
        multinomial = self._is_multinomial(classes)
        self._warn_of_one_class(np.unique(data.used_labels))
        bar = None
        if watch is None and progress_wanted():
            bar = progress_bar(self.getMaxIter(), type(self).__name__)

        def advance(iteration: int, objective: float) -> None:
            if bar is not None and iteration:
                bar.update(1)

        start = self._checked_initial(initial, data.features.columns, classes if multinomial else 1)
        try:
            if self.getSolver() == "newton-cg":
                return self._optimum(data, classes, threads, advance if bar is not None else watch, start)
            return _Trained(
                *_core.logistic_fit(
                    data.features,
                    data.labels,
                    data.weights,
                    classes,
                    multinomial,
                    self.getMaxIter(),
                    self.getRegParam(),
                    self.getElasticNetParam(),
                    self.getTol(),
                    self.getFitIntercept(),
                    self.getStandardization(),
                    False,
                    threads,
                    advance if bar is not None else watch,
                    start,
                )
            )
        except ValueError as error:
            raise ValueError(f"column {self.getFeaturesCol()!r}: {error}") from None
        finally:
            if bar is not None:
                bar.close()

    def _optimum(
        self,
        data: TrainingSet,
        classes: int,
        threads: int,
        watch: Callable[[int, float], object] | None,
        initial: tuple[Floats, Floats] | None,
    ) -> _Trained:
        coefficients, intercepts, history, (objective, residual, gap, outcome) = _core.logistic_optimum(
            data.features,
            data.labels,
            data.weights,
            classes,
            self._is_multinomial(classes),
            self.getMaxIter(),
            self.getRegParam(),
            self.getElasticNetParam(),
            self.getTol(),
            self.getFitIntercept(),
            self.getStandardization(),
            threads,
            watch,
            initial,
        )
        optimality = Optimality(objective, residual, gap)
        self._warn_of_outcome(outcome, optimality, len(history) - 1, intercepts)
        return _Trained(coefficients, intercepts, history, optimality)

    def _warn_of_outcome(
        self, outcome: str, optimality: Optimality, iterations: int, intercepts: Floats
    ) -> None:
        """Says what a user of "newton-cg" has to know of a result that is no optimum within tol."""
        where = f"after {iterations} iterations: objective {optimality.objective:.6g}, {optimality.measure()}"
        messages = {
            "iterations": f"maxIter ended the training before tol {self.getTol():g} was reached, {where}",
            "precision": f"rounding ended the training before tol {self.getTol():g} was reached, {where}",
            "no optimum": "without regularization there is no finite optimum, for some classes can be "
            f"separated; stopped {where}",
        }
        if outcome in messages:
            warnings.warn(f"{self.uid}: {messages[outcome]}", stacklevel=8)
        empty = np.flatnonzero(np.isneginf(intercepts))
        if len(empty) and self._is_multinomial(len(intercepts)):
            warnings.warn(
                f"{self.uid}: classes {empty.tolist()} have no rows in column {self.getLabelCol()!r}; their "
                f"intercepts are -infinity, where the optimum lies",
                stacklevel=8,
            )

    def _checked_initial(
        self, initial: tuple[Floats, Floats] | None, features: int, sets: int
    ) -> tuple[Floats, Floats] | None:
        """The initial model, or None with a warning where it has other dimensions, as Spark does."""
        if initial is None or (initial[0].shape, initial[1].shape) == ((sets, features), (sets,)):
            return initial
        warnings.warn(
            f"{self.uid}: Initial coefficients will be ignored! Their dimensions {initial[0].shape} and "
            f"{initial[1].shape} did not match the expected size ({sets}, {features}) and ({sets},)",
            stacklevel=6,
        )
        return None

    def _warn_of_one_class(self, present: Floats) -> None:
        if len(present) > 1:
            return
        outcome = (
            "the model predicts it always"
            if self.getFitIntercept()
            else "trained without an intercept, it means little"
        )
        warnings.warn(
            f"{self.uid}: all labels in column {self.getLabelCol()!r} are {present[0]:g}; {outcome}",
            stacklevel=6,
        )


# ---- the model


def _divided(probabilities: Floats, thresholds: list[float]) -> Floats:
    """Probabilities over thresholds; a class of threshold 0 wins, but not with a probability of 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = probabilities / np.asarray(thresholds)
    return np.where(np.isnan(scaled), -np.inf, scaled)


class LogisticRegressionModel(Model, _LogisticRegressionParams, MLWritable, MLReadable):
    """A fitted logistic regression.

    Made by LogisticRegression.fit, or from coefficients:

    Parameters
    ----------
    coefficients: float64 [numClasses, d] if multinomial, else [1, d].
    intercepts: float64 [numClasses] or [1].
    numClasses: number of classes.
    multinomial: whether there is a set of coefficients for each class.
    """

    def __init__(self, coefficients: Floats, intercepts: Floats, numClasses: int, multinomial: bool) -> None:
        super().__init__()
        sets = numClasses if multinomial else 1
        if coefficients.ndim != 2 or len(coefficients) != sets or intercepts.shape != (sets,):
            raise ValueError(
                f"expected coefficients [{sets}, d] and intercepts [{sets}], "
                f"got {coefficients.shape} and {intercepts.shape}"
            )
        self._coefficients = np.ascontiguousarray(coefficients, np.float64)
        self._intercepts = np.ascontiguousarray(intercepts, np.float64)
        self._classes, self._multinomial = numClasses, multinomial
        self._summary: LogisticRegressionTrainingSummary | None = None

    def __repr__(self) -> str:
        return (
            f"LogisticRegressionModel: uid={self.uid}, "
            f"numClasses={self.numClasses}, numFeatures={self.numFeatures}"
        )

    # ---- what was fitted

    @property
    def numClasses(self) -> int:
        """Number of classes."""
        return self._classes

    @property
    def numFeatures(self) -> int:
        """Number of features."""
        return int(self._coefficients.shape[1])

    @property
    def coefficientMatrix(self) -> Matrix:
        """Coefficients, a row for each class, one row if binomial; dense or sparse, whichever is smaller."""
        return compressed_matrix(self._coefficients)

    @property
    def interceptVector(self) -> Vector:
        """Intercepts, one for each row of the coefficients; sparse where most are 0."""
        return compressed_vector(self._intercepts)

    @property
    def coefficients(self) -> Vector:
        """Coefficients of a binomial model, sparse where that is smaller; ValueError for multinomial ones."""
        if self._multinomial:
            raise ValueError(
                "Multinomial models contain a matrix of coefficients, use coefficientMatrix instead."
            )
        matrix = self.coefficientMatrix
        if isinstance(matrix, SparseMatrix):
            return SparseVector(self.numFeatures, matrix.rowIndices, matrix.values)
        return DenseVector(self._coefficients[0])

    @property
    def intercept(self) -> float:
        """Intercept of a binomial model. Raises ValueError for a multinomial one."""
        if self._multinomial:
            raise ValueError(
                "Multinomial models contain a vector of intercepts, use interceptVector instead."
            )
        return float(self._intercepts[0])

    # ---- prediction from arrays

    def _raw(self, x: NDArray[Any] | SparseRows, first_row: int = 0) -> Floats:
        margins = linear_margins(x, self._coefficients, self._intercepts, first_row)
        return margins if self._multinomial else np.concatenate([-margins, margins], axis=1)

    def _probabilities(self, raw: Floats) -> Floats:
        return softmax(raw) if self._multinomial else logistic(raw[:, 1])

    def _predictions(self, raw: Floats, probabilities: Floats) -> Floats:
        if not self._multinomial:
            threshold = self.getThreshold()
            with np.errstate(divide="ignore"):
                bound = np.log(threshold) - np.log1p(-threshold)
            return np.asarray(raw[:, 1] > bound, np.float64)
        thresholds = self._optional(self.thresholds)
        scores = raw if thresholds is None else _divided(probabilities, thresholds)
        return np.asarray(scores.argmax(axis=1), np.float64)

    # ---- prediction of one vector

    def _row(self, value: Any) -> Floats:
        row = np.asarray(value.toArray() if hasattr(value, "toArray") else value, np.float64)
        if row.shape != (self.numFeatures,):
            raise ValueError(
                f"{self.uid}: expected a vector of {self.numFeatures} features, got shape {row.shape}"
            )
        return row[np.newaxis]

    def predict(self, value: Any) -> float:
        """The predicted class of one vector [numFeatures]."""
        self._checkThresholds(self.numClasses)
        raw = self._raw(self._row(value))
        return float(self._predictions(raw, self._probabilities(raw))[0])

    def predictRaw(self, value: Any) -> DenseVector:
        """The margin of each class for one vector [numFeatures]."""
        return DenseVector(self._raw(self._row(value))[0])

    def predictProbability(self, value: Any) -> DenseVector:
        """The probability of each class for one vector [numFeatures]."""
        return DenseVector(self._probabilities(self._raw(self._row(value)))[0])

    # ---- prediction of a dataset

    def _transform(self, dataset: DataFrame) -> DataFrame:
        features = input_column(self, self.featuresCol, dataset)
        self._checkThresholds(self.numClasses)
        vector = dense_type(self.numClasses if self._multinomial else 2, np.float64)
        kinds = {"rawPredictionCol": vector, "probabilityCol": vector, "predictionCol": pa.float64()}
        wanted = {
            param: pa.field(output_column(self, self.getParam(param), dataset), kind, nullable=kind is vector)
            for param, kind in kinds.items()
            if self.getOrDefault(param)
        }
        if not wanted:
            warnings.warn(
                f"{self.uid}: transform does nothing because no output columns were set.", stacklevel=4
            )
            return dataset
        return dataset._with_stage(self._stage(features, list(wanted)), [features], list(wanted.values()))

    def _stage(
        self, features: str, wanted: list[str]
    ) -> Callable[[Iterator[pa.RecordBatch]], Iterator[list[pa.Array]]]:
        """What computes the wanted columns, by a copy of the model: later settings do not reach into it."""
        model = self.copy()

        def predict(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
            first_row = 0
            for batch in batches:
                yield model._predict_batch(batch.column(0), features, first_row, wanted)
                first_row += batch.num_rows

        return predict

    def _predict_batch(self, column: Any, features: str, first_row: int, wanted: list[str]) -> list[pa.Array]:
        blocks = feature_rows(column, features, first_row, self.numFeatures)
        width = self.numClasses if self._multinomial else 2
        firsts = np.cumsum([first_row, *map(len, blocks)]).tolist()
        try:
            raw = np.concatenate([np.empty((0, width)), *map(self._raw, blocks, firsts)])
        except ValueError as error:
            raise ValueError(f"column {features!r}: {error}") from None
        # A model of one class has an infinite intercept, and coefficients of 0: only NaN is strange there.
        broken = np.isnan(raw) if np.isinf(self._intercepts).any() else ~np.isfinite(raw)
        if broken.any():
            row = first_row + int(broken.any(axis=1).argmax())
            raise ValueError(
                f"column {features!r}: features must be finite, found NaN or infinity in row {row}"
            )
        probabilities = self._probabilities(raw) if len(raw) else raw
        columns = {
            "rawPredictionCol": lambda: vector_array(raw),
            "probabilityCol": lambda: vector_array(probabilities),
            "predictionCol": lambda: pa.array(self._predictions(raw, probabilities)),
        }
        return [columns[name]() for name in wanted]

    # ---- summaries

    def _summary_columns(self) -> tuple[LogisticRegressionModel, dict[str, str | None]]:
        """The model with the columns that metrics need, and the columns' names by role."""
        model = self.copy()
        for name in ("predictionCol", "probabilityCol"):
            if not model.getOrDefault(name):
                model._set(**{name: f"{name.removesuffix('Col')}_{uuid.uuid4().hex[:12]}"})
        roles = ("featuresCol", "labelCol", "predictionCol", "probabilityCol")
        columns: dict[str, str | None] = {role: model.getOrDefault(role) for role in roles}
        columns["weightCol"] = model._optional("weightCol") or None
        return model, columns

    def _summarize(
        self, dataset: DataFrame, history: Floats, optimality: Optimality | Callable[[], Optimality]
    ) -> None:
        model, columns = self._summary_columns()
        kind = (
            BinaryLogisticRegressionTrainingSummary
            if self.numClasses <= 2
            else LogisticRegressionTrainingSummary
        )
        self._summary = kind(model._transform(dataset), columns, history, optimality)

    @property
    def hasSummary(self) -> bool:
        """Whether there is a training summary: not in a model that was loaded."""
        return self._summary is not None

    @property
    def summary(self) -> LogisticRegressionTrainingSummary:
        """The training's path, and metrics on the training data. Raises RuntimeError where there is none."""
        if self._summary is None:
            raise RuntimeError(f"No training summary available for this {type(self).__name__}")
        return self._summary

    def evaluate(self, dataset: Any) -> LogisticRegressionSummary:
        """The model's predictions on a labelled dataset, and their metrics."""
        from pydeepl.frame import adopt

        model, columns = self._summary_columns()
        kind = BinaryLogisticRegressionSummary if self.numClasses <= 2 else LogisticRegressionSummary
        return kind(model._transform(adopt(dataset)[0]), columns)

    # ---- files

    def _state(self) -> StageState:
        return StageState(
            values={"numClasses": self.numClasses, "multinomial": self._multinomial},
            arrays={"coefficients": self._coefficients, "intercepts": self._intercepts},
        )

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        return cls(
            state.array("coefficients", ndim=2),
            state.array("intercepts", ndim=1),
            state.value("numClasses", int),
            state.value("multinomial", bool),
        )
