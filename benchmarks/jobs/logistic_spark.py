"""Fits MLlib's LogisticRegression on arrays: logistic_spark.py FEATURES.npy LABELS.npy FORM THREADS

FORM is dense or sparse: the vectors of the DataFrame, which is cached and counted before the first fit. See
benchmarks/logistic/protocol.py for what is asked and answered.
"""

import sys
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import SparseVector
from pyspark.sql import SparkSession

from benchmarks.logistic.protocol import Fitted, answer

features_file, labels_file, form, threads = sys.argv[1:]
spark = (
    SparkSession.builder.master(f"local[{threads}]")
    .config("spark.driver.memory", "10g")
    .config("spark.driver.maxResultSize", "4g")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.execution.arrow.maxRecordsPerBatch", "64")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("OFF")
features, labels = np.load(features_file), np.load(labels_file)


def dense_frame() -> Any:
    flat = pa.array(features.ravel())
    offsets = pa.array(np.arange(len(features) + 1, dtype=np.int32) * features.shape[1])
    rows = pa.table({"array": pa.ListArray.from_arrays(offsets, flat), "label": labels})
    frame = spark.createDataFrame(rows).repartition(int(threads))
    return frame.select(array_to_vector("array").alias("features"), "label")


def sparse_frame() -> Any:
    places = [np.flatnonzero(row) for row in features]
    vectors = [SparseVector(len(row), at, row[at]) for row, at in zip(features, places, strict=True)]
    pairs = list(zip(vectors, labels.tolist(), strict=True))
    return spark.createDataFrame(pairs, ["features", "label"]).repartition(int(threads))


frame = {"dense": dense_frame, "sparse": sparse_frame}[form]().cache()
assert frame.count() == len(features)


def fit(**settings: float) -> Fitted:
    model = LogisticRegression(**settings).fit(frame)

    def values() -> dict[str, np.ndarray]:
        return {
            "coefficients": model.coefficientMatrix.toArray(),
            "intercepts": model.interceptVector.toArray(),
            "history": np.asarray(model.summary.objectiveHistory),
        }

    return Fitted(values)


fit(maxIter=2, regParam=0.03, elasticNetParam=0.5)  # the JVM compiles what is hot
answer(fit)
