"""A little of everything that the core does, as numbers that can be compared between processes.

Nothing here needs weights or files. A script of its own, too: it prints the numbers as JSON.
"""

import io
import json

import numpy as np
from PIL import Image

from pydeepl import _core


def jpeg_bytes() -> bytes:
    """A smooth colour image whose sides are no multiples of the JPEG's blocks."""
    y, x = np.mgrid[0:61, 0:83]
    rgb = np.stack([x * 3 % 256, y * 4 % 256, (x + y) % 256], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def decoded() -> np.ndarray:
    return _core.jpeg_decode(jpeg_bytes(), 0)


def network_output(threads: int = 2) -> np.ndarray:
    """A convolution, a pooling and a dense layer with fixed weights, on uint8 images: float32 [2, 5]."""
    rng = np.random.default_rng(7)
    graph = _core.Graph()
    x = graph.input("input", 16, 16, 3)
    x = graph.conv2d("conv", x, 8, (3, 3), padding="same", activation="relu")
    x = graph.global_avg_pool("pool", x)
    x = graph.dense("dense", x, 5)
    shapes = [shape for _, _, _, _, params in graph.layers for _, shape in params]
    params = [rng.normal(0, 0.5, shape).astype(np.float32) for shape in shapes]
    network = _core.Network(graph, x, params, 1, threads)
    return network.run(rng.integers(0, 256, (2, 16, 16, 3), np.uint8))


def coefficients() -> np.ndarray:
    """Three classes, four features: float64 [3, 4]."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 60).astype(np.float64)
    rows = (rng.normal(0, 1, (60, 4)) + labels[:, None]).astype(np.float32)
    features = _core.FeatureMatrix(4)
    features.append(rows)
    return _core.logistic_fit(features, labels, None, 3, True, 20, 0.01, 0.0, 1e-6, True, True, False, 2)[0]


def numbers() -> dict[str, list[float]]:
    pixels = decoded()
    resized = _core.resize(pixels, 30, 40, 16)
    return {
        "pixels": [float(value) for value in pixels[::10, ::10].ravel()],
        "resized": [float(value) for value in resized[::5, ::5].ravel()],
        "network": [float(value) for value in network_output().ravel()],
        "coefficients": [float(value) for value in coefficients().ravel()],
    }


if __name__ == "__main__":
    print(json.dumps(numbers()))
