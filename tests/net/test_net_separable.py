"""A depthwise and a 1x1 convolution in one step: every shape, and where they may not be one."""

import numpy as np
import pytest
from net.twin import AUTO, BFLOAT16, DIRECT, FLOAT32, Twin

pytestmark = pytest.mark.core

FUSED = "pdl:depthwise_pointwise"


@pytest.fixture(params=["portable", "avx2", "avx512"], autouse=True)
def kernels(request, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", request.param)


@pytest.fixture
def emulated(monkeypatch):
    monkeypatch.setenv("PYDEEPL_EMULATE_BF16", "1")


def check(twin, y, batch=2, fused=1):
    """Right, by so many steps of both, and bit by bit what two steps compute."""
    images = twin.images(batch)
    network = twin.network(y, threads=1, algorithm=AUTO)
    found, expected = network.run(images), twin.expected(images, y)
    assert np.linalg.norm(found - expected) < 2e-6 * np.linalg.norm(expected)
    names = [name for _, _, name, _ in network.steps(batch)]
    assert names.count(FUSED) == fused
    many = twin.network(y, threads=8, algorithm=AUTO)  # so many that each would repeat the depthwise's work
    apart = many.run(images)
    names = [name for _, _, name, _ in many.steps(batch)]
    assert FUSED not in names
    if 0 < fused <= names.count("pdl:pointwise"):
        np.testing.assert_array_equal(apart, found)
    return network


@pytest.mark.parametrize(
    "kernel, stride, padding",
    [
        ((3, 3), (1, 1), "same"),
        ((3, 3), (2, 2), "same"),
        ((3, 3), (2, 1), "valid"),
        ((5, 5), (1, 1), "same"),
        ((1, 7), (1, 2), "same"),
        ((2, 1), (3, 3), "valid"),
    ],
)
def test_windows(kernel, stride, padding):
    twin = Twin(20 * stride[0] + kernel[0], 29 * stride[1] + kernel[1], 20)
    check(twin, twin.separable_conv2d(0, 72, kernel, stride=stride, padding=padding, activation="relu"))


@pytest.mark.parametrize("width", [1, 2, 3, 33, 34, 101, 2000])
def test_rows_that_begin_and_end_anywhere_in_a_block(width):
    twin = Twin(1 + 1900 // width, width, 8, seed=width)
    check(twin, twin.separable_conv2d(0, 72, (3, 3), padding="same"), batch=1)


@pytest.mark.parametrize("channels", [4, 12, 16, 28, 64, 84, 260])
def test_channels(channels):
    twin = Twin(40, 26, channels)
    check(twin, twin.separable_conv2d(0, 72, (3, 3), padding="same"))


def test_relus_and_norms_before_between_and_after():
    twin = Twin(30, 31, 16)
    x = twin.depthwise_conv2d(twin.activation(0, "relu"), (3, 3), padding="same", use_bias=False)
    x = twin.activation(twin.batch_norm(x), "relu")
    x = twin.conv2d(x, 72, (1, 1), use_bias=False)
    network = check(twin, twin.activation(twin.batch_norm(x), "relu"))
    ((layer, kind, _, flops),) = network.steps(2)
    assert (layer, kind) == (twin.graph.layers[-1][0], "convolution")
    assert flops == 2 * 2 * 30 * 31 * (9 * 16 + 16 * 72)


@pytest.mark.parametrize("activation", ["bounded_relu", "silu", "hard_silu", "leaky_relu"])
def test_other_activations_between_and_after(activation):
    twin = Twin(30, 31, 20)
    x = twin.activation(twin.depthwise_conv2d(0, (3, 3), padding="same"), activation)
    y = twin.activation(twin.conv2d(x, 72, (1, 1)), activation)
    network = check(twin, y)
    assert len(network.steps(2)) == 1


def test_residual_sums():
    """The second writes over the summand that the first has read."""
    twin = Twin(31, 32, 24)
    x = twin.conv2d(0, 72, (1, 1))
    y = twin.separable_conv2d(x, 72, (3, 3), padding="same", activation="relu")
    y = twin.separable_conv2d(y, 72, (3, 3), padding="same")
    check(twin, twin.activation(twin.add([y, x]), "relu"), fused=2)


def test_a_sum_may_not_write_over_what_is_still_read():
    twin = Twin(31, 32, 24)
    x = twin.conv2d(0, 72, (1, 1))
    y = twin.separable_conv2d(x, 72, (3, 3), padding="same")
    check(twin, twin.add([y, x]), fused=0)
    twin = Twin(31, 32, 24)  # the depthwise is done before the sum takes its input's place, the 1x1 after it
    x = twin.conv2d(0, 72, (1, 1))
    left = twin.depthwise_conv2d(x, (3, 3), padding="same")
    right = twin.add([twin.conv2d(twin.activation(0, "relu"), 72, (1, 1)), x])
    check(twin, twin.add([twin.conv2d(left, 72, (1, 1)), right]), fused=0)


def test_slices_and_shared_values():
    twin = Twin(31, 32, 24)
    left = twin.separable_conv2d(0, 72, (3, 3), padding="same")
    both = twin.concat([left, twin.activation(0, "relu")])
    check(twin, twin.separable_conv2d(both, 72, (3, 3), padding="same"), fused=2)
    twin = Twin(31, 32, 24)  # the depthwise has another reader
    x = twin.depthwise_conv2d(0, (3, 3), padding="same")
    check(twin, twin.concat([twin.conv2d(x, 72, (1, 1)), x]), fused=0)


def test_several_outputs_a_channel_and_odd_channels_stay_apart():
    twin = Twin(31, 32, 8)
    check(twin, twin.separable_conv2d(0, 72, (3, 3), padding="same", multiplier=2), fused=0)
    twin = Twin(31, 32, 6)
    check(twin, twin.separable_conv2d(0, 72, (3, 3), padding="same"), fused=0)


def test_direct_sums_only():
    twin = Twin(31, 32, 16)
    network = twin.check(twin.separable_conv2d(0, 72, (3, 3), padding="same"), algorithm=DIRECT)
    assert FUSED not in [name for _, _, name, _ in network.steps(2)]


def test_bfloat16(emulated):
    twin = Twin(31, 32, 20)
    y = twin.separable_conv2d(0, 72, (3, 3), padding="same", activation="relu")
    images = twin.images(2)
    fused, apart = (
        twin.network(y, threads=threads, algorithm=AUTO, precision=BFLOAT16) for threads in (1, 8)
    )
    found = fused.run(images)
    assert FUSED in [name for _, _, name, _ in fused.steps(2)]
    np.testing.assert_array_equal(apart.run(images), found)  # what is between is rounded in either
    expected = twin.network(y, algorithm=AUTO, precision=FLOAT32).run(images)
    assert 0 < np.linalg.norm(found - expected) < 1e-2 * np.linalg.norm(expected)
