"""Arrays as Spark's DataFrames, for the jobs that run Spark."""

from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import SparseVector
from pyspark.sql import SparkSession


def session(threads: str) -> SparkSession:
    spark = (
        SparkSession.builder.master(f"local[{threads}]")
        .config("spark.driver.memory", "10g")
        .config("spark.driver.maxResultSize", "4g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "64")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    return spark


def cached_frame(threads: str, form: str, features: np.ndarray, **columns: np.ndarray) -> Any:
    """The columns beside `features`, a vector column (dense or sparse): cached, and counted once."""
    spark = session(threads)
    if form == "dense":
        flat = pa.array(features.ravel())
        offsets = pa.array(np.arange(len(features) + 1, dtype=np.int32) * features.shape[1])
        rows = pa.table({"array": pa.ListArray.from_arrays(offsets, flat), **columns})
        frame = spark.createDataFrame(rows).select(array_to_vector("array").alias("features"), *columns)
    else:
        places = [np.flatnonzero(row) for row in features]
        vectors = [SparseVector(len(row), at, row[at]) for row, at in zip(features, places, strict=True)]
        cells = (vectors, *(column.tolist() for column in columns.values()))
        frame = spark.createDataFrame(list(zip(*cells, strict=True)), ["features", *columns])
    frame = frame.repartition(int(threads)).cache()
    assert frame.count() == len(features)
    return frame
