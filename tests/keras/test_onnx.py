"""ONNX files: exporters' own against onnxruntime's numbers, single operations against ONNX's reference."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from pydeepl.keras import WeightsError, load_model

MODELS = Path(__file__).parents[1] / "golden" / "onnx"


def error(found, expected):
    assert found.shape == expected.shape and found.dtype == np.float32
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("name", ["torch", "torch_traced", "keras"])
def test_exported_models_give_onnxruntimes_outputs(name):
    golden = np.load(MODELS / "outputs.npz")
    model = load_model(MODELS / f"{name}.onnx")
    x = golden[f"{name}_x"]
    x = x if name == "keras" else x.transpose(0, 2, 3, 1)
    assert model.inputShape == x.shape[1:] and model.outputShape == (5,)
    assert error(model.predict(x), golden[f"{name}_y"]) <= 1e-6


def made(path, nodes, arrays=(), shape=("n", 3, 9, 8), opset=20, output="y", **options):
    """A file of these nodes from x to an output, with arrays {name: values}."""
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in dict(arrays).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **options)
    onnx.save(model, path)
    return model


def numbers(*shape, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def node(op, inputs="x", outputs="y", **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), name=f"{op}_{outputs}", **attributes)


KERNEL, DEEP = numbers(4, 3, 3, 2, seed=2), numbers(6, 1, 3, 3, seed=3)
CHANNELS = {"scale": numbers(3, 1, 1, seed=4), "shift": numbers(1, 3, 1, 1, seed=5), "two": np.float32(2)}
NORM = {name: abs(numbers(3, seed=at)) + 0.5 for at, name in enumerate(("g", "b", "m", "v"))}
DENSE = {"w": numbers(5, 216, seed=6), "c": numbers(5, seed=7)}
POOL = {"kernel_shape": [3, 3], "strides": [2, 2]}

SQUEEZED = {"w": numbers(2, 3, 1, 1), "v": numbers(3, 2, 1, 1), "ends": np.array([2, 3])}

# name: nodes, arrays and further settings
CASES = {
    "activations": (
        [
            node("HardSwish", "x", "a"),
            node("HardSigmoid", "x", "b", alpha=1 / 6),
            node("LeakyRelu", "x", "c"),
            node("Gelu", "x", "d"),
            node("Softplus", "x", "e"),
            node("Elu", "x", "f"),
            node("Clip", "x low high", "g"),
            node("Tanh", "x", "h"),
            node("Mish", "x", "i"),
            node("Concat", "a b c d e f g h i", axis=1),
        ],
        {"low": np.float32(0), "high": np.float32(0.6)},
    ),
    "silu of two nodes": ([node("Sigmoid", "x", "a"), node("Mul", "a x")], {}),
    "hard silu of four": (
        [
            node("Add", "x three", "a"),
            node("Clip", "a zero six", "b"),
            node("Mul", "x b", "c"),
            node("Div", "c six"),
        ],
        {"three": np.float32(3), "zero": np.float32(0), "six": np.float32(6)},
    ),
    "gelu of five": (
        [
            node("Div", "x root", "a"),
            node("Erf", "a", "b"),
            node("Add", "b one", "c"),
            node("Mul", "x c", "d"),
            node("Mul", "d half"),
        ],
        {"root": np.float32(np.sqrt(2)), "one": np.float32(1), "half": np.float32(0.5)},
    ),
    "prelu": ([node("PRelu", "x slope")], {"slope": numbers(3, 1, 1)}),
    "conv in groups": (
        [node("Conv", "x w", "a"), node("Conv", "a v", group=2)],
        {"w": KERNEL, "v": numbers(6, 2, 3, 3)},
    ),
    "squeeze and excite": (
        [
            node("GlobalAveragePool", "x", "a"),
            node("Conv", "a w", "b"),
            node("Relu", "b", "c"),
            node("Conv", "c v", "d"),
            node("Sigmoid", "d", "e"),
            node("Mul", "x e"),
        ],
        SQUEEZED,
    ),
    "squeeze and excite, in vectors": (
        [node("ReduceMean", "x ends", "a", keepdims=0), node("Unsqueeze", "a ends", "b"), node("Mul", "b x")],
        SQUEEZED,
    ),
    "merges of two": (
        [
            node("Sigmoid", "x", "s"),
            node("Sub", "x s", "a"),
            node("Max", "a s", "b"),
            node("Min", "b x", "c"),
            node("Mean", "c s"),
        ],
        {},
    ),
    "layer norm, channels last": (
        [
            node("Transpose", "x", "a", perm=[0, 2, 3, 1]),
            node("LayerNormalization", "a g b", "n", axis=-1),
            node("Transpose", "n", perm=[0, 3, 1, 2]),
        ],
        NORM,
    ),
    "flattened and read": ([node("Flatten", "x", "a"), node("Relu", "a")], {}),
    "flattened and joined": (
        [
            node("Flatten", "x", "a"),
            node("GlobalMaxPool", "x", "m"),
            node("Flatten", "m", "b"),
            node("Concat", "a b", "c", axis=1),
            node("MatMul", "c w"),
        ],
        {"w": numbers(219, 4)},
    ),
    "transposed conv": (
        [node("ConvTranspose", "x w b", strides=[2, 2])],
        {"w": numbers(3, 4, 3, 3), "b": numbers(4)},
    ),
    "upsampling": (
        [node("Resize", "x roi scales", coordinate_transformation_mode="asymmetric", nearest_mode="floor")],
        {"roi": np.zeros(0, np.float32), "scales": np.float32([1, 1, 2, 3])},
    ),
    "conv": ([node("Conv", "x w b", pads=[1, 0, 2, 1])], {"w": KERNEL, "b": numbers(4)}),
    "conv, same, strides": ([node("Conv", "x w", auto_pad="SAME_UPPER", strides=[2, 3])], {"w": KERNEL}),
    "conv, same lower": ([node("Conv", "x w", auto_pad="SAME_LOWER", strides=[1, 1])], {"w": KERNEL}),
    "conv, dilated": ([node("Conv", "x w", dilations=[2, 3])], {"w": KERNEL}),
    "depthwise, two for each": ([node("Conv", "x w", group=3, pads=[1, 1, 1, 1])], {"w": DEEP}),
    "batch norm": ([node("BatchNormalization", "x g b m v", epsilon=0.01)], NORM),
    "affine": (
        [
            node("Mul", "x scale", "a"),
            node("Sub", "a shift", "b"),
            node("Div", "b two", "c"),
            node("Sub", "two c"),
        ],
        CHANNELS,
    ),
    "max pool after relu": ([node("Relu", "x", "a"), node("MaxPool", "a", pads=[1, 1, 1, 1], **POOL)], {}),
    "max pool, ceil": ([node("Relu", "x", "a"), node("MaxPool", "a", ceil_mode=1, **POOL)], {}),
    "max pool, same": ([node("MaxPool", auto_pad="SAME_UPPER", **POOL)], {}),
    "mean pool, padding counts": ([node("AveragePool", pads=[1, 0, 1, 2], count_include_pad=1, **POOL)], {}),
    "mean pool, padding does not": ([node("AveragePool", pads=[1, 1, 1, 1], kernel_shape=[3, 3])], {}),
    "global pools": (
        [node("GlobalAveragePool", "x", "a"), node("GlobalMaxPool", "x", "b"), node("Concat", "a b", axis=1)],
        {},
    ),
    "means": (
        [
            node("ReduceMean", "x axes", "a", keepdims=0),
            node("ReduceMax", "x axes", "b", keepdims=0),
            node("Add", "a b"),
        ],
        {"axes": np.array([-1, 2])},
    ),
    "flatten": ([node("Flatten", "x", "a"), node("Gemm", "a w c", transB=1, alpha=0.5, beta=2.0)], DENSE),
    "flatten, between": (
        [node("Flatten", "x", "a"), node("Relu", "a", "b"), node("Mul", "b s", "d"), node("MatMul", "d w")],
        {"s": numbers(216), "w": numbers(216, 4)},
    ),
    "channels last": (
        [
            node("Transpose", "x", "a", perm=[0, 2, 3, 1]),
            node("MatMul", "a w", "b"),
            node("Add", "b c", "d"),
            node("Transpose", "d", perm=[0, 3, 1, 2]),
        ],
        {"w": numbers(3, 4), "c": numbers(4)},
    ),
    "pad": ([node("Pad", "x pads", mode="constant")], {"pads": np.array([0, 0, 1, 0, 0, 0, 2, 3])}),
    "softmax": ([node("GlobalAveragePool", "x", "a"), node("Flatten", "a", "b"), node("Softmax", "b")], {}),
    "shapes in the graph": (
        [
            node("Shape", "x", "s"),
            node("Gather", "s zero", "n"),
            node("Concat", "n rest", "to", axis=0),
            node("Reshape", "x to", "a"),
            node("MatMul", "a w"),
        ],
        {"zero": np.array([0]), "rest": np.array([-1]), "w": numbers(216, 2)},
    ),
    "axes of length 1": (
        [
            node("GlobalAveragePool", "x", "a"),
            node("Squeeze", "a last", "b"),
            node("Unsqueeze", "b last", "c"),
            node("Conv", "c w", "d"),
            node("Reshape", "d to"),
        ],
        {"last": np.array([3]), "w": numbers(4, 3, 1, 1), "to": np.array([0, -1])},
    ),
    "parts": (
        [
            node("Split", "x", "a b", axis=3, num_outputs=2),
            node("Split", "a sizes", "c d e", axis=1),
            node("Slice", "b from to axes", "f"),
            node("Concat", "e d f c", axis=1),
        ],
        {"sizes": np.array([1, 1, 1]), "from": np.array([-2]), "to": np.array([9]), "axes": np.array([1])},
    ),
    "channel shuffle": (
        [
            node("Conv", "x w", "a"),
            node("Reshape", "a groups", "b"),
            node("Transpose", "b", "c", perm=[0, 2, 1, 3, 4]),
            node("Reshape", "c channels", "d"),
            node("Conv", "d v", group=2),
        ],
        {
            "w": numbers(4, 3, 1, 1),
            "v": numbers(6, 2, 3, 3),
            "groups": np.array([0, 2, 2, 9, 8]),
            "channels": np.array([0, -1, 9, 8]),
        },
    ),
    "other shapes": (
        [
            node("Reshape", "x rows", "a"),
            node("LayerNormalization", "a g", "b", axis=-1),
            node("Reshape", "b back", "c"),
            node("Add", "c x"),
        ],
        {"rows": np.array([0, 3, -1]), "back": np.array([0, 3, 9, 8]), "g": numbers(72)},
    ),
    "norms of channels and of groups": (
        [
            node("InstanceNormalization", "x g b", "a"),
            node("Concat", "a x a x", "c", axis=1),
            node("GroupNormalization", "c s t", num_groups=4),
        ],
        {"g": NORM["g"], "b": NORM["b"], "s": numbers(4, seed=1), "t": numbers(4, seed=2)},
    ),
    "gelu by tanh": (
        [
            node("Gelu", "x", "a", approximate="tanh"),
            node("Pow", "x three", "b"),
            node("Mul", "b small", "c"),
            node("Add", "x c", "d"),
            node("Mul", "d root", "e"),
            node("Tanh", "e", "f"),
            node("Add", "f one", "g"),
            node("Mul", "x g", "h"),
            node("Mul", "h half", "i"),
            node("Concat", "a i", axis=1),
        ],
        {
            "three": np.float32(3),
            "small": np.float32(0.044715),
            "root": np.float32(np.sqrt(2 / np.pi)),
            "one": np.float32(1),
            "half": np.float32(0.5),
        },
    ),
    "clip": ([node("Clip", "x low high")], {"low": np.float32(-0.5), "high": np.float32(0.25)}),
    "folded constants": (
        [
            node("Sqrt", "v", "r"),
            node("Reciprocal", "r", "i"),
            node("Unsqueeze", "i ends", "u"),
            node("Mul", "x u"),
        ],
        {"v": NORM["v"], "ends": np.array([1, 2])},
    ),
}


def outputs(tmp_path, case, **options):
    """(ours, the reference's) in the file's order."""
    nodes, arrays = case
    path = tmp_path / "made.onnx"
    model = made(path, nodes, arrays, **options)
    shape = options.get("shape", ("n", 3, 9, 8))
    x = numbers(4 if shape[0] == "n" else shape[0], *shape[1:], seed=8)
    (expected,) = ReferenceEvaluator(model).run(None, {"x": x})
    found = load_model(path).predict(x.transpose(0, 2, 3, 1))
    return (found.transpose(0, 3, 1, 2) if found.ndim == 4 else found), expected


@pytest.mark.parametrize("name", CASES)
def test_operations_give_the_references_numbers(tmp_path, name):
    found, expected = outputs(tmp_path, CASES[name])
    assert error(found.reshape(expected.shape), expected) <= 2e-6


def test_a_fixed_batch_is_a_batch(tmp_path):
    nodes = [node("Reshape", "x to", "a"), node("MatMul", "a w")]
    arrays = {"to": np.array([1, -1]), "w": numbers(216, 2)}
    found, expected = outputs(tmp_path, (nodes, arrays), shape=(1, 3, 9, 8))
    assert error(found, expected) <= 2e-6
    assert load_model(tmp_path / "made.onnx").predict(np.zeros((5, 9, 8, 3))).shape == (5, 2)


def test_a_row_without_its_axis(tmp_path):
    """As PyTorch's newer exporter writes a change of strides."""
    nodes = [
        node("GlobalAveragePool", "x", "a"),
        node("Reshape", "a flat", "b"),
        node("Gather", "b numbers", "c", axis=0),
        node("Conv", "c w"),
    ]
    arrays = {"flat": np.array([3]), "numbers": np.arange(3).reshape(1, 3, 1, 1), "w": numbers(4, 3, 1, 1)}
    found, expected = outputs(tmp_path, (nodes, arrays), shape=(1, 3, 9, 8))
    assert error(found.reshape(expected.shape), expected) <= 2e-6


def test_older_files_say_it_by_attributes(tmp_path):
    nodes = [
        node("Pad", "x", "a", pads=[0, 0, 1, 1, 0, 0, 1, 1]),
        node("Dropout", "a", "b"),
        node("ReduceMean", "b", "c", axes=[2, 3], keepdims=1),
        node("Squeeze", "c", "d", axes=[2, 3]),
        node("Softmax", "d"),
    ]
    found, expected = outputs(tmp_path, (nodes, {}), opset=9, ir_version=4)
    assert error(found, expected) <= 2e-6


def test_all_that_is_not_supported_is_listed_at_once(tmp_path):
    path = tmp_path / "made.onnx"
    nodes = [
        node("LRN", "x", "a", size=3),
        node("Relu", "a", "b"),
        node("Conv", "x k", "c"),
        node("MaxPool", "x", "d", pads=[1, 1, 1, 1], **POOL),
        node("Erf", "x", "e"),
        node("MaxPool", "e", "f", kernel_shape=[2, 2]),
        helper.make_node("Odd", ["b"], ["y"], domain="com.example"),
    ]
    made(path, [node("Neg", "x", "k"), *nodes])
    with pytest.raises(WeightsError) as caught:
        load_model(path)
    text = str(caught.value)
    for line in (
        "made.onnx: 5 nodes are not supported:",
        "LRN_a (LRN): no layer here computes it",
        "Conv_c (Conv): its input 1 is not constant",
        "MaxPool_d (MaxPool): padding [1, 1, 1, 1] around values that may be negative",
        "MaxPool_f (MaxPool): no layer here computes its input 'e'",
        "y (com.example.Odd): no layer here computes it",
    ):
        assert line in text
    assert "Relu" not in text  # what depends on the others is not complained of


@pytest.mark.parametrize(
    "nodes, arrays, message",
    [
        ([node("Flatten", axis=2)], {}, "axis 2: expected 1"),
        ([node("Transpose", perm=[1, 0, 2, 3])], {}, "expected the batch to stay the first axis"),
        ([node("Add", "x full")], {"full": numbers(3, 9, 8)}, r"an array \[3, 9, 8\] for \[n, 3, 9, 8\]"),
        ([node("Concat", "x x", axis=2)], {}, r"axis 2 of \[n, 3, 9, 8\]"),
        ([node("Reshape", "x to")], {"to": np.array([-1, 9])}, r"from \[n, 3, 9, 8\] to"),
        ([node("Reshape", "x to")], {"to": np.array([-1, -1])}, "Reshape_y"),
        ([node("Split", "x sizes", "a y", axis=1)], {"sizes": np.array([1, 1])}, "2 parts of 3 along axis 1"),
        ([node("Split", "x", "a y", axis=0)], {}, "from 0 of axis 0 of"),
        ([node("Slice", "x one two zero")],
         {"one": np.ones(1, int), "two": np.array([2]), "zero": np.zeros(1, int)},
         r"1 elements from 1 of axis 0 of \[n, 3, 9, 8\]: expected some of all rows"),
        ([node("Slice", "x two two one")], {"one": np.ones(1, int), "two": np.array([2])},
         "0 elements from 2 of axis 1"),
        ([node("Slice", "x one one one two")], {"one": np.ones(2, int), "two": np.array([1])},
         r"starts \[1, 1\], ends \[1, 1\], axes \[1, 1\], steps \[1\]: expected as many of each"),
        ([node("Slice", "x one two four")],
         {"one": np.ones(1, int), "two": np.array([2]), "four": np.array([4])},
         r"axis 4 of \[n, 3, 9, 8\]: expected one from -4 to 3"),
        ([node("Split", "x", "a y", axis=4)], {}, r"axis 4 of \[n, 3, 9, 8\]: expected one from -4 to 3"),
        ([node("Gather", "x one", axis=1)], {"one": np.array([1])}, "expected all in their order"),
        ([node("InstanceNormalization", "x two two")], {"two": np.ones(2, np.float32)},
         r"scale \[2\] and bias \[2\] of 3 channels"),
        ([node("Transpose", "x", "a", perm=[0, 2, 3, 1]), node("LayerNormalization", "a two")],
         {"two": np.ones(2, np.float32)},
         r"arrays that do not fit:\n  LayerNormalization_y: its gamma has shape \[2\], expected \[3\]"),
        ([node("Clip", "x low")], {"low": np.float32(1)}, "from 1.0 to None: expected two limits"),
        ([node("Conv", "x w")], {"w": numbers(4, 2, 3, 3)}, "3 channels in 1 groups"),
        ([node("Conv", "x w")], {"w": numbers(4, 3, 11, 3)}, "its window of 11 does not fit in 9"),
        ([node("Pad", "x pads", mode="reflect")], {"pads": np.ones(8, int)}, "mode 'reflect'"),
        ([node("Shape", "x", "s"), node("Cast", "s", to=1)], {}, "does not depend on an input"),
        ([node("ConstantOfShape", "big", "h"), node("Add", "x h")], {"big": np.array([1 << 40])}, "array"),
        ([node("Relu", "nothing")], {}, "takes 'nothing', which nothing gives"),
        ([node("Relu"), node("Relu", "x", "")], {}, r"Relu_ \(Relu\) gives nothing"),
        ([node("MaxPool", **POOL | {"strides": [0, 1]})], {}, "damaged, or its shapes do not fit"),
        ([node("Reshape", "x to")], {"to": np.array([-1, 0, 0, 0, 0])}, "damaged, or its shapes do not fit"),
        ([node("Div", "absent two", "h"), node("Add", "x h")], {"two": np.ones(1), "absent": np.array(["a"])},
         "damaged, or its shapes do not fit"),
        ([node("Add", "a b", "h"), node("Add", "x h")],
         {"a": np.ones((1 << 15, 1)), "b": np.ones(1 << 15)}, "an array of 1073741824 elements"),
        ([node("Gather", "a b", "h"), node("Add", "x h")],
         {"a": np.ones((1, 1 << 15)), "b": np.zeros(1 << 15, int)}, "an array of shape"),
        ([node("MaxPool", "x", "y i", **POOL), node("Cast", "i", "z", to=1)], {}, "its output 'i' is used"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(tmp_path, nodes, arrays, message):
    made(tmp_path / "made.onnx", nodes, arrays)
    with pytest.raises(WeightsError, match=message):
        load_model(tmp_path / "made.onnx")


@pytest.mark.parametrize("height, message", [(1 << 40, "a row of the size"), (0, "a row of the size")])
def test_a_size_that_no_memory_holds_is_refused(tmp_path, height, message):
    made(
        tmp_path / "made.onnx",
        [node("BatchNormalization", "x s s s s")],
        {"s": numbers(3)},
        ("n", 3, height, 8),
    )
    with pytest.raises(WeightsError, match=message):
        load_model(tmp_path / "made.onnx")


@pytest.mark.parametrize("first, message", [("Relu", "nodes, more than 50000"), ("F39", "in a circle")])
def test_functions_that_call_each_other_endlessly_are_refused(tmp_path, first, message):
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]
    functions = []
    for index in range(40):
        called = first if index == 0 else f"F{index - 1}"
        domain = "" if called == "Relu" else "own"
        twice = [helper.make_node(called, [a], [b], domain=domain) for a, b in ("ab", "bc")]
        functions.append(helper.make_function("own", f"F{index}", ["a"], ["c"], twice, opsets))
    model = made(tmp_path / "made.onnx", [node("Relu")])
    model.functions.extend(functions)
    model.graph.node[0].CopyFrom(helper.make_node("F39", ["x"], ["y"], domain="own"))
    onnx.save(model, tmp_path / "made.onnx")
    with pytest.raises(WeightsError, match=message):
        load_model(tmp_path / "made.onnx")


def test_damaged_files_and_other_files_are_said_to_be(tmp_path):
    path = tmp_path / "model.onnx"
    whole = (MODELS / "torch.onnx").read_bytes()
    for data in (b"", b"\xff\xfe\xff", whole[: len(whole) // 2]):
        path.write_bytes(data)
        with pytest.raises(WeightsError, match=r"model\.onnx: (not|the file is empty)"):
            load_model(path)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx"):
        load_model("nowhere.onnx")
    with pytest.raises(ValueError, match="holds its own weights"):
        load_model(MODELS / "torch.onnx", weights="other.h5")


def external(tmp_path, **entries):
    """A convolution whose kernel lies in another file."""
    path = tmp_path / "inner" / "made.onnx"
    path.parent.mkdir(exist_ok=True)
    model = made(path, [node("Conv", "x w")], {"w": KERNEL})
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))
    onnx.save(model, path)
    return path


def test_arrays_in_a_file_beside_the_model(tmp_path):
    path = external(tmp_path, location="kernel.bin", offset=4)
    (path.parent / "kernel.bin").write_bytes(b"1234" + KERNEL.tobytes())
    x = numbers(2, 3, 9, 8)
    (expected,) = ReferenceEvaluator(onnx.load(path)).run(None, {"x": x})
    assert error(load_model(path).predict(x.transpose(0, 2, 3, 1)), expected.transpose(0, 2, 3, 1)) <= 1e-6
    (path.parent / "kernel.bin").write_bytes(KERNEL.tobytes())
    with pytest.raises(WeightsError, match="too short for the array 'w'"):
        load_model(path)


@pytest.mark.parametrize("way", ["../secret.bin", "absolute", "link", "", "missing.bin"])
def test_a_model_reads_no_file_outside_its_folder(tmp_path, way):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(KERNEL.tobytes())
    path = external(tmp_path, location=str(secret) if way == "absolute" else way)
    if way == "link":
        (path.parent / "link").symlink_to(secret)
    with pytest.raises(
        WeightsError, match="not beside it" if way == "missing.bin" else "outside the model's folder"
    ):
        load_model(path)


def test_without_the_package_the_message_names_the_extra(environment):
    code = f"""
import sys
sys.modules["onnx"] = None
from pydeepl.keras import load_model
try:
    load_model({str(MODELS / "torch.onnx")!r})
except ImportError as error:
    assert "pip install 'pydeepl[onnx]'" in str(error), error
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


OPEN = {"shape": ("n", 3, "h", "w")}
SIZES = [
    node("Conv", "x w", "a", auto_pad="SAME_UPPER", strides=[2, 2]),
    node("Shape", "a", "s"),
    node("Slice", "s from to", "t"),
    node("Concat", "batch groups t", "u", axis=0),
    node("Reshape", "a u", "b"),
    node("Transpose", "b", "c", perm=[0, 2, 1, 3, 4]),
    node("Concat", "batch all t", "v", axis=0),
    node("Reshape", "c v", "d"),
    node("GlobalMaxPool", "d"),
]
SIZED = {
    "w": KERNEL,
    "from": np.array([2]),
    "to": np.array([4]),
    "batch": np.array([0]),
    "groups": np.array([2, 2]),
    "all": np.array([4]),
}


def test_an_open_size_is_each_inputs_own(tmp_path):
    path = tmp_path / "made.onnx"
    reference = ReferenceEvaluator(made(path, SIZES, SIZED, **OPEN))
    model = load_model(path)
    assert model.inputShapes == {"x": (None, None, 3)}
    for height, width in ((9, 8), (12, 15), (9, 8)):
        x = numbers(2, 3, height, width)
        (expected,) = reference.run(None, {"x": x})
        assert error(model.predict(x.transpose(0, 2, 3, 1)), expected[:, :, 0, 0]) <= 2e-6
    assert load_model(path, inputShape=(9, 8, 3)).outputShape == (4,)
    with pytest.raises(ValueError, match="inputShape of x: expected"):
        load_model(path, inputShape=(9, 8, 4))


def test_a_size_that_a_dense_layer_asks_for(tmp_path):
    path = tmp_path / "made.onnx"
    reference = ReferenceEvaluator(made(path, *CASES["flatten"], **OPEN))
    x = numbers(2, 3, 9, 8)
    model = load_model(path, inputShape=(9, 8, 3))
    assert error(model.predict(x.transpose(0, 2, 3, 1)), reference.run(None, {"x": x})[0]) <= 2e-6
    with pytest.raises(WeightsError, match=r"(?s)Gemm_y.*open extents were taken for 256: see inputShape"):
        load_model(path)


def test_channels_may_not_be_open(tmp_path):
    made(tmp_path / "made.onnx", [node("Relu")], shape=("n", "c", 4, 4))
    for given in (None, (4, 4, 3)):
        with pytest.raises(WeightsError, match=r"x \(input\): its channels in \[None, None, 4, 4\] are open"):
            load_model(tmp_path / "made.onnx", inputShape=given)
