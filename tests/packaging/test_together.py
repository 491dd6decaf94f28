"""Other packages that bring OpenMP, oneDNN or a JPEG library of their own live in one process with pydeepl.

Either order of import, each in a fresh process: pydeepl's numbers are those it has alone, and the other
package still works.
"""

import importlib.util
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent

# Module -> a piece of work that uses what might clash, with `core_work` to make a JPEG.
WORK = {
    "PIL": """
from PIL import Image
import io
assert Image.open(io.BytesIO(core_work.jpeg_bytes())).convert("L").resize((9, 9)).getbbox()
""",
    "cv2": """
import cv2, numpy
pixels = cv2.imdecode(numpy.frombuffer(core_work.jpeg_bytes(), numpy.uint8), cv2.IMREAD_COLOR)
assert cv2.GaussianBlur(pixels, (5, 5), 0).shape == pixels.shape
""",
    "sklearn": """
import numpy
from sklearn.ensemble import HistGradientBoostingClassifier
x = numpy.random.default_rng(0).normal(size=(200, 4))
assert HistGradientBoostingClassifier(max_iter=5).fit(x, x[:, 0] > 0).score(x, x[:, 0] > 0) > 0.9
""",
    "torch": """
import torch
y = torch.nn.Conv2d(3, 8, 3)(torch.ones(2, 3, 16, 16))
assert y.shape == (2, 8, 14, 14)
""",
    "tensorflow": """
import tensorflow as tf
assert tf.nn.conv2d(tf.ones((2, 16, 16, 3)), tf.ones((3, 3, 3, 8)), 1, "VALID").shape == (2, 14, 14, 8)
assert tf.io.decode_jpeg(core_work.jpeg_bytes()).shape == (61, 83, 3)
""",
    "openvino": """
import numpy, openvino as ov
from openvino import opset13 as ops
x = ops.parameter((2, 3, 16, 16), numpy.float32)
kernel = ops.constant(numpy.ones((8, 3, 3, 3), numpy.float32))
model = ov.Model([ops.convolution(x, kernel, [1, 1], [0, 0], [0, 0], [1, 1])], [x])
compiled = ov.Core().compile_model(model, "CPU")
assert compiled(numpy.ones((2, 3, 16, 16), numpy.float32))[0].shape == (2, 8, 14, 14)
""",
    "onnxruntime": """
import onnxruntime
assert "CPUExecutionProvider" in onnxruntime.get_available_providers()
""",
}
# The test requirements bring the first three; the others are tried where somebody installed them.
PRESENT = [name for name in WORK if importlib.util.find_spec(name) or name in ("PIL", "cv2", "sklearn")]


def in_a_process(code: str) -> dict[str, list[float]]:
    setup = f"import sys, json; sys.path.insert(0, {str(HERE)!r})\n"
    command = [sys.executable, "-c", setup + code]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


@cache
def alone() -> dict[str, list[float]]:
    return in_a_process("import core_work; print(json.dumps(core_work.numbers()))")


def same(found: dict[str, list[float]]) -> None:
    assert found.keys() == alone().keys()
    for name, values in found.items():
        np.testing.assert_array_equal(values, alone()[name], err_msg=name)


@pytest.mark.parametrize("other", PRESENT)
def test_pydeepl_first(other):
    code = f"import core_work; core_work.numbers()\n{WORK[other]}\nprint(json.dumps(core_work.numbers()))"
    same(in_a_process(code))


@pytest.mark.parametrize("other", PRESENT)
def test_the_other_first(other):
    code = f"import {other}\nimport core_work\n{WORK[other]}\nprint(json.dumps(core_work.numbers()))"
    same(in_a_process(code))
