"""TensorFlow's frozen graphs, against what Keras and TensorFlow gave; and what is refused."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydeepl.keras import WeightsError
from pydeepl.keras.tensorflow import (
    graph_model,
    graphdef,
    placeholder_shape,
    read_graph,
    read_saved_model,
    translate,
    wire,
)

KERAS = Path(__file__).parents[1] / "golden" / "keras"
GRAPHS = KERAS / "graphs"


@pytest.fixture(scope="module")
def golden():
    return dict(np.load(KERAS / "models" / "models.npz"))


def graph_of(name):
    return read_graph((GRAPHS / f"{name}.pb").read_bytes(), f"{name}.pb")


def assert_close(found, expected):
    assert found.shape == expected.shape and found.dtype == np.float32
    assert np.linalg.norm(found - expected) <= 1e-6 * np.linalg.norm(expected)


@pytest.mark.parametrize("name", ["branches", "chain", "table"])
def test_frozen_models_give_what_keras_gives(golden, name):
    graph = graph_of(name)
    x = golden[f"{name}_x"]
    assert placeholder_shape(graph, "x:0") == list(x.shape[1:])
    model = graph_model(graph, "x:0", "Identity:0")
    assert model.inputShape == x.shape[1:]
    assert_close(model.predict(x), golden[f"{name}_y"])


def test_a_graph_of_tensorflow_for_images_of_any_size():
    graph, data = graph_of("open"), np.load(GRAPHS / "open.npz")
    assert placeholder_shape(graph, "sparkdl_image_input") == [-1, -1, 3]
    model = graph_model(graph, "sparkdl_image_input:0", "Identity:0", data["x"].shape[1:])
    assert_close(model.predict(data["x"]), data["y"])
    with pytest.raises(WeightsError, match=r"the shape of its rows, \[-1, -1, 3\], is open"):
        graph_model(graph, "sparkdl_image_input:0", "Identity:0")


def test_any_operation_can_be_read(golden):
    graph = graph_of("branches")
    inner = graph_model(graph, "x", "branches_1/joined_1/Add_1")
    assert_close(inner.predict(golden["branches_x"]), golden["branches_inner"])


# ---- graphs made by hand: messages written as the format's description says


def number(value):
    parts = []
    value &= (1 << 64) - 1
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def field(place, content):
    if isinstance(content, int):
        return number(place << 3) + number(content)
    content = content.encode() if isinstance(content, str) else content
    return number(place << 3 | 2) + number(len(content)) + content


def shape(*extents):
    return b"".join(field(2, field(1, extent)) for extent in extents)


def tensor(array):
    array = np.asarray(array)
    kind = {"float32": 1, "int32": 3, "float64": 2}[array.dtype.name]
    return field(8, field(1, kind) + field(2, shape(*array.shape)) + field(4, array.tobytes()))


def node(name, op, *inputs, **attributes):
    parts = [field(1, name), field(2, op), *(field(3, each) for each in inputs)]
    parts += [field(5, field(1, key) + field(2, value)) for key, value in attributes.items()]
    return field(1, b"".join(parts))


def constant(name, value, dtype=np.float32):
    return node(name, "Const", value=tensor(np.asarray(value, dtype)))


X = node("x", "Placeholder", shape=field(7, shape(-1, 3)))


def predicted(*nodes, fetch="y", x=((1.0, -2.0, 3.0),)):
    graph = read_graph(X + b"".join(nodes), "hand.pb")
    return graph_model(graph, "x", fetch).predict(np.array(x, np.float32))


def test_single_values_fill_an_array():
    part = field(1, 1) + field(2, shape(2, 3)) + number(5 << 3 | 5) + np.float32(2.5).tobytes()
    ones = node("w", "Const", value=field(8, part))
    assert predicted(ones, node("y", "MatMul", "x", "w", transpose_b=field(5, 1))).tolist() == [[5.0, 5.0]]


def test_control_inputs_and_identities_are_passed_over():
    found = predicted(
        constant("w", np.eye(3)), node("i", "Identity", "w", "^other"), node("y", "MatMul", "x", "i")
    )
    assert found.tolist() == [[1.0, -2.0, 3.0]]


def test_constants_are_computed():
    variance, epsilon = constant("v", [3.0, 8.0, 15.0]), constant("e", 1.0)
    nodes = [
        constant("w", np.eye(3)), node("m", "MatMul", "x", "w"), variance, epsilon,
        node("a", "AddV2", "v", "e"), node("r", "Rsqrt", "a"), node("y", "Mul", "m", "r"),
    ]  # fmt: skip
    np.testing.assert_allclose(predicted(*nodes), [[0.5, -2 / 3, 0.75]], rtol=1e-6)


@pytest.mark.parametrize("read", ["m", "i"])
def test_a_layer_that_others_read_too_keeps_its_output(read):
    nodes = [
        constant("w", np.eye(3)), node("m", "MatMul", "x", "w"), constant("b", [1.0, 1.0, 1.0]),
        node("i", "Identity", "m"), node("s", "AddV2", read, "b"), node("y", "AddV2", "s", read),
    ]  # fmt: skip
    np.testing.assert_allclose(predicted(*nodes), [[3.0, -3.0, 7.0]], rtol=1e-6)


def test_all_that_is_not_supported_is_listed_with_the_alternative():
    nodes = [
        node("c", "Conv3D", "x", "x"), node("f", "StatefulPartitionedCall", "c"), node("v", "VarHandleOp"),
        node("m", "MatMul", "f", "v"), node("y", "AddN", "m", "z"), node("z", "Placeholder"),
    ]  # fmt: skip
    with pytest.raises(WeightsError) as caught:
        predicted(*nodes)
    text = str(caught.value)
    for line in (
        "hand.pb: 5 operations are not supported",
        "c (Conv3D): no such operation here",
        "f (StatefulPartitionedCall): a function: freeze the graph",
        "v (VarHandleOp): a variable: freeze the graph",
        "m (MatMul): its matrix is computed: expected a constant (is the graph frozen?)",
        "z (Placeholder): a second input: expected one",
        "Save the model from Keras as .keras, or export it to ONNX",
    ):
        assert line in text


@pytest.mark.parametrize(
    "nodes, message",
    [
        ([node("y", "Conv2D", "x", "w", padding=field(2, "EXPLICIT"))], "padding EXPLICIT"),
        ([node("y", "Conv2D", "x", "w", data_format=field(2, "NCHW"))], "data_format NCHW: expected NHWC"),
        ([node("y", "MatMul", "x", "w", transpose_a=field(5, 1))], "transpose_a"),
        ([constant("s", [2, 6], np.int32), node("y", "Reshape", "x", "s")], r"shape \[2, 6\]: expected -1"),
        (
            [constant("s", [-1, 4], np.int32), node("y", "Reshape", "x", "s")],
            "rows of 3 numbers, reshaped to 4",
        ),
        ([constant("a", [1], np.int32), node("y", "Mean", "x", "a")], r"axes \[1\]: expected \[1, 2\]"),
        ([node("y", "Relu", "x:1")], "only first outputs are taken"),
        ([node("y", "Relu", "nothing")], "no operation 'nothing'"),
        ([node("y", "Relu", "z"), node("z", "Relu", "y")], "takes its own output as input"),
        ([node("s", "Shape", "x"), node("y", "Relu", "s")], "found a shape that is computed"),
        ([constant("y", 1.0)], "y does not depend on x"),
        ([node("y", "Maximum", "x", "w")], "Maximum of a tensor and a constant"),
        ([constant("k", np.zeros((4, 2))), node("y", "MatMul", "x", "k")], r"y .*4|y: expected arrays"),
    ],
)
def test_what_is_refused(nodes, message):
    weights = constant("w", np.ones((1, 1, 3, 2)))
    with pytest.raises(WeightsError, match=message):
        predicted(weights, *nodes)


def test_names_that_are_not_there():
    graph = graph_of("table")
    with pytest.raises(WeightsError, match="no operation 'z'; its inputs: x"):
        graph_model(graph, "z:0", "Identity:0")
    with pytest.raises(WeightsError, match="no operation 'z'"):
        graph_model(graph, "x:0", "z:0")


def test_damaged_graphs_are_said_to_be():
    data = (GRAPHS / "table.pb").read_bytes()
    for bad in (b"", b"\xff" * 40, data[: len(data) // 2], b"\x0a\x7f" + data[:20], b"no graph at all"):
        with pytest.raises(WeightsError, match=r"bad\.pb"):
            read_graph(bad, "bad.pb")
    wrong = field(1, 1) + field(2, shape(5)) + field(4, b"1234")
    with pytest.raises(WeightsError, match=r"an array of shape \[5\] and type <f4 in 4 bytes"):
        read_graph(node("w", "Const", value=field(8, wrong)), "bad.pb")
    huge = field(1, 1) + field(2, shape(1 << 40, 1 << 30))
    with pytest.raises(WeightsError, match="an array of shape"):
        read_graph(node("w", "Const", value=field(8, huge)), "bad.pb")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 7000), st.integers(0, 255))
def test_a_changed_byte_is_an_error_or_another_graph(place, byte):
    data = bytearray((GRAPHS / "table.pb").read_bytes())
    data[place % len(data)] = byte
    with contextlib.suppress(WeightsError):
        model = graph_model(read_graph(bytes(data), "changed.pb"), "x", "Identity")
        model.predict(np.zeros((1, *model.inputShape), np.float32))


@pytest.mark.parametrize(
    "attribute, message",
    [
        ({"shape": field(3, 5)}, "x: expected a shape, found 5"),
        ({"shape": field(7, 5)}, "a number where a text or a message was expected"),
        ({"shape": field(1, 5)}, "a number where a text or a message was expected"),
        ({"shape": field(5, "yes")}, "3 bytes where a number was expected"),
        ({"shape": field(3, "yes")}, "3 bytes where a number was expected"),
    ],
)
def test_attributes_of_another_kind_are_damage(attribute, message):
    with pytest.raises(WeightsError, match=message):
        placeholder_shape(read_graph(node("x", "Placeholder", **attribute), "bad.pb"), "x")


def test_only_first_outputs_are_taken():
    graph = graph_of("table")
    for feed, fetch in (("x:1", "Identity:0"), ("x:0", "Identity:1")):
        with pytest.raises(WeightsError, match=r":1: only operations' first outputs"):
            graph_model(graph, feed, fetch)


def test_constants_do_not_grow_without_end(monkeypatch):
    monkeypatch.setattr(graphdef, "_MAX_FILLED", 1000)
    filled = [node(f"w{i}", "Const", value=field(8, field(1, 1) + field(2, shape(400)))) for i in range(3)]
    assert len(read_graph(b"".join(filled[:2])).nodes) == 2
    with pytest.raises(WeightsError, match="arrays of more than 1000 elements that are not in the file"):
        read_graph(b"".join(filled), "bad.pb")
    with pytest.raises(WeightsError, match=r"an array of shape \[1100\], of which the file has 0 values"):
        read_graph(node("w", "Const", value=field(8, field(1, 1) + field(2, shape(1100)))), "bad.pb")
    monkeypatch.setattr(translate, "_MAX_ELEMENTS", 1000)
    doubled = [node(f"w{i + 1}", "ConcatV2", f"w{i}", f"w{i}", "axis") for i in range(40)]
    with pytest.raises(WeightsError, match="constants of more than 1000 elements"):
        predicted(constant("w0", np.ones(2)), constant("axis", 0), *doubled, node("y", "Add", "x", "w40"))


@given(st.binary(max_size=60))
def test_any_bytes_are_fields_or_an_error(data):
    with contextlib.suppress(WeightsError):
        for _ in wire.fields(memoryview(data)):
            pass


def test_a_saved_models_tags_and_signatures(tmp_path):
    info = field(1, "x:0") + field(2, 1)
    signature = field(1, field(1, "pixels") + field(2, info)) + field(2, field(1, "odds") + field(2, info))
    meta = field(1, field(4, "serve")) + field(2, X) + field(5, field(1, "default") + field(2, signature))
    (tmp_path / "saved_model.pb").write_bytes(field(1, 1) + field(2, meta))
    (found,) = read_saved_model(str(tmp_path))
    assert found.tags == {"serve"} and list(found.graph.nodes) == ["x"]
    assert found.signatures["default"] == ({"pixels": "x:0"}, {"odds": "x:0"})
    with pytest.raises(FileNotFoundError, match="no SavedModel"):
        read_saved_model(str(tmp_path / "nowhere"))
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff")
    with pytest.raises(WeightsError):
        read_saved_model(str(tmp_path))
