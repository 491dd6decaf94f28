"""Searches with pydeepl: logistic_search_pydeepl.py FEATURES.npy LABELS.npy FORM (see searching.py)"""

import sys

import numpy as np
import pyarrow as pa

import pydeepl
from benchmarks.logistic.searching import FOLDS, answer
from benchmarks.logistic.tables import training_table

features, labels = np.load(sys.argv[1]), np.load(sys.argv[2])
fold = np.arange(len(labels), dtype=np.int32) % FOLDS


def frame(rows: np.ndarray) -> pydeepl.DataFrame:
    table = training_table(features[rows], labels[rows], sparse=sys.argv[3] == "sparse")
    table = table.append_column("fold", pa.array(fold[rows]))
    return pydeepl.SparkSession.builder.getOrCreate().createDataFrame(table)


folds = [(frame(fold != held_out), frame(fold == held_out)) for held_out in range(FOLDS)]
answer(pydeepl, frame(fold >= 0), folds)
