"""Activations, merging layers and normalizations against their definitions, with every vector extension."""

import numpy as np
import pytest
from net.twin import ACTIVATIONS, BFLOAT16, LARGE_TILES, MERGES, NORMS, SMALL_TILES, Twin, activate

from pydeepl._core import Graph

pytestmark = pytest.mark.core

ROWS = ("softmax", "log_softmax", "sparsemax")
PARAMETERS = {
    "bounded_relu": (0.3, 2.0, -0.5), "leaky_relu": (0.05,), "elu": (0.7,), "celu": (2.5,),
    "hard_sigmoid": (0.2, 0.5), "soft_shrink": (0.2,), "hard_shrink": (0.9,), "squareplus": (1.0,),
    "threshold": (0.4, -3.0),
}  # fmt: skip


@pytest.fixture(params=["portable", "avx2", "avx512"])
def kernels(request, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", request.param)


def kinds(network, batch=2):
    return [kind for _, kind, _, _ in network.steps(batch)]


def extremes(activation):
    """Numbers from far below to far above 0, dense where functions bend."""
    far = np.array([0.0, 1e-30, 1e-4, 0.62, 0.63, 20.1, 60.0, 88.0, 95.0, 1e4, 1e15, 3e38])
    x = np.concatenate([np.linspace(-9, 9, 1500), far, -far]).astype(np.float32)
    return x[x < 88.5] if activation == "exponential" else x


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(
    ("activation", "parameters"),
    [(name, ()) for name in ACTIVATIONS if name not in ROWS] + list(PARAMETERS.items()),
)
def test_functions_of_one_number(activation, parameters):
    x = extremes(activation)
    twin = Twin(1, 1, len(x))
    network = twin.network(twin.activation(0, activation, parameters))
    found = network.run(x.reshape(1, 1, 1, -1)).ravel()
    with np.errstate(over="ignore"):
        expected = activate(x.astype(np.float64), activation, parameters)
    assert (np.abs(found - expected) <= 4e-7 * np.maximum(np.abs(expected), 1.0)).all()


# Keras' threshold gives its value for what is not above it.
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "threshold"])
def test_not_a_number_stays_one(activation):
    twin = Twin(1, 2, 20)
    y = twin.network(twin.activation(0, activation)).run(np.full((1, 1, 2, 20), np.nan, np.float32))
    assert np.isnan(y).all()


@pytest.mark.parametrize("activation", ROWS)
@pytest.mark.parametrize("channels", [1, 5, 1500])
def test_functions_of_rows(activation, channels):
    twin = Twin(2, 3, channels)
    images = 3 * twin.images(2)
    y = twin.activation(0, activation)
    np.testing.assert_allclose(twin.network(y).run(images), twin.expected(images, y), rtol=2e-6, atol=2e-6)


# In a layer's own kernel, in oneDNN's, or after it.
def test_sparsemax_of_an_element_beside_the_threshold():
    twin = Twin(1, 1, 3)
    network = twin.network(twin.activation(0, "sparsemax"))
    row = np.float32([0.09660621, 0.056223184, -0.42358530])  # by rounding the last one is above it or below
    without = np.maximum(row - (2 * row[0] + row[1] - 1) / 2, 0)
    with_it = np.maximum(row - (3 * row[0] + 2 * row[1] + row[2] - 1) / 3, 0)
    found = network.run(row.reshape(1, 1, 1, 3))
    assert any(np.allclose(found, expected, atol=1e-6) for expected in (without, with_it))


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(
    "activation", ["bounded_relu", "hard_silu", "silu", "gelu", "leaky_relu", "softplus", "selu"]
)
def test_functions_that_end_a_layer(activation):
    twin = Twin(7, 6, 16)
    nodes = [
        twin.conv2d(0, 40, (1, 1)),
        twin.conv2d(0, 32, (3, 3), padding="same"),
        twin.conv2d(0, 20, (3, 3), stride=(2, 2)),
        twin.depthwise_conv2d(0, (3, 3), padding="same"),
        twin.depthwise_conv2d(0, (3, 3), padding="same", multiplier=2),
        twin.dense(twin.flatten(0), 21),
        twin.merge("multiply", [0, twin.global_avg_pool(0)]),
        twin.layer_norm(0),
    ]
    for node in nodes:
        alone = len(kinds(twin.check(node)))
        y = twin.activation(node, activation)
        for algorithm in (0, SMALL_TILES, LARGE_TILES) if node == nodes[1] else (0,):
            assert len(kinds(twin.check(y, algorithm=algorithm))) == alone


