"""1x1 convolutions of our own: every rest of pixels and outputs, residual sums, slices."""

import numpy as np
import pytest
from net.twin import AUTO, Twin

pytestmark = pytest.mark.core


@pytest.fixture(params=["portable", "avx2", "avx512"], autouse=True)
def kernels(request, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", request.param)


def slices(twin, outputs, **more):
    """A 1x1 convolution as a part of a concat, which oneDNN's cannot write: it is always ours."""
    return twin.concat([twin.conv2d(0, outputs, (1, 1), **more), twin.activation(0, "relu")])


def check_ours(twin, y, batches):
    network = twin.check(y, batches, algorithm=AUTO)
    steps = network.steps(batches[-1])
    assert [name for _, kind, name, _ in steps if kind == "convolution"] == ["pdl:pointwise"]
    return network


@pytest.mark.parametrize("outputs", [1, 3, 4, 7, 8, 15, 16, 17, 24, 31, 32, 33, 48, 70])
def test_every_rest_of_outputs(outputs):
    twin = Twin(5, 3, 20)
    check_ours(twin, slices(twin, outputs, activation="relu"), (1, 2))
    check_ours(twin, slices(twin, outputs, use_bias=False), (2,))


@pytest.mark.parametrize("width", range(1, 30))
def test_every_rest_of_pixels(width):
    twin = Twin(1, width, 8, seed=width)
    check_ours(twin, slices(twin, 40), (1,))


@pytest.mark.parametrize(
    "shape", [(1, 1, 4, 5), (7, 7, 516, 36), (16, 16, 32, 260), (23, 29, 64, 12), (4, 4, 2052, 64)]
)
def test_many_channels_and_few(shape):
    height, width, channels, outputs = shape
    twin = Twin(height, width, channels)
    y = slices(twin, outputs, activation="relu")
    check_ours(twin, y, (1, 3))
    images = twin.images(3)
    one, three = (twin.network(y, threads=threads, algorithm=AUTO).run(images) for threads in (1, 3))
    np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("outputs", [12, 32, 44])
@pytest.mark.parametrize("relu", [None, "relu"])
def test_residual_sums(outputs, relu):
    twin = Twin(6, 7, 16)
    narrow = twin.conv2d(0, 8, (1, 1), activation="relu")
    short, wide = twin.conv2d(0, outputs, (1, 1)), twin.conv2d(narrow, outputs, (1, 1))
    y = twin.activation(twin.add([short, wide]), relu or "linear")
    network = twin.check(y, (1, 3), algorithm=AUTO)
    assert [kind for _, kind, _, _ in network.steps(3)] == ["convolution"] * 3


def test_shapes_that_do_not_fit_are_left_to_others():
    twin = Twin(6, 7, 6)
    network = twin.check(twin.conv2d(0, 16, (1, 1)), algorithm=AUTO)
    assert network.steps(2)[0][2] != "pdl:pointwise"
    twin = Twin(6, 7, 8)
    for arguments in ({"stride": (2, 2)}, {"stride": (1, 2)}):
        network = twin.check(twin.conv2d(0, 16, (1, 1), **arguments), algorithm=AUTO)
        assert network.steps(2)[0][2] != "pdl:pointwise"
