"""Trains on a Parquet file that is read as it is needed: logistic_stream.py FILE ITERATIONS"""

import sys
import time

from pydeepl import LogisticRegression, SparkSession

path, iterations = sys.argv[1:]
started = time.perf_counter()
frame = SparkSession.builder.getOrCreate().read.parquet(path)
lr = LogisticRegression(maxIter=int(iterations), regParam=0.03, elasticNetParam=0.5, tol=0.0)
history = lr.fit(frame).summary.objectiveHistory
print("fitted", time.perf_counter() - started, len(history) - 1, history[-1])
