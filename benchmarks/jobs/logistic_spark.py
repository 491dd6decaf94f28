"""Fits MLlib's LogisticRegression on arrays: logistic_spark.py FEATURES.npy LABELS.npy FORM THREADS

FORM is dense or sparse: the vectors of the DataFrame, which is cached and counted before the first fit. See
benchmarks/logistic/protocol.py for what is asked and answered.
"""

import sys

import numpy as np
from pyspark.ml.classification import LogisticRegression

from benchmarks.jobs.spark_frames import cached_frame
from benchmarks.logistic.protocol import Fitted, answer

features_file, labels_file, form, threads = sys.argv[1:]
frame = cached_frame(threads, form, np.load(features_file), label=np.load(labels_file))


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
