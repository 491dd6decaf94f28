"""What many cores could gain: a bound for n threads, from one thread's times and each layer's tasks.

    time(n) = sum over the layers of  seconds(1) x (tasks of the busiest thread / all tasks)  +  barrier(n)

Tasks are counted by the rules of csrc/net (chunks of Winograd's tiles, blocks of 1 x 1 products, lines of
others). Shared memory bandwidth, lower clocks and distant memory are not in it: it says what cannot be had,
not what is.
Streams: n threads as s networks of n / s threads, each with batches of its own.
"""

import argparse
import math
import os
import re
from dataclasses import dataclass

import numpy as np

from benchmarks.harness import CACHE, Report, machine_facts, table
from benchmarks.models import INPUT_SIZE, ensure

PACKAGES = ("numpy",)
THREADS = (1, 2, 4, 8, 16, 32, 64)
BARRIER = 2e-6  # seconds for each doubling of the threads: an assumption, of the order that OpenMP's take
KERNEL_TILES, KERNEL_PIXELS = 14, 14  # rows of the AVX-512 products' registers
TILE_CHUNK, LINE_CHUNK, HEAVY_CHUNK, HEAVY_WEIGHTS = 28, 84, 98, 512 * 512  # winograd.c
BLOCK_BYTES, MIN_PIXELS, MAX_PIXELS, MIN_PANELS, PANEL = 256 << 10, 28, 252, 2, 32  # pointwise.c


def winograd(kind: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The window, and the outputs of a tile, (down, along) each, of a name as pdl:winograd_6_1x7."""
    ((tile, down, along),) = re.findall(r"winograd_([\dx]+)_(\d)x(\d)", kind)
    window = int(down), int(along)
    if "x" in tile:
        high, wide = map(int, tile.split("x"))
        return window, (high, wide)
    return window, ((int(tile), 1) if window[0] > 1 else (1, int(tile)))


@dataclass
class Layer:
    kind: str
    seconds: float
    batch: int
    height: int
    width: int
    inputs: int
    outputs: int

    def share(self, threads: int) -> float:
        """The busiest thread's share of the work; 1 / threads where it divides evenly."""
        if "winograd" in self.kind:
            return self._tiles(threads)
        if "pointwise" in self.kind:
            return self._blocks(threads)
        lines = self.batch * self.height
        return math.ceil(lines / threads) / lines

    def _tiles(self, threads: int) -> float:
        (rows, columns), (high, wide) = winograd(self.kind)
        tiles = self.batch * math.ceil(self.height / high) * math.ceil(self.width / wide)
        heavy = self.inputs * self.outputs >= HEAVY_WEIGHTS
        chunk = LINE_CHUNK if 1 in (high, wide) else HEAVY_CHUNK if heavy else TILE_CHUNK
        chunks = math.ceil(tiles / chunk)
        if chunks < 2 * threads:  # all threads on some hundreds of tiles, in pieces of outputs
            tasks = math.ceil(self.outputs / PANEL / 2) * (high + rows - 1) * (wide + columns - 1)
            return math.ceil(tasks / threads) / tasks
        chunks = math.ceil(chunks / threads) * threads
        calls = math.ceil(tiles / chunks / KERNEL_TILES) * (chunks // threads)  # of the product's kernel
        return max(1 / threads, calls / math.ceil(tiles / KERNEL_TILES))

    def _blocks(self, threads: int) -> float:
        pixels, panels = self.batch * self.height * self.width, math.ceil(self.outputs / PANEL)
        at_once = min(max(BLOCK_BYTES // (self.inputs * 4), MIN_PIXELS), MAX_PIXELS)
        blocks = math.ceil(pixels / (at_once // KERNEL_PIXELS * KERNEL_PIXELS))
        parts = min(math.ceil(4 * threads / blocks), math.ceil(panels / MIN_PANELS))
        return math.ceil(blocks * parts / threads) / (blocks * parts)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--net", choices=INPUT_SIZE, default="InceptionV3")
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 32])


def layers(net: str, batch: int, rounds: int) -> list[Layer]:
    """The network's steps with their fastest times on one thread."""
    from pydeepl import Featurizer, _core

    weights = ensure(net, CACHE / "batch8", 8) / f"{net}.weights.h5"
    network = Featurizer(net, weights=str(weights), threads=1)._network().network
    size = INPUT_SIZE[net]
    pixels = np.random.default_rng(1).integers(0, 256, (batch, size, size, 3), np.uint8)
    for _ in range(1 + rounds):
        network.run(pixels)
    shapes = {layer[0]: layer[3] for layer in _core.zoo_graph(net, False).layers}
    found = []
    for (name, _, kind, flops), seconds in zip(network.steps(batch), network.seconds(batch), strict=True):
        height, width, outputs = shapes[name] if len(shapes[name]) == 3 else (1, 1, shapes[name][0])
        window = math.prod(winograd(kind)[0]) if "winograd" in kind else 1
        inputs = round(flops / (2 * batch * height * width * outputs * window))
        found.append(Layer(kind, seconds, batch, height, width, inputs, outputs))
    return found


def speed(found: list[Layer], threads: int) -> float:
    """How many times faster than one thread."""
    barrier = BARRIER * math.log2(threads) if threads > 1 else 0.0
    alone = sum(layer.seconds for layer in found)
    return alone / sum(layer.seconds * layer.share(threads) / layer.share(1) + barrier for layer in found)


def run(options: argparse.Namespace, rounds: int) -> Report:
    os.environ["OMP_NUM_THREADS"] = "1"
    facts = machine_facts(1, PACKAGES)
    rows = []
    for batch in options.batches:
        found = layers(options.net, batch, rounds)
        for threads in THREADS[1:]:
            ways = {1: speed(found, threads), 2: 2 * speed(found, threads // 2)}
            for streams in (4, 8, threads):
                if streams <= threads:
                    ways[streams] = streams * speed(found, threads // streams)
            cells = [f"{ways[s] / threads:.0%}" if s in ways else "" for s in (1, 2, 4, 8)]
            rows.append([str(batch), str(threads), *cells, f"{ways[threads] / threads:.0%}"])
    header = ["batch", "threads", "1 stream", "2", "4", "8", "a thread each"]
    body = [
        f"{options.net}, float32: a bound of the share of n times one thread's rate that n threads reach, as "
        "one network and as several streams. A model from the layers' tasks: see scaling.py.",
        "",
        *table(header, rows),
    ]
    return Report("scaling: a bound for many cores", facts, body)
