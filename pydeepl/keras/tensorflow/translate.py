"""A TensorFlow graph's operations as Keras' layers.

A value is an array (what can be known without an input), or the output of a layer. Biases are merged into the
convolution or dense layer that they follow.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.build import build
from pydeepl.keras.ends import input_shapes
from pydeepl.keras.errors import WeightsError
from pydeepl.keras.model import KerasModel
from pydeepl.keras.nested import Model
from pydeepl.keras.reader import graph_layers
from pydeepl.keras.saved import SavedModel
from pydeepl.keras.tensorflow.graphdef import GraphDef, NodeDef
from pydeepl.keras.topology import Key, Node, Topology

Array = NDArray[Any]


class _ShapeOf:
    """A shape that is computed; `batch`: its first number alone, how many rows there are."""

    def __init__(self, batch: bool = False) -> None:
        self.batch = batch


class _Spread:
    """Every block[i]-th row and column of a map, as rows of a batch: how TensorFlow writes dilated windows.

    `layer`: the convolution of these, None before it is there.
    """

    def __init__(self, key: Key, block: list[int], pads: Array, layer: Node | None = None) -> None:
        self.key, self.block, self.pads, self.layer = key, block, pads, layer


Value = Array | Key | _ShapeOf | _Spread

ALTERNATIVE = (
    "Save the model from Keras as .keras, or export it to ONNX with tf2onnx: "
    "pydeepl.keras.load_model reads both"
)


class _Refused(Exception):
    """Why an operation is not translated, in words."""


def graph_model(
    graph: GraphDef, feed: str, fetch: str, shape: Sequence[int] | None = None, threads: int = 0
) -> KerasModel:
    """A model of a graph, from one tensor to another.

    Parameters
    ----------
    graph : its weights are constants.
    feed, fetch : names of tensors ("input:0"), or of their operations.
    shape : of one row of the input, where the graph leaves it open.
    threads : of the core; 0 for the default.

    Raises WeightsError for tensors that are not there and, in one message that names each of them, for
    operations that no layer stands for.
    """
    translation = _Translation(graph, feed, shape)
    key = translation.run(fetch)
    topology = Topology(graph.name, translation.layers, [(_operation(feed), 0)], [key])
    built = build(graph.name, topology)
    for name, *_, made, _ in built.graph.layers:
        size = translation.sizes.get(name, -1)
        if size not in (-1, made[0]):
            raise WeightsError(f"{graph.name}: {name}: rows of {made[0]} numbers, reshaped to {size}")
    for layer, owner in zip(graph_layers(built.graph), built.owners, strict=True):
        arrays = translation.weights.get(owner, []) if layer.params else []
        wanted = [tuple(size) for _, size in layer.params]
        if [array.shape for array in arrays] != wanted:
            found = [list(array.shape) for array in arrays]
            raise WeightsError(
                f"{graph.name}: {owner}: expected arrays {[list(s) for s in wanted]}, found {found}"
            )
    model = Model(topology, nested={}, places={})
    saved = SavedModel(graph.name, graph.name, model, built, input_shapes(topology), [graph.name])
    return KerasModel(saved, translation.weights, threads)


def placeholder_shape(graph: GraphDef, feed: str) -> list[int] | None:
    """The shape of one row of an input; -1 for an open extent, None where the graph does not tell any."""
    node = graph.nodes.get(_operation(feed))
    if node is None:
        raise WeightsError(
            f"{graph.name}: no operation {_operation(feed)!r}; its inputs: {', '.join(inputs(graph))}"
        )
    shape = node.attributes.get("shape")
    return None if not shape else [int(extent) for extent in shape[1:]]


def inputs(graph: GraphDef) -> list[str]:
    """The names of a graph's placeholders."""
    return [node.name for node in graph.nodes.values() if node.op == "Placeholder"]


def _operation(tensor: str) -> str:
    return tensor.split(":")[0]


