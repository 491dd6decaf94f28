"""PySpark's and sparkdl's names for pydeepl's classes: `pydeepl run script.py`, and in a notebook

>>> import pydeepl.compat
>>> pydeepl.compat.install()
>>> from pyspark.ml.classification import LogisticRegression
>>> LogisticRegression.__module__
'pydeepl.ml.classification'
"""

from pydeepl.compat.stand_ins import install

__all__ = ["install"]
