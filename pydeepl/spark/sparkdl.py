"""The module `sparkdl` for real Spark, of pydeepl's stages."""

from __future__ import annotations

import sys
from types import ModuleType


def install_as_sparkdl() -> None:
    """Makes `import sparkdl` give this package's stages in this process: sparkdl's code runs on real Spark.

    Names of sparkdl that are not covered are ImportErrors that list what there is. A second call changes
    nothing. Raises ImportError where another sparkdl is imported already.
    """
    present = sys.modules.get("sparkdl")
    if isinstance(present, _Sparkdl):
        return
    if present is not None:
        raise ImportError("sparkdl is imported already: pydeepl cannot take its place")
    from pydeepl.images import imageIO

    module = _Sparkdl("sparkdl", __doc__)
    image = _Sparkdl("sparkdl.image", "sparkdl.image, of pydeepl.images")
    vars(module)["image"], vars(image)["imageIO"] = image, imageIO
    sys.modules.update({"sparkdl": module, "sparkdl.image": image, "sparkdl.image.imageIO": imageIO})


class _Sparkdl(ModuleType):
    __path__: list[str]

    def __init__(self, name: str, doc: str | None) -> None:
        super().__init__(name, doc)
        self.__path__ = []
        if name == "sparkdl":
            from pydeepl.spark import DeepImageFeaturizer, DeepImagePredictor

            self.DeepImageFeaturizer, self.DeepImagePredictor = DeepImageFeaturizer, DeepImagePredictor
            self.__all__ = ["DeepImageFeaturizer", "DeepImagePredictor"]

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        there = ", ".join(sorted(each for each in vars(self) if not each.startswith("_")))
        raise ImportError(f"pydeepl does not provide {self.__name__}.{name}; it provides: {there}", name=name)