class _Translation:
    def __init__(self, graph: GraphDef, feed: str, shape: Sequence[int] | None) -> None:
        self.graph, self.feed = graph, _operation(feed)
        self.layers: list[Node] = []
        self.weights: dict[str, list[NDArray[np.float32]]] = {}
        self.sizes: dict[str, int] = {}  # numbers in a row that reshaping says there are
        self._values: dict[str, Value] = {}
        self._places: dict[str, int] = {}
        self._shape = list(shape) if shape is not None else placeholder_shape(graph, feed)
        self._users = Counter(_operation(each) for node in graph.nodes.values() for each in node.inputs)

    def run(self, fetch: str) -> Key:
        """Translates all that the tensor is made of; the layer whose output it is."""
        name = _operation(fetch)
        if name not in self.graph.nodes:
            raise WeightsError(f"{self.graph.name}: no operation {name!r}")
        problems = []
        for node in self._order(name):
            try:
                self._values[node.name] = self._translated(node)
            except (_Refused, ValueError, TypeError, KeyError, IndexError) as error:
                reason = (
                    str(error) if isinstance(error, _Refused) else f"its attributes do not fit: {error!r}"
                )
                problems.append(f"{node.name} ({node.op}): {reason}")
                self._values[node.name] = (self.feed, 0)  # whatever follows is looked at, too
        if problems:
            count = f"{len(problems)} operations are" if len(problems) > 1 else "an operation is"
            lines = "\n  ".join([f"{self.graph.name}: {count} not supported:", *problems])
            raise WeightsError(f"{lines}\n{ALTERNATIVE}")
        value = self._values[name]
        if not isinstance(value, tuple):
            raise WeightsError(f"{self.graph.name}: {fetch} does not depend on {self.feed}")
        return value

    def _order(self, last: str) -> list[NodeDef]:
        """The operations that one is made of, each after its inputs."""
        order: dict[str, NodeDef] = {}
        stack, open_ones = [last], set()
        while stack:
            node = self.graph.nodes[stack[-1]]
            waiting = [name for name in self._data_inputs(node) if name not in order]
            if not waiting or node.name in order:
                order.setdefault(node.name, node)
                open_ones.discard(stack.pop())
                continue
            if waiting[0] not in self.graph.nodes:
                raise WeightsError(f"{self.graph.name}: {node.name}: no operation {waiting[0]!r}")
            if waiting[0] in open_ones:
                raise WeightsError(f"{self.graph.name}: {waiting[0]!r} takes its own output as input")
            open_ones.add(node.name)
            stack.append(waiting[0])
        return list(order.values())

    def _data_inputs(self, node: NodeDef) -> list[str]:
        if node.name == self.feed:
            return []
        return [_operation(each) for each in node.inputs if not each.startswith("^")]

    def _translated(self, node: NodeDef) -> Value:
        if node.name == self.feed:
            return self._input(node)
        if node.op in ("Const", "HostConst"):
            value = node.attributes.get("value")
            if value is None:
                raise _Refused("a constant that is no array of numbers")
            return np.asarray(value)
        second = [each for each in node.inputs if ":" in each and not each.endswith(":0")]
        if second:
            raise _Refused(f"it takes {second[0]}: only first outputs are taken")
        values = [self._values[name] for name in self._data_inputs(node)]
        if node.op in _SAME:
            return values[0]
        arrays = [each for each in values if isinstance(each, np.ndarray)]
        if arrays and len(arrays) == len(values) and node.op in _FOLDED:
            return np.asarray(_FOLDED[node.op](node, *arrays))
        translate = _OPERATIONS.get(node.op)
        if translate is None:
            raise _Refused(_unknown(node))
        return translate(self, node, values)

    def _input(self, node: NodeDef) -> Key:
        shape = self._shape
        if shape is None or any(extent < 0 for extent in shape):
            raise _Refused(f"the shape of its rows, {shape}, is open: expected a fixed one")
        return self.add(node.name, "InputLayer", {"batch_shape": [None, *shape]}, [])

    def add(self, name: str, kind: str, config: dict[str, Any], keys: list[Key], *weights: Array) -> Key:
        """A layer with its weights."""
        self._places[name] = len(self.layers)
        self.layers.append(Node(name, 0, kind, config, keys))
        if weights:
            self.weights[name] = [np.ascontiguousarray(each, np.float32) for each in weights]
        return name, 0

    def window(self, node: NodeDef, kind: str, config: dict[str, Any], x: Value, kernel: Array) -> Value:
        """A convolution, dilated where its input is spread."""
        if not isinstance(x, _Spread):
            return self.add(node.name, kind, config, [_key(x)], kernel)
        if x.layer is not None or config["padding"] != "valid" or config["strides"] != [1, 1]:
            raise _Refused("expected one convolution of blocks, without padding and strides")
        self.weights[node.name] = [kernel]
        return _Spread(x.key, x.block, x.pads, Node(node.name, 0, kind, config, []))

    def affine(self, node: NodeDef, key: Key, scale: Array, offset: Array) -> Key:
        """A factor and a number to add, for all or each channel: in the layer before if it has place."""
        for each in (scale, offset):
            if each.size > 1 and each.shape[-1] != each.size:
                raise _Refused(f"an array {list(each.shape)}: expected a number, or one for each channel")
        scale, offset = scale.reshape(-1).astype(np.float64), offset.reshape(-1).astype(np.float64)
        place = self._places.get(key[0])
        merged = None
        if place is not None and self._users[key[0]] == 1:
            merged = self._merged(self.layers[place], scale, offset)
        if place is not None and merged is not None:
            self.layers[place] = merged
            self._users[key[0]] = self._users[node.name]  # the layer's output is this operation's now
            return key
        config = {"scale": scale.tolist(), "offset": offset.tolist()}
        return self.add(node.name, "Rescaling", config, [key])

    def _merged(self, layer: Node, scale: Array, offset: Array) -> Node | None:
        """A layer that computes `scale` times its output, plus `offset`; None where it does no such thing."""
        config = layer.config
        if layer.kind == "Rescaling":
            first, start = np.array(config["scale"]), np.array(config["offset"])
            numbers = {"scale": (first * scale).tolist(), "offset": (start * scale + offset).tolist()}
            return layer._replace(config=config | numbers)
        if layer.kind not in ("Conv2D", "DepthwiseConv2D", "Dense"):
            return None
        kernel, *bias = self.weights[layer.layer]
        channels = kernel.shape[2:] if layer.kind == "DepthwiseConv2D" else kernel.shape[-1:]
        count = math.prod(channels)
        wide = np.broadcast_to(scale, count).reshape(channels)
        shift = np.broadcast_to(offset + (bias[0] * scale if bias else 0), count)
        self.weights[layer.layer] = [np.float32(kernel * wide), np.float32(shift)]
        return layer._replace(config=config | {"use_bias": True})


