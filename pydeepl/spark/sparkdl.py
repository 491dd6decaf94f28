"""The modules of sparkdl's names for real Spark, of pydeepl's stages."""

from __future__ import annotations

from typing import Any

from pydeepl.compat.stand_ins import names_of, stand_in


def install_as_sparkdl() -> None:
    """Makes `import sparkdl` give this package's stages in this process: sparkdl's code runs on real Spark.

    pyspark.ml.image.ImageSchema gets its readImages back, which Spark 3 dropped. Modules and names of sparkdl
    that are not covered are ImportErrors that list what there is. A second call changes nothing. Raises
    ImportError where another sparkdl is imported already.
    """
    from pyspark.ml.image import ImageSchema

    from pydeepl.spark.images import readImages

    stand_in({"sparkdl"}, _names_of)
    if not hasattr(type(ImageSchema), "readImages"):
        type(ImageSchema).readImages = staticmethod(readImages)


def _names_of(entry: str) -> dict[str, Any]:
    """The names of a row of spark_names' table: this package's where it has them.

    TFInputGraph, imageInputPlaceholder and HorovodRunner are the same with and without Spark: a graph that
    TFTransformer takes, TensorFlow's placeholder, and a function that runs in this process.
    """
    from pydeepl import spark
    from pydeepl.spark import params

    there = {name: vars(module)[name] for module in (params, spark.imageIO, spark) for name in module.__all__}
    return {name: there.get(name, value) for name, value in names_of(entry).items()}
