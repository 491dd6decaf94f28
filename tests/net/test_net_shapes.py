"""Layers that move values, grouped and transposed convolutions, and lines, against numpy."""

import numpy as np
import pytest
from net.twin import BFLOAT16, FLOAT32, Twin

from pydeepl._core import Graph, Network

pytestmark = pytest.mark.core

BY_ONEDNN = [
    ("conv2d", {"filters": 9, "kernel": (3, 2), "groups": 3}),
    ("conv2d", {"filters": 32, "kernel": (3, 3), "groups": 2, "stride": (2, 1), "padding": "same"}),
    ("conv2d", {"filters": 12, "kernel": (2, 2), "groups": 6, "dilation": (2, 3), "activation": "relu"}),
    ("conv2d_transpose", {"filters": 5, "kernel": (3, 2), "stride": (2, 3)}),
    ("conv2d_transpose", {"filters": 16, "kernel": (4, 4), "stride": (2, 2), "padding": "same"}),
    ("conv2d_transpose", {"filters": 7, "kernel": (2, 2), "stride": (3, 3), "activation": "relu"}),
    ("conv2d_transpose", {"filters": 4, "kernel": (3, 3), "dilation": (2, 1), "padding": "same"}),
    ("conv2d_transpose", {"filters": 4, "kernel": (5, 3), "stride": (2, 2), "output_padding": (1, 0)}),
    (
        "conv2d_transpose",
        {"filters": 4, "kernel": (5, 3), "stride": (2, 2), "padding": "same", "output_padding": (1, 0)},
    ),
]


@pytest.mark.parametrize("call, arguments", BY_ONEDNN)
def test_grouped_and_transposed_convolutions(call, arguments):
    twin = Twin(7, 6, 12)
    x = getattr(twin, call)(0, **arguments)
    network = twin.check(x, (1, 2))
    assert not any("pdl" in step[2] or "ref" in step[2] for step in network.steps(2))


@pytest.mark.parametrize("call", ["conv2d", "conv2d_transpose"])
def test_norms_and_pads_around_them_are_folded(call):
    twin = Twin(7, 6, 12)
    more = {"groups": 2} if call == "conv2d" else {}
    x = twin.zero_pad(0, 1, 1, 0, 1) if call == "conv2d" else 0
    x = twin.batch_norm(getattr(twin, call)(x, 8, (3, 3), **more))
    network = twin.check(twin.activation(x, "relu"), (2,))
    assert len(network.steps(2)) == 1


MOVES = [
    ("reshape", ((9, 40),), lambda x: x.reshape(len(x), 9, 40)),
    ("reshape", ((3, 2, 5, 12),), lambda x: x.reshape(len(x), 3, 2, 5, 12)),
    ("permute", ((2, 0, 1),), lambda x: x.transpose(0, 3, 1, 2)),
    ("permute", ((1, 0, 2),), lambda x: x.transpose(0, 2, 1, 3)),
    ("crop", ((1, 0, 3), (4, 5, 7)), lambda x: x[:, 1:5, :, 3:10]),
    ("upsample", ((2, 3),), lambda x: x.repeat(2, 1).repeat(3, 2)),
]


def test_names_alone_between_input_and_output():
    twin = Twin(4, 3, 2)
    vector = twin.flatten(0)
    twin.check(twin.moved("reshape", vector, ((2, 12),), lambda x: x.reshape(len(x), 2, 12)))
    twin.check(vector)


@pytest.mark.parametrize("precision", [FLOAT32, BFLOAT16])
@pytest.mark.parametrize("call, arguments, function", MOVES)
def test_values_are_moved_as_they_are(call, arguments, function, precision, monkeypatch):
    monkeypatch.setenv("PYDEEPL_EMULATE_BF16", "1")
    graph = Graph()
    graph.input("in", 6, 5, 12)
    node = getattr(graph, call)("moved", 0, *arguments)
    try:
        network = Network(graph, node, [], 0, 2, precision=precision)
    except NotImplementedError:
        assert precision == BFLOAT16
        return
    x = np.random.default_rng(0).integers(-9, 9, (3, 6, 5, 12)).astype(np.float32)
    np.testing.assert_array_equal(network.run(x), function(x))


def test_moves_one_after_the_other():
    graph = Graph()
    x = graph.input("in", 6, 5, 12)
    x = graph.permute("permuted", graph.reshape("parts", x, (6, 5, 3, 4)), (0, 1, 3, 2))
    x = graph.flatten("flat", graph.reshape("shuffled", x, (6, 5, 12)))
    x = graph.upsample("longer", graph.repeat("repeated", x, 2), (1, 2))
    network = Network(graph, x, [], 0, 1)
    values = np.random.default_rng(0).standard_normal((2, 6, 5, 12)).astype(np.float32)
    shuffled = values.reshape(2, 6, 5, 3, 4).swapaxes(3, 4).reshape(2, 1, 360)
    np.testing.assert_array_equal(network.run(values), shuffled.repeat(4, 1))


@pytest.mark.parametrize("axis", [0, 1, 2, None])
def test_concatenation_along_every_axis(axis):
    graph = Graph()
    graph.input("in", 3, 4, 5)
    graph.activation("relu", 0, "relu")
    node = graph.concat("both", [0, 1, 0], axis=axis)
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
    expected = np.concatenate([x, np.maximum(x, 0), x], 3 if axis is None else axis + 1)
    np.testing.assert_array_equal(Network(graph, node, [], 0, 1).run(x), expected)


