"""A 1x1 convolution that makes a large map and the depthwise that reads it, in one step, row by row."""

import functools

import numpy as np
import pytest
from net.twin import AUTO, BFLOAT16, FLOAT32, Twin

pytestmark = pytest.mark.core

FUSED = "pdl:pointwise_depthwise"


@pytest.fixture(params=["portable", "avx2", "avx512"], autouse=True)
def kernels(request, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", request.param)


def large(channels=8):
    """8 images of 37 x 29 pixels: 128 channels of them are more than 4 MiB."""
    return Twin(37, 29, channels)


def with_numbers(make):
    """(twin, output, images, expected) of a function that makes the first two: once for all kernels."""

    @functools.cache
    def made(*arguments):
        twin, y = make(*arguments)
        images = twin.images(8)
        return twin, y, images, twin.expected(images, y)

    return made


def check(case, fused=1):
    """Right, by so many such steps, whatever the threads."""
    twin, y, images, expected = case
    for threads in (1, 3, 16):
        network = twin.network(y, threads=threads, algorithm=AUTO)
        assert np.linalg.norm(network.run(images) - expected) < 2e-6 * np.linalg.norm(expected)
        assert [step[2] for step in network.steps(8)].count(FUSED) == fused
    return network


@with_numbers
def one_window(kernel, stride, padding, dilation):
    twin = large()
    x = twin.conv2d(0, 132, (1, 1), activation="relu")
    return twin, twin.depthwise_conv2d(x, kernel, stride=stride, padding=padding, dilation=dilation)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        ((3, 3), (1, 1), "same", (1, 1)),
        ((5, 5), (2, 2), "same", (1, 1)),
        ((2, 3), (4, 1), "valid", (1, 2)),
    ],
)
def test_windows(kernel, stride, padding, dilation):
    case = one_window(kernel, stride, padding, dilation)
    ((_, kind, _, flops),) = check(case).steps(8)
    height, width, _ = case[0].shape_of(case[1])
    assert kind == "depthwise"
    assert flops == 2 * 8 * 132 * (8 * 37 * 29 + kernel[0] * kernel[1] * height * width)


def test_windows_whose_rows_have_gaps_stay_apart():
    check(one_window((2, 3), (1, 1), "same", (3, 2)), fused=0)


@with_numbers
def inverted_residual(activation):
    """Norms and activations everywhere; what the 1x1 reads is normalized for it alone."""
    twin = large(12)
    x = twin.batch_norm(twin.depthwise_conv2d(0, (3, 3), padding="same", activation="relu"))
    y = twin.batch_norm(twin.conv2d(twin.activation(x, activation), 144, (1, 1), use_bias=False))
    y = twin.depthwise_conv2d(twin.activation(y, activation), (3, 3), stride=(2, 2), padding="same")
    y = twin.activation(twin.batch_norm(y), activation)
    factors = twin.activation(twin.global_avg_pool(y, keepdims=True), "sigmoid")
    return twin, twin.conv2d(twin.merge("multiply", [y, factors]), 20, (1, 1))


@pytest.mark.parametrize("activation", ["bounded_relu", "silu"])
def test_an_inverted_residual(activation):
    check(inverted_residual(activation))


@with_numbers
def apart(why):
    twin = large()
    x = twin.conv2d(0, 128, (1, 1))
    if why == "a 1x1 would do without a map as large":
        y = twin.depthwise_conv2d(x, (3, 3), padding="same")
        return twin, twin.conv2d(y, 24, (1, 1))
    if why == "others read it":
        return twin, twin.add([x, twin.depthwise_conv2d(x, (3, 3), padding="same")])
    # A sum takes the memory of what the 1x1 reads, before the depthwise runs.
    small = twin.conv2d(0, 16, (1, 1))
    y = twin.conv2d(small, 128, (1, 1))
    total = twin.add([twin.conv2d(0, 16, (3, 3), padding="same"), small])
    return twin, twin.concat([twin.depthwise_conv2d(y, (3, 3), padding="same"), total])


@pytest.mark.parametrize("why", ["a 1x1 would do without a map as large", "others read it", "written over"])
def test_two_steps(why):
    check(apart(why), fused=0)


def test_batches_by_other_steps_share_the_weights():
    twin, y, images, expected = one_window((5, 5), (2, 2), "same", (1, 1))
    network = twin.network(y, threads=1, algorithm=AUTO)
    for batch in (8, 1, 8, 2):
        found = network.run(images[:batch])
        fused = FUSED in [step[2] for step in network.steps(batch)]
        assert fused == (batch == 8)
        assert np.linalg.norm(found - expected[:batch]) < 2e-6 * np.linalg.norm(expected[:batch])


def test_bfloat16(monkeypatch):
    monkeypatch.setenv("PYDEEPL_EMULATE_BF16", "1")
    twin = Twin(37, 58, 8)
    x = twin.conv2d(0, 128, (1, 1), activation="relu")
    y = twin.depthwise_conv2d(x, (3, 3), stride=(2, 2), padding="same")
    images = twin.images(8)
    network = twin.network(y, threads=2, algorithm=AUTO, precision=BFLOAT16)
    found, expected = network.run(images), twin.network(y, precision=FLOAT32).run(images)
    assert FUSED in [step[2] for step in network.steps(8)]
    assert 0 < np.linalg.norm(found - expected) < 1e-2 * np.linalg.norm(expected)
