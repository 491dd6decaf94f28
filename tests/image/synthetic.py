"""Images made by formula, the same as tests/golden/awt/AwtGolden.java makes, and files of them."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

GOLDEN = Path(__file__).parents[1] / "golden" / "awt" / "awt_golden.npz"


def synthetic(width, height, channels, kind):
    """uint8 [height, width, channels]: "noise", "ramp", or a constant."""
    if kind == "noise":
        return noise(width, height, channels)
    if kind == "ramp":
        y, x, c = np.mgrid[:height, :width, :channels]
        return (3 * x + 5 * y + 85 * c + ((x * y) >> 6)).astype(np.uint8)
    return np.full((height, width, channels), int(kind), np.uint8)


def noise(width, height, channels):
    """The upper bytes of a linear congruential generator's states: s = a s + b modulo 2^32."""
    count = width * height * channels
    start = np.uint32(((width * 73856093) ^ (height * 19349663) ^ (channels * 83492791)) & 0xFFFFFFFF)
    powers = np.cumprod(np.full(count, 1664525, np.uint32), dtype=np.uint32)
    sums = np.cumsum(np.concatenate([np.ones(1, np.uint32), powers[:-1]]), dtype=np.uint32)
    states = powers * start + sums * np.uint32(1013904223)
    return (states >> np.uint32(24)).astype(np.uint8).reshape(height, width, channels)


def picture(height, width, seed=0):
    """A smooth uint8 RGB picture with some noise: what JPEG is made for."""
    y, x = np.mgrid[:height, :width]
    waves = [127 + 100 * np.sin(x / (7 + c) + c) * np.cos(y / (9 + 2 * c)) for c in range(3)]
    grain = np.random.default_rng(seed).normal(0, 6, (height, width, 3))
    return np.clip(np.stack(waves, -1) + grain, 0, 255).astype(np.uint8)


def encoded(image, kind, **options):
    """The bytes of an image file; image is a Pillow image or an array."""
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, kind, **options)
    return file.getvalue()


def golden_files():
    """(name, bytes, Java's pixels) of every file in the golden archive."""
    with np.load(GOLDEN) as golden:
        names = [name.removeprefix("file/") for name in golden.files if name.startswith("file/")]
        return [(name, golden[f"file/{name}"].tobytes(), golden[f"java/{name}"]) for name in names]
