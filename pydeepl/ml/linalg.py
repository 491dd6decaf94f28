"""Vectors under the name that PySpark gives them, pyspark.ml.linalg; they live in pydeepl.linalg."""

from pydeepl.linalg import DenseVector, SparseVector, Vectors, VectorUDT

__all__ = ["DenseVector", "SparseVector", "VectorUDT", "Vectors"]
