"""CrossValidator and TrainValidationSplit: param maps tried on held-out rows, the best one fitted to all."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pydeepl.ml.base import Estimator, Evaluator, Model, Transformer, keyword_only
from pydeepl.ml.param import Param, ParamMap, Params, TypeConverters, checked
from pydeepl.ml.param.shared import HasCollectSubModels, HasParallelism, HasSeed
from pydeepl.ml.persistence import MLReadable, MLWritable, MLWriter, StageState
from pydeepl.ml.tuning.candidates import nested_stages
from pydeepl.ml.tuning.folds import GivenFolds, RandomFolds, Split
from pydeepl.ml.tuning.search import Results, Search
from pydeepl.ml.tuning.storage import TunedModelWriter, restore_search, save_search

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["CrossValidator", "CrossValidatorModel", "TrainValidationSplit", "TrainValidationSplitModel"]


class _ValidatorParams(HasSeed):
    """Params of all validators and their models."""

    estimator: Param[Any] = Param(Params._dummy(), "estimator", "the estimator whose params are chosen")
    estimatorParamMaps: Param[Any] = Param(
        Params._dummy(), "estimatorParamMaps", "the param maps to choose from", TypeConverters.toList
    )
    evaluator: Param[Any] = Param(Params._dummy(), "evaluator", "what measures models on held-out rows")

    def getEstimator(self) -> Estimator[Any]:
        """The value of estimator."""
        found: Estimator[Any] = self.getOrDefault(self.estimator)
        return found

    def getEstimatorParamMaps(self) -> list[ParamMap]:
        """The value of estimatorParamMaps."""
        found: list[ParamMap] = self.getOrDefault(self.estimatorParamMaps)
        return found

    def getEvaluator(self) -> Evaluator:
        """The value of evaluator."""
        found: Evaluator = self.getOrDefault(self.evaluator)
        return found


class _Validator(Estimator[Any], _ValidatorParams, HasParallelism, HasCollectSubModels):
    """What CrossValidator and TrainValidationSplit have in common."""

    _input_kwargs: dict[str, Any]

    def _set_given(self, values: dict[str, Any]) -> Self:
        """Sets params; None leaves a param as it is."""
        return self._set(**{name: value for name, value in values.items() if value is not None})

    def setEstimator(self, value: Estimator[Any]) -> Self:
        """Sets estimator."""
        return self._set(estimator=value)

    def setEstimatorParamMaps(self, value: Sequence[ParamMap]) -> Self:
        """Sets estimatorParamMaps."""
        return self._set(estimatorParamMaps=value)

    def setEvaluator(self, value: Evaluator) -> Self:
        """Sets evaluator."""
        return self._set(evaluator=value)

    def setSeed(self, value: int) -> Self:
        """Sets seed."""
        return self._set(seed=value)

    def setCollectSubModels(self, value: bool) -> Self:
        """Sets collectSubModels."""
        return self._set(collectSubModels=value)

    def copy(self, extra: ParamMap | None = None) -> Self:
        """A copy with copies of the estimator and the evaluator; each takes its own params from `extra`.

        The param maps stay the same.
        """
        that = super().copy(extra)
        for name in ("estimator", "evaluator"):
            if that._optional(name) is not None:
                that._set(**{name: that.getOrDefault(name).copy(extra)})
        return that

    def _searched(self, dataset: DataFrame, split: Split, held_out: Sequence[int]) -> tuple[Search, Results]:
        estimator, evaluator, maps = self.getEstimator(), self.getEvaluator(), self.getEstimatorParamMaps()
        for name, value, kind in (("estimator", estimator, Estimator), ("evaluator", evaluator, Evaluator)):
            if not isinstance(value, kind):
                raise TypeError(
                    f"{self.uid}: {name}: expected an {kind.__name__}, got {type(value).__name__}"
                )
        if not maps:
            raise ValueError(
                f"{self.uid}: estimatorParamMaps is empty; ParamGridBuilder().build() gives one map"
            )
        self._warn_of_strangers(estimator, maps)
        search = Search(
            self.uid,
            estimator,
            maps,
            evaluator,
            dataset,
            split,
            held_out,
            self.getParallelism(),
            self.getCollectSubModels(),
        )
        return search, search.run()

    def _warn_of_strangers(self, estimator: Estimator[Any], maps: Sequence[ParamMap]) -> None:
        known = {stage.uid for stage in nested_stages(estimator)}
        strangers = sorted({str(param) for params in maps for param in params if param.parent not in known})
        if strangers:
            warnings.warn(
                f"{self.uid}: estimatorParamMaps has params of no stage of the estimator; they have no "
                f"effect: {', '.join(strangers)}",
                stacklevel=5,
            )

    def _best(self, metrics: Any) -> int:
        """The place of the best metric, the first of equals."""
        return int(np.argmax(metrics) if self.getEvaluator().isLargerBetter() else np.argmin(metrics))

    def _state(self) -> StageState:
        return save_search(self.uid, self.getEstimator(), self.getEvaluator(), self.getEstimatorParamMaps())

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        return cls()._set(**restore_search(state))


class _ValidatedModel(Model, _ValidatorParams):
    """What the models of both have in common: the best model, which transforms."""

    bestModel: Any
    subModels: Any

    def _transform(self, dataset: DataFrame) -> DataFrame:
        transformed: DataFrame = self.bestModel.transform(dataset)
        return transformed

    def _without_sub_models(self) -> Self:
        that = copy.copy(self)
        that.subModels = None
        return that

    def write(self) -> MLWriter:
        """A writer; `write().option("persistSubModels", "false")` leaves the sub-models out."""
        return TunedModelWriter(self)  # type: ignore[arg-type]  # subclasses are MLWritable

    def _saved(self, sub_models: Sequence[Any], **values: Any) -> StageState:
        return save_search(
            self.uid,
            self.getEstimator(),
            self.getEvaluator(),
            self.getEstimatorParamMaps(),
            self.bestModel,
            *sub_models,
            **values,
        )


def _sub_models(state: StageState, count: int) -> list[Any]:
    """The saved sub-models, checked: they follow estimator, evaluator and best model."""
    models = state.stages[3 : 3 + count]
    if len(models) < count or not all(isinstance(model, Transformer) for model in models):
        raise ValueError(f"expected {count} sub-models, found {models}")
    return models


def _best_model(state: StageState) -> Transformer:
    if len(state.stages) < 3 or not isinstance(state.stages[2], Transformer):
        raise ValueError(f"expected a best model, found the stages {state.stages}")
    return state.stages[2]


def _floats(values: Sequence[Any]) -> list[float]:
    return [float(value) for value in values]


# ---- cross-validation


class _CrossValidatorParams(_ValidatorParams):
    """Params of CrossValidator and its model."""

    numFolds: Param[int] = Param(
        Params._dummy(),
        "numFolds",
        "number of folds (>= 2)",
        checked(TypeConverters.toInt, lambda value: value >= 2, "a whole number >= 2"),
    )
    foldCol: Param[str] = Param(
        Params._dummy(),
        "foldCol",
        "name of a column of fold numbers, whole and in [0, numFolds); empty: rows fall into folds at random",
        TypeConverters.toString,
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(numFolds=3, foldCol="")

    def getNumFolds(self) -> int:
        """The value of numFolds or its default."""
        return self.getOrDefault(self.numFolds)

    def getFoldCol(self) -> str:
        """The value of foldCol or its default."""
        return self.getOrDefault(self.foldCol)


class CrossValidator(_Validator, _CrossValidatorParams, MLWritable, MLReadable):
    """Chooses params by k-fold cross-validation.

    The rows fall into folds. For each fold, every param map's model is fitted to the rows of the other folds
    and measured on the fold's. The param map of the best mean metric is fitted to all rows.

    Parameters
    ----------
    estimator: the estimator, often a Pipeline.
    estimatorParamMaps: list of param maps (see ParamGridBuilder), of the estimator's params or its stages'.
    evaluator: measures predictions; its `isLargerBetter` says which metric is best.
    numFolds: number of folds (>= 2).
    seed: of the random folds; by default a fixed one.
    parallelism: how many models are fitted at a time.
    collectSubModels: whether all models are kept, in the model's `subModels`.
    foldCol: column of whole fold numbers in [0, numFolds); then nothing is random.

    Leading transformers of a pipeline (DeepImageFeaturizer, say) run once for the whole search, and
    LogisticRegression reads its data once. Fold i holds the rows of `randomSplit([1] * numFolds, seed)[i]`:
    the same rows whatever the number of threads, but others than Spark's random numbers give.

    fit raises ValueError for an empty fold and fold numbers out of range, TypeError for fold numbers that are
    not whole; what a candidate raises is raised with its fold and params.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> from pydeepl.linalg import vector_array
    >>> from pydeepl.ml import BinaryClassificationEvaluator, LogisticRegression
    >>> from pydeepl.ml.tuning import CrossValidator, ParamGridBuilder
    >>> x = np.random.default_rng(0).standard_normal((60, 2), np.float32)
    >>> table = pa.table({"features": vector_array(x), "label": (x[:, 0] > 0).astype(int)})
    >>> lr = LogisticRegression()
    >>> grid = ParamGridBuilder().addGrid(lr.regParam, [0.01, 1.0]).build()
    >>> cv = CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=BinaryClassificationEvaluator())
    >>> model = cv.fit(table)
    >>> len(model.avgMetrics), model.transform(table).num_rows
    (2, 60)
    """

    @keyword_only
    def __init__(
        self,
        *,
        estimator: Estimator[Any] | None = None,
        estimatorParamMaps: Sequence[ParamMap] | None = None,
        evaluator: Evaluator | None = None,
        numFolds: int = 3,
        seed: int | None = None,
        parallelism: int = 1,
        collectSubModels: bool = False,
        foldCol: str = "",
    ) -> None:
        super().__init__()
        self._set_given(self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        estimator: Estimator[Any] | None = None,
        estimatorParamMaps: Sequence[ParamMap] | None = None,
        evaluator: Evaluator | None = None,
        numFolds: int = 3,
        seed: int | None = None,
        parallelism: int = 1,
        collectSubModels: bool = False,
        foldCol: str = "",
    ) -> Self:
        """Sets params by keyword; see the class for their meaning."""
        return self._set_given(self._input_kwargs)

    def setNumFolds(self, value: int) -> Self:
        """Sets numFolds."""
        return self._set(numFolds=value)

    def setFoldCol(self, value: str) -> Self:
        """Sets foldCol."""
        return self._set(foldCol=value)

    def _fit(self, dataset: DataFrame) -> CrossValidatorModel:
        folds, column = self.getNumFolds(), self.getFoldCol()
        split: Split = (
            GivenFolds(dataset, column, folds)
            if column
            else RandomFolds(dataset, [1.0] * folds, self.getSeed())
        )
        search, results = self._searched(dataset, split, range(folds))
        means, deviations = self._gen_avg_and_std_metrics(results.metrics)
        best = search.fit_best(self._best(means))
        models = results.models if self.getCollectSubModels() else None
        return self._copyValues(CrossValidatorModel(best, means, models, deviations))

    @staticmethod
    def _gen_avg_and_std_metrics(metrics: list[list[float]]) -> tuple[list[float], list[float]]:
        """Mean and (population) standard deviation over the folds, of metrics [fold][candidate]."""
        return np.mean(metrics, axis=0).tolist(), np.std(metrics, axis=0).tolist()


class CrossValidatorModel(_ValidatedModel, _CrossValidatorParams, MLWritable, MLReadable):
    """The best model of a cross-validation; transforms as it does.

    Parameters
    ----------
    bestModel: the best param map's model, fitted to all rows.
    avgMetrics, stdMetrics: mean and standard deviation over the folds, for each param map.
    subModels: None, or the models of each fold [fold][param map].
    """

    def __init__(
        self,
        bestModel: Any,
        avgMetrics: Sequence[float] | None = None,
        subModels: list[list[Any]] | None = None,
        stdMetrics: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.bestModel = bestModel
        self.avgMetrics = list(avgMetrics or [])
        self.subModels = subModels
        self.stdMetrics = list(stdMetrics or [])

    def copy(self, extra: ParamMap | None = None) -> Self:
        """A copy with copies of the models and lists; the best model takes its params from `extra`."""
        that = super().copy(extra)
        that.bestModel = self.bestModel.copy(extra)
        that.avgMetrics, that.stdMetrics = list(self.avgMetrics), list(self.stdMetrics)
        if self.subModels is not None:
            that.subModels = [[model.copy() for model in models] for models in self.subModels]
        return that

    def _state(self) -> StageState:
        models = self.subModels or []
        return self._saved(
            [model for fold in models for model in fold],
            avgMetrics=list(self.avgMetrics),
            stdMetrics=list(self.stdMetrics),
            subModels=[len(fold) for fold in models] if self.subModels is not None else None,
        )

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        models = None
        if state.values.get("subModels") is not None:
            counts = state.value("subModels", list)
            flat = iter(_sub_models(state, sum(counts)))
            models = [[next(flat) for _ in range(count)] for count in counts]
        means, deviations = state.value("avgMetrics", list), state.value("stdMetrics", list)
        model = cls(_best_model(state), _floats(means), models, _floats(deviations))
        return model._set(**restore_search(state))


# ---- one split


class _TrainValidationSplitParams(_ValidatorParams):
    """Params of TrainValidationSplit and its model."""

    trainRatio: Param[float] = Param(
        Params._dummy(),
        "trainRatio",
        "share of the rows to train on, in [0, 1]; the others are held out",
        checked(TypeConverters.toFloat, lambda value: 0 <= value <= 1, "a number in [0, 1]"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(trainRatio=0.75)

    def getTrainRatio(self) -> float:
        """The value of trainRatio or its default."""
        return self.getOrDefault(self.trainRatio)


class TrainValidationSplit(_Validator, _TrainValidationSplitParams, MLWritable, MLReadable):
    """Chooses params by one random split of the rows: as CrossValidator, on one held-out part.

    Parameters
    ----------
    estimator, estimatorParamMaps, evaluator, parallelism, collectSubModels, seed: as for CrossValidator.
    trainRatio: share of the rows to train on, in [0, 1].

    The held-out rows are those of `randomSplit([trainRatio, 1 - trainRatio], seed)[1]`.
    """

    @keyword_only
    def __init__(
        self,
        *,
        estimator: Estimator[Any] | None = None,
        estimatorParamMaps: Sequence[ParamMap] | None = None,
        evaluator: Evaluator | None = None,
        trainRatio: float = 0.75,
        parallelism: int = 1,
        collectSubModels: bool = False,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self._set_given(self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        estimator: Estimator[Any] | None = None,
        estimatorParamMaps: Sequence[ParamMap] | None = None,
        evaluator: Evaluator | None = None,
        trainRatio: float = 0.75,
        parallelism: int = 1,
        collectSubModels: bool = False,
        seed: int | None = None,
    ) -> Self:
        """Sets params by keyword; see the class for their meaning."""
        return self._set_given(self._input_kwargs)

    def setTrainRatio(self, value: float) -> Self:
        """Sets trainRatio."""
        return self._set(trainRatio=value)

    def _fit(self, dataset: DataFrame) -> TrainValidationSplitModel:
        ratio = self.getTrainRatio()
        split = RandomFolds(dataset, [ratio, 1 - ratio], self.getSeed())
        search, results = self._searched(dataset, split, [1])
        metrics = results.metrics[0]
        best = search.fit_best(self._best(metrics))
        models = results.models[0] if self.getCollectSubModels() else None
        return self._copyValues(TrainValidationSplitModel(best, metrics, models))


class TrainValidationSplitModel(_ValidatedModel, _TrainValidationSplitParams, MLWritable, MLReadable):
    """The best model of a train-validation split; transforms as it does.

    Parameters
    ----------
    bestModel: the best param map's model, fitted to all rows.
    validationMetrics: the metric of each param map.
    subModels: None, or the models of each param map.
    """

    def __init__(
        self,
        bestModel: Any,
        validationMetrics: Sequence[float] | None = None,
        subModels: list[Any] | None = None,
    ) -> None:
        super().__init__()
        self.bestModel = bestModel
        self.validationMetrics = list(validationMetrics or [])
        self.subModels = subModels

    def copy(self, extra: ParamMap | None = None) -> Self:
        """A copy with copies of the models and the list; the best model takes its params from `extra`."""
        that = super().copy(extra)
        that.bestModel = self.bestModel.copy(extra)
        that.validationMetrics = list(self.validationMetrics)
        if self.subModels is not None:
            that.subModels = [model.copy() for model in self.subModels]
        return that

    def _state(self) -> StageState:
        return self._saved(
            self.subModels or [],
            validationMetrics=list(self.validationMetrics),
            subModels=None if self.subModels is None else len(self.subModels),
        )

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        models = None
        if state.values.get("subModels") is not None:
            models = _sub_models(state, state.value("subModels", int))
        metrics = _floats(state.value("validationMetrics", list))
        return cls(_best_model(state), metrics, models)._set(**restore_search(state))
