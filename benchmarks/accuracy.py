"""What the ways to compute features cost in quality: trained weights, real digits and photos.

Digits: the article's job, 500 handwritten digits (50 a class), split as `randomSplit([0.8, 0.2], seed)` does,
and the article's classifier on the features. Photos: those of the developers' shared folder and two of
scikit-learn. Everything is compared with float32 by direct sums (`exact=True`).
"""

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.article_job import SHARED, digit_images, make_weights
from benchmarks.harness import CACHE, Report, cpu_name, machine_facts, table
from benchmarks.logistic.tables import training_table

PACKAGES = ("numpy", "pyarrow", "scikit-learn")
NETS = {"InceptionV3": "inception_v3", "VGG16": "vgg16"}  # and how their weights files' names begin
PER_CLASS = 50
CLASSIFIER = {"maxIter": 5, "regParam": 0.03, "elasticNetParam": 0.5}
EMULATE = "PYDEEPL_EMULATE_BF16"
ALLOWED = 0.5  # points of accuracy, of the mean over the seeds

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Way:
    """Parameters of a Featurizer."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    digits: bool = True
    """Whether it differs from the others on images that are no JPEG files."""


EXACT = Way("float32, exact", {"exact": True})
WAYS = (
    Way("float32"),
    Way("bfloat16", {"precision": "bfloat16"}),
    Way("float32, fastDecode", {"fastDecode": True}, digits=False),
)


@dataclass
class Scores:
    """Of the article's classifier: one figure a seed, in per cent."""

    accuracy: list[float]
    f1: list[float]

    def row(self) -> list[str]:
        means = [f"{np.mean(self.accuracy):.2f}", f"{np.mean(self.f1):.2f}"]
        return [*means, *(f"{accuracy:.1f}" for accuracy in self.accuracy)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    names = [way.name for way in WAYS]
    parser.add_argument("--ways", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 43, 44, 45, 46])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with the images and the weights")


def photos(shared: Path) -> list[Path]:
    import sklearn.datasets

    own = Path(sklearn.datasets.__file__).with_name("images")
    files = [*(shared / "data" / "flowers").iterdir(), *own.iterdir()]
    return sorted(file for file in files if file.suffix in (".jpg", ".png"))


def weights_file(net: str, shared: Path) -> Path:
    (file,) = make_weights(shared).parent.glob(f"{NETS[net]}*.h5")
    return file


def featurizer(net: str, way: Way, options: argparse.Namespace) -> Any:
    from pydeepl import Featurizer

    weights = weights_file(net, options.shared)
    return Featurizer(net, weights=weights, threads=options.threads, cache=False, **way.parameters)


# ---- comparing


def distances(found: Features, exact: Features) -> list[str]:
    """Mean and least cosine, mean and largest relative L2 distance, image by image."""
    a, b = found.astype(np.float64), exact.astype(np.float64)
    sizes = np.linalg.norm(b, axis=1)
    cosine = np.einsum("ij,ij->i", a, b) / (np.linalg.norm(a, axis=1) * sizes)
    distance = np.linalg.norm(a - b, axis=1) / sizes
    figures = [f"{value:.6f}" for value in (cosine.mean(), cosine.min())]
    return figures + [f"{value:.1e}" for value in (distance.mean(), distance.max())]


def split(count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that the article's code trains and tests on."""
    import pyarrow as pa

    from pydeepl import SparkSession

    rows = SparkSession.builder.getOrCreate().createDataFrame(pa.table({"row": np.arange(count)}))
    frame = rows.repartition(200)
    train, test = (part.toPandas()["row"].to_numpy() for part in frame.randomSplit([0.8, 0.2], seed))
    return train, test


def classify(features: Features, labels: NDArray[np.int64], seeds: list[int]) -> Scores:
    from pydeepl import LogisticRegression, MulticlassClassificationEvaluator

    scores = Scores([], [])
    evaluator = MulticlassClassificationEvaluator()
    for seed in seeds:
        train, test = (
            training_table(features[rows], labels[rows], sparse=False) for rows in split(len(labels), seed)
        )
        predictions = LogisticRegression(**CLASSIFIER).fit(train).transform(test)
        for metric, figures in (("accuracy", scores.accuracy), ("f1", scores.f1)):
            figures.append(100 * evaluator.evaluate(predictions, {evaluator.metricName: metric}))
    return scores


# ---- the report


@dataclass
class Tables:
    """Rows as they come."""

    photos: list[list[str]] = field(default_factory=list)
    digits: list[list[str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def compare(net: str, options: argparse.Namespace, tables: Tables) -> None:
    """Appends the network's rows."""
    images, labels = digit_images(options.shared, PER_CLASS)
    files = photos(options.shared)
    run = featurizer(net, EXACT, options)
    exact = {"photos": run(files), "digits": run(images)}
    best = classify(exact["digits"], labels, options.seeds)
    tables.digits.append([net, EXACT.name, "", "", "", "", *best.row()])
    print(f"{net}, {EXACT.name}: {np.mean(best.accuracy):.2f} %", flush=True)
    for way in (way for way in WAYS if way.name in options.ways):
        run = featurizer(net, way, options)
        tables.photos.append([net, way.name, *distances(run(files), exact["photos"])])
        print(*tables.photos[-1], flush=True)
        if not way.digits:
            continue
        features = run(images)
        scores = classify(features, labels, options.seeds)
        tables.digits.append([net, way.name, *distances(features, exact["digits"]), *scores.row()])
        print(*tables.digits[-1], flush=True)
        lost = np.mean(best.accuracy) - np.mean(scores.accuracy)
        if lost > ALLOWED:
            tables.failures.append(f"{net}, {way.name}: accuracy is {lost:.2f} points below {EXACT.name}")


def run(options: argparse.Namespace, rounds: int) -> Report:
    """rounds: nothing here is measured in time, so one is enough, and all that is done."""
    os.environ[EMULATE] = "1"  # read only where the processor has no bfloat16 of its own
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    CACHE.mkdir(exist_ok=True)
    facts = machine_facts(options.threads, PACKAGES)
    tables = Tables()
    for net in options.nets:
        compare(net, options, tables)
    native = any(name in cpu_name() for name in ("avx512_bf16", "amx_bf16"))
    header = ["cosine, mean", "least", "relative L2, mean", "largest"]
    seeds = [f"seed {seed}" for seed in options.seeds]
    body = [
        "Features beside those of float32 by direct sums; bfloat16 by "
        f"{'instructions' if native else 'emulation'}. Trained weights: VGG16 of ImageNet; InceptionV3 "
        "trained on from ImageNet's for image moderation.",
        "",
        f"{len(photos(options.shared))} photos, resized by area averaging:",
        "",
        *table(["net", "features", *header], tables.photos),
        "",
        f"{10 * PER_CLASS} handwritten digits and the article's classifier, LogisticRegression(maxIter=5, "
        "regParam=0.03, elasticNetParam=0.5), for several splits into training and test images: accuracy "
        "and F1 on the test images in per cent, means over the splits, and each split's accuracy. One image "
        "is about a point.",
        "",
        *table(["net", "features", *header, "accuracy", "F1", *seeds], tables.digits),
    ]
    return Report("accuracy: what precisions and algorithms cost", facts, body, tables.failures)
