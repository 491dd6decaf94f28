"""The modules of sparkdl's names for real Spark, of pydeepl's stages."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


def install_as_sparkdl() -> None:
    """Makes `import sparkdl` give this package's stages in this process: sparkdl's code runs on real Spark.

    pyspark.ml.image.ImageSchema gets its readImages back, which Spark 3 dropped. Names of sparkdl that are
    not covered are ImportErrors that list what there is. A second call changes nothing. Raises ImportError
    where another sparkdl is imported already.
    """
    from pyspark.ml.image import ImageSchema

    from pydeepl.compat.spark_names import STAND_INS
    from pydeepl.spark.images import readImages

    present = sys.modules.get("sparkdl")
    if isinstance(present, _Sparkdl):
        return
    if present is not None:
        raise ImportError("sparkdl is imported already: pydeepl cannot take its place")
    if not hasattr(type(ImageSchema), "readImages"):
        type(ImageSchema).readImages = staticmethod(readImages)
    for name, entries in STAND_INS.items():
        if name.partition(".")[0] == "sparkdl":
            sys.modules[name] = _Sparkdl(name, entries)
    for name in [name for name in sys.modules if name.startswith("sparkdl.")]:
        parent, _, child = name.rpartition(".")
        vars(sys.modules[parent]).setdefault(child, sys.modules[name])


def _names_of(entry: str) -> dict[str, Any]:
    """The names of a row of spark_names' table: this package's where it has them."""
    from pydeepl import spark
    from pydeepl.compat.stand_ins import names_of

    there = vars(spark.imageIO) | {name: getattr(spark, name) for name in spark.__all__}
    return {name: there.get(name, value) for name, value in names_of(entry).items()}


class _Sparkdl(ModuleType):
    __path__: list[str]

    def __init__(self, name: str, entries: tuple[str, ...]) -> None:
        super().__init__(name, __doc__)
        self.__path__ = []
        names = {key: value for entry in entries for key, value in _names_of(entry).items()}
        vars(self).update(names, __all__=sorted(names))

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        there = ", ".join(vars(self)["__all__"])
        raise ImportError(f"pydeepl does not provide {self.__name__}.{name}; it provides: {there}", name=name)
