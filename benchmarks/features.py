"""f32 featurization at a fixed batch: images/s of the five networks, on the same weights and pixels."""

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.engines import ENGINES
from benchmarks.harness import CACHE, Report, Series, interleave, machine_facts, paired_ratio, table
from benchmarks.models import INPUT_SIZE

PACKAGES = ("numpy", "openvino", "onnxruntime", "tensorflow-cpu", "keras")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nets", nargs="+", choices=INPUT_SIZE, default=list(INPUT_SIZE))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement, about")


class Engine:
    """A worker process that runs batches when it is told to."""

    def __init__(self, name: str, net: str, folder: Path, batch: int, threads: int) -> None:
        command = [sys.executable, "-m", "benchmarks.engines", name, net, str(folder), str(threads)]
        self.log = (CACHE / f"engine-{name.replace(' ', '-')}.txt").open("w+")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.name, self.batch, self.batches = name, batch, 1
        if self.answer() != "ready":
            raise RuntimeError(f"{name} did not start")

    def answer(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            word = line.strip()
            if word == "ready" or word.replace(".", "", 1).replace("e-", "", 1).isdigit():
                return word
        self.log.seek(0)
        raise RuntimeError(f"{self.name} ended: {self.log.read()[-2000:]}")

    def seconds(self, batches: int) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{batches}\n")
        self.process.stdin.flush()
        return float(self.answer())

    def images_per_second(self) -> float:
        return self.batch * self.batches / self.seconds(self.batches)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


def measure(net: str, options: argparse.Namespace, rounds: int) -> list[Series]:
    folder = CACHE / f"batch{options.batch}"
    if not (folder / f"{net}.npz").exists():
        print(f"{net}: making random weights", flush=True)
        command = [sys.executable, "-m", "benchmarks.models", net, str(folder), str(options.batch)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    engines = [Engine(name, net, folder, options.batch, options.threads) for name in options.engines]
    print(f"{net}: all features agree with Keras'", flush=True)
    try:
        for engine in engines:
            engine.batches = max(1, round(options.seconds / engine.seconds(1)))
        return interleave(rounds, {engine.name: engine.images_per_second for engine in engines}, "images/s")
    finally:
        for engine in engines:
            engine.close()


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
    return Report("features: images per second", facts, body)
