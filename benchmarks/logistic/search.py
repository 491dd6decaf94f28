"""Cross-validation on the wide features: beside the same fits one by one, and beside Spark's."""

import argparse
import json
import sys
from functools import partial
from typing import Any

import numpy as np

from benchmarks.harness import CACHE, Report, Worker, interleave, machine_facts, paired_ratio, table
from benchmarks.logistic.contestants import JOBS
from benchmarks.logistic.data import Data, add_shared, cropped, wide
from benchmarks.logistic.searching import FOLDS

PACKAGES = ("numpy", "pyarrow", "pyspark")
GRID = {"regParam": [0.01, 0.03, 0.1, 0.3], "elasticNetParam": [0.0, 0.5, 1.0]}
SMALL_GRID = {"regParam": [0.03, 0.1], "elasticNetParam": [0.5]}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_shared(parser)
    parser.add_argument("--rows", type=int, help="only so many rows, to try it out")
    parser.add_argument("--columns", type=int, help="only so many columns, to try it out")
    parser.add_argument("--iterations", type=int, default=20, help="of the large grid's fits (20)")
    parser.add_argument(
        "--spark-iterations", type=int, default=5, help="of the small grid's; 0: no Spark (5)"
    )


class Searcher:
    """A worker that searches, and the metrics it found last."""

    def __init__(self, name: str, script: str, data: Data, form: str, options: argparse.Namespace) -> None:
        words = [str(JOBS / script), str(data.features), str(data.labels), form]
        extra = [str(options.threads)] if "spark" in script else []
        limit = {"OMP_NUM_THREADS": str(options.threads)}
        self.worker = Worker(name, [sys.executable, *words, *extra], **limit)
        self.metrics: dict[str, list[float]] = {}

    def seconds(self, mode: str, grid: dict[str, list[float]], iterations: int) -> float:
        asked: dict[str, Any] = {"mode": mode, "grid": grid, "maxIter": iterations}
        seconds, *metrics = map(float, self.worker.ask(json.dumps(asked)))
        self.metrics[mode] = metrics
        return seconds


def agree(ours: list[float], theirs: list[float], whose: str) -> None:
    if not np.allclose(ours, theirs, atol=1e-12):
        raise SystemExit(f"accuracies differ: {ours}, {whose} {theirs}")


def beside_plain_fits(data: Data, form: str, options: argparse.Namespace, rounds: int) -> list[str]:
    print(f"{form}: {data.name}", flush=True)
    ours = Searcher("pydeepl", "logistic_search_pydeepl.py", data, form, options)
    try:
        modes = {mode: partial(ours.seconds, mode, GRID, options.iterations) for mode in ("search", "plain")}
        search, plain = interleave(rounds, modes, "s")
    finally:
        ours.worker.close()
    agree(ours.metrics["search"], ours.metrics["plain"], "the plain fits'")
    best = max(ours.metrics["search"])
    ratio = f"{paired_ratio(plain, search):.2f}"
    return [form, f"{search.median:.2f}", f"{plain.median:.2f}", ratio, f"{best:.4f}"]


def beside_spark(data: Data, options: argparse.Namespace) -> list[str]:
    ours = Searcher("pydeepl", "logistic_search_pydeepl.py", data, "sparse", options)
    spark = Searcher("Spark", "logistic_search_spark.py", data, "sparse", options)
    one_fit = {name: values[:1] for name, values in SMALL_GRID.items()}
    try:
        spark.seconds("search", one_fit, 1)  # the JVM compiles what is hot
        searchers = {"pydeepl": ours, "Spark": spark}
        mine, theirs = interleave(
            1,
            {
                name: partial(each.seconds, "search", SMALL_GRID, options.spark_iterations)
                for name, each in searchers.items()
            },
            "s",
        )
    finally:
        ours.worker.close()
        spark.worker.close()
    agree(ours.metrics["search"], spark.metrics["search"], "Spark's")
    ratio = f"{paired_ratio(theirs, mine):.1f}"
    return [
        "sparse",
        f"{mine.median:.2f}",
        f"{theirs.median:.2f}",
        ratio,
        f"{max(ours.metrics['search']):.4f}",
    ]


def run(options: argparse.Namespace, rounds: int) -> Report:
    CACHE.mkdir(exist_ok=True)
    facts = machine_facts(options.threads, PACKAGES)
    data = cropped(wide(options.shared, rectified=True), options.rows, options.columns)
    plain = [beside_plain_fits(data, form, options, rounds) for form in ("dense", "sparse")]
    spark = [beside_spark(data, options)] if options.spark_iterations else []
    candidates = int(np.prod([len(values) for values in GRID.values()]))
    few = int(np.prod([len(values) for values in SMALL_GRID.values()]))
    body = [
        f"CrossValidator.fit with {FOLDS} folds on {data.describe()} (mixed10, as in logistic.wide), "
        "accuracy; its last fit on all rows included.",
        "",
        f"{candidates} candidates of {options.iterations} iterations (regParam and elasticNetParam), beside "
        f"the same fits, predictions and evaluations one by one on frames made beforehand; medians of "
        f"{rounds} interleaved rounds, the same accuracies.",
        "",
        *table(["given as", "search, s", "one by one, s", "one by one / search", "best accuracy"], plain),
        "",
        f"{few} candidates of {options.spark_iterations} iterations, beside Spark on cached sparse vectors, "
        "once; the same accuracies.",
        "",
        *table(["given as", "pydeepl, s", "Spark, s", "Spark / pydeepl", "best accuracy"], spark),
    ]
    return Report("logistic.search: cross-validation", facts, body)
