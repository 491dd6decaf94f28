"""logistic_spark.py's counterpart: logistic_pydeepl.py FILE.npz THREADS"""

import sys
import time

import numpy as np

from pydeepl import _core

path, threads = sys.argv[1], int(sys.argv[2])
with np.load(path) as data:
    features, labels = data["features"], data["labels"].astype(np.float64)


def fit() -> np.ndarray:
    settings = {"iterations": 5, "lambda": 0.03, "alpha": 0.5, "tolerance": 1e-6}
    return _core.logistic_fit(
        [features], labels, None, 10, True, *settings.values(), True, True, False, threads
    )[2]


fit()
print("answer: ready", flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    history = fit()
    print("answer:", time.perf_counter() - started, *history, flush=True)