Translate = Callable[[_Translation, NodeDef, list[Value]], Value]


def _key(value: Value) -> Key:
    if not isinstance(value, tuple):
        kinds = {_ShapeOf: "a shape that is computed", _Spread: "a map in blocks"}
        found = kinds.get(type(value), "a constant")
        raise _Refused(f"expected numbers that the graph computes, found {found}")
    return value


def _constant(value: Value, what: str) -> Array:
    if not isinstance(value, np.ndarray):
        raise _Refused(f"its {what} is computed: expected a constant (is the graph frozen?)")
    return value


def _unknown(node: NodeDef) -> str:
    if node.op in ("VarHandleOp", "VariableV2", "ReadVariableOp", "RestoreV2"):
        return "a variable: freeze the graph, so that weights are constants"
    if node.op in ("PartitionedCall", "StatefulPartitionedCall"):
        return "a function: freeze the graph, which takes functions apart"
    if node.op == "Placeholder":
        return "a second input: expected one"
    return "no such operation here"


def _channels_last(node: NodeDef) -> None:
    form = node.attributes.get("data_format") or "NHWC"
    if form != "NHWC":
        raise _Refused(f"data_format {form}: expected NHWC")


def _window(node: NodeDef, name: str) -> list[int]:
    """The two numbers for height and width of an attribute of four."""
    _channels_last(node)
    values = node.attributes.get(name) or [1, 1, 1, 1]
    if len(values) != 4 or values[0] != 1 or values[3] != 1:
        raise _Refused(f"{name} {values}: expected [1, height, width, 1]")
    return [int(values[1]), int(values[2])]


