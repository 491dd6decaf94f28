"""Depthwise convolutions with every vector extension, at the edges of maps and after a relu."""

import numpy as np
import pytest
from net.twin import Twin

pytestmark = pytest.mark.core

# Fewer channels than a vector of any kind holds, some that fill none evenly, and several vectors at once.
CHANNELS = [1, 3, 7, 16, 21, 64, 100]
WINDOWS = [
    {"kernel": (3, 3), "padding": "same"},
    {"kernel": (3, 3), "padding": "same", "stride": (2, 2)},
    {"kernel": (3, 3), "padding": "same", "dilation": (2, 3)},
    {"kernel": (5, 2), "padding": "valid", "stride": (1, 3)},
    {"kernel": (1, 1), "padding": "valid", "stride": (2, 1)},
]


@pytest.fixture(params=["portable", "avx2", "avx512"], autouse=True)
def kernels(request, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", request.param)


def steps(network, batch=2):
    return [(kind, name) for _, kind, name, _ in network.steps(batch)]


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("window", WINDOWS)
def test_windows_inside_and_over_the_edge(window, channels):
    twin = Twin(11, 10, channels)
    network = twin.check(twin.depthwise_conv2d(0, activation="relu", **window), (1, 3))
    assert steps(network, 3) == [("depthwise", "pdl:depthwise")]
    twin.check(twin.depthwise_conv2d(0, use_bias=False, **window))


@pytest.mark.parametrize("extent", [(1, 1), (1, 9), (2, 1), (4, 3)])
def test_windows_larger_than_the_map(extent):
    twin = Twin(*extent, 33)
    for dilation in ((1, 1), (2, 2)):
        twin.check(twin.depthwise_conv2d(0, (5, 5), padding="same", dilation=dilation))


@pytest.mark.parametrize("channels", [5, 40])
def test_a_relu_before_is_a_part_of_it(channels):
    """Xception's blocks begin with a relu of what is added at their end."""
    twin = Twin(7, 9, channels)
    x = twin.conv2d(0, channels, (1, 1))
    y = twin.activation(x, "relu")
    y = twin.batch_norm(twin.separable_conv2d(y, channels, (3, 3), padding="same", use_bias=False))
    network = twin.check(twin.add([y, x]), (1, 2))
    assert [kind for kind, _ in steps(network)] == ["convolution", "depthwise", "convolution"]


def test_a_relu_that_others_read_stays():
    twin = Twin(7, 9, 12)
    y = twin.activation(0, "relu")
    both = twin.add([twin.depthwise_conv2d(y, (3, 3), padding="same"), y])
    assert [kind for kind, _ in steps(twin.check(both))] == ["affine", "depthwise", "add"]
    several = twin.depthwise_conv2d(twin.activation(0, "relu"), (3, 3), padding="same", multiplier=2)
    assert [kind for kind, _ in steps(twin.check(several))] == ["affine", "depthwise"]


def test_maps_larger_than_the_caches_are_written_past_them():
    """At least those between layers, whose memory is aligned; one image's is small enough to stay."""
    twin = Twin(90, 100, 384)
    y = twin.max_pool2d(twin.depthwise_conv2d(0, (3, 3), padding="same"), (2, 2))
    images, network = twin.images(2), twin.network(y)
    assert images.nbytes > 24 << 20 > images[:1].nbytes
    found = network.run(images)
    np.testing.assert_array_equal(found[:1], network.run(images[:1]))
    expected = twin.expected(images[:, :9, :9], y)  # this corner's windows see no more of the map
    np.testing.assert_allclose(found[:, :4, :4], expected[:, :4, :4], rtol=1e-5, atol=1e-5)


def test_results_depend_neither_on_threads_nor_on_the_batch():
    twin = Twin(9, 11, 40)
    images = twin.images(5)
    y = twin.depthwise_conv2d(0, (3, 3), padding="same")
    expected = twin.network(y, threads=1).run(images)
    for threads in (2, 3):
        network = twin.network(y, threads=threads)
        np.testing.assert_array_equal(network.run(images), expected)
        np.testing.assert_array_equal(network.run(images[2:3]), expected[2:3])
