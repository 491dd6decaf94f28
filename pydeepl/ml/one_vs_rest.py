"""OneVsRest: a classifier of many classes made of a classifier of two for each of them.

Source: the behaviour of pyspark.ml.classification.OneVsRest (Spark 4).
"""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pydeepl import _core
from pydeepl.linalg import dense_type, vector_array, vector_matrix
from pydeepl.ml.attributes import binary_field
from pydeepl.ml.base import Estimator, Model, RowsEstimator, keyword_only
from pydeepl.ml.columns import input_column, output_column, read_numbers, weight_column
from pydeepl.ml.param import Param, ParamMap, Params
from pydeepl.ml.param.shared import (
    HasFeaturesCol,
    HasLabelCol,
    HasParallelism,
    HasPredictionCol,
    HasRawPredictionCol,
    HasWeightCol,
)
from pydeepl.ml.persistence import MLReadable, MLWritable, StageState
from pydeepl.ml.training_set import TrainingSet

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["OneVsRest", "OneVsRestModel"]

_MOST_CLASSES = 10_000  # a label beyond is no class number but a mistake: each class is a model
_OUTPUTS = ("rawPredictionCol", "probabilityCol", "predictionCol")


def _classifier(value: Any) -> Any:
    needed = ("featuresCol", "labelCol", "predictionCol", "rawPredictionCol")
    if isinstance(value, Estimator) and all(map(value.hasParam, needed)):
        return value
    raise TypeError(f"expected a classifier with {', '.join(needed)}, got {type(value).__name__}")


class _OneVsRestParams(HasFeaturesCol, HasLabelCol, HasPredictionCol, HasRawPredictionCol, HasWeightCol):
    """Params of the estimator and of its model."""

    classifier: Param[Any] = Param(
        Params._dummy(),
        "classifier",
        "the classifier of two classes that is fitted for each class",
        _classifier,
    )

    def getClassifier(self) -> Any:
        """The value of classifier. Raises UndefinedParamError where it is not set."""
        return self.getOrDefault(self.classifier)

    def copy(self, extra: ParamMap | None = None) -> Self:
        """A copy with a copy of the classifier, which takes its own params from `extra`."""
        that = super().copy(extra)
        if self.isSet(self.classifier):
            that._set(classifier=self.getClassifier().copy(extra))
        return that


