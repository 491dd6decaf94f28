"""The transformers of TensorFlow's graphs as stages of pyspark.ml; the graph goes to the workers, too."""

from __future__ import annotations

from typing import Any

from pyspark.ml import Transformer

from pydeepl import deep
from pydeepl.spark.partitions import transform_partitions
from pydeepl.spark.persistence import SavedWithOwn
from pydeepl.spark.stages import OwnParams

__all__ = ["TFImageTransformer", "TFTransformer"]


class _GraphStage(OwnParams, SavedWithOwn, Transformer):  # type: ignore[misc]
    def _own(self) -> Any:
        return self._kind(**self._own_values())._resetUid(self.uid)

    def _take(self, own: Any) -> None:
        (name,) = self._unsaved
        if own.isDefined(name):
            self._set(**{name: own.getOrDefault(name)})

    def _transform(self, dataset: Any) -> Any:
        return transform_partitions(self._own(), dataset)


class TFTransformer(_GraphStage, kind=deep.TFTransformer):
    """pydeepl.TFTransformer as a stage of pyspark.ml."""

    _unsaved = ("tfInputGraph",)


class TFImageTransformer(_GraphStage, kind=deep.TFImageTransformer):
    """pydeepl.TFImageTransformer as a stage of pyspark.ml."""

    _unsaved = ("graph",)
