"""An affine or a product with one factor a channel in one step with the 1x1 convolution that reads it."""

import numpy as np
import pytest
from net.twin import AUTO, BFLOAT16, FLOAT32, Twin

pytestmark = pytest.mark.core

NORM, PRODUCT = "pdl:affine_pointwise", "pdl:merge_pointwise"


@pytest.fixture(params=["portable", "avx2", "avx512"], autouse=True)
def kernels(request, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", request.param)


def check(twin, y, name, batch=3, fused=1):
    """Right, by so many such steps, whatever the threads."""
    images = twin.images(batch)
    network = twin.network(y, threads=1, algorithm=AUTO)
    found, expected = network.run(images), twin.expected(images, y)
    assert np.linalg.norm(found - expected) < 2e-6 * np.linalg.norm(expected)
    assert [step[2] for step in network.steps(batch)].count(name) == fused
    several = twin.network(y, threads=2, algorithm=AUTO).run(images)
    assert np.linalg.norm(several - expected) < 2e-6 * np.linalg.norm(expected)


def squeezed(twin, x, swapped=False):
    factors = twin.activation(twin.global_avg_pool(x, keepdims=True), "sigmoid")
    return twin.merge("multiply", [factors, x] if swapped else [x, factors])


@pytest.mark.parametrize("channels", [4, 12, 16, 28, 84])
@pytest.mark.parametrize("activation", [None, "relu", "silu"])
def test_norms_before(channels, activation):
    """A pre-activation: what is normalized has another reader."""
    twin = Twin(21, 30, channels)
    x = twin.depthwise_conv2d(0, (3, 3), padding="same")
    y = twin.batch_norm(x)
    y = y if activation is None else twin.activation(y, activation)
    check(twin, twin.concat([x, twin.conv2d(y, 40, (1, 1), activation="relu")]), NORM)


def test_a_relu_before():
    twin = Twin(21, 30, 16)
    x = twin.depthwise_conv2d(0, (3, 3), padding="same")
    check(twin, twin.concat([x, twin.conv2d(twin.activation(x, "relu"), 40, (1, 1))]), NORM)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("size", "channels"), [((21, 30), 20), ((7, 7), 84), ((13, 1), 4)])
def test_squeeze_and_excitation(size, channels, swapped):
    """Blocks of pixels go from one image to the next."""
    twin = Twin(*size, channels)
    x = twin.depthwise_conv2d(0, (3, 3), padding="same")
    check(twin, twin.conv2d(squeezed(twin, x, swapped), 24, (1, 1)), PRODUCT, batch=5)


def test_a_residual_sum_after_a_product():
    twin = Twin(21, 30, 12)
    x = twin.conv2d(0, 24, (1, 1))
    y = twin.depthwise_conv2d(x, (3, 3), padding="same", activation="relu")
    check(twin, twin.add([twin.conv2d(squeezed(twin, y), 24, (1, 1)), x]), PRODUCT)


def test_what_is_written_over_is_read_in_time():
    twin = Twin(21, 30, 12)
    x = twin.conv2d(0, 24, (1, 1))
    y = twin.conv2d(twin.batch_norm(x), 24, (1, 1))
    check(twin, twin.add([y, x]), NORM, fused=0)


def test_products_with_other_readers_and_of_other_shapes_stay_apart():
    twin = Twin(9, 8, 12)
    y = squeezed(twin, 0)
    check(twin, twin.concat([twin.conv2d(y, 24, (1, 1)), y]), PRODUCT, fused=0)
    y = twin.merge("multiply", [0, twin.max_pool2d(0, (9, 1))])  # a factor for each column
    check(twin, twin.conv2d(y, 24, (1, 1)), PRODUCT, fused=0)
    y = twin.merge("add", [0, twin.global_avg_pool(0)])
    check(twin, twin.conv2d(y, 24, (1, 1)), PRODUCT, fused=0)


def test_bfloat16(monkeypatch):
    monkeypatch.setenv("PYDEEPL_EMULATE_BF16", "1")
    twin = Twin(21, 30, 20)
    x = twin.depthwise_conv2d(0, (3, 3), padding="same")
    x = twin.concat([x, twin.conv2d(twin.batch_norm(x), 12, (1, 1))])
    y = twin.conv2d(squeezed(twin, x), 24, (1, 1))
    images = twin.images(2)
    network = twin.network(y, threads=1, algorithm=AUTO, precision=BFLOAT16)
    found, expected = network.run(images), twin.network(y, precision=FLOAT32).run(images)
    assert {NORM, PRODUCT} <= {step[2] for step in network.steps(2)}
    assert 0 < np.linalg.norm(found - expected) < 1e-2 * np.linalg.norm(expected)


@pytest.mark.parametrize("size", [(21, 30), (5, 4)])
def test_a_dense_block_continues_its_concats_in_place(size):
    twin = Twin(*size, 12)
    x = twin.conv2d(0, 16, (1, 1))
    first = twin.max_pool2d(x, (3, 3), stride=(1, 1), padding="same")
    for grown in (24, 32, 40):
        y = twin.conv2d(twin.activation(twin.batch_norm(first), "relu"), 24, (1, 1), activation="relu")
        y = twin.depthwise_conv2d(y, (3, 3), padding="same")
        first = twin.concat([first, twin.conv2d(y, 8, (1, 1))])
        assert twin.shape_of(first)[2] == grown
    pooled = twin.max_pool2d(first, (2, 2))
    check(twin, twin.conv2d(twin.batch_norm(pooled), 24, (1, 1)), NORM, fused=4)


def test_concats_that_others_read_or_write_over_are_copied():
    twin = Twin(21, 30, 8)
    x = twin.concat([twin.conv2d(0, 8, (1, 1)), twin.conv2d(0, 16, (1, 1))])
    both = twin.concat([x, twin.conv2d(x, 8, (3, 3), padding="same"), x, twin.conv2d(0, 8, (1, 1))])
    y = twin.add([twin.conv2d(both, 24, (1, 1)), x])  # takes the memory of x, which both still holds
    check(twin, twin.concat([y, twin.conv2d(both, 8, (1, 1))]), NORM, fused=0)
    twin = Twin(21, 30, 8)
    x = twin.concat([twin.conv2d(0, 8, (1, 1)), twin.conv2d(0, 16, (1, 1))])
    both = twin.concat([twin.activation(0, "relu"), x, twin.activation(x, "relu")])
    check(twin, twin.concat([both, x]), NORM, fused=0)