class OneVsRest(Estimator["OneVsRestModel"], _OneVsRestParams, HasParallelism, MLWritable, MLReadable):
    """Fits a classifier of two classes for each class against all others; the surest one's class is
    predicted.

    The features are read, and where need be computed, once for all classes.

    Parameters
    ----------
    featuresCol: name of the column of feature vectors. labelCol: of class numbers 0, 1, 2, ...
    predictionCol, rawPredictionCol: names of the columns that the model appends; "" leaves one out.
    classifier: the classifier to fit, such as LogisticRegression(); its column params are set here.
    weightCol: name of the column of row weights, for classifiers that take weights.
    parallelism: how many classifiers are fitted at a time (>= 1).
    """

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        featuresCol: str = "features",
        labelCol: str = "label",
        predictionCol: str = "prediction",
        rawPredictionCol: str = "rawPrediction",
        classifier: Any = None,
        weightCol: str | None = None,
        parallelism: int = 1,
    ) -> None:
        super().__init__()
        self.setParams(**self._input_kwargs)

    @keyword_only
    def setParams(
        self,
        *,
        featuresCol: str = "features",
        labelCol: str = "label",
        predictionCol: str = "prediction",
        rawPredictionCol: str = "rawPrediction",
        classifier: Any = None,
        weightCol: str | None = None,
        parallelism: int = 1,
    ) -> Self:
        """Sets the params that are given; see the class for their meaning."""
        return self._set(**{name: value for name, value in self._input_kwargs.items() if value is not None})

    def setClassifier(self, value: Any) -> Self:
        """Sets classifier."""
        return self._set(classifier=value)

    def _fit(self, dataset: DataFrame) -> OneVsRestModel:
        features = input_column(self, self.featuresCol, dataset)
        label = input_column(self, self.labelCol, dataset)
        weight = self._weight(dataset)
        classes = _count_classes(dataset, label)
        workers = min(self.getParallelism(), classes)
        with self._fits(dataset, features, label, weight, workers) as fit_class:
            if workers == 1:  # in this thread, where Ctrl-C reaches a fit at once
                models = [fit_class(index) for index in range(classes)]
            else:
                with ThreadPoolExecutor(workers) as pool:
                    models = list(pool.map(fit_class, range(classes)))
        return self._copyValues(OneVsRestModel(models)._resetUid(self.uid))

    @contextmanager
    def _fits(
        self, dataset: DataFrame, features: str, label: str, weight: str | None, workers: int
    ) -> Iterator[Callable[[int], Any]]:
        """What fits a class' model by its number, for so many threads; it reads the features once."""
        classifier = self.getClassifier()
        params = {classifier.featuresCol: features, classifier.predictionCol: self.getPredictionCol()}
        if weight:
            params[classifier.weightCol] = weight
        classifier = classifier.copy(params)
        data = None
        if isinstance(classifier, RowsEstimator):
            data = classifier.copy({classifier.getParam("labelCol"): label})._read_data(dataset)
        if isinstance(data, TrainingSet):
            threads = max(1, _core.default_threads() // workers) if workers > 1 else 0
            yield _shared_fits(classifier, data, dataset, label, threads)
            return
        columns = [label, features, *([weight] if weight else [])]
        cached = dataset.select(*dict.fromkeys(columns)).cache()
        try:
            yield _single_fits(classifier, cached, label)
        finally:
            cached.unpersist()  # the models' summaries look at the data, but need not hold it

    def _weight(self, dataset: DataFrame) -> str | None:
        weight = weight_column(self, dataset)
        if weight and not self.getClassifier().hasParam("weightCol"):
            name = type(self.getClassifier()).__name__
            warnings.warn(f"{self.uid}: weightCol is ignored: {name} takes no weights", stacklevel=4)
            return None
        return weight

    def _state(self) -> StageState:
        held = [self.getClassifier()] if self.isSet(self.classifier) else []
        return StageState(stages=held, unsaved_params=frozenset({"classifier"}))

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        return cls(classifier=state.stages[0] if state.stages else None)


def _count_classes(dataset: DataFrame, label: str) -> int:
    """The largest label + 1. Raises ValueError for labels that are no class numbers."""
    (labels,) = read_numbers(dataset, [label])
    if not len(labels):
        raise ValueError(f"column {label!r}: expected rows to train on, found an empty dataset")
    wrong = (labels < 0) | (labels != np.floor(labels)) | (labels >= _MOST_CLASSES)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"column {label!r}: labels must be whole numbers in [0, {_MOST_CLASSES}), "
            f"found {labels[row]:g} in row {row}"
        )
    return int(labels.max()) + 1


