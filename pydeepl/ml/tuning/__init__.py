"""Tuning: the params of estimators chosen by cross-validation, with PySpark's names and semantics.

    grid.py        ParamGridBuilder
    validators.py  CrossValidator, TrainValidationSplit and their models
    search.py      the search: what candidates share is computed once
    candidates.py  a candidate's stages, and which candidates agree on them
    folds.py       which rows a fold holds out
    storage.py     param maps and sub-models in files

Source: the behaviour of pyspark.ml.tuning (Spark 4).
"""

from pydeepl.ml.tuning.grid import ParamGridBuilder
from pydeepl.ml.tuning.validators import (
    CrossValidator,
    CrossValidatorModel,
    TrainValidationSplit,
    TrainValidationSplitModel,
)

__all__ = [
    "CrossValidator",
    "CrossValidatorModel",
    "ParamGridBuilder",
    "TrainValidationSplit",
    "TrainValidationSplitModel",
]
