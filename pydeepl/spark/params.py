"""The mixins of sparkdl.param for stages of one's own on real Spark: params of pyspark.ml.

Those of Keras' models are made of pydeepl's (pydeepl.deep.model_params), those of columns of PySpark's, which
have no setters any more.
"""

from __future__ import annotations

from typing import Any

from pyspark import keyword_only
from pyspark.ml.image import ImageSchema
from pyspark.ml.param import Params, shared
from pyspark.sql.functions import udf

from pydeepl.deep import model_params as own
from pydeepl.deep.model_params import OUTPUT_MODES
from pydeepl.ml.param import Param as OwnParam
from pydeepl.spark.stages import spark_param

__all__ = [
    "OUTPUT_MODES",
    "CanLoadImage",
    "HasInputCol",
    "HasKerasLoss",
    "HasKerasModel",
    "HasKerasOptimizer",
    "HasLabelCol",
    "HasOutputCol",
    "HasOutputMode",
    "keyword_only",
]


class HasInputCol(shared.HasInputCol):  # type: ignore[misc]
    """Adds the param inputCol."""

    def setInputCol(self, value: str) -> Any:
        """Sets inputCol."""
        return self._set(inputCol=value)


class HasOutputCol(shared.HasOutputCol):  # type: ignore[misc]
    """Adds the param outputCol, by default the uid and `__output`."""

    def setOutputCol(self, value: str) -> Any:
        """Sets outputCol."""
        return self._set(outputCol=value)


class HasLabelCol(shared.HasLabelCol):  # type: ignore[misc]
    """Adds the param labelCol, by default `label`."""

    def setLabelCol(self, value: str) -> Any:
        """Sets labelCol."""
        return self._set(labelCol=value)


class _Mixin(Params):  # type: ignore[misc]
    """Class argument: of, pydeepl's mixin, whose params, defaults, getters and setters the class has."""

    _of: Any = None

    def __init_subclass__(cls, of: Any = None) -> None:
        """Gives a mixin what it does not have of `of`; a user's stage stays as it is."""
        if of is None:
            return
        cls._of = of
        for name, value in vars(of).items():
            if isinstance(value, OwnParam):
                setattr(cls, name, spark_param(value))
            elif callable(value) and not name.startswith("__") and name not in vars(cls):
                setattr(cls, name, value)

    def __init__(self) -> None:
        super().__init__()
        for mixin in type(self).__mro__:
            if of := vars(mixin).get("_of"):
                defaults = of()._defaultParamMap
                self._setDefault(**{param.name: value for param, value in defaults.items()})


class HasKerasModel(_Mixin, of=own.HasKerasModel):
    """Adds the params modelFile and kerasFitParams."""


class HasKerasOptimizer(_Mixin, of=own.HasKerasOptimizer):
    """Adds the param kerasOptimizer."""


class HasKerasLoss(_Mixin, of=own.HasKerasLoss):
    """Adds the param kerasLoss."""


class HasOutputMode(_Mixin, of=own.HasOutputMode):
    """Adds the param outputMode."""


class CanLoadImage(_Mixin, of=own.CanLoadImage):
    """Adds the param imageLoader."""

    def loadImagesInternal(self, dataframe: Any, inputCol: str) -> Any:
        """The PySpark frame with a column __sdl_img: the images of a column of URIs, null where one does not
        load. The loader runs in the workers."""
        loader = self.getImageLoader()

        def load(uri: str | None) -> Any:
            from pydeepl.deep.uris import load_image
            from pydeepl.images.imageIO import fixColorChannelOrdering, imageArrayToStruct

            array = load_image(loader, uri)
            return None if array is None else imageArrayToStruct(fixColorChannelOrdering("RGB", array))

        # Without annotations, at which PySpark wonders.
        column = udf(lambda uri: load(uri), ImageSchema.columnSchema)(inputCol)
        return dataframe.withColumn(self._loadedImageCol(), column)
