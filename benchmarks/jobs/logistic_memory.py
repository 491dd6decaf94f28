"""One fit's memory beyond its data: logistic_memory.py FEATURES.npy LABELS.npy FORM ITERATIONS ELASTIC_NET

Prints the resident memory before the fit and its peak during it, in bytes (Linux).
"""

import gc
import sys
from pathlib import Path

import numpy as np

from benchmarks.logistic.tables import training_table
from pydeepl import LogisticRegression

features, labels, form, iterations, elastic_net = sys.argv[1:]


def status(entry: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    (kib,) = [line.split()[1] for line in lines if line.startswith(f"{entry}:")]
    return 1024 * int(kib)


def fit(rows: np.ndarray, classes: np.ndarray, sparse: bool, iterations: int) -> None:
    table = training_table(rows, classes, sparse)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = status("VmRSS")
    lr = LogisticRegression(maxIter=iterations, regParam=0.03, elasticNetParam=float(elastic_net), tol=0.0)
    lr.fit(table)
    print("bytes", before, status("VmHWM"))


# A small fit first: what it imports and starts is there for good.
fit(np.random.default_rng(1).random((50, 8), np.float32), np.arange(50) % 3, form == "sparse", 2)
fit(np.load(features), np.load(labels), form == "sparse", int(iterations))
