"""Searches with Spark: logistic_search_spark.py FEATURES.npy LABELS.npy FORM THREADS (see searching.py)"""

import sys
from types import SimpleNamespace

import numpy as np
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

from benchmarks.jobs.spark_frames import cached_frame
from benchmarks.logistic.searching import FOLDS, answer

api = SimpleNamespace(
    LogisticRegression=LogisticRegression,
    MulticlassClassificationEvaluator=MulticlassClassificationEvaluator,
    CrossValidator=CrossValidator,
    ParamGridBuilder=ParamGridBuilder,
)
features_file, labels_file, form, threads = sys.argv[1:]
labels = np.load(labels_file)
fold = np.arange(len(labels), dtype=np.int32) % FOLDS
frame = cached_frame(threads, form, np.load(features_file), label=labels, fold=fold)
answer(api, frame, folds=[])
