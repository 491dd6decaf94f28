"""Params of the stages that run a user's own Keras model, with sparkdl's names, defaults and refusals."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydeepl.ml.param import Param, Params, TypeConverters

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = [
    "OUTPUT_MODES",
    "CanLoadImage",
    "HasKerasLoss",
    "HasKerasModel",
    "HasKerasOptimizer",
    "HasOutputMode",
]

OUTPUT_MODES = ["vector", "image"]


def _to_path(value: Any) -> str:
    return TypeConverters.toString(os.fspath(value) if isinstance(value, os.PathLike) else value)


def _to_fit_params(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"kerasFitParams: expected a dict of the arguments of fit by name, got {value!r}")
    return value


def _to_loader(value: Any) -> Callable[[str], Any]:
    if not callable(value):
        raise TypeError(f"imageLoader: expected a function of a URI, got {type(value).__name__} {value!r}")
    loader: Callable[[str], Any] = value
    return loader


def _to_output_mode(value: Any) -> str:
    if value not in OUTPUT_MODES:
        raise TypeError(f"[type {type(value)}] {value} is not in the supported list: {OUTPUT_MODES}")
    return str(value)


class HasKerasModel(Params):
    """Adds the params modelFile and kerasFitParams."""

    modelFile: Param[str] = Param(
        Params._dummy(),
        "modelFile",
        "file of the Keras model (architecture and weights): .keras or .h5",
        _to_path,
    )
    kerasFitParams: Param[dict[str, Any]] = Param(
        Params._dummy(), "kerasFitParams", "dict of the arguments of the Keras model's fit", _to_fit_params
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(kerasFitParams={"verbose": 1})

    def getModelFile(self) -> str:
        """The value of modelFile."""
        return self.getOrDefault(self.modelFile)

    def setModelFile(self, value: str | os.PathLike[str]) -> Self:
        """Sets modelFile."""
        return self._set(modelFile=value)

    def getKerasFitParams(self) -> dict[str, Any]:
        """The value of kerasFitParams or its default."""
        return self.getOrDefault(self.kerasFitParams)

    def setKerasFitParams(self, value: dict[str, Any]) -> Self:
        """Sets kerasFitParams."""
        return self._set(kerasFitParams=value)


class HasKerasOptimizer(Params):
    """Adds the param kerasOptimizer."""

    kerasOptimizer: Param[Any] = Param(
        Params._dummy(), "kerasOptimizer", "optimizer to train a Keras model with: its name, or Keras' object"
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(kerasOptimizer="adam")

    def getKerasOptimizer(self) -> Any:
        """The value of kerasOptimizer or its default."""
        return self.getOrDefault(self.kerasOptimizer)

    def setKerasOptimizer(self, value: Any) -> Self:
        """Sets kerasOptimizer."""
        return self._set(kerasOptimizer=value)


class HasKerasLoss(Params):
    """Adds the param kerasLoss."""

    kerasLoss: Param[Any] = Param(
        Params._dummy(), "kerasLoss", "loss to train a Keras model with: its name, or Keras' object"
    )

    def getKerasLoss(self) -> Any:
        """The value of kerasLoss."""
        return self.getOrDefault(self.kerasLoss)

    def setKerasLoss(self, value: Any) -> Self:
        """Sets kerasLoss."""
        return self._set(kerasLoss=value)

    seKerasLoss = setKerasLoss  # as sparkdl spells it


class CanLoadImage(Params):
    """Adds the param imageLoader."""

    imageLoader: Param[Callable[[str], Any]] = Param(
        Params._dummy(),
        "imageLoader",
        "function that loads and preprocesses an image: a URI to an array [height, width, channels] or "
        "[1, height, width, channels], channels R, G, B",
        _to_loader,
    )

    def getImageLoader(self) -> Callable[[str], Any]:
        """The value of imageLoader."""
        return self.getOrDefault(self.imageLoader)

    def setImageLoader(self, value: Callable[[str], Any]) -> Self:
        """Sets imageLoader."""
        return self._set(imageLoader=value)

    def _loadedImageCol(self) -> str:
        return "__sdl_img"

    def loadImagesInternal(self, dataframe: DataFrame, inputCol: str) -> DataFrame:
        """The frame with a column __sdl_img: the images of a column of URIs, null where one does not load."""
        from pydeepl.deep.uris import load_image
        from pydeepl.frame import udf
        from pydeepl.images.image_schema import ImageSchema
        from pydeepl.images.imageIO import fixColorChannelOrdering, imageArrayToStruct

        loader = self.getImageLoader()

        def load(uri: str | None) -> Any:
            array = load_image(loader, uri)
            return None if array is None else imageArrayToStruct(fixColorChannelOrdering("RGB", array))

        column = udf(load, ImageSchema.columnSchema)(inputCol)
        return dataframe.withColumn(self._loadedImageCol(), column)


class HasOutputMode(Params):
    """Adds the param outputMode."""

    outputMode: Param[str] = Param(
        Params._dummy(),
        "outputMode",
        "vector: the output as a vector of numbers; image: as an image struct of float32 pixels",
        _to_output_mode,
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(outputMode="vector")

    def getOutputMode(self) -> str:
        """The value of outputMode or its default."""
        return self.getOrDefault(self.outputMode)

    def setOutputMode(self, value: str) -> Self:
        """Sets outputMode."""
        return self._set(outputMode=value)
