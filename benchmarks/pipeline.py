"""Photos to features: the whole way from files, beside the network alone on pixels that are there already."""

import argparse
import statistics
import sys
from dataclasses import dataclass, field

from benchmarks import photos
from benchmarks.harness import CACHE, Report, Worker, interleave, machine_facts, paired_ratio, table
from benchmarks.models import INPUT_SIZE, ensure

PACKAGES = ("numpy", "pillow")
# Share of a run after which memory may not grow any more, and by how much it may nevertheless.
SETTLED, GROWTH_MIB = 0.2, 16.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--net", choices=INPUT_SIZE, default="InceptionV3")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--photos", type=photos.Path, default=photos.SOURCES, help="folder of real photos")
    parser.add_argument("--quality", type=int, default=90, help="of the JPEGs that are made")


@dataclass
class Job:
    """One way in a process of its own, which stays."""

    way: str
    worker: Worker
    images: int
    memory: list[list[float]] = field(default_factory=list)  # MiB, all along each run

    def images_per_second(self) -> float:
        seconds, *memory = map(float, self.worker.ask(self.way))
        self.memory.append(memory)
        return self.images / seconds


def growth(memory: list[float]) -> float:
    """MiB between the settled part's first tenth and its last."""
    settled = memory[int(len(memory) * SETTLED) :]
    tenth = max(1, len(settled) // 10)
    return statistics.mean(settled[-tenth:]) - statistics.mean(settled[:tenth])


def run(options: argparse.Namespace, rounds: int) -> Report:
    CACHE.mkdir(exist_ok=True)
    weights = ensure(options.net, CACHE / "batch8", 8) / f"{options.net}.weights.h5"
    folder = CACHE / f"photos{options.quality}"
    files = photos.ensure(options.images, options.photos, folder, options.quality)
    facts = machine_facts(options.threads, PACKAGES)
    size = sum(file.stat().st_size for file in files) / len(files) / 1024
    arguments = [
        options.net,
        str(weights),
        str(folder),
        *map(str, (len(files), options.batch, options.threads)),
    ]
    command = [sys.executable, "-m", "benchmarks.jobs.pipeline_pydeepl", *arguments]
    environment = {"OMP_NUM_THREADS": str(options.threads)}
    jobs = {
        way: Job(way, Worker(f"pipeline {way}", command, **environment), len(files))
        for way in ("network", "files", "fast")
    }
    try:
        series = interleave(rounds, {way: job.images_per_second for way, job in jobs.items()}, "images/s")
    finally:
        for job in jobs.values():
            job.worker.close()

    names = {"network": "network alone", "files": "from files", "fast": "from files, fastDecode"}
    rows, failures = [], []
    for figures in series:
        memory = jobs[figures.name].memory
        grown = statistics.median(map(growth, memory))
        ratio, peak = paired_ratio(figures, series[0]), max(map(max, memory))
        rows.append(
            [names[figures.name], f"{figures.median:.2f}", f"{ratio:.3f}", f"{peak:.0f}", f"{grown:+.1f}"]
        )
        if grown > GROWTH_MIB:
            failures.append(f"{names[figures.name]}: memory grew by {grown:.1f} MiB during a run")
    header = ["", "images/s", "of the network's", "peak MiB", "growth MiB"]
    body = [
        f"{len(files)} JPEGs of about {photos.WIDTH} x {photos.HEIGHT} pixels and {size:.0f} KiB to "
        f"{options.net}'s features, float32, batch {options.batch}; medians of {rounds} interleaved rounds. "
        f"Growth: of resident memory, from {SETTLED:.0%} of a run to its end.",
        "",
        *table(header, rows),
    ]
    return Report("pipeline: files to features", facts, body, failures)