def _padding(node: NodeDef) -> str:
    padding = str(node.attributes.get("padding"))
    if padding not in ("SAME", "VALID"):
        raise _Refused(f"padding {padding}: expected SAME or VALID")
    return padding.lower()


def _conv2d(graph: _Translation, node: NodeDef, values: list[Value]) -> Value:
    kernel = _constant(values[1], "kernel")
    config = {
        "filters": kernel.shape[3], "kernel_size": list(kernel.shape[:2]),
        "strides": _window(node, "strides"),
        "dilation_rate": _window(node, "dilations"), "padding": _padding(node), "groups": 1,
        "use_bias": False, "activation": "linear",
    }  # fmt: skip
    return graph.window(node, "Conv2D", config, values[0], kernel)


def _depthwise(graph: _Translation, node: NodeDef, values: list[Value]) -> Value:
    kernel = _constant(values[1], "kernel")
    config = {
        "depth_multiplier": kernel.shape[3], "kernel_size": list(kernel.shape[:2]),
        "strides": _window(node, "strides"), "dilation_rate": _window(node, "dilations"),
        "padding": _padding(node), "use_bias": False, "activation": "linear",
    }  # fmt: skip
    return graph.window(node, "DepthwiseConv2D", config, values[0], kernel)


def _matmul(graph: _Translation, node: NodeDef, values: list[Value]) -> Key:
    if node.attributes.get("transpose_a"):
        raise _Refused("transpose_a")
    kernel = _constant(values[1], "matrix")
    kernel = kernel.T if node.attributes.get("transpose_b") else kernel
    config = {"units": kernel.shape[1], "use_bias": False, "activation": "linear"}
    return graph.add(node.name, "Dense", config, [_key(values[0])], kernel)


def _bias_add(graph: _Translation, node: NodeDef, values: list[Value]) -> Key:
    _channels_last(node)
    return graph.affine(node, _key(values[0]), np.ones(()), _constant(values[1], "bias"))


def _batch_norm(graph: _Translation, node: NodeDef, values: list[Value]) -> Key:
    _channels_last(node)
    if node.attributes.get("is_training", True):
        raise _Refused("is_training: expected a graph for inference")
    gamma, beta, mean, variance = (_constant(each, "statistics") for each in values[1:5])
    epsilon = float(node.attributes.get("epsilon", 1e-4))
    config = {"axis": -1, "scale": True, "center": True, "epsilon": epsilon}
    return graph.add(node.name, "BatchNormalization", config, [_key(values[0])], gamma, beta, mean, variance)


def _layer(kind: str, **config: Any) -> Translate:
    return lambda graph, node, values: graph.add(node.name, kind, config, [_key(values[0])])


def _leaky(graph: _Translation, node: NodeDef, values: list[Value]) -> Key:
    slope = node.attributes.get("alpha", 0.2)
    return graph.add(node.name, "LeakyReLU", {"negative_slope": slope}, [_key(values[0])])


def _pool(kind: str) -> Translate:
    def pool(graph: _Translation, node: NodeDef, values: list[Value]) -> Key:
        config = {"pool_size": _window(node, "ksize"), "strides": _window(node, "strides")}
        return graph.add(node.name, kind, config | {"padding": _padding(node)}, [_key(values[0])])

    return pool


def _reduce(kind: str) -> Translate:
    def reduce(graph: _Translation, node: NodeDef, values: list[Value]) -> Key:
        axes = sorted(int(axis) for axis in _constant(values[1], "axes").reshape(-1))
        if axes not in ([1, 2], [-3, -2]):
            raise _Refused(f"axes {axes}: expected [1, 2], height and width")
        return graph.add(
            node.name, kind, {"keepdims": bool(node.attributes.get("keep_dims"))}, [_key(values[0])]
        )

    return reduce


