"""How soon there is something to see: the import, and a weights file's way to the first features."""

import argparse
import sys
from pathlib import Path

from benchmarks.harness import (
    CACHE,
    Report,
    Series,
    interleave,
    machine_facts,
    paired_ratio,
    run_process,
    table,
)
from benchmarks.models import INPUT_SIZE, ensure

PACKAGES = ("numpy", "pyarrow", "keras", "tensorflow-cpu")
JOBS = Path(__file__).with_name("jobs")
IMPORTS = {
    "numpy, pyarrow": "import numpy, pyarrow",
    "... and pydeepl": "import numpy, pyarrow, pydeepl",
    "... and the article's names": (
        "import numpy, pyarrow; from pydeepl import SparkSession, ImageSchema, lit, DeepImageFeaturizer, "
        "LogisticRegression, Pipeline, MulticlassClassificationEvaluator"
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nets", nargs="+", choices=INPUT_SIZE, default=["InceptionV3", "ResNet50", "VGG16"])
    parser.add_argument("--threads", type=int, default=2)


def import_times(rounds: int) -> list[str]:
    contestants = {
        name: lambda code=code: run_process([sys.executable, "-c", code]).seconds
        for name, code in IMPORTS.items()
    }
    series = interleave(rounds, contestants, "s")
    rows = []
    for figures in series:
        extra = Series("", [a - b for a, b in zip(figures.values, series[0].values, strict=True)])
        rows.append([figures.name, f"{figures.median:.3f}", f"{extra.median:+.3f}"])
    return table(["imports", "seconds of the process", "over numpy and pyarrow"], rows)


def first_feature(net: str, rounds: int, threads: int) -> list[list[str]]:
    """Rows for the whole process, and for its part after the imports."""
    weights = ensure(net, CACHE / "batch8", 8) / f"{net}.weights.h5"
    inside: dict[str, Series] = {}

    def job(name: str) -> float:
        script = JOBS / f"first_feature_{name}.py"
        command = [sys.executable, str(script), net, str(weights), str(INPUT_SIZE[net]), str(threads)]
        finished = run_process(command, OMP_NUM_THREADS=str(threads))
        (loaded,) = [line for _, line in finished.lines if line.startswith("loaded and run in")]
        inside.setdefault(name, Series(name, [])).values.append(float(loaded.split()[-1]))
        return finished.seconds_at("first feature")

    ours, keras = interleave(
        rounds, {name: lambda name=name: job(name) for name in ("pydeepl", "keras")}, "s"
    )
    return [
        [net, part, f"{mine.median:.2f}", f"{theirs.median:.2f}", f"{paired_ratio(theirs, mine):.1f}"]
        for part, mine, theirs in (
            ("whole process", ours, keras),
            ("without imports", inside["pydeepl"], inside["keras"]),
        )
    ]


def run(options: argparse.Namespace, rounds: int) -> Report:
    CACHE.mkdir(exist_ok=True)
    facts = machine_facts(options.threads, PACKAGES)
    rows = [row for net in options.nets for row in first_feature(net, rounds, options.threads)]
    body = [
        f"From a Keras weights file to the first image's features, medians of {rounds} interleaved rounds.",
        "",
        *table(["net", "measured", "pydeepl, s", "Keras, s", "Keras / pydeepl"], rows),
        "",
        f"Imports, medians of {3 * rounds} interleaved rounds.",
        "",
        *import_times(3 * rounds),
    ]
    return Report("startup: the first feature and the import", facts, body)
