"""Shape inference, the layer table, and what the builder says about mistakes."""

import pytest

from pydeepl._core import Graph

pytestmark = pytest.mark.core


@pytest.fixture
def graph():
    graph = Graph()
    graph.input("in", 8, 9, 3)
    return graph


def test_the_layer_table(graph):
    x = graph.separable_conv2d("s", 0, 6, (3, 2), stride=(2, 1), padding="same", multiplier=2)
    graph.batch_norm("b", x, center=False)
    assert graph.layers == [
        ("in", "InputLayer", [], (8, 9, 3), []),
        (
            "s",
            "SeparableConv2D",
            [0],
            (4, 9, 6),
            [("depthwise_kernel", (3, 2, 3, 2)), ("pointwise_kernel", (1, 1, 6, 6)), ("bias", (6,))],
        ),
        (
            "b",
            "BatchNormalization",
            [1],
            (4, 9, 6),
            [("gamma", (6,)), ("moving_mean", (6,)), ("moving_variance", (6,))],
        ),
    ]
    assert graph.find("b") == 2
    with pytest.raises(KeyError, match="nobody"):
        graph.find("nobody")


MISTAKES = [
    (lambda g: g.input("again", 1, 1, 1), "again: a graph has one input"),
    (lambda g: g.conv2d("", 0, 4, (1, 1)), "layer 1 has no name"),
    (lambda g: g.conv2d("in", 0, 4, (1, 1)), "in: the graph has a layer of this name"),
    (lambda g: g.conv2d("c", 7, 4, (1, 1)), "c: input 0 is node 7, expected one of the 1 before it"),
    (lambda g: g.conv2d("c", -1, 4, (1, 1)), "c: input 0 is node -1"),
    (lambda g: g.conv2d("c", 0, 0, (1, 1)), "c: filters 0"),
    (lambda g: g.conv2d("c", 0, 4, (0, 1)), "c: height: kernel 0"),
    (lambda g: g.conv2d("c", 0, 4, (9, 1)), "c: its window of height 9 does not fit in the input's 8"),
    (lambda g: g.conv2d("c", 0, 4, (3, 3), dilation=(1, 5)), "c: its window of width 11 does not fit"),
    (lambda g: g.conv2d("c", 0, 4, (1, 1), padding="full"), "unknown padding 'full'"),
    (lambda g: g.conv2d("c", 0, 4, (1, 1), activation="glu"), "unknown activation 'glu'"),
    (lambda g: g.conv2d("c", 0, 4, (1, -1)), "expected a number >= 0, got -1"),
    (lambda g: g.depthwise_conv2d("d", 0, (1, 1), multiplier=0), "d: filters 0"),
    (lambda g: g.batch_norm("b", 0, epsilon=-1.0), "b: epsilon is -1"),
    (lambda g: g.batch_norm("b", 0, epsilon=float("nan")), "b: epsilon is nan"),
    (lambda g: g.max_pool2d("m", 0, (9, 9)), "m: its window of height 9 does not fit"),
    (lambda g: g.avg_pool2d("a", 0, (0, 1)), "a: height: kernel 0"),
    (
        lambda g: g.max_pool2d("m", g.flatten("f", 0), (1, 1)),
        "m: expected a feature map .* got rank 1 of f",
    ),
    (lambda g: g.add("a", [0]), "a: expected at least 2 inputs, got 1"),
    (
        lambda g: g.add("a", [0, g.max_pool2d("m", 0, (2, 2))]),
        r"a: expected inputs of one shape, or with extents of 1, got \[8, 9, 3\] of in",
    ),
    (lambda g: g.concat("a", [0]), "a: expected at least 2 inputs, got 1"),
    (
        lambda g: g.concat("a", [0, g.max_pool2d("m", 0, (2, 2))]),
        r"a: expected inputs alike but for axis 2, got .* \[4, 4, 3\] of m",
    ),
    (lambda g: g.concat("a", [0, 0], axis=3), "a: axis 3, expected one of 3"),
    (
        lambda g: g.conv2d("c", 0, 4, (1, 1), groups=2),
        "c: 2 groups do not divide 3 input channels and 4 filters",
    ),
    (lambda g: g.conv2d("c", 0, 4, (2, 2), padding="causal"), "c: padding is 2, expected VALID or SAME"),
    (lambda g: g.conv2d_transpose("c", 0, 0, (2, 2)), "c: filters 0"),
    (
        lambda g: g.conv2d_transpose("c", 0, 4, (3, 3), stride=(2, 2), output_padding=(3, 0)),
        "c: no output of 20 is made from the input's 8 by kernel 3, stride 2",
    ),
    (lambda g: g.reshape("r", 0, (5, 43)), "r: the 216 elements of in do not fill its shape"),
    (lambda g: g.reshape("r", 0, (0, 216)), "r: the 216 elements"),
    (lambda g: g.reshape("r", 0, ()), "r: a shape of 0 extents"),
    (lambda g: g.permute("p", 0, (0, 1)), "p: expected every axis of its input's 3 once"),
    (lambda g: g.permute("p", 0, (0, 1, 1)), "p: expected every axis"),
    (lambda g: g.permute("p", 0, (0, 1, 70)), "p: expected every axis"),
    (lambda g: g.crop("c", 0, (0, 2, 0), (8, 8, 3)), "c: 8 elements from 2 on do not lie in the input's 9"),
    (lambda g: g.crop("c", 0, (0, 2), (8, 2)), "c: 2 axes are cropped, its input has 3"),
    (lambda g: g.repeat("r", 0, 3), "r: expected a vector, got rank 3 of in"),
    (lambda g: g.repeat("r", g.flatten("f", 0), 0), "r: its output would be"),
    (lambda g: g.upsample("u", 0, (2, 0)), "u: factors 2 and 0, expected 1"),
    (lambda g: g.upsample("u", 0, (2**31 - 1, 2)), "u: its output would be"),
    (lambda g: g.resize("r", 0, (0, 4), "nearest"), "r: its output would be"),
    (lambda g: g.resize("r", 0, (4, 4), "bicubic"), "unknown interpolation 'bicubic'"),
    (lambda g: g.zero_pad("z", g.reshape("r", 0, (72, 3)), 1, 0, 0, 0), "z: padding across a line must be 0"),
    (
        lambda g: g.conv2d("c", g.reshape("r", 0, (72, 3)), 4, (2, 1)),
        "c: kernel, stride and dilation across a",
    ),
    (lambda g: g.dense("d", 0, 0), "d: units is 0"),
    (lambda g: g.zero_pad("z", 0, 2**40, 0, 0, 0), "z: padding 1099511627776"),
    (lambda g: g.zero_pad("z", 0, 2**31 - 1, 0, 0, 0), "z: its output would be"),
    (lambda g: g.conv2d("c", 0, 2**31, (1, 1)), "c: filters 2147483648"),
    (
        lambda g: g.dense("d", g.flatten("f", g.zero_pad("z", 0, 2**20, 0, 2**20, 0)), 9),
        "f: its output would be",
    ),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_mistakes(graph, mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake(graph)


def test_the_first_mistake_sticks(graph):
    with pytest.raises(ValueError, match="first: filters 0"):
        graph.conv2d("first", 0, 0, (1, 1))
    with pytest.raises(ValueError, match="first: filters 0"):
        graph.conv2d("second", 0, 4, (1, 1))
    assert len(graph.layers) == 1


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 0, 3), (4, 4, 0), (0,), (4, 0)])
def test_an_input_with_a_zero(shape):
    with pytest.raises(ValueError, match=rf"in: extent {shape.index(0)} of its shape is 0"):
        Graph().input("in", *shape)


def test_inputs_of_other_ranks():
    for shape in [(5,), (7, 5), (6, 7, 5)]:
        graph = Graph()
        graph.input("in", *shape)
        assert graph.layers[0][3] == shape
    with pytest.raises(ValueError, match="4 extents, expected 1 to 3"):
        Graph().input("in", 1, 2, 3, 4)
    for arguments in [(), ("in",), (3, 4), ("in", 1, 2, 3, 4, 5), ("in", "4")]:
        with pytest.raises(TypeError):
            Graph().input(*arguments)


def test_wrong_types(graph):
    with pytest.raises(TypeError, match="tuple"):
        graph.conv2d("c", 0, 4, 3)
    with pytest.raises(TypeError):
        graph.conv2d("c", "in", 4, (3, 3))
    with pytest.raises(TypeError):
        graph.add("a", [0, "x"])