def _reshape(graph: _Translation, node: NodeDef, values: list[Value]) -> Key:
    shape = [int(extent) for extent in _constant(values[1], "shape").reshape(-1)]
    if shape[0] != -1:
        raise _Refused(f"shape {shape}: expected -1, for any number of rows, as its first extent")
    if len(shape) == 2:
        graph.sizes[node.name] = shape[1]
        return graph.add(node.name, "Flatten", {}, [_key(values[0])])
    return graph.add(node.name, "Reshape", {"target_shape": shape[1:]}, [_key(values[0])])


def _pack(graph: _Translation, node: NodeDef, values: list[Value]) -> Array:
    """A shape made of the number of rows and constants."""
    if not (isinstance(values[0], _ShapeOf) and values[0].batch):
        raise _Refused("expected a shape, of the number of rows and constants")
    return np.array([-1, *(int(_constant(each, "extent")) for each in values[1:])])


def _space_to_batch(graph: _Translation, node: NodeDef, values: list[Value]) -> _Spread:
    block, pads = _constant(values[1], "block").reshape(-1), _constant(values[2], "padding")
    if block.size != 2:
        raise _Refused(f"blocks {block.tolist()}: expected height and width")
    return _Spread(_key(values[0]), [int(each) for each in block], pads)


def _batch_to_space(graph: _Translation, node: NodeDef, values: list[Value]) -> Key:
    """The dilated convolution that was computed of blocks."""
    spread = values[0]
    if not isinstance(spread, _Spread) or spread.layer is None:
        raise _Refused("expected a convolution of SpaceToBatchND's output")
    if [int(each) for each in _constant(values[1], "block").reshape(-1)] != spread.block:
        raise _Refused("other blocks than SpaceToBatchND's")
    pads, key = spread.pads - _constant(values[2], "crops"), spread.key
    if (pads < 0).any():
        raise _Refused("crops larger than the padding")
    if pads.any():
        key = graph.add(f"{node.name}/pad", "ZeroPadding2D", {"padding": pads.tolist()}, [key])
    layer = spread.layer
    config = layer.config | {"dilation_rate": spread.block}
    return graph.add(node.name, layer.kind, config, [key], *graph.weights.pop(layer.layer))


def _slice(graph: _Translation, node: NodeDef, values: list[Value]) -> _ShapeOf:
    """The number of rows, of a shape."""
    bounds = [_constant(each, "bound").reshape(-1).tolist() for each in values[1:4]]
    if not isinstance(values[0], _ShapeOf) or bounds != [[0], [1], [1]]:
        raise _Refused("expected the first extent of a shape")
    return _ShapeOf(batch=True)


def _squeeze(graph: _Translation, node: NodeDef, values: list[Value]) -> Key:
    axes = sorted(node.attributes.get("squeeze_dims") or [])
    if axes not in ([1, 2], [-3, -2]):
        raise _Refused(f"axes {axes}: expected [1, 2], height and width")
    return graph.add(node.name, "Flatten", {}, [_key(values[0])])


def _pad(graph: _Translation, node: NodeDef, values: list[Value]) -> Key:
    pads = _constant(values[1], "padding").reshape(-1, 2)
    if len(values) > 2 and np.any(_constant(values[2], "value")):
        raise _Refused("padding with something else than 0")
    if pads.shape != (4, 2) or pads[0].any() or pads[3].any():
        raise _Refused(f"padding {pads.tolist()}: expected that of height and width")
    return graph.add(node.name, "ZeroPadding2D", {"padding": pads[1:3].tolist()}, [_key(values[0])])


def _concat(graph: _Translation, node: NodeDef, values: list[Value]) -> Key:
    axis = int(_constant(values[-1], "axis"))
    return graph.add(node.name, "Concatenate", {"axis": axis}, [_key(each) for each in values[:-1]])


