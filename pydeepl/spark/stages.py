"""DeepImageFeaturizer and DeepImagePredictor as pyspark.ml stages, with the params of pydeepl's own."""

from __future__ import annotations

import inspect
from typing import Any

from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params
from pyspark.ml.param.shared import HasInputCol, HasOutputCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable

from pydeepl import deep
from pydeepl.spark.partitions import transform_partitions

__all__ = ["DeepImageFeaturizer", "DeepImagePredictor"]


class _ImageStage(Transformer, HasInputCol, HasOutputCol, DefaultParamsReadable, DefaultParamsWritable):  # type: ignore[misc]
    """A pyspark.ml stage whose work a pydeepl stage of the same params does."""

    _kind: Any  # the pydeepl stage
    __signature__: inspect.Signature

    def __init_subclass__(cls, kind: Any) -> None:
        """Gives the class pyspark's Params for those of `kind`: name, doc and converter are the same."""
        cls._kind = kind
        cls.__signature__ = inspect.signature(kind)  # what help() shows of the constructor
        cls.__doc__ = f"{cls.__doc__}\n\n    {kind.__doc__}"
        for name in cls._names():
            param = getattr(kind, name)
            if not hasattr(cls, name):
                setattr(cls, name, Param(Params._dummy(), name, param.doc, typeConverter=param.typeConverter))

    @classmethod
    def _names(cls) -> list[str]:
        return list(inspect.signature(cls._kind).parameters)

    def __init__(self, **params: Any) -> None:
        super().__init__()
        own = self._kind()
        values = {name: own.getOrDefault(name) for name in self._names() if own.hasDefault(name)}
        self._setDefault(**{name: value for name, value in values.items() if value is not None})
        self.setParams(**params)

    def setParams(self, **params: Any) -> Any:
        """Sets params by keyword; None leaves one as it is. Raises TypeError for a name that is no param."""
        unknown = sorted(params.keys() - set(self._names()))
        if unknown:
            raise TypeError(f"{type(self).__name__} has no param {', '.join(unknown)}: {self._names()}")
        return self._set(**{name: value for name, value in params.items() if value is not None})

    def getModelName(self) -> str:
        """The value of modelName."""
        return str(self.getOrDefault("modelName"))

    def setModelName(self, value: str) -> Any:
        """Sets modelName."""
        return self._set(modelName=value)

    def setInputCol(self, value: str) -> Any:
        """Sets inputCol."""
        return self._set(inputCol=value)

    def setOutputCol(self, value: str) -> Any:
        """Sets outputCol."""
        return self._set(outputCol=value)

    def _transform(self, dataset: Any) -> Any:
        values = {name: self.getOrDefault(name) for name in self._names() if self.isDefined(name)}
        return transform_partitions(self._kind(**values)._resetUid(self.uid), dataset)


class DeepImageFeaturizer(_ImageStage, kind=deep.DeepImageFeaturizer):
    """pydeepl.DeepImageFeaturizer as a stage of pyspark.ml: the features are MLlib's dense vectors."""


class DeepImagePredictor(_ImageStage, kind=deep.DeepImagePredictor):
    """pydeepl.DeepImagePredictor as a stage of pyspark.ml."""
