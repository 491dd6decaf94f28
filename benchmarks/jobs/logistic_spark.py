"""Trains MLlib's logistic regression on arrays: logistic_spark.py FILE.npz THREADS

Each line of standard input asks for one more fit: its seconds and its objective history are the answer.
The rows are in memory (cached) before the first.
"""

import sys
import time

import numpy as np
import pyarrow as pa
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession

path, threads = sys.argv[1], int(sys.argv[2])
spark = (
    SparkSession.builder.master(f"local[{threads}]")
    .config("spark.driver.memory", "8g")
    .config("spark.driver.maxResultSize", "4g")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.execution.arrow.maxRecordsPerBatch", "64")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("OFF")
with np.load(path) as data:
    features, labels = data["features"], data["labels"]
flat = pa.array(features.ravel())
offsets = pa.array(np.arange(len(features) + 1, dtype=np.int32) * features.shape[1])
rows = pa.table({"array": pa.ListArray.from_arrays(offsets, flat), "label": labels})
frame = spark.createDataFrame(rows).repartition(threads)
frame = frame.select(array_to_vector("array").alias("features"), "label").cache()
frame.count()
estimator = LogisticRegression(maxIter=5, regParam=0.03, elasticNetParam=0.5)
estimator.fit(frame)
print("answer: ready", flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    model = estimator.fit(frame)
    print("answer:", time.perf_counter() - started, *model.summary.objectiveHistory, flush=True)
