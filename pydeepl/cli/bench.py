"""`pydeepl bench`: how fast a network runs here, and where its time goes."""

import argparse
import json
import math
import statistics
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pydeepl import _core
from pydeepl.checks import check_positive
from pydeepl.cli.text import table
from pydeepl.deep.decisions import decisions_file, streams_asked
from pydeepl.deep.featurizer import DEFAULT_BATCH_SIZE
from pydeepl.deep.networks import PRECISIONS, Arithmetic
from pydeepl.deep.plan import NetworkPlan, check_model_name, model_names, plan_network

_FEWEST_RUNS = 5

Images = NDArray[np.uint8] | NDArray[np.float32]


class Setting(NamedTuple):
    """How networks are to be run."""

    batch: int
    threads: int
    """0 for the default."""
    arithmetic: Arithmetic
    seconds: float
    """How long to measure each."""
    streams: int = 0
    """0: as trials decide."""


class Step(NamedTuple):
    """One step of a network: a layer, with all that is done on the way."""

    layer: str
    kind: str
    implementation: str
    flops: float
    """What the direct sum takes, for a batch: an algorithm that needs fewer looks faster than the machine."""
    seconds: float
    """The fastest of its runs."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[MODEL], and how to run it."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help=f"{', '.join(model_names())} (all)")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="arithmetic (float32)")
    parser.add_argument("--batch", type=int, default=DEFAULT_BATCH_SIZE, help="images at once (%(default)s)")
    parser.add_argument("--threads", type=int, help="threads (all)")
    parser.add_argument("--streams", type=int, help="parts of a batch side by side, at most (the fastest)")
    parser.add_argument("--exact", action="store_true", help="convolutions as direct sums only")
    parser.add_argument("--layers", action="store_true", help="every step's time and algorithm")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to measure (%(default)s)")
    parser.add_argument("--json", action="store_true", help="for programs: a list where no MODEL is given")
    parser.epilog = "The weights are random: they do not change the time. Nothing is downloaded."


def run(arguments: argparse.Namespace) -> int:
    """Measures and prints."""
    setting = Setting(
        check_positive("--batch", arguments.batch),
        0 if arguments.threads is None else check_positive("--threads", arguments.threads),
        Arithmetic(arguments.exact, arguments.precision),
        _checked_seconds(arguments.seconds),
        streams_asked() if arguments.streams is None else check_positive("--streams", arguments.streams),
    )
    chosen = model_names() if arguments.model is None else [check_model_name(arguments.model)]
    peak = _peak(setting)
    results: list[dict[str, Any]] = []
    for name in chosen:
        result, steps = _measure_model(name, setting, peak)
        if not arguments.json:
            print("\n" if results else "", end="")
            _print(result, steps, arguments.layers)
        elif arguments.layers:
            result["layers"] = [step._asdict() for step in steps]
        results.append(result)
    if arguments.json:
        print(json.dumps(results if arguments.model is None else results[0], indent=2))
    return 0


# ---- measuring


def _time(call: Any) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _random(shape: tuple[int, ...], name: str, random: np.random.Generator) -> NDArray[np.float32]:
    """Values that keep the activations' size from layer to layer, so that none overflows or vanishes."""
    if name in ("gamma", "moving_variance"):
        return np.ones(shape, np.float32)
    if "kernel" not in name:
        return np.zeros(shape, np.float32)
    inputs = np.prod(shape[:2]) if name == "depthwise_kernel" else np.prod(shape[:-1])
    values: NDArray[np.float32] = random.standard_normal(shape, np.float32)
    values *= np.float32(np.sqrt(2 / inputs))
    return values


def _network(plan: NetworkPlan, setting: Setting) -> _core.Network:
    random = np.random.default_rng(0)
    params = [_random(shape, name, random) for layer in plan.graph.layers for name, shape in layer[4]]
    threads, numbers = setting.threads, setting.arithmetic.numbers
    how = (threads, *numbers, decisions_file(), setting.streams)
    return _core.Network(plan.graph, plan.output, params, plan.preprocess, *how)


def _images(batch: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (batch, *size, 3), np.uint8)


def _checked_seconds(seconds: float) -> float:
    if not 0 <= seconds < math.inf:
        raise ValueError(f"--seconds must be a number from 0 on, got {seconds}")
    return seconds


