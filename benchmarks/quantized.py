"""Would precision="int8" be worth having? Eight-bit integers by engines that have them, beside our floats.

ONNX Runtime's static quantization of the same weights: int8 weights scaled by channel, uint8 activations
scaled by what calibration images show, pairs of quantize and dequantize nodes that ONNX Runtime and OpenVINO
turn into integer convolutions. The first convolution, whose inputs are pixels, stays in float32. InceptionV3
has trained weights, and so the article's classifier can tell what is lost; ResNet50 has random ones.
"""

import argparse
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import isa
from benchmarks.accuracy import PER_CLASS, Features, classify, distances, weights_file
from benchmarks.article_job import SHARED, digit_images
from benchmarks.engines import ENGINES, OF_INT8, channels_first, keras_order
from benchmarks.features import Engine
from benchmarks.harness import CACHE, Report, Series, cpu_name, interleave, machine_facts, paired_ratio, table
from benchmarks.models import INPUT_SIZE, ensure, preprocess

PACKAGES = ("numpy", "openvino", "onnxruntime")
TRAINED = ("InceptionV3",)
NETS = ("ResNet50", *TRAINED)
BATCH = 8
FEW = 4  # digits of each class where there is nothing to classify
CALIBRATION = 4  # digits of each class that are none of those classified
CHUNK = 50  # images that a peer gets at once, to make features
OURS = "pydeepl"


@dataclass(frozen=True)
class Contestant:
    engine: str
    precision: str

    def __str__(self) -> str:
        return f"{self.engine}, {self.precision}"


def contestants() -> list[Contestant]:
    """Ours in bfloat16 only where the processor has it."""
    native = any(name in cpu_name() for name in ("avx512_bf16", "amx_bf16"))
    ours = ["float32", "bfloat16"] if native else ["float32"]
    peers = [Contestant("OpenVINO", "float32"), *(Contestant(name, "int8") for name in OF_INT8)]
    return [*(Contestant(OURS, precision) for precision in ours), *peers]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 43, 44, 45, 46])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement, about")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with the images and the weights")


# ---- quantizing


def resized(net: str, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 RGB [n, size, size, 3], by our area averaging."""
    from pydeepl.images.batch import load_batch

    pixels, _ = load_batch(list(images), INPUT_SIZE[net], INPUT_SIZE[net])
    return np.ascontiguousarray(pixels[..., ::-1])


def calibration_images(net: str, shared: Path) -> NDArray[np.uint8]:
    images, labels = digit_images(shared, PER_CLASS + CALIBRATION)
    later = [np.flatnonzero(labels == digit)[PER_CLASS:] for digit in range(10)]
    return resized(net, images[np.concatenate(later)])


def quantize(net: str, folder: Path, shared: Path) -> None:
    """Writes NET.int8.onnx beside NET.onnx, on the first call."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    quantized, folded = folder / f"{net}.int8.onnx", folder / f"{net}.folded.onnx"
    if quantized.exists():
        return
    print(f"{net}: quantizing", flush=True)
    images = calibration_images(net, shared)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.batches = iter(np.array_split(images, len(images) // BATCH))

        def get_next(self) -> Any:
            batch = next(self.batches, None)
            return None if batch is None else {"input": channels_first(preprocess(net, batch))}

    quant_pre_process(folder / f"{net}.onnx", folded, skip_symbolic_shape=True)
    first = next(node.name for node in onnx.load(folded).graph.node if node.op_type == "Conv")
    quantize_static(
        folded,
        quantized,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[first],
    )
    folded.unlink()


# ---- measuring


def rates(net: str, folder: Path, options: argparse.Namespace, rounds: int) -> dict[str, Series]:
    """Images/s of every contestant."""
    engines = {str(c): Engine(c.engine, net, folder, options, c.precision) for c in contestants()}
    try:
        turns = {name: engine.images_per_second for name, engine in engines.items()}
        return {series.name: series for series in interleave(rounds, turns, "images/s")}
    finally:
        for engine in engines.values():
            engine.worker.close()


def features(
    contestant: Contestant, net: str, folder: Path, images: NDArray[np.uint8], threads: int
) -> Features:
    load = partial(ENGINES[contestant.engine], net, folder, threads=threads, precision=contestant.precision)
    chunks = (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
    return np.concatenate([keras_order(contestant.engine, load(pixels=chunk)()) for chunk in chunks])


def quality(net: str, folder: Path, options: argparse.Namespace) -> dict[str, list[str]]:
    """Cells for every contestant: distances from our direct sums, and the classifier's accuracies."""
    from pydeepl import Featurizer

    images, labels = digit_images(options.shared, PER_CLASS if net in TRAINED else FEW)
    pixels = resized(net, images)
    weights = folder / f"{net}.weights.h5"
    exact = Featurizer(net, weights=weights, threads=options.threads, exact=True, cache=False)(pixels)
    cells = {}
    for contestant in (c for c in contestants() if c.engine == OURS or c.precision == "int8"):
        found = features(contestant, net, folder, pixels, options.threads)
        cells[str(contestant)] = distances(found, exact)
        if net in TRAINED:
            cells[str(contestant)] += classify(found, labels, options.seeds).row()
        print(contestant, *cells[str(contestant)], flush=True)
    return cells


def prepare(net: str, options: argparse.Namespace) -> Path:
    """The folder with the network's files."""
    weights = weights_file(net, options.shared) if net in TRAINED else None
    folder = ensure(net, CACHE / "quantized", BATCH, weights)
    quantize(net, folder, options.shared)
    return folder


def run(options: argparse.Namespace, rounds: int) -> Report:
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    CACHE.mkdir(exist_ok=True)
    options.isa, options.batch = isa.NATIVE, BATCH
    facts = machine_facts(options.threads, PACKAGES)
    rows = []
    names = [str(contestant) for contestant in contestants()]
    bases = [str(contestant) for contestant in contestants() if contestant.engine == OURS]
    for net in options.nets:
        folder = prepare(net, options)
        series = rates(net, folder, options, rounds)
        cells = quality(net, folder, options)
        for name in names:
            ratios = [f"{paired_ratio(series[name], series[base]):.2f}" for base in bases]
            rows.append([net, name, f"{series[name].median:.1f}", *ratios, *cells.get(name, [])])
    width = max(map(len, rows))
    header = ["net", "engine", "images/s", *(f"/ {base}" for base in bases)]
    header += ["cosine, mean", "least", "relative L2, mean", "largest"]
    header += ["accuracy", "F1", *(f"seed {seed}" for seed in options.seeds)]
    body = [
        f"Images/s in batches of {BATCH}, medians of {rounds} interleaved rounds of about "
        f"{options.seconds:g} s. int8: ONNX Runtime's static quantization (weights by channel, activations "
        f"by {10 * CALIBRATION} calibration digits), the first convolution in float32. Features of "
        "digits beside ours of float32 by direct sums; accuracy and F1 of the article's classifier on "
        f"{10 * PER_CLASS} in per cent, means over the splits and each split's accuracy. InceptionV3 has "
        "trained weights, ResNet50 random ones.",
        "",
        *table(header, [row + [""] * (width - len(row)) for row in rows]),
    ]
    return Report("quantized: eight-bit integers beside our floats", facts, body)
