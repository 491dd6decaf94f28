"""keras.applications' families through load_model: the difference to Keras, and images/s beside OpenVINO."""

import argparse
import sys
from pathlib import Path

from benchmarks.family_engines import ENGINES, FAMILIES, ensure
from benchmarks.harness import CACHE, Report, Series, Worker, interleave, machine_facts, paired_ratio, table

PACKAGES = ("numpy", "openvino", "tensorflow-cpu", "keras")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one measurement, about")


class Engine:
    """A worker that runs batches when it is told to."""

    def __init__(self, name: str, family: str, folder: Path, options: argparse.Namespace) -> None:
        command = [sys.executable, "-m", "benchmarks.family_engines", name, family, str(folder)]
        self.worker = Worker(name, [*command, "--threads", str(options.threads)])
        self.error = float(self.worker.ask("error")[0])
        self.batch, self.batches = options.batch, 1
        self.batches = max(1, round(options.seconds / self.seconds()))

    def seconds(self) -> float:
        return float(self.worker.ask(str(self.batches))[0])

    def images_per_second(self) -> float:
        return self.batch * self.batches / self.seconds()


def measure(family: str, options: argparse.Namespace, rounds: int) -> tuple[list[float], list[Series]]:
    folder = ensure(family, CACHE / f"families{options.batch}", options.batch)
    engines = {name: Engine(name, family, folder, options) for name in ENGINES}
    try:
        rates = {name: engine.images_per_second for name, engine in engines.items()}
        return [engine.error for engine in engines.values()], interleave(rounds, rates, "images/s")
    finally:
        for engine in engines.values():
            engine.worker.close()


def run(options: argparse.Namespace, rounds: int) -> Report:
    CACHE.mkdir(exist_ok=True)
    facts = machine_facts(options.threads, PACKAGES)
    rows, failures = [], []
    for family in options.families:
        errors, (ours, peer) = measure(family, options, rounds)
        if not errors[0] <= 1e-5:
            failures.append(f"{family}: features are {errors[0]:.1e} away from Keras'")
        medians = [f"{ours.median:.1f}", f"{peer.median:.1f}", f"{paired_ratio(ours, peer):.2f}"]
        rows.append([family, str(FAMILIES[family]), *(f"{error:.1e}" for error in errors), *medians])
    body = [
        f"Features (global mean) of random weights, float32, batch {options.batch}: the relative L2 "
        f"difference to Keras' and images/s, medians of {rounds} interleaved rounds of about "
        f"{options.seconds:g} s; ratios above 1 mean that pydeepl is faster. Both read the model that Keras "
        "saved, and float32 [n, h, w, 3].",
        "",
        *table(
            ["family", "size", "pydeepl - Keras", "OpenVINO - Keras", "pydeepl", "OpenVINO", "ratio"], rows
        ),
    ]
    return Report("families: keras.applications through load_model", facts, body, failures=failures)