def _arithmetic(kind: str) -> Translate:
    def combine(graph: _Translation, node: NodeDef, values: list[Value]) -> Key:
        arrays = [each for each in values if isinstance(each, np.ndarray)]
        if not arrays:
            return graph.add(node.name, kind, {}, [_key(each) for each in values])
        if len(values) != 2:
            raise _Refused(f"{len(values)} inputs, some of them constants: expected two")
        key = _key(next(each for each in values if not isinstance(each, np.ndarray)))
        number, first = arrays[0].astype(np.float64), not isinstance(values[0], np.ndarray)
        none, one = np.zeros(()), np.ones(())
        if kind == "Add":
            return graph.affine(node, key, one, number)
        if kind == "Subtract":
            return graph.affine(node, key, one if first else -one, -number if first else number)
        if kind == "Multiply":
            return graph.affine(node, key, number, none)
        if kind == "Divide" and first:
            return graph.affine(node, key, 1 / number, none)
        if kind == "Maximum" and not number.any():
            return graph.add(node.name, "ReLU", {}, [key])
        raise _Refused(f"{kind} of a tensor and a constant")

    return combine


_SAME = {"Identity", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot", "PlaceholderWithDefault"}

_ACTIVATIONS = {
    "Relu": "relu", "Relu6": "relu6", "Elu": "elu", "Selu": "selu", "Sigmoid": "sigmoid", "Tanh": "tanh",
    "Softplus": "softplus", "Softsign": "softsign", "Exp": "exponential",
}  # fmt: skip

_OPERATIONS: Mapping[str, Translate] = {
    "Conv2D": _conv2d,
    "DepthwiseConv2dNative": _depthwise,
    "MatMul": _matmul,
    "BiasAdd": _bias_add,
    "FusedBatchNorm": _batch_norm,
    "FusedBatchNormV2": _batch_norm,
    "FusedBatchNormV3": _batch_norm,
    "LeakyRelu": _leaky,
    "Softmax": _layer("Softmax", axis=-1),
    "MaxPool": _pool("MaxPooling2D"),
    "AvgPool": _pool("AveragePooling2D"),
    "Mean": _reduce("GlobalAveragePooling2D"),
    "Max": _reduce("GlobalMaxPooling2D"),
    "Reshape": _reshape,
    "Pack": _pack,
    "Squeeze": _squeeze,
    "Pad": _pad,
    "PadV2": _pad,
    "ConcatV2": _concat,
    "Add": _arithmetic("Add"),
    "AddV2": _arithmetic("Add"),
    "AddN": _arithmetic("Add"),
    "Sub": _arithmetic("Subtract"),
    "Mul": _arithmetic("Multiply"),
    "RealDiv": _arithmetic("Divide"),
    "Maximum": _arithmetic("Maximum"),
    "Minimum": _arithmetic("Minimum"),
    "SpaceToBatchND": _space_to_batch,
    "BatchToSpaceND": _batch_to_space,
    "Shape": lambda graph, node, values: _ShapeOf(),
    "StridedSlice": _slice,
    **{op: _layer("Activation", activation=name) for op, name in _ACTIVATIONS.items()},
}

_FOLDED: Mapping[str, Callable[..., Any]] = {
    "Add": lambda node, x, y: x + y,
    "AddV2": lambda node, x, y: x + y,
    "Sub": lambda node, x, y: x - y,
    "Mul": lambda node, x, y: x * y,
    "RealDiv": lambda node, x, y: x / y,
    "Neg": lambda node, x: -x,
    "Sqrt": lambda node, x: np.sqrt(x),
    "Rsqrt": lambda node, x: 1 / np.sqrt(x),
    "Square": lambda node, x: x * x,
    "Reshape": lambda node, x, shape: x.reshape(shape.reshape(-1).tolist()),
    "Transpose": lambda node, x, order: x.transpose(order.reshape(-1).tolist()),
    "Pack": lambda node, *parts: np.stack(parts, axis=node.attributes.get("axis") or 0),
    "ConcatV2": lambda node, *parts: np.concatenate(parts[:-1], axis=int(parts[-1])),
    "ExpandDims": lambda node, x, axis: np.expand_dims(x, int(axis)),
    "Squeeze": lambda node, x: np.squeeze(x, tuple(node.attributes.get("squeeze_dims") or ()) or None),
}
