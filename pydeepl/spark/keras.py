"""The transformers and the estimator of a user's own Keras model as stages of pyspark.ml.

The model's file goes to the workers by its content, imageLoader as Spark sends its users' functions: by code
where it is defined in the script, by name where it is in a module, which the workers then need.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pyspark.ml import Estimator, Transformer

from pydeepl import deep
from pydeepl.spark.partitions import transform_partitions
from pydeepl.spark.persistence import SavedWithOwn
from pydeepl.spark.stages import OwnParams

__all__ = ["KerasImageFileEstimator", "KerasImageFileTransformer", "KerasTransformer"]


class _KerasStage(OwnParams, SavedWithOwn):
    _unsaved = ("imageLoader", "modelFile")

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._loaded: Any = None  # the own stage that came back from a file

    def _own(self) -> Any:
        own = self._kind(**self._own_values())._resetUid(self.uid)
        if hasattr(self._loaded, "_loader_name"):
            own._loader_name = self._loaded._loader_name  # what to say where the function is missing
        return own

    def _take(self, own: Any) -> None:
        self._loaded = own
        if own.isDefined("modelFile"):
            self._set(modelFile=own.getModelFile())


class _KerasTransformer(_KerasStage, Transformer):  # type: ignore[misc]
    def _transform(self, dataset: Any) -> Any:
        return transform_partitions(self._own(), dataset)


class KerasTransformer(_KerasTransformer, kind=deep.KerasTransformer):
    """pydeepl.KerasTransformer as a stage of pyspark.ml."""


class KerasImageFileTransformer(_KerasTransformer, kind=deep.KerasImageFileTransformer):
    """pydeepl.KerasImageFileTransformer as a stage of pyspark.ml; the workers have to reach the files."""


class _KerasEstimator(_KerasStage, Estimator):  # type: ignore[misc]
    def _fit(self, dataset: Any) -> KerasImageFileTransformer:
        return _stage_of(self._own().fit(dataset))

    def fitMultiple(
        self, dataset: Any, paramMaps: Sequence[dict[Any, Any]]
    ) -> Iterator[tuple[int, KerasImageFileTransformer]]:
        """Fits a model for each param map, with images loaded once; see pydeepl.KerasImageFileEstimator.

        Returns an iterator of (index, model) that several threads may draw from, as Spark's searches do;
        Keras trains one model at a time.
        """
        own = self._own()
        maps = [
            {own.getParam(self._resolveParam(param).name): value for param, value in params.items()}
            for params in paramMaps
        ]
        return _Fitted(own.fitMultiple(dataset, maps))


class _Fitted:
    """Models of our own estimator as stages of pyspark.ml; several threads may draw from it."""

    def __init__(self, models: Iterator[tuple[int, deep.KerasImageFileTransformer]]) -> None:
        self._models = models

    def __iter__(self) -> Iterator[tuple[int, KerasImageFileTransformer]]:
        return self

    def __next__(self) -> tuple[int, KerasImageFileTransformer]:
        index, fitted = next(self._models)
        return index, _stage_of(fitted)


def _stage_of(fitted: deep.KerasImageFileTransformer) -> KerasImageFileTransformer:
    names = KerasImageFileTransformer._names
    values = {name: fitted.getOrDefault(name) for name in names if fitted.isSet(name)}
    model: KerasImageFileTransformer = KerasImageFileTransformer(**values)._resetUid(fitted.uid)
    return model


class KerasImageFileEstimator(_KerasEstimator, kind=deep.KerasImageFileEstimator):
    """pydeepl.KerasImageFileEstimator as an estimator of pyspark.ml: Keras trains on the driver, which reads
    the files; the C core runs the result on the executors."""
