"""One engine of `families` in a process of its own; and what the engines share.

`python -m benchmarks.family_engines ENGINE FAMILY FOLDER --threads N` loads the model and answers "ready"; to
`error` with the relative L2 difference to Keras' features, to a number with the seconds of so many batches.

    Keras model of random weights ── FAMILY.keras    pydeepl reads it
                                  ├─ FAMILY.xml      OpenVINO's conversion of the exported SavedModel
                                  └─ FAMILY.npz      a batch of inputs and Keras' features of it
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Run = Callable[[], np.ndarray]

# The sizes that their weights were trained with.
FAMILIES = {
    "MobileNet": 224, "MobileNetV2": 224, "MobileNetV3Small": 224, "MobileNetV3Large": 224,
    "NASNetMobile": 224,
    "EfficientNetB0": 224, "EfficientNetB3": 300, "EfficientNetV2B0": 224, "EfficientNetV2S": 384,
    "InceptionResNetV2": 299, "ConvNeXtTiny": 224, "DenseNet121": 224, "ResNet50V2": 224, "ResNet101": 224,
}  # fmt: skip


def make(family: str, folder: Path, batch: int) -> None:
    import keras
    import openvino as ov

    from benchmarks.models import randomize

    rng, size = np.random.default_rng(20), FAMILIES[family]
    model = getattr(keras.applications, family)(
        weights=None, include_top=False, input_shape=(size, size, 3), pooling="avg"
    )
    for layer in model.layers:
        if not isinstance(layer, keras.layers.Normalization):
            randomize(layer, rng)
    images = rng.uniform(0, 255, (batch, size, size, 3)).astype(np.float32)
    if not any(
        isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization) for layer in model.layers
    ):
        images = images / np.float32(127.5) - np.float32(1)  # as their preprocess_input
    model.save(folder / f"{family}.keras")
    with tempfile.TemporaryDirectory() as exported:
        model.export(exported, verbose=False)
        ov.save_model(ov.convert_model(exported), folder / f"{family}.xml", compress_to_fp16=False)
    np.savez(folder / f"{family}.npz", images=images, features=model.predict(images, verbose=0))


def ensure(family: str, folder: Path, batch: int) -> Path:
    """The folder with the family's files, made in a process of its own where they are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / f"{family}.npz").exists():
        command = [sys.executable, "-m", "benchmarks.family_engines", "make", family, str(folder)]
        subprocess.run([*command, "--batch", str(batch)], check=True)
    return folder


def pydeepl(family: str, folder: Path, images: np.ndarray, threads: int) -> Run:
    from pydeepl.keras import load_model

    model = load_model(folder / f"{family}.keras", threads=threads)
    return lambda: model.predict(images, batchSize=len(images))


def openvino(family: str, folder: Path, images: np.ndarray, threads: int) -> Run:
    import openvino as ov

    core = ov.Core()
    model = core.read_model(folder / f"{family}.xml")
    model.reshape(images.shape)
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda: request.infer(images, share_inputs=True, share_outputs=True)[0]


ENGINES = {"pydeepl": pydeepl, "OpenVINO": openvino}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=[*ENGINES, "make"])
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()
    if options.engine == "make":
        make(options.family, options.folder, options.batch)
        return
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    with np.load(options.folder / f"{options.family}.npz") as data:
        images, expected = data["images"], data["features"]
    run = ENGINES[options.engine](options.family, options.folder, images, options.threads)
    error = np.linalg.norm(run() - expected) / np.linalg.norm(expected)
    run()
    print("answer: ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "error":
            print("answer:", error, flush=True)
            continue
        started = time.perf_counter()
        for _ in range(int(line)):
            run()
        print("answer:", time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
