"""Features on PySpark: pydeepl's stage beside Keras in a pandas UDF, on the same images, whole jobs."""

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.harness import CACHE, Report, Worker, interleave, machine_facts, paired_ratio, table
from benchmarks.models import INPUT_SIZE, ensure

PACKAGES = ("numpy", "pyarrow", "pyspark", "pandas", "keras", "tensorflow-cpu")
JOB = Path(__file__).with_name("jobs") / "spark_features.py"
WAYS = {"pydeepl": "pydeepl", "keras": "Keras in a pandas UDF"}
ERROR = 1e-4  # relative to Keras' features, per image: what fast convolutions may cost


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--net", choices=INPUT_SIZE, default="InceptionV3")
    parser.add_argument(
        "--images", type=int, default=512, help="images of a job; few show what a job costs (512)"
    )
    parser.add_argument("--slots", type=int, default=2, help="local[N]: tasks at a time, a thread each (2)")
    parser.add_argument("--batch", type=int, default=32, help="rows of an Arrow batch, and Keras' batch (32)")


def write_images(net: str, count: int) -> Path:
    """Parquet of images of the network's size, so that neither way resizes: smooth noise, B, G, R."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pydeepl.images import imageIO
    from pydeepl.images.schema import IMAGE_TYPE

    size = INPUT_SIZE[net]
    path = CACHE / f"spark-{size}-{count}.parquet"
    if not path.exists():
        rng = np.random.default_rng(0)
        blocks = rng.integers(0, 256, (count, size // 13 + 1, size // 13 + 1, 3), np.uint8)
        pixels = blocks.repeat(13, axis=1).repeat(13, axis=2)[:, :size, :size]
        images = [imageIO.imageArrayToStruct(np.ascontiguousarray(each)) for each in pixels]
        rows = [{field.name: image[field.name] for field in IMAGE_TYPE} for image in images]
        pq.write_table(pa.table({"number": range(count), "image": pa.array(rows, IMAGE_TYPE)}), path)
    return path


def largest_error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.max(np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)))


def run(options: argparse.Namespace, rounds: int) -> Report:
    CACHE.mkdir(exist_ok=True)
    weights = ensure(options.net, CACHE / "batch8", 8) / f"{options.net}.weights.h5"
    images = write_images(options.net, options.images)
    facts = machine_facts(options.slots, PACKAGES)
    arguments = [options.net, str(weights), str(images), str(options.slots), str(options.batch)]
    workers = {way: Worker(name, [sys.executable, str(JOB), way, *arguments]) for way, name in WAYS.items()}
    try:
        features = {way: np.load(worker.ask("features")[0]) for way, worker in workers.items()}
        ours, keras = interleave(
            rounds,
            {
                WAYS[way]: lambda worker=worker: options.images / float(worker.ask("job")[0])
                for way, worker in workers.items()
            },
            "images/s",
        )
    finally:
        for worker in workers.values():
            worker.close()
    error = largest_error(features["pydeepl"], features["keras"])
    rows = [
        [each.name, f"{each.median:.1f}", each.spread(".1f"), f"{paired_ratio(each, keras):.2f}"]
        for each in (ours, keras)
    ]
    body = [
        f"{options.images} images of {options.net}'s size, cached by Spark; local[{options.slots}], a thread",
        f"a task, Arrow batches of {options.batch} rows; whole jobs, from cached rows to the last feature,",
        f"written nowhere (format noop); medians of {rounds} interleaved rounds, with warm workers.",
        f"Largest relative error of our features to Keras': {error:.1e}.",
        "",
        *table(["way", "images/s", "rounds", "to Keras"], rows),
    ]
    failures = [] if error <= ERROR else [f"features differ from Keras' by {error:.1e} > {ERROR:.0e}"]
    return Report("spark: features on PySpark", facts, body, failures)
