"""f32 featurization at a fixed batch: images/s of the five networks, on the same weights and pixels."""

import argparse
import sys
from pathlib import Path

from benchmarks import isa
from benchmarks.engines import ENGINES
from benchmarks.harness import CACHE, Report, Series, Worker, interleave, machine_facts, paired_ratio, table
from benchmarks.models import INPUT_SIZE, ensure

PACKAGES = ("numpy", "openvino", "onnxruntime", "tensorflow-cpu", "keras")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nets", nargs="+", choices=INPUT_SIZE, default=list(INPUT_SIZE))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--isa", choices=isa.ISAS, default=isa.NATIVE, help="hold all engines to AVX2")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement, about")


class Engine:
    """A worker that runs batches when it is told to."""

    def __init__(self, name: str, net: str, folder: Path, options: argparse.Namespace) -> None:
        arguments = [name, net, str(folder), str(options.threads), options.isa]
        command = [sys.executable, "-m", "benchmarks.engines", *arguments]
        self.worker = Worker(name, command, **isa.environment(options.isa))
        self.batch, self.batches = options.batch, 1
        self.batches = max(1, round(options.seconds / self.seconds()))

    def seconds(self) -> float:
        return float(self.worker.ask(str(self.batches))[0])

    def images_per_second(self) -> float:
        return self.batch * self.batches / self.seconds()


def measure(net: str, options: argparse.Namespace, rounds: int) -> list[Series]:
    folder = ensure(net, CACHE / f"batch{options.batch}", options.batch)
    engines = {name: Engine(name, net, folder, options) for name in options.engines}
    print(f"{net}: all features agree with Keras'", flush=True)
    try:
        return interleave(
            rounds, {name: engine.images_per_second for name, engine in engines.items()}, "images/s"
        )
    finally:
        for engine in engines.values():
            engine.worker.close()


def run(options: argparse.Namespace, rounds: int) -> Report:
    CACHE.mkdir(exist_ok=True)
    facts = machine_facts(options.threads, PACKAGES)
    results = {net: measure(net, options, rounds) for net in options.nets}
    rows = []
    for net, series in results.items():
        ours = series[0]
        ratios = [f"{paired_ratio(ours, peer):.2f}" for peer in series[1:]]
        rows.append([net, *(f"{figures.median:.1f}" for figures in series), *ratios])
    peers = options.engines[1:]
    header = ["net", *options.engines, *(f"{options.engines[0]} / {peer}" for peer in peers)]
    body = [
        f"Images/s, float32, batch {options.batch}, medians of {rounds} interleaved rounds of about "
        f"{options.seconds:g} s; ratios above 1 mean that {options.engines[0]} is faster.",
        "",
        *table(header, rows),
    ]
    if options.isa == isa.NATIVE:
        return Report("features: images per second", facts, body)
    body[0] += (
        f" All engines are held to {options.isa}: CPUID hides what is beyond it, and by the kernel's account "
        "none of their threads has used AVX-512 registers."
    )
    return Report(f"features: images per second, {options.isa} only", facts, body, variant=options.isa)
