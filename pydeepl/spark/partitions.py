"""A pydeepl transformer over a PySpark DataFrame: the driver's side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from pydeepl import __version__
from pydeepl.frame.convert import from_table
from pydeepl.spark.columns import own_schema, spark_schema
from pydeepl.spark.shipping import ShippedFile, packed, ship_weights

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pydeepl.ml.base import Transformer

__all__ = ["transform_partitions"]


def transform_partitions(stage: Transformer, dataset: DataFrame) -> DataFrame:
    """What a transformer makes of a PySpark DataFrame, batch or streaming: lazy, computed on the executors.

    Parameters: stage, a transformer of pydeepl that can be saved; it sees the rows a few at a time. Raises
    ValueError for columns that it refuses, WeightsUnavailable where a network's weights cannot be had.
    A worker without pydeepl, with another version of it or without the weights fails with a RuntimeError that
    names its node.
    """
    stage = stage.copy()
    own = own_schema(dataset.schema)
    made = stage._transform(from_table(own.empty_table()))._node.schema
    schema = spark_schema(made, dataset.schema)
    files = ship_weights(dataset.sparkSession, stage)
    out = to_arrow_schema(schema).serialize().to_pybytes()
    run = _in_worker(packed(stage), files, own.serialize().to_pybytes(), out, __version__)
    return dataset.mapInArrow(run, schema)


def _in_worker(
    data: bytes, files: list[ShippedFile], own: bytes, out: bytes, version: str
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    described = [(file.path, file.size, file.md5) for file in files]

    # A function of a function travels by its code: it runs where pydeepl is missing, and can say so.
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import socket

        node = socket.gethostname()
        try:
            import pydeepl
        except ImportError as error:
            raise RuntimeError(
                f"node {node}: Python has no pydeepl; the driver's version is {version}"
            ) from error
        if pydeepl.__version__ != version:
            raise RuntimeError(
                f"node {node}: pydeepl is {pydeepl.__version__}, the driver's version is {version}"
            )
        from pydeepl.spark.shipping import ShippedFile
        from pydeepl.spark.worker import run_stage

        return run_stage(batches, data, [ShippedFile(*each) for each in described], own, out)

    return run
