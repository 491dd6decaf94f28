"""What PySpark's stages of one's own derive from to be saved and loaded, by pydeepl.ml.persistence.

    class Shift(Transformer, HasInputCol, DefaultParamsReadable, DefaultParamsWritable): ...

    Shift(inputCol="x").write().overwrite().save("shift")
    Shift.load("shift")

A class is loaded by a program that has imported or defined it. Readers and writers of one's own, which
PySpark has too, are not here: a stage says in `_state` what it keeps beside its params.

Source: pyspark.ml.util.
"""

from pydeepl.ml.param import Identifiable
from pydeepl.ml.persistence import MLReadable, MLWritable

__all__ = ["DefaultParamsReadable", "DefaultParamsWritable", "Identifiable", "MLReadable", "MLWritable"]


class DefaultParamsReadable(MLReadable):
    """A stage that can be loaded: it has params alone, and a constructor that needs no arguments."""


class DefaultParamsWritable(MLWritable):
    """A stage that can be saved, with its params."""
