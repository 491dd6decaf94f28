"""Params that several stages share, one mixin each, with PySpark's names, defaults, getters and setters.

As in PySpark, what only training reads (maxIter, regParam, ...) has no setter here, but in its estimator: a
fitted model has the value it was trained with, and no way to change it by mistake.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING

from pydeepl.ml.param import Param, Params, TypeConverters, checked

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "HasAggregationDepth",
    "HasCollectSubModels",
    "HasElasticNetParam",
    "HasFeaturesCol",
    "HasFitIntercept",
    "HasHandleInvalid",
    "HasInputCol",
    "HasInputCols",
    "HasLabelCol",
    "HasMaxBlockSizeInMB",
    "HasMaxIter",
    "HasOutputCol",
    "HasOutputCols",
    "HasParallelism",
    "HasPredictionCol",
    "HasProbabilityCol",
    "HasRawPredictionCol",
    "HasRegParam",
    "HasSeed",
    "HasStandardization",
    "HasThreshold",
    "HasThresholds",
    "HasTol",
    "HasWeightCol",
]


class HasFeaturesCol(Params):
    """Adds the param featuresCol."""

    featuresCol: Param[str] = Param(
        Params._dummy(), "featuresCol", "name of the column of feature vectors", TypeConverters.toString
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(featuresCol="features")

    def getFeaturesCol(self) -> str:
        """The value of featuresCol or its default."""
        return self.getOrDefault(self.featuresCol)

    def setFeaturesCol(self, value: str) -> Self:
        """Sets featuresCol."""
        return self._set(featuresCol=value)


class HasLabelCol(Params):
    """Adds the param labelCol."""

    labelCol: Param[str] = Param(
        Params._dummy(),
        "labelCol",
        "name of the column of labels, class numbers from 0",
        TypeConverters.toString,
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(labelCol="label")

    def getLabelCol(self) -> str:
        """The value of labelCol or its default."""
        return self.getOrDefault(self.labelCol)

    def setLabelCol(self, value: str) -> Self:
        """Sets labelCol."""
        return self._set(labelCol=value)


class HasPredictionCol(Params):
    """Adds the param predictionCol."""

    predictionCol: Param[str] = Param(
        Params._dummy(), "predictionCol", "name of the column of predicted classes", TypeConverters.toString
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(predictionCol="prediction")

    def getPredictionCol(self) -> str:
        """The value of predictionCol or its default."""
        return self.getOrDefault(self.predictionCol)

    def setPredictionCol(self, value: str) -> Self:
        """Sets predictionCol."""
        return self._set(predictionCol=value)


class HasProbabilityCol(Params):
    """Adds the param probabilityCol."""

    probabilityCol: Param[str] = Param(
        Params._dummy(),
        "probabilityCol",
        "name of the column of class probabilities, a vector a row",
        TypeConverters.toString,
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(probabilityCol="probability")

    def getProbabilityCol(self) -> str:
        """The value of probabilityCol or its default."""
        return self.getOrDefault(self.probabilityCol)

    def setProbabilityCol(self, value: str) -> Self:
        """Sets probabilityCol."""
        return self._set(probabilityCol=value)


class HasRawPredictionCol(Params):
    """Adds the param rawPredictionCol."""

    rawPredictionCol: Param[str] = Param(
        Params._dummy(),
        "rawPredictionCol",
        "name of the column of raw predictions (margins), a vector a row",
        TypeConverters.toString,
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(rawPredictionCol="rawPrediction")

    def getRawPredictionCol(self) -> str:
        """The value of rawPredictionCol or its default."""
        return self.getOrDefault(self.rawPredictionCol)

    def setRawPredictionCol(self, value: str) -> Self:
        """Sets rawPredictionCol."""
        return self._set(rawPredictionCol=value)


class HasWeightCol(Params):
    """Adds the param weightCol."""

    weightCol: Param[str] = Param(
        Params._dummy(),
        "weightCol",
        "name of the column of row weights (>= 0); unset or empty: every row weighs 1",
        TypeConverters.toString,
    )

    def getWeightCol(self) -> str:
        """The value of weightCol or its default."""
        return self.getOrDefault(self.weightCol)

    def setWeightCol(self, value: str) -> Self:
        """Sets weightCol."""
        return self._set(weightCol=value)


class HasInputCol(Params):
    """Adds the param inputCol."""

    inputCol: Param[str] = Param(
        Params._dummy(), "inputCol", "name of the input column", TypeConverters.toString
    )

    def getInputCol(self) -> str:
        """The value of inputCol or its default."""
        return self.getOrDefault(self.inputCol)

    def setInputCol(self, value: str) -> Self:
        """Sets inputCol."""
        return self._set(inputCol=value)


class HasOutputCol(Params):
    """Adds the param outputCol."""

    outputCol: Param[str] = Param(
        Params._dummy(), "outputCol", "name of the output column", TypeConverters.toString
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(outputCol=f"{self.uid}__output")

    def getOutputCol(self) -> str:
        """The value of outputCol or its default."""
        return self.getOrDefault(self.outputCol)

    def setOutputCol(self, value: str) -> Self:
        """Sets outputCol."""
        return self._set(outputCol=value)


class HasInputCols(Params):
    """Adds the param inputCols."""

    inputCols: Param[list[str]] = Param(
        Params._dummy(), "inputCols", "names of the input columns", TypeConverters.toListString
    )

    def getInputCols(self) -> list[str]:
        """The value of inputCols or its default."""
        return self.getOrDefault(self.inputCols)

    def setInputCols(self, value: list[str]) -> Self:
        """Sets inputCols."""
        return self._set(inputCols=value)


class HasOutputCols(Params):
    """Adds the param outputCols."""

    outputCols: Param[list[str]] = Param(
        Params._dummy(), "outputCols", "names of the output columns", TypeConverters.toListString
    )

    def getOutputCols(self) -> list[str]:
        """The value of outputCols or its default."""
        return self.getOrDefault(self.outputCols)

    def setOutputCols(self, value: list[str]) -> Self:
        """Sets outputCols."""
        return self._set(outputCols=value)


_INVALID = ("error", "skip", "keep")


class HasHandleInvalid(Params):
    """Adds the param handleInvalid."""

    handleInvalid: Param[str] = Param(
        Params._dummy(),
        "handleInvalid",
        "what becomes of rows with invalid values: error (they are refused), skip (they are left out) or "
        "keep (they get a value of their own)",
        checked(TypeConverters.toString, _INVALID.__contains__, f"one of {', '.join(_INVALID)}"),
    )

    def getHandleInvalid(self) -> str:
        """The value of handleInvalid or its default."""
        return self.getOrDefault(self.handleInvalid)

    def setHandleInvalid(self, value: str) -> Self:
        """Sets handleInvalid."""
        return self._set(handleInvalid=value)


class HasParallelism(Params):
    """Adds the param parallelism."""

    parallelism: Param[int] = Param(
        Params._dummy(),
        "parallelism",
        "how many models are fitted at a time (>= 1)",
        checked(TypeConverters.toInt, lambda value: value >= 1, "a whole number >= 1"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(parallelism=1)

    def getParallelism(self) -> int:
        """The value of parallelism or its default."""
        return self.getOrDefault(self.parallelism)

    def setParallelism(self, value: int) -> Self:
        """Sets parallelism."""
        return self._set(parallelism=value)


class HasMaxIter(Params):
    """Adds the param maxIter."""

    maxIter: Param[int] = Param(
        Params._dummy(),
        "maxIter",
        "greatest number of iterations (>= 0)",
        checked(TypeConverters.toInt, lambda value: value >= 0, "a whole number >= 0"),
    )

    def getMaxIter(self) -> int:
        """The value of maxIter or its default."""
        return self.getOrDefault(self.maxIter)


class HasRegParam(Params):
    """Adds the param regParam."""

    regParam: Param[float] = Param(
        Params._dummy(),
        "regParam",
        "strength of the regularization (>= 0)",
        checked(TypeConverters.toFloat, lambda value: 0 <= value < math.inf, "a finite number >= 0"),
    )

    def getRegParam(self) -> float:
        """The value of regParam or its default."""
        return self.getOrDefault(self.regParam)


class HasElasticNetParam(Params):
    """Adds the param elasticNetParam."""

    elasticNetParam: Param[float] = Param(
        Params._dummy(),
        "elasticNetParam",
        "share of L1 in the regularization, in [0, 1]: 0 is L2 alone, 1 is L1 alone",
        checked(TypeConverters.toFloat, lambda value: 0 <= value <= 1, "a number in [0, 1]"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(elasticNetParam=0.0)

    def getElasticNetParam(self) -> float:
        """The value of elasticNetParam or its default."""
        return self.getOrDefault(self.elasticNetParam)


class HasTol(Params):
    """Adds the param tol."""

    tol: Param[float] = Param(
        Params._dummy(),
        "tol",
        "convergence tolerance (>= 0)",
        checked(TypeConverters.toFloat, lambda value: 0 <= value < math.inf, "a finite number >= 0"),
    )

    def getTol(self) -> float:
        """The value of tol or its default."""
        return self.getOrDefault(self.tol)


class HasFitIntercept(Params):
    """Adds the param fitIntercept."""

    fitIntercept: Param[bool] = Param(
        Params._dummy(), "fitIntercept", "whether to fit an intercept", TypeConverters.toBoolean
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(fitIntercept=True)

    def getFitIntercept(self) -> bool:
        """The value of fitIntercept or its default."""
        return self.getOrDefault(self.fitIntercept)


class HasStandardization(Params):
    """Adds the param standardization."""

    standardization: Param[bool] = Param(
        Params._dummy(),
        "standardization",
        "whether the penalty applies to standardized coefficients",
        TypeConverters.toBoolean,
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(standardization=True)

    def getStandardization(self) -> bool:
        """The value of standardization or its default."""
        return self.getOrDefault(self.standardization)


class HasThreshold(Params):
    """Adds the param threshold."""

    threshold: Param[float] = Param(
        Params._dummy(),
        "threshold",
        "least probability at which class 1 of two is predicted, in [0, 1]",
        checked(TypeConverters.toFloat, lambda value: 0 <= value <= 1, "a number in [0, 1]"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(threshold=0.5)

    def getThreshold(self) -> float:
        """The value of threshold or its default."""
        return self.getOrDefault(self.threshold)

    def setThreshold(self, value: float) -> Self:
        """Sets threshold."""
        return self._set(threshold=value)


class HasThresholds(Params):
    """Adds the param thresholds."""

    thresholds: Param[list[float]] = Param(
        Params._dummy(),
        "thresholds",
        "a divisor of each class' probability before the largest is taken (>= 0, at most one 0)",
        checked(
            TypeConverters.toListFloat,
            lambda values: all(0 <= value < math.inf for value in values) and values.count(0.0) <= 1,
            "finite numbers >= 0 with at most one 0",
        ),
    )

    def getThresholds(self) -> list[float]:
        """The value of thresholds or its default."""
        return self.getOrDefault(self.thresholds)

    def setThresholds(self, value: list[float]) -> Self:
        """Sets thresholds."""
        return self._set(thresholds=value)


class HasAggregationDepth(Params):
    """Adds the param aggregationDepth."""

    aggregationDepth: Param[int] = Param(
        Params._dummy(),
        "aggregationDepth",
        "depth of Spark's tree of partial sums (>= 2); has no effect here",
        checked(TypeConverters.toInt, lambda value: value >= 2, "a whole number >= 2"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(aggregationDepth=2)

    def getAggregationDepth(self) -> int:
        """The value of aggregationDepth or its default."""
        return self.getOrDefault(self.aggregationDepth)


class HasMaxBlockSizeInMB(Params):
    """Adds the param maxBlockSizeInMB."""

    maxBlockSizeInMB: Param[float] = Param(
        Params._dummy(),
        "maxBlockSizeInMB",
        "size in MB of Spark's blocks of rows (>= 0); has no effect here",
        checked(TypeConverters.toFloat, lambda value: 0 <= value < math.inf, "a finite number >= 0"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(maxBlockSizeInMB=0.0)

    def getMaxBlockSizeInMB(self) -> float:
        """The value of maxBlockSizeInMB or its default."""
        return self.getOrDefault(self.maxBlockSizeInMB)


class HasSeed(Params):
    """Adds the param seed; its default is a number made of the class' name, the same in every run."""

    seed: Param[int] = Param(Params._dummy(), "seed", "seed of random numbers", TypeConverters.toInt)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(seed=zlib.crc32(type(self).__name__.encode()))

    def getSeed(self) -> int:
        """The value of seed or its default."""
        return self.getOrDefault(self.seed)


class HasCollectSubModels(Params):
    """Adds the param collectSubModels."""

    collectSubModels: Param[bool] = Param(
        Params._dummy(),
        "collectSubModels",
        "whether all models that the search fits are kept in subModels, not the best one alone",
        TypeConverters.toBoolean,
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(collectSubModels=False)

    def getCollectSubModels(self) -> bool:
        """The value of collectSubModels or its default."""
        return self.getOrDefault(self.collectSubModels)
