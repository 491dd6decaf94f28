"""Featurization at a fixed batch: images/s of the five networks, on the same weights and pixels."""

import argparse
import sys
from pathlib import Path

from benchmarks import isa
from benchmarks.engines import ENGINES, OF_BFLOAT16
from benchmarks.harness import CACHE, Report, Series, Worker, interleave, machine_facts, paired_ratio, table
from benchmarks.models import INPUT_SIZE, ensure

PACKAGES = ("numpy", "openvino", "onnxruntime", "tensorflow-cpu", "keras")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nets", nargs="+", choices=INPUT_SIZE, default=list(INPUT_SIZE))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--isa", choices=isa.ISAS, default=isa.NATIVE, help="hold all engines to AVX2")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement, about")


class Engine:
    """A worker that runs batches when it is told to."""

    def __init__(
        self, name: str, net: str, folder: Path, options: argparse.Namespace, precision: str
    ) -> None:
        settings = ["--threads", str(options.threads), "--isa", options.isa, "--precision", precision]
        command = [sys.executable, "-m", "benchmarks.engines", name, net, str(folder), *settings]
        self.worker = Worker(name, command, **isa.environment(options.isa))
        self.batch, self.batches = options.batch, 1
        self.batches = max(1, round(options.seconds / self.seconds()))

    def seconds(self) -> float:
        return float(self.worker.ask(str(self.batches))[0])

    def images_per_second(self) -> float:
        return self.batch * self.batches / self.seconds()


def measure(net: str, options: argparse.Namespace, rounds: int) -> list[Series]:
    folder = ensure(net, CACHE / f"batch{options.batch}", options.batch)
    names = options.engines
    if options.precision == "bfloat16":
        names = [name for name in names if name in OF_BFLOAT16]
    engines = {name: Engine(name, net, folder, options, options.precision) for name in names}
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
    names = [figures.name for figures in series]
    header = ["net", *names, *(f"{names[0]} / {peer}" for peer in names[1:])]
    body = [
        f"Images/s, {options.precision}, batch {options.batch}, medians of {rounds} interleaved rounds of "
        f"about {options.seconds:g} s; ratios above 1 mean that {names[0]} is faster.",
        "",
        *table(header, rows),
    ]
    kinds = []
    if options.precision != "float32":
        kinds.append(options.precision)
    if options.isa != isa.NATIVE:
        kinds.append(options.isa)
        body[0] += (
            f" All engines are held to {options.isa}: CPUID hides what is beyond it, and by the kernel's "
            "account none of their threads has used AVX-512 registers."
        )
    title = ", ".join(["features: images per second", *kinds])
    return Report(title, facts, body, variant="-".join(kinds))