def resized(x, size, interpolation):
    """tf.image.resize in float64, from the definition: pixels are known by their centres."""
    for axis, out in enumerate(size, 1):
        extent = x.shape[axis]
        centre = (np.arange(out) + 0.5) * extent / out
        if interpolation == "nearest":
            x = x.take(np.floor(centre).astype(int), axis)
            continue
        low = np.floor(centre - 0.5)
        part = (centre - 0.5 - low).reshape([-1 if i == axis else 1 for i in range(4)])
        below, above = (x.take(np.clip(low + i, 0, extent - 1).astype(int), axis) for i in (0, 1))
        x = below * (1 - part) + above * part
    return x


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", [(6, 5), (13, 20), (4, 3), (1, 1), (3, 1100)])
def test_resizing(size, interpolation):
    twin = Twin(6, 5, 3)
    twin.moved("resize", 0, (size, interpolation), lambda x: resized(x, size, interpolation))
    twin.check(1, (1, 2))


def test_rows_of_channels_beyond_one_room():
    """More channels than a kernel takes at a time."""
    twin = Twin(2, 3, 1100)
    twin.moved("resize", 0, ((3, 4), "bilinear"), lambda x: resized(x, (3, 4), "bilinear"))
    twin.check(1, (1,))


LINES = [
    ("conv2d", {"filters": 7, "kernel": (1, 3), "padding": "same", "stride": (1, 2)}, "Conv1D"),
    ("conv2d", {"filters": 8, "kernel": (1, 3), "groups": 4, "dilation": (1, 2)}, "Conv1D"),
    (
        "conv2d_transpose",
        {"filters": 5, "kernel": (1, 4), "stride": (1, 3), "padding": "same"},
        "Conv1DTranspose",
    ),
    ("depthwise_conv2d", {"kernel": (1, 3), "multiplier": 2}, "DepthwiseConv1D"),
    ("separable_conv2d", {"filters": 6, "kernel": (1, 3), "padding": "same"}, "SeparableConv1D"),
    ("max_pool2d", {"size": (1, 3), "stride": (1, 2), "padding": "same"}, "MaxPooling1D"),
    ("avg_pool2d", {"size": (1, 2)}, "AveragePooling1D"),
    ("global_avg_pool", {}, "GlobalAveragePooling1D"),
    ("global_max_pool", {}, "GlobalMaxPooling1D"),
    ("zero_pad", {"top": 0, "bottom": 0, "left": 2, "right": 1}, "ZeroPadding1D"),
    ("upsample", {"factor": (1, 2)}, "UpSampling1D"),
]


@pytest.mark.parametrize("call, arguments, kind", LINES)
def test_a_line_is_a_map_of_one_row(call, arguments, kind):
    """The same layer on [length, c] and on [1, length, c]; the latter's numbers are tested elsewhere."""
    graphs, params = [], None
    for shape in [(1, 11, 8), (11, 8)]:
        graph = Graph()
        getattr(graph, call)("layer", graph.input("in", *shape), **arguments)
        graphs.append(graph)
    (_, _, _, mapped, map_params), (_, found, _, shape, line_params) = (graph.layers[1] for graph in graphs)
    assert found == kind and tuple(shape) == tuple(mapped)[-len(shape) :]
    assert [shape[1:] if len(shape) == 4 else shape for _, shape in map_params] == [s for _, s in line_params]
    rng = np.random.default_rng(1)
    params = [rng.standard_normal(shape).astype(np.float32) for _, shape in map_params]
    x = rng.standard_normal((3, 11, 8)).astype(np.float32)
    expected = Network(graphs[0], 1, params, 0, 1).run(x[:, None])
    lines = [array.reshape(shape) for array, (_, shape) in zip(params, line_params, strict=True)]
    np.testing.assert_array_equal(Network(graphs[1], 1, lines, 0, 1).run(x).ravel(), expected.ravel())


def test_causal_outputs_see_nothing_that_comes_later():
    graph = Graph()
    graph.conv2d(
        "causal", graph.input("in", 9, 4), 5, (1, 3), padding="causal", dilation=(1, 2), use_bias=False
    )
    rng = np.random.default_rng(1)
    weight, x = rng.standard_normal((3, 4, 5)), rng.standard_normal((2, 9, 4))
    padded = np.pad(x, ((0, 0), (4, 0), (0, 0)))
    expected = sum(padded[:, 2 * tap : 2 * tap + 9] @ weight[tap] for tap in range(3))
    found = Network(graph, 1, [weight.astype(np.float32)], 0, 1).run(x.astype(np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(7,), (4, 7), (3, 4, 7)])
def test_dense_layers_on_inputs_of_every_rank(shape):
    graph = Graph()
    x = graph.input("in", *shape)
    graph.dense("wide", x, 9, activation="relu")
    rng = np.random.default_rng(1)
    weight, bias, x = rng.standard_normal((7, 9)), rng.standard_normal(9), rng.standard_normal((5, *shape))
    params = [weight.astype(np.float32), bias.astype(np.float32)]
    found = Network(graph, 1, params, 0, 1).run(x.astype(np.float32))
    np.testing.assert_allclose(found, np.maximum(x @ weight + bias, 0), rtol=1e-5, atol=1e-5)