def test_a_function_ends_a_residual_layer_and_stays_between_others():
    twin = Twin(6, 6, 16)
    x = twin.activation(twin.conv2d(0, 16, (1, 1)), "silu")
    y = twin.activation(twin.batch_norm(twin.conv2d(x, 16, (3, 3), padding="same")), "hard_silu")
    y = twin.activation(twin.add([twin.conv2d(y, 16, (1, 1)), x]), "bounded_relu")
    for algorithm in (0, SMALL_TILES):
        assert kinds(twin.check(y, algorithm=algorithm)) == ["convolution"] * 3
    twice = twin.activation(twin.activation(twin.conv2d(0, 16, (1, 1)), "silu"), "relu")
    assert kinds(twin.check(twice)) == ["convolution", "affine"]
    scaled = twin.batch_norm(twin.activation(twin.conv2d(0, 16, (1, 1)), "tanh"))
    twin.check(scaled)
    pooled = twin.activation(
        twin.conv2d(twin.avg_pool2d(0, (3, 3), stride=(1, 1), padding="same"), 4, (1, 1)), "silu"
    )
    twin.check(pooled)
    halves = twin.max_pool2d(twin.activation(twin.conv2d(0, 16, (3, 3), padding="same"), "gelu"), (2, 2))
    twin.check(halves, algorithm=LARGE_TILES)


def test_a_conv_writes_its_function_into_a_slice():
    twin = Twin(6, 5, 16)
    parts = [
        twin.activation(twin.conv2d(0, 20, (1, 1)), "silu"),
        twin.activation(twin.depthwise_conv2d(0, (3, 3), padding="same"), "gelu"),
    ]
    parts += [twin.merge("maximum", [0, twin.global_max_pool(0)]), twin.layer_norm(0)]
    twin.check(twin.concat(parts), (1, 3))


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("how", MERGES)
def test_merging(how):
    twin = Twin(4, 5, 19)
    other, safe = twin.conv2d(0, 19, (1, 1)), twin.activation(0, "softplus")  # a divisor is not near 0
    twin.check(twin.merge(how, [other, safe]), (1, 3))
    twin.check(twin.activation(twin.merge(how, [0, safe]), "relu"))
    if how not in ("subtract", "divide"):
        twin.check(twin.merge(how, [0, other, twin.max_pool2d(0, (1, 1))]))


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("channels", [3, 19, 64])
def test_extents_of_one_repeat(channels):
    twin = Twin(4, 5, channels)
    vector, mean = twin.global_max_pool(0), twin.global_avg_pool(0, keepdims=True)
    row, one = twin.max_pool2d(0, (1, 5)), twin.conv2d(0, 1, (1, 1))
    assert twin.shape_of(mean) == (1, 1, channels)
    for x in ([0, vector], [mean, 0], [0, row], [one, 0], [row, one], [vector, one], [0, one, mean, 0]):
        twin.check(twin.merge("multiply", x), (1, 3))
    twin.check(twin.merge("subtract", [vector, 0]))
    twin.check(twin.add([0, mean]))


def test_squeeze_and_excitation():
    twin = Twin(6, 7, 24)
    x = twin.activation(twin.depthwise_conv2d(0, (5, 5), padding="same"), "silu")
    s = twin.conv2d(twin.global_avg_pool(x, keepdims=True), 6, (1, 1))
    s = twin.activation(twin.conv2d(twin.activation(s, "silu"), 24, (1, 1)), "sigmoid")
    y = twin.add([twin.conv2d(twin.merge("multiply", [x, s]), 24, (1, 1)), 0])
    for algorithm in (0, SMALL_TILES):
        twin.check(y, (1, 3), algorithm=algorithm)


def test_shapes_that_do_not_fit():
    for shape, other in (((4, 5, 6), (4, 5, 3)), ((4, 5, 6), (2, 5, 6))):
        graph = Graph()
        x = graph.input("in", *shape)
        y = (
            graph.max_pool2d("pool", x, (2, 1))
            if other[0] == 2
            else graph.conv2d("conv", x, other[2], (1, 1))
        )
        with pytest.raises(ValueError, match=r"m: expected inputs of one shape, or with extents of 1"):
            graph.merge("m", "multiply", [x, y])


