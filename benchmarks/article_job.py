"""The article's job on 500 handwritten digits, from process start to the four metrics, as whole processes.

The digits (50 a class, as PNG of 180 x 180 pixels) and the InceptionV3 weights come from the developers'
shared folder, `../shared` beside the repository.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.harness import (
    CACHE,
    ProcessRun,
    Report,
    Series,
    interleave,
    machine_facts,
    paired_ratio,
    run_process,
    table,
)

PACKAGES = ("numpy", "pyarrow", "pyspark", "keras", "tensorflow-cpu", "scikit-learn")
SHARED = Path(__file__).resolve().parents[1].parent / "shared"
JOBS = Path(__file__).with_name("jobs")
METRICS = ("F1-Score", "Precision", "Recall", "Accuracy")
OURS = "pydeepl"
AGAIN = "pydeepl again, features kept on disk"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with the digits and the weights")
    rows = ("again", "spark", "cached")
    parser.add_argument("--only", nargs="+", choices=rows, default=rows, help="rows beside pydeepl's")


def digit_images(shared: Path, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """The first digits of each class, class by class: (uint8 RGB [n, 180, 180, 3], labels [n])."""
    from PIL import Image

    with np.load(shared / "data" / "cmaterdb" / "bangla-training-images.npz") as data:
        images, labels = data["images"], data["labels"]
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:per_class] for digit in range(10)])
    upscaled = [
        np.asarray(Image.fromarray(pixels).resize((180, 180), Image.Resampling.BICUBIC))
        for pixels in images[chosen]
    ]
    return np.stack(upscaled), labels[chosen]


def make_digits(shared: Path, folder: Path, per_class: int = 50) -> None:
    from PIL import Image

    images, labels = digit_images(shared, per_class)
    for place, (pixels, digit) in enumerate(zip(images, labels, strict=True)):
        (folder / str(digit)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / str(digit) / f"{place % per_class:03}.png")


def make_weights(shared: Path) -> Path:
    """The InceptionV3 weights file, made on the first call."""
    if not shared.is_dir():
        raise SystemExit(f"needed: the developers' shared folder; {shared} is not there")
    weights = CACHE / "weights"
    if not weights.exists():
        command = [sys.executable, shared / "weights" / "make_h5.py", weights]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(weights.glob("inception_v3*.h5"))


def prepare(shared: Path) -> tuple[Path, Path]:
    """(folder of the digits, InceptionV3's weights file), made on the first run."""
    digits, weights = CACHE / "digits", make_weights(shared)
    if not digits.exists():
        make_digits(shared, digits)
    return digits, weights


def run(options: argparse.Namespace, rounds: int) -> Report:
    CACHE.mkdir(exist_ok=True)
    facts = machine_facts(options.threads, PACKAGES)
    digits, weights = prepare(options.shared)
    runs: dict[str, list[ProcessRun]] = {}

    def job(name: str, *command: str, **environment: str) -> float:
        script, *arguments = command
        words = [sys.executable, str(JOBS / script), *arguments]
        finished = run_process(words, digits, **environment)
        runs.setdefault(name, []).append(finished)
        return finished.seconds_at("Accuracy")

    threads = str(options.threads)
    spark = ("article_spark.py", str(weights), threads)
    names = {"again": AGAIN, "spark": "PySpark + Keras", "cached": "PySpark + Keras, features cached"}
    own = {"PYDEEPL_WEIGHTS": str(weights.parent), "OMP_NUM_THREADS": threads}
    kept = {**own, "PYDEEPL_FEATURE_CACHE": str(CACHE / "features")}
    contestants = {
        OURS: lambda: job(OURS, "article_pydeepl.py", **own, PYDEEPL_FEATURE_CACHE="0"),
        AGAIN: lambda: job(AGAIN, "article_pydeepl.py", **kept),
        names["spark"]: lambda: job(names["spark"], *spark),
        names["cached"]: lambda: job(names["cached"], *spark, "cached"),
    }
    if "again" in options.only:
        contestants[AGAIN]()  # the first run, which fills the cache
        runs.clear()
    chosen = [OURS, *(names[name] for name in options.only)]
    series = interleave(rounds, {name: contestants[name] for name in chosen}, "s")
    return report(facts, series, runs, rounds)


def report(facts: list[str], series: list[Series], runs: dict[str, list[ProcessRun]], rounds: int) -> Report:
    rows = []
    for figures in series:
        finished = runs[figures.name]
        metrics = {line.split()[0]: float(line.split()[-1]) for _, line in finished[-1].lines if line}
        memory = f"{max(each.peak_mib for each in finished):.0f} MiB" if figures.name in (OURS, AGAIN) else ""
        speedup = "" if figures is series[0] else f"{paired_ratio(figures, series[0]):.2f}"
        scores = [f"{metrics[metric]:.3f}" for metric in METRICS]
        rows.append([figures.name, f"{figures.median:.2f}", figures.spread(".2f"), speedup, memory, *scores])
    header = ["job", "seconds", "range", "pydeepl is faster by", "peak memory", *METRICS]
    body = [
        "Whole processes, from start to the last of the four metrics; medians of "
        f"{rounds} interleaved rounds. 500 digits, InceptionV3, LogisticRegression(maxIter=5, regParam=0.03, "
        "elasticNetParam=0.5). "
        f"{AGAIN}: the cache of features that an earlier run has left. "
        "The rows that randomSplit puts into the test set differ between the engines, and so do the metrics.",
        "",
        *table(header, rows),
    ]
    return Report("article_job: the article's job, whole", facts, body)
