"""A pydeepl transformer over a PySpark DataFrame: the driver's side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydeepl.frame.convert import from_table
from pydeepl.spark.calls import in_worker
from pydeepl.spark.columns import arrow_schema, map_batches, own_schema, spark_schema
from pydeepl.spark.shipping import packed, packed_rest, ship_weights

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
    files = [(file.path, file.size, file.md5) for file in ship_weights(dataset.sparkSession, stage)]
    out = arrow_schema(schema).serialize().to_pybytes()
    data, rest = packed(stage), packed_rest(stage)
    given = own.serialize().to_pybytes()
    run = in_worker("pydeepl.spark.worker", "run_stage", data, rest, files, given, out)
    return map_batches(dataset, run, schema)