MISTAKES = [
    (lambda g: g.merge("m", "power", [0, 0]), "unknown way to merge"),
    (lambda g: g.merge("m", "subtract", [0, 0, 0]), "m: expected 2 inputs, got 3"),
    (lambda g: g.merge("m", "multiply", [0]), "m: expected at least 2 inputs, got 1"),
    (lambda g: g.activation("a", 0, "elu", (1.0, 2.0)), "2 parameters of activation elu, expected 1"),
    (lambda g: g.activation("a", 0, "elu", (float("nan"),)), "a: parameter 0 of its activation elu is NaN"),
    (
        lambda g: g.rescale("r", 0, [1.0, 2.0], [0.0, 0.0]),
        "r: 2 scales and offsets, expected 1 or one for each",
    ),
    (lambda g: g.rescale("r", 0, [1.0], [0.0, 0.0]), "1 scales and 2 offsets"),
    (lambda g: g.rescale("r", 0, [1.0], [float("inf")]), "r: its offset is inf"),
    (lambda g: g.layer_norm("n", 0, epsilon=-1.0), "n: epsilon is -1"),
    (lambda g: g.layer_norm("n", 0, norm="group"), "unknown norm 'group'"),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_mistakes(mistake, message):
    graph = Graph()
    graph.input("in", 3, 3, 4)
    with pytest.raises(ValueError, match=message):
        mistake(graph)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("channels", [5, 16, 100])
def test_layer_norm(channels):
    twin = Twin(3, 4, channels)
    for parts in (
        {},
        {"scale": False},
        {"center": False, "epsilon": 1e-6},
        {"scale": False, "center": False},
    ):
        twin.check(twin.layer_norm(0, **parts), (1, 2))
    for norm in NORMS:
        twin.check(twin.layer_norm(0, norm=norm, center=norm != "rms"), (1, 2))
    twin.check(twin.layer_norm(twin.global_max_pool(0)))
    twin.check(twin.batch_norm(twin.layer_norm(0)))


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(
    "shared", [(True, True, False), (False, False, False), (True, False, True), (False, True, False)]
)
def test_prelu(shared):
    twin = Twin(3, 4, 21)
    twin.check(twin.prelu(0, shared), (1, 3))
    twin.check(twin.prelu(twin.conv2d(0, 9, (1, 1)), shared))
    twin.check(twin.prelu(twin.global_avg_pool(0), (False, False, False)))


def test_scaling_by_constants_and_by_parameters():
    twin = Twin(3, 4, 3)
    x = twin.rescale(twin.normalization(twin.rescale(0, [0.5], [1.0])), [1.0, 2.0, 3.0], [0.0, -1.0, 1.0])
    assert kinds(twin.check(x)) == ["affine"]
    conv = twin.layer_scale(twin.rescale(twin.conv2d(0, 8, (1, 1)), [0.3], [0.2]))
    assert kinds(twin.check(conv)) == ["convolution"]
    twin.check(twin.normalization(0, invert=True))
    for scale in (True, False):
        twin.check(twin.layer_scale(0, scale=scale, center=True))
    y = twin.conv2d(twin.zero_pad(x, 0, 1, 0, 1), 4, (3, 3), stride=(2, 2))  # zeros stay zeros, not -1
    twin.check(y)


def test_in_bfloat16(monkeypatch):
    monkeypatch.setenv("PYDEEPL_EMULATE_BF16", "1")
    twin = Twin(6, 7, 24)
    x = twin.activation(twin.conv2d(0, 24, (1, 1)), "silu")
    x = twin.activation(twin.layer_norm(twin.depthwise_conv2d(x, (3, 3), padding="same")), "gelu")
    x = twin.merge("multiply", [x, twin.activation(twin.global_avg_pool(x), "sigmoid")])
    y = twin.activation(twin.conv2d(x, 32, (3, 3), padding="same"), "softplus")
    images = twin.images(2)
    found, expected = twin.network(y, precision=BFLOAT16).run(images), twin.expected(images, y)
    assert np.linalg.norm(found - expected) < 1e-2 * np.linalg.norm(expected)


@pytest.mark.parametrize("shared", [(True, True, False), (False, False, False), (True, False, True)])
def test_prelu_in_bfloat16(monkeypatch, shared):
    monkeypatch.setenv("PYDEEPL_EMULATE_BF16", "1")
    twin = Twin(3, 5, 21)
    for x in (0, twin.conv2d(0, 9, (1, 1))):
        y, images = twin.prelu(x, shared), twin.images(2)
        found, expected = twin.network(y, precision=BFLOAT16).run(images), twin.expected(images, y)
        assert np.linalg.norm(found - expected) < 1e-2 * np.linalg.norm(expected)
