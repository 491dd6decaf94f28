"""The classifier's fit on features in memory, beside Spark MLlib: same rows, parameters, objective values."""

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.harness import CACHE, Report, Worker, interleave, machine_facts, paired_ratio, table

PACKAGES = ("numpy", "pyspark")
JOBS = Path(__file__).with_name("jobs")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=393)
    parser.add_argument("--columns", type=int, default=131072)
    parser.add_argument("--threads", type=int, default=2)


def make_rows(rows: int, columns: int) -> Path:
    """Ten classes, features like a rectified map's: half of them zero."""
    path = CACHE / f"logistic-{rows}x{columns}.npz"
    if not path.exists():
        rng = np.random.default_rng(5)
        labels = rng.integers(0, 10, rows)
        centres = rng.normal(0, 0.2, (10, columns)).astype(np.float32)
        features = np.maximum(rng.standard_normal((rows, columns), np.float32) + centres[labels], 0)
        np.savez(path, features=features, labels=labels.astype(np.int32))
    return path


def run(options: argparse.Namespace, rounds: int) -> Report:
    CACHE.mkdir(exist_ok=True)
    facts = machine_facts(options.threads, PACKAGES)
    path = make_rows(options.rows, options.columns)
    arguments = [str(path), str(options.threads)]
    names = {"pydeepl": "logistic_pydeepl.py", "Spark MLlib": "logistic_spark.py"}
    workers = {
        name: Worker(name, [sys.executable, str(JOBS / script), *arguments]) for name, script in names.items()
    }
    histories: dict[str, list[float]] = {}

    def fit(name: str) -> float:
        seconds, *history = map(float, workers[name].ask())
        histories[name] = history
        return seconds

    try:
        ours, spark = interleave(rounds, {name: lambda name=name: fit(name) for name in workers}, "s")
    finally:
        for worker in workers.values():
            worker.close()
    np.testing.assert_allclose(histories["pydeepl"], histories["Spark MLlib"], rtol=1e-6)
    row = [f"{options.rows} x {options.columns}", f"{ours.median:.3f}", f"{spark.median:.3f}"]
    body = [
        "LogisticRegression(maxIter=5, regParam=0.03, elasticNetParam=0.5), ten classes, rows in memory; "
        f"medians of {rounds} interleaved rounds. The objective histories agree to 1e-6.",
        "",
        *table(
            ["rows x features", "pydeepl, s", "Spark MLlib, s", "Spark / pydeepl"],
            [[*row, f"{paired_ratio(spark, ours):.1f}"]],
        ),
    ]
    return Report("logistic: the classifier's fit", facts, body)
