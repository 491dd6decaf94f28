"""Stages that make and turn feature columns and labels, with the names of pyspark.ml.feature."""

from pydeepl.ml.feature.index_to_string import IndexToString
from pydeepl.ml.feature.pca import PCA, PCAModel
from pydeepl.ml.feature.standard_scaler import StandardScaler, StandardScalerModel
from pydeepl.ml.feature.string_indexer import StringIndexer, StringIndexerModel
from pydeepl.ml.feature.vector_assembler import VectorAssembler

__all__ = [
    "PCA",
    "IndexToString",
    "PCAModel",
    "StandardScaler",
    "StandardScalerModel",
    "StringIndexer",
    "StringIndexerModel",
    "VectorAssembler",
]
