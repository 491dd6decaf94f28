"""Refuses a NaN in the last row, again and again: logistic_bad_input.py FEATURES.npy LABELS.npy FORM

Each line of standard input asks for one fit and one pass of NumPy over the array; the answer is both times.
"""

import sys
import time

import numpy as np

from benchmarks.logistic.tables import training_table
from pydeepl import LogisticRegression

features_file, labels_file, form = sys.argv[1:]
features, labels = np.load(features_file), np.load(labels_file)
(places,) = np.nonzero(features[-1])
features[-1, places[-1]] = np.nan
table = training_table(features, labels, sparse=form == "sparse")
values = features if form == "dense" else features[features != 0]  # what there is to pass over
lr = LogisticRegression(maxIter=100, regParam=0.03, elasticNetParam=0.5)


def refused() -> float:
    started = time.perf_counter()
    try:
        lr.fit(table)
    except ValueError as error:
        seconds = time.perf_counter() - started
        assert f"row {len(features) - 1}" in str(error), error
        print(error, file=sys.stderr)
        return seconds
    raise SystemExit("a NaN was not refused")


def one_pass() -> float:
    started = time.perf_counter()
    assert not np.isfinite(values).all()
    return time.perf_counter() - started


refused()
one_pass()
print("answer: ready", flush=True)
for _ in sys.stdin:
    print("answer:", refused(), one_pass(), flush=True)