def _measure(network: _core.Network, images: Images, seconds: float) -> list[float]:
    """Times of runs, at least some, for about so many seconds."""
    out = network.run(images)
    times: list[float] = []
    while len(times) < _FEWEST_RUNS or sum(times) < seconds:
        times.append(_time(lambda: network.run(images, out)))
    return times


def _measure_model(name: str, setting: Setting, peak: float) -> tuple[dict[str, Any], list[Step]]:
    plan = plan_network(name)
    network = _network(plan, setting)
    images = _images(setting.batch, plan.spec.inputSize)
    prepared = _time(lambda: network.prepare(setting.batch))
    times = _measure(network, images, setting.seconds)
    parts = zip(network.steps(setting.batch), network.seconds(setting.batch), strict=True)
    steps = [Step(*step, seconds) for step, seconds in parts]
    median = statistics.median(times)
    flops = sum(step.flops for step in steps)
    result = {
        "model": name,
        "precision": setting.arithmetic.precision,
        "batch": setting.batch,
        "streams": network.streams(setting.batch),
        "images_per_second": setting.batch / median,
        "seconds_per_batch": {"median": median, "least": min(times), "runs": len(times)},
        "preparation_seconds": prepared,
        "gflops_per_image": flops / setting.batch / 1e9,
        "gflops_per_second": flops / median / 1e9,
        "peak_gflops_per_second": peak / 1e9,
    }
    return result, steps


def _peak(setting: Setting) -> float:
    """The machine's floating-point operations a second: the best of some direct convolutions, by oneDNN."""
    best = 0.0
    numbers = Arithmetic(True, setting.arithmetic.precision).numbers
    for size, channels, kernel in ((28, 512, 1), (56, 128, 3), (14, 512, 3)):
        graph = _core.Graph()
        graph.input("input", size, size, channels)
        node = graph.conv2d("conv", 0, channels, (kernel, kernel), padding="same")
        params = [np.full(shape, 1e-3, np.float32) for _, shape in graph.layers[node][4]]
        network = _core.Network(graph, node, params, 0, setting.threads, *numbers)
        _measure(network, np.ones((8, size, size, channels), np.float32), 0.2)
        parts = zip(network.steps(8), network.seconds(8), strict=True)
        best = max(best, *(step[3] / seconds for step, seconds in parts if step[3] > 0))
    return best


# ---- telling


def _print(result: dict[str, Any], steps: list[Step], layers: bool) -> None:
    rate, peak = result["gflops_per_second"], result["peak_gflops_per_second"]
    seconds = result["seconds_per_batch"]
    print(
        f"{result['model']}, {result['precision']}, batches of {result['batch']}, "
        f"{result['streams']} stream{'s' if result['streams'] > 1 else ''}: "
        f"{result['images_per_second']:.1f} images/s (median of {seconds['runs']} runs, "
        f"{1e3 * seconds['median']:.1f} ms; prepared in {result['preparation_seconds']:.2f} s)\n"
        f"{result['gflops_per_image']:.2f} GFLOP an image by direct sums: {rate:.0f} GFLOP/s, "
        f"{100 * rate / peak:.0f} % of the {peak:.0f} that direct convolutions reach here\n"
    )
    print(table([("algorithm", "steps", "ms", "share", "GFLOP/s"), *_by_algorithm(steps)]))
    if layers:
        total = sum(step.seconds for step in steps)
        rows = [(step.layer, step.implementation, *_figures([step], total)) for step in steps]
        print()
        print(table([("layer", "algorithm", "ms", "share", "GFLOP/s"), *rows]))


def _by_algorithm(steps: list[Step]) -> list[tuple[str, ...]]:
    groups: dict[str, list[Step]] = {}
    for step in steps:
        groups.setdefault(step.implementation, []).append(step)
    total = sum(step.seconds for step in steps)
    ordered = sorted(groups.items(), key=lambda group: -sum(step.seconds for step in group[1]))
    return [(name, str(len(group)), *_figures(group, total)) for name, group in ordered]


def _figures(steps: list[Step], total: float) -> tuple[str, str, str]:
    seconds, flops = sum(step.seconds for step in steps), sum(step.flops for step in steps)
    rate = f"{flops / seconds / 1e9:.0f}" if seconds > 0 and flops > 0 else ""
    return f"{1e3 * seconds:.2f}", f"{100 * seconds / total:.1f} %" if total > 0 else "", rate
