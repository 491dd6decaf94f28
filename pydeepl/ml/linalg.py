"""Vectors and matrices under the name that PySpark gives them, pyspark.ml.linalg."""

from pydeepl.linalg import DenseVector, SparseVector, Vectors, VectorUDT
from pydeepl.ml.matrix import DenseMatrix, Matrices, Matrix, SparseMatrix

__all__ = [
    "DenseMatrix",
    "DenseVector",
    "Matrices",
    "Matrix",
    "SparseMatrix",
    "SparseVector",
    "VectorUDT",
    "Vectors",
]
