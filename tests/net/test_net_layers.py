"""Every layer against its definition in numpy, float64."""

import numpy as np
import pytest
from net.twin import Twin

pytestmark = pytest.mark.core

WINDOWS = [
    ((1, 1), (1, 1), (1, 1)),
    ((3, 3), (1, 1), (1, 1)),
    ((3, 3), (2, 2), (1, 1)),
    ((1, 1), (2, 2), (1, 1)),
    ((5, 4), (2, 3), (1, 1)),
    ((1, 7), (1, 1), (1, 1)),
    ((3, 3), (1, 1), (2, 2)),
    ((2, 3), (1, 1), (1, 2)),
]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), WINDOWS)
@pytest.mark.parametrize("channels", [(3, 5), (32, 48)])
def test_conv2d(kernel, stride, dilation, padding, channels):
    twin = Twin(11, 10, channels[0])
    window = {"stride": stride, "dilation": dilation, "padding": padding}
    twin.check(twin.conv2d(0, channels[1], kernel, **window), (1, 3))
    twin.check(twin.conv2d(0, channels[1], kernel, use_bias=False, activation="relu", **window))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), WINDOWS)
@pytest.mark.parametrize(("channels", "multiplier"), [(5, 1), (32, 1), (6, 3)])
def test_depthwise_and_separable(kernel, stride, dilation, padding, channels, multiplier):
    twin = Twin(11, 10, channels)
    window = {"stride": stride, "dilation": dilation, "padding": padding, "multiplier": multiplier}
    twin.check(twin.depthwise_conv2d(0, kernel, activation="relu", **window), (1, 3))
    twin.check(twin.depthwise_conv2d(0, kernel, use_bias=False, **window))
    twin.check(twin.separable_conv2d(0, 7, kernel, **window))
    twin.check(twin.separable_conv2d(0, 16, kernel, use_bias=False, activation="relu", **window))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size", [(2, 2), (3, 3), (3, 2)])
@pytest.mark.parametrize("stride", [None, (1, 1), (2, 2), (2, 3)])
@pytest.mark.parametrize("channels", [3, 40])
def test_pools(size, stride, padding, channels):
    twin = Twin(9, 8, channels)
    twin.check(twin.max_pool2d(0, size, stride=stride, padding=padding), (1, 3))
    twin.check(twin.avg_pool2d(0, size, stride=stride, padding=padding), (1, 3))


def test_global_pools():
    twin = Twin(5, 6, 19)
    twin.check(twin.global_avg_pool(0), (1, 5))
    twin.check(twin.global_max_pool(0), (1, 5))


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("center", [False, True])
def test_batch_norm_alone(scale, center):
    twin = Twin(4, 5, 6)
    twin.check(twin.batch_norm(0, scale=scale, center=center, epsilon=1e-2))
    twin.check(twin.batch_norm(twin.global_avg_pool(0), scale=scale, center=center))


@pytest.mark.parametrize("activation", [None, "linear", "relu", "softmax"])
def test_activations(activation):
    twin = Twin(4, 5, 6)
    twin.check(twin.activation(0, activation))
    twin.check(twin.conv2d(0, 9, (2, 2), activation=activation))
    twin.check(twin.dense(twin.flatten(0), 11, activation=activation), (1, 4))


def test_dense_on_a_map_works_on_its_channels():
    twin = Twin(4, 5, 6)
    twin.check(twin.dense(0, 7, activation="relu"))


def test_add_of_three_and_of_vectors():
    twin = Twin(4, 5, 6)
    a, b = twin.conv2d(0, 6, (1, 1)), twin.max_pool2d(0, (1, 1))
    twin.check(twin.activation(twin.add([a, b, 0]), "relu"))
    twin.check(twin.add([0, 0]))
    twin.check(twin.add([twin.global_avg_pool(a), twin.global_max_pool(b)]))


def test_concat_of_vectors():
    twin = Twin(4, 5, 6)
    twin.check(twin.concat([twin.global_avg_pool(0), twin.global_max_pool(0), twin.flatten(0)]))


@pytest.mark.parametrize("pads", [(1, 0, 0, 0), (0, 2, 1, 0), (3, 3, 3, 3)])
def test_zero_pad(pads):
    twin = Twin(4, 5, 6)
    twin.check(twin.zero_pad(0, *pads))
    twin.check(twin.zero_pad(twin.conv2d(0, 5, (1, 1)), *pads))


def test_an_input_can_be_the_output():
    twin = Twin(4, 5, 6)
    images = twin.images(3)
    assert np.array_equal(twin.network(0).run(images), images)
    assert np.array_equal(twin.network(twin.flatten(0)).run(images), images.reshape(3, -1))
