"""What a fit needs beyond its data, and many wide rows in little memory."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.harness import CACHE, Report, machine_facts, run_process, table
from benchmarks.logistic.contestants import JOBS
from benchmarks.logistic.data import CLASSES, Data, add_shared, cropped, whole, wide
from benchmarks.logistic.tables import training_table

PACKAGES = ("numpy", "pyarrow")
MIB = 2**20
AT_ONCE = 64
PYTHON = [sys.executable]
NETS = {"elastic net 0.5": "0.5", "L2": "0"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_shared(parser)
    parser.add_argument("--rows", type=int, default=10000, help="rows of the file")
    parser.add_argument("--columns", type=int, help="only so many columns, to try it out")
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--stored", nargs="*", choices=("dense", "sparse"), default=["dense", "sparse"])


def beyond_the_data(data: Data, options: argparse.Namespace) -> Iterator[list[str]]:
    """Rows: the peak of a fit above what was resident before it."""
    vector = 8 * CLASSES * (np.load(data.features, mmap_mode="r").shape[1] + 1)
    for form in ("dense", "sparse"):
        for label, elastic_net in NETS.items():
            files = [str(data.features), str(data.labels)]
            words = [str(JOBS / "logistic_memory.py"), *files, form, str(options.iterations), elastic_net]
            finished = run_process([*PYTHON, *words], OMP_NUM_THREADS=str(options.threads))
            before, peak = map(int, finished.lines[-1][1].split()[1:])
            row = [form, label, f"{before / MIB:.0f}", f"{peak / MIB:.0f}", f"{(peak - before) / MIB:.0f}"]
            yield [*row, f"{(peak - before) / vector:.1f}"]


def more_rows(data: Data, rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The real rows again and again, what is not zero times a normal factor (mean 1, deviation 0.2)."""
    x, labels = data.load()
    rng = np.random.default_rng(7)
    for start in range(0, rows, AT_ONCE):
        chosen = np.arange(start, min(rows, start + AT_ONCE)) % len(x)
        factors = 1 + 0.2 * rng.standard_normal((len(chosen), x.shape[1]), np.float32)
        yield x[chosen] * np.abs(factors), labels[chosen]


def write_rows(data: Data, rows: int, sparse: bool) -> Path:
    """A Parquet file of the rows, as pydeepl's frames write them."""
    import pyarrow.parquet as pq

    path = CACHE / f"logistic-{data.name}-{rows}-{'sparse' if sparse else 'dense'}.parquet"
    if path.exists():
        return path
    print(f"writing {path.name}", flush=True)
    with whole(path) as part:
        tables = (training_table(x, labels, sparse) for x, labels in more_rows(data, rows))
        first = next(tables)
        with pq.ParquetWriter(part, first.schema, compression="snappy", use_dictionary=False) as writer:
            writer.write_table(first)
            for each in tables:
                writer.write_table(each)
    return path


def streamed(data: Data, options: argparse.Namespace) -> Iterator[list[str]]:
    """Rows: a whole process that trains on the file."""
    for form in options.stored:
        path = write_rows(data, options.rows, form == "sparse")
        words = [str(JOBS / "logistic_stream.py"), str(path), str(options.iterations)]
        finished = run_process([*PYTHON, *words], OMP_NUM_THREADS=str(options.threads))
        _, seconds, iterations, objective = finished.lines[-1][1].split()
        size = f"{path.stat().st_size / MIB:.0f}"
        figures = [f"{float(seconds):.1f}", iterations, f"{float(objective):.5f}"]
        yield [form, f"{options.rows:,}", size, *figures, f"{finished.peak_mib:.0f}"]


def run(options: argparse.Namespace, rounds: int) -> Report:
    CACHE.mkdir(exist_ok=True)
    facts = machine_facts(options.threads, PACKAGES)
    data = cropped(wide(options.shared, rectified=True), None, options.columns)
    beyond = []
    for row in beyond_the_data(data, options):
        print(" ", *row, flush=True)
        beyond.append(row)
    many = []
    for row in streamed(data, options):
        print(" ", *row, flush=True)
        many.append(row)
    body = [
        f"A process that holds {data.describe()} (mixed10, as in logistic.wide) in a table and fits ten "
        f"classes, {options.iterations} iterations: its resident memory before the fit and the peak during "
        "it. A vector is of the coefficients' size, in float64.",
        "",
        *table(["given as", "penalty", "before, MiB", "peak, MiB", "fit, MiB", "fit, vectors"], beyond),
        "",
        f"A whole process that trains on a Parquet file (elastic net 0.5, {options.iterations} iterations); "
        "its rows are those of logistic.wide again and again, the values that are not zero times a normal "
        f"factor of deviation 0.2. Peak of the resident memory, all included. (pyarrow {pa.__version__})",
        "",
        *table(["stored as", "rows", "file, MiB", "seconds", "iterations", "objective", "peak, MiB"], many),
    ]
    return Report("logistic.memory: beyond the data, and in all", facts, body)
