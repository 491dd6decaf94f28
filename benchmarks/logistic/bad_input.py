"""How soon a NaN in the last row gets its message, beside one pass over the data."""

import argparse
import sys

from benchmarks.harness import CACHE, Report, Series, Worker, machine_facts, paired_ratio, table
from benchmarks.logistic.contestants import JOBS
from benchmarks.logistic.data import add_shared, cropped, wide

PACKAGES = ("numpy", "pyarrow")
TIMES = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_shared(parser)
    parser.add_argument("--columns", type=int, help="only so many columns, to try it out")


def run(options: argparse.Namespace, rounds: int) -> Report:
    CACHE.mkdir(exist_ok=True)
    facts = machine_facts(options.threads, PACKAGES)
    rows = []
    for name, form in (("rectified", "dense"), ("rectified", "sparse"), ("unrectified", "dense")):
        data = cropped(wide(options.shared, name == "rectified"), None, options.columns)
        words = [str(JOBS / "logistic_bad_input.py"), str(data.features), str(data.labels), form]
        worker = Worker("bad input", [sys.executable, *words], OMP_NUM_THREADS=str(options.threads))
        try:
            answers = [list(map(float, worker.ask())) for _ in range(TIMES * rounds)]
        finally:
            worker.close()
        message = Series("message", [times[0] for times in answers])
        one_pass = Series("pass", [times[1] for times in answers])
        figures = [f"{1e3 * message.median:.1f}", f"{1e3 * one_pass.median:.1f}"]
        rows.append([data.describe(), form, *figures, f"{paired_ratio(message, one_pass):.2f}"])
        print(" ", *rows[-1], flush=True)
    header = ["features", "given as", "fit to message, ms", "numpy.isfinite, ms", "message / pass"]
    body = [
        "LogisticRegression.fit on a table in memory whose last row holds a NaN, until the error that names "
        "the row; beside it one pass of NumPy (one thread) over the array, or over its values that are not "
        f"zero. Medians of {TIMES * rounds} turns.",
        "",
        *table(header, rows),
    ]
    return Report("logistic.bad_input: time to the message", facts, body)