def _against_rest(data: DataFrame, label: str, index: int, output: str) -> DataFrame:
    """The data with a column that is 1 in the rows of a class and 0 in all others."""

    def stage(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
        for batch in batches:
            labels = np.asarray(batch.column(0).cast(pa.float64()))
            yield [pa.array((labels == index).astype(np.float64))]

    # The attribute says that there are two classes, also where no row is of one of them.
    return data._with_stage(stage, [label], [binary_field(output)])


def _shared_fits(
    classifier: RowsEstimator[Any], data: TrainingSet, dataset: DataFrame, label: str, threads: int
) -> Callable[[int], Any]:
    """Fits on one set of features in memory, whose statistics serve every class."""

    def fit_class(index: int) -> Any:
        binary = _binary_name(index)
        of_class = replace(data, labels=(data.labels == index).astype(np.float64))
        training = _against_rest(dataset, label, index, binary)
        return classifier.copy({classifier.getParam("labelCol"): binary})._fit_rows(
            of_class, None, training, threads
        )

    return fit_class


def _single_fits(classifier: Any, data: DataFrame, label: str) -> Callable[[int], Any]:
    """Fits that read the data each by itself."""

    def fit_class(index: int) -> Any:
        binary = _binary_name(index)
        return classifier.fit(_against_rest(data, label, index, binary), {classifier.labelCol: binary})

    return fit_class


def _binary_name(index: int) -> str:
    return f"mc2b${index}"


class OneVsRestModel(Model, _OneVsRestParams, MLWritable, MLReadable):
    """Predicts the class whose model gives its raw prediction for "this one" the highest value.

    Parameters
    ----------
    models: the fitted models, one for each class in order.
    """

    def __init__(self, models: Sequence[Any]) -> None:
        super().__init__()
        self.models = list(models)
        if not self.models:
            raise ValueError(f"{self.uid}: expected a model for each class, got none")

    def __repr__(self) -> str:
        return f"OneVsRestModel: uid={self.uid}, numClasses={self.numClasses}, numFeatures={self.numFeatures}"

    @property
    def numClasses(self) -> int:
        """Number of classes."""
        return len(self.models)

    @property
    def numFeatures(self) -> int:
        """Number of features, as the models tell it; -1 where they do not."""
        return int(getattr(self.models[0], "numFeatures", -1))

    def _transform(self, dataset: DataFrame) -> DataFrame:
        features = input_column(self, self.featuresCol, dataset)
        kinds = {"rawPredictionCol": dense_type(self.numClasses, np.float64), "predictionCol": pa.float64()}
        wanted = {
            param: pa.field(output_column(self, self.getParam(param), dataset), kind)
            for param, kind in kinds.items()
            if self.getOrDefault(param)
        }
        if not wanted:
            warnings.warn(
                f"{self.uid}: transform does nothing because no output columns were set.", stacklevel=4
            )
            return dataset
        raw = [f"mbc$raw{index}_{uuid.uuid4().hex}" for index in range(self.numClasses)]
        scored = dataset
        for model, name in zip(self.models, raw, strict=True):
            outputs = {model.getParam(param): "" for param in _OUTPUTS if model.hasParam(param)}
            columns = {model.rawPredictionCol: name, model.featuresCol: features}
            scored = model.copy({**outputs, **columns}).transform(scored)
        return scored._with_stage(_joined(raw, list(wanted)), raw, list(wanted.values())).drop(*raw)

    def copy(self, extra: ParamMap | None = None) -> Self:
        """A copy with copies of the classifier and the models; each takes its own params from `extra`."""
        that = super().copy(extra)
        that.models = [model.copy(extra) for model in self.models]
        return that

    def _state(self) -> StageState:
        held = [self.getClassifier()] if self.isSet(self.classifier) else []
        return StageState(
            values={"models": len(self.models)},
            stages=[*self.models, *held],
            unsaved_params=frozenset({"classifier"}),
        )

    @classmethod
    def _from_state(cls, state: StageState) -> Self:
        count = state.value("models", int)
        if not 0 < count <= len(state.stages) <= count + 1:
            raise ValueError(
                f"expected {count} models and their classifier, found {len(state.stages)} stages"
            )
        model = cls(state.stages[:count])
        for classifier in state.stages[count:]:
            model._set(classifier=classifier)
        return model


def _joined(
    raw: list[str], wanted: list[str]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[list[pa.Array]]]:
    """What makes the wanted columns of the models' raw predictions, each [not this class, this class]."""

    def stage(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.Array]]:
        for batch in batches:
            scores = np.empty((batch.num_rows, len(raw)))
            for place, name in enumerate(raw if batch.num_rows else []):
                scores[:, place] = vector_matrix(batch.column(name), name)[:, 1]
            found = {
                "rawPredictionCol": vector_array(scores),
                "predictionCol": pa.array(scores.argmax(axis=1).astype(np.float64)),
            }
            yield [found[name] for name in wanted]

    return stage
