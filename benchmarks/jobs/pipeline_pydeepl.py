"""A worker: pipeline_pydeepl.py NET WEIGHTS FOLDER IMAGES BATCH THREADS

To the line `network` it runs as many batches of the same pixels, to `files` it reads the photos and drops
their features, to `fast` the same with fastDecode. It answers with the seconds, and resident MiB all along.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from pydeepl import Featurizer
from pydeepl.images import load_batch

SAMPLES_A_SECOND = 10


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def watched(work: Callable[[], None]) -> list[float]:
    """Seconds, then resident memory in MiB, sampled during the work."""
    memory, done = [resident_mib()], threading.Event()

    def watch() -> None:
        while not done.wait(1 / SAMPLES_A_SECOND):
            memory.append(resident_mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    return [seconds, *memory, resident_mib()]


def main(net: str, weights: str, folder: Path, images: int, batch: int, threads: int) -> None:
    files = [str(folder / f"{number:05d}.jpg") for number in range(images)]
    exact, fast = (
        Featurizer(net, weights=weights, threads=threads, batchSize=batch, fastDecode=flag)
        for flag in (False, True)
    )
    pixels, _ = load_batch(files[:batch], *exact.spec.inputSize)
    rgb = np.ascontiguousarray(pixels[..., ::-1])
    pixels_only = [[("pixels", image) for image in pixels]]

    def requests() -> Iterator[list[tuple[str, str]]]:
        for start in range(0, images, batch):
            yield [(file, file) for file in files[start : start + batch]]

    def from_files(featurizer: Featurizer) -> None:
        for features in featurizer.stream(requests()):
            assert features.shape[1] == featurizer.spec.numFeatures

    def network_alone() -> None:
        network = exact._network().network
        out = np.empty((batch, *exact.spec.featureShape), np.float32)
        for _ in range(0, images, batch):
            network.run(pixels, out)

    assert np.array_equal(exact(rgb), next(iter(exact.stream(pixels_only))))  # loaded, and the pixels are BGR
    ways = {
        "network": network_alone,
        "files": lambda: from_files(exact),
        "fast": lambda: from_files(fast),
    }
    print("answer: ready", flush=True)
    for line in sys.stdin:
        print("answer:", *watched(ways[line.strip()]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *map(int, sys.argv[4:7]))
