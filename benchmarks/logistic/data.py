"""The features that the logistic benchmarks train on, made once and kept as .npy in the benchmark cache.

All come from handwritten digits (ten classes) and a real InceptionV3:

    rectified     393 x 131,072   its last map, mixed10, flattened: after the ReLUs, mostly zeros
    unrectified   393 x 131,072   the same map before its ReLUs: the batch norms' outputs, no zeros
    pooled        4,000 x 2,048   mixed10's averages over height and width
    bootstrapped  n x 2,048       drawn from the pooled rows (see `bootstrapped`)
"""

import argparse
import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.article_job import digit_images, make_weights
from benchmarks.harness import CACHE

ROWS = 393  # what the article's randomSplit leaves of 500 images to train on
CLASSES = 10
POOLED_ROWS = 4000
CHUNK = 64  # images that are featurized at once

# mixed10 joins the outputs of these batch norms along the channels, after a ReLU on each.
BATCH_NORMS = tuple(f"batch_normalization_{number}" for number in (85, 87, 88, 91, 92, 93))


@dataclass(frozen=True)
class Data:
    """Files: features, float32 [n, d], and labels, int32 [n]."""

    name: str
    features: Path
    labels: Path

    def load(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        return np.load(self.features), np.load(self.labels)

    def describe(self) -> str:
        x = np.load(self.features, mmap_mode="r")
        zeros = 1 - sum(np.count_nonzero(part) for part in blocks(x)) / x.size
        return f"{x.shape[0]:,} x {x.shape[1]:,}, {100 * zeros:.1f} % zeros"


def blocks(x: NDArray[Any], rows: int = 512) -> Iterator[NDArray[Any]]:
    return (x[start : start + rows] for start in range(0, len(x), rows))


def add_shared(parser: argparse.ArgumentParser) -> None:
    from benchmarks.article_job import SHARED

    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with the digits and the weights")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--sklearn", nargs="*", default=[], help="only these of scikit-learn's forms: 'centred, float32'"
    )


def named(name: str) -> Data:
    return Data(name, CACHE / f"logistic-{name}.npy", CACHE / f"logistic-{name}-labels.npy")


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to; the file gets its name when it is whole."""
    part = path.with_name(f"part-{os.getpid()}-{path.name}")
    yield part
    part.replace(path)


def keep(data: Data, features: NDArray[np.float32], labels: NDArray[Any]) -> Data:
    for path, array in ((data.labels, labels.astype(np.int32)), (data.features, features)):
        with whole(path) as part, part.open("wb") as file:
            np.save(file, array)
    return data


def featurize(
    featurizers: Sequence[Any], images: NDArray[np.uint8], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """The featurizers' maps of each image, joined along the channels and flattened."""
    features = np.empty((len(images), int(np.prod(shape))), np.float32)
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK]
        maps = [run(chunk).reshape(len(chunk), *run.spec.featureShape) for run in featurizers]
        features[start : start + CHUNK] = np.concatenate(maps, axis=-1).reshape(len(chunk), -1)
    return features


def wide(shared: Path, rectified: bool) -> Data:
    """mixed10, flattened, after its ReLUs or before them."""
    from pydeepl import Featurizer

    data = named("rectified" if rectified else "unrectified")
    if data.features.exists():
        return data
    images, labels = digit_images(shared, per_class=50)
    chosen = np.random.default_rng(42).permutation(len(images))[:ROWS]
    weights = make_weights(shared)
    layers = ["mixed10"] if rectified else BATCH_NORMS
    featurizers = [Featurizer("InceptionV3", weights=weights, layer=layer) for layer in layers]
    return keep(data, featurize(featurizers, images[chosen], (8, 8, 2048)), labels[chosen])


def cropped(data: Data, rows: int | None, columns: int | None) -> Data:
    """Fewer rows and columns, to try a benchmark out."""
    if rows is None and columns is None:
        return data
    x, labels = data.load()
    step = 1 if columns is None else x.shape[1] // columns  # from all over the map: its first corner is empty
    part = np.ascontiguousarray(x[:rows, ::step])
    return keep(named(f"{data.name}-{part.shape[0]}x{part.shape[1]}"), part, labels[:rows])


def pooled(shared: Path) -> Data:
    """mixed10 averaged over height and width, of 4,000 digits."""
    from pydeepl import Featurizer

    data = named("pooled")
    if data.features.exists():
        return data
    images, labels = digit_images(shared, per_class=POOLED_ROWS // CLASSES)
    shuffled = np.random.default_rng(42).permutation(len(images))
    featurizer = Featurizer("InceptionV3", weights=make_weights(shared), pooling="avg")
    return keep(data, featurize([featurizer], images[shuffled], (2048,)), labels[shuffled])


def bootstrapped(shared: Path, rows: int) -> Data:
    """Rows drawn from the pooled ones, so that means, variances and correlations stay about those of images.

    A row is 0.7 of one real row and 0.3 of another of its class, plus normal noise of a fifth of each
    feature's standard deviation; negative values become 0, as after a ReLU. No row repeats.
    """
    data = named(f"bootstrapped-{rows}")
    if data.features.exists():
        return data
    real, classes = pooled(shared).load()
    rng = np.random.default_rng(rows)
    members = [np.flatnonzero(classes == label) for label in range(CLASSES)]
    labels = rng.integers(0, CLASSES, rows)
    noise = 0.2 * real.std(axis=0)
    features = np.empty((rows, real.shape[1]), np.float32)
    for start in range(0, rows, 4096):
        part = slice(start, start + 4096)
        first, second = (np.array([rng.choice(members[label]) for label in labels[part]]) for _ in range(2))
        drawn = 0.7 * real[first] + 0.3 * real[second]
        drawn += noise * rng.standard_normal(drawn.shape, np.float32)
        features[part] = np.maximum(drawn, 0)
    return keep(data, features, labels)
