"""One engine in a process of its own, so that no engine's threads disturb another's.

`python -m benchmarks.engines ENGINE NET FOLDER --threads N` loads the network, checks its features against
Keras', answers "ready", then for each line `N` of standard input runs N batches and answers with the seconds.
Started for another ISA than "native", it ends with an error where it uses AVX-512 all the same.

Peers get float32 in the layout they like best; pydeepl gets uint8 pixels, its preprocessing included.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import isa
from benchmarks.models import INPUT_SIZE, keras_model, preprocess

Run = Callable[[], np.ndarray]  # one batch -> features

PRECISIONS = ("float32", "bfloat16", "int8")
OF_BFLOAT16 = ("pydeepl", "OpenVINO")
OF_INT8 = ("OpenVINO", "ONNX Runtime")


def channels_first(batch: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(batch.transpose(0, 3, 1, 2))


def keras_order(engine: str, features: np.ndarray) -> np.ndarray:
    """[n, h * w * c]"""
    if features.ndim == 4 and engine in ("OpenVINO", "ONNX Runtime"):
        features = features.transpose(0, 2, 3, 1)
    return features.reshape(len(features), -1)


def onnx_file(net: str, folder: Path, precision: str) -> Path:
    return folder / (f"{net}.int8.onnx" if precision == "int8" else f"{net}.onnx")


def pydeepl(net: str, folder: Path, pixels: np.ndarray, threads: int, precision: str) -> Run:
    from pydeepl import _core
    from pydeepl.weights import network_params

    name, _, _, preprocessing, features = _core.zoo_spec(net)
    graph = _core.zoo_graph(name, False)
    params = network_params(net, weights=str(folder / f"{net}.weights.h5"))[0]
    number = PRECISIONS.index(precision)
    network = _core.Network(
        graph, graph.find(features), params, preprocessing, threads, *([0, number] if number else [])
    )
    network.prepare(len(pixels))
    bgr = np.ascontiguousarray(pixels[..., ::-1])
    return lambda: network.run(bgr).reshape(len(bgr), -1)


def tensorflow(net: str, folder: Path, pixels: np.ndarray, threads: int, precision: str) -> Run:
    """A frozen graph, as TensorFlow serves a model: faster than Keras' predict."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = keras_model(net)
    model.load_weights(folder / f"{net}.weights.h5")
    size = INPUT_SIZE[net]
    signature = tf.TensorSpec((len(pixels), size, size, 3), tf.float32)
    concrete = tf.function(lambda x: model(x, training=False)).get_concrete_function(signature)
    frozen = convert_variables_to_constants_v2(concrete)
    batch = tf.constant(preprocess(net, pixels))
    return lambda: frozen(batch)[0].numpy().reshape(len(pixels), -1)


def onnxruntime(net: str, folder: Path, pixels: np.ndarray, threads: int, precision: str) -> Run:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(
        onnx_file(net, folder, precision), options, providers=["CPUExecutionProvider"]
    )
    batch = {"input": channels_first(preprocess(net, pixels))}
    return lambda: session.run(None, batch)[0]


def openvino(net: str, folder: Path, pixels: np.ndarray, threads: int, precision: str) -> Run:
    import openvino as ov

    core = ov.Core()
    model = core.read_model(onnx_file(net, folder, precision))
    batch = channels_first(preprocess(net, pixels))
    model.reshape(batch.shape)
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        # Of what is not quantized; its own choice may be bfloat16 where the CPU has it.
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
    }
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()

    def run() -> np.ndarray:
        return request.infer(batch, share_inputs=True, share_outputs=True)[0]

    return run


ENGINES = {"pydeepl": pydeepl, "OpenVINO": openvino, "ONNX Runtime": onnxruntime, "TensorFlow": tensorflow}


def check(engine: str, features: np.ndarray, expected: np.ndarray, precision: str) -> None:
    """Relative L2 error per image, for all engines: another net or layout would be far off.

    What fewer bits cost on trained weights and natural images is measured by `accuracy` and `quantized`.
    """
    features = keras_order(engine, features)
    difference = np.linalg.norm(features - expected, axis=1) / np.linalg.norm(expected, axis=1)
    if not difference.max() <= {"float32": 1e-4, "bfloat16": 0.1, "int8": 0.5}[precision]:
        raise SystemExit(f"{engine}: features are {difference.max():.2e} away from Keras'")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("net")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--isa", choices=isa.ISAS, default=isa.NATIVE)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    with np.load(options.folder / f"{options.net}.npz") as data:
        pixels, expected = data["pixels"], data["features"]
    load = ENGINES[options.engine]
    run = load(options.net, options.folder, pixels, options.threads, options.precision)
    check(options.engine, run(), expected, options.precision)
    if options.isa != isa.NATIVE and isa.used_avx512(run):
        raise SystemExit(f"{options.engine}: uses AVX-512, though it is held to {options.isa}")
    run()
    print("answer: ready", flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        for _ in range(int(line)):
            run()
        print("answer:", time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
