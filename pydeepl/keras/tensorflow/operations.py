"""TensorFlow's operations, each as the Keras layer that computes the same; and those on arrays."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pydeepl.keras.tensorflow.graphdef import NodeDef
from pydeepl.keras.tensorflow.layers import (
    Array,
    Layers,
    Refused,
    ShapeOf,
    Spread,
    Value,
    constant,
    key_of,
)
from pydeepl.keras.topology import Key

Translate = Callable[[Layers, NodeDef, list[Value]], Value]


def why_unknown(node: NodeDef) -> str:
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
        raise Refused(f"data_format {form}: expected NHWC")


def _window(node: NodeDef, name: str) -> list[int]:
    """The two numbers for height and width of an attribute of four."""
    _channels_last(node)
    values = node.attributes.get(name) or [1, 1, 1, 1]
    if len(values) != 4 or values[0] != 1 or values[3] != 1:
        raise Refused(f"{name} {values}: expected [1, height, width, 1]")
    return [int(values[1]), int(values[2])]


def _padding(node: NodeDef) -> str:
    padding = str(node.attributes.get("padding"))
    if padding not in ("SAME", "VALID"):
        raise Refused(f"padding {padding}: expected SAME or VALID")
    return padding.lower()


def _conv2d(layers: Layers, node: NodeDef, values: list[Value]) -> Value:
    kernel = constant(values[1], "kernel")
    config = {
        "filters": kernel.shape[3], "kernel_size": list(kernel.shape[:2]),
        "strides": _window(node, "strides"),
        "dilation_rate": _window(node, "dilations"), "padding": _padding(node), "groups": 1,
        "use_bias": False, "activation": "linear",
    }  # fmt: skip
    return layers.window(node, "Conv2D", config, values[0], kernel)


def _depthwise(layers: Layers, node: NodeDef, values: list[Value]) -> Value:
    kernel = constant(values[1], "kernel")
    config = {
        "depth_multiplier": kernel.shape[3], "kernel_size": list(kernel.shape[:2]),
        "strides": _window(node, "strides"), "dilation_rate": _window(node, "dilations"),
        "padding": _padding(node), "use_bias": False, "activation": "linear",
    }  # fmt: skip
    return layers.window(node, "DepthwiseConv2D", config, values[0], kernel)


def _matmul(layers: Layers, node: NodeDef, values: list[Value]) -> Key:
    if node.attributes.get("transpose_a"):
        raise Refused("transpose_a")
    kernel = constant(values[1], "matrix")
    kernel = kernel.T if node.attributes.get("transpose_b") else kernel
    config = {"units": kernel.shape[1], "use_bias": False, "activation": "linear"}
    return layers.add(node.name, "Dense", config, [key_of(values[0])], kernel)


def _bias_add(layers: Layers, node: NodeDef, values: list[Value]) -> Key:
    _channels_last(node)
    return layers.affine(node, key_of(values[0]), np.ones(()), constant(values[1], "bias"))


def _batch_norm(layers: Layers, node: NodeDef, values: list[Value]) -> Key:
    _channels_last(node)
    if node.attributes.get("is_training", True):
        raise Refused("is_training: expected a graph for inference")
    gamma, beta, mean, variance = (constant(each, "statistics") for each in values[1:5])
    epsilon = float(node.attributes.get("epsilon", 1e-4))
    config = {"axis": -1, "scale": True, "center": True, "epsilon": epsilon}
    return layers.add(
        node.name, "BatchNormalization", config, [key_of(values[0])], gamma, beta, mean, variance
    )


def _layer(kind: str, **config: Any) -> Translate:
    return lambda layers, node, values: layers.add(node.name, kind, config, [key_of(values[0])])


def _leaky(layers: Layers, node: NodeDef, values: list[Value]) -> Key:
    slope = node.attributes.get("alpha", 0.2)
    return layers.add(node.name, "LeakyReLU", {"negative_slope": slope}, [key_of(values[0])])


def _pool(kind: str) -> Translate:
    def pool(layers: Layers, node: NodeDef, values: list[Value]) -> Key:
        config = {"pool_size": _window(node, "ksize"), "strides": _window(node, "strides")}
        return layers.add(node.name, kind, config | {"padding": _padding(node)}, [key_of(values[0])])

    return pool


def _reduce(kind: str) -> Translate:
    def reduce(layers: Layers, node: NodeDef, values: list[Value]) -> Key:
        axes = sorted(int(axis) for axis in constant(values[1], "axes").reshape(-1))
        if axes not in ([1, 2], [-3, -2]):
            raise Refused(f"axes {axes}: expected [1, 2], height and width")
        return layers.add(
            node.name, kind, {"keepdims": bool(node.attributes.get("keep_dims"))}, [key_of(values[0])]
        )

    return reduce


def _reshape(layers: Layers, node: NodeDef, values: list[Value]) -> Key:
    shape = [int(extent) for extent in constant(values[1], "shape").reshape(-1)]
    if shape[0] != -1:
        raise Refused(f"shape {shape}: expected -1, for any number of rows, as its first extent")
    if len(shape) == 2:
        layers.sizes[node.name] = shape[1]
        return layers.add(node.name, "Flatten", {}, [key_of(values[0])])
    return layers.add(node.name, "Reshape", {"target_shape": shape[1:]}, [key_of(values[0])])


def _pack(layers: Layers, node: NodeDef, values: list[Value]) -> Array:
    """A shape made of the number of rows and constants."""
    if not (isinstance(values[0], ShapeOf) and values[0].batch):
        raise Refused("expected a shape, of the number of rows and constants")
    return np.array([-1, *(int(constant(each, "extent")) for each in values[1:])])


def _space_to_batch(layers: Layers, node: NodeDef, values: list[Value]) -> Spread:
    block, pads = constant(values[1], "block").reshape(-1), constant(values[2], "padding")
    if block.size != 2:
        raise Refused(f"blocks {block.tolist()}: expected height and width")
    return Spread(key_of(values[0]), [int(each) for each in block], pads)


def _batch_to_space(layers: Layers, node: NodeDef, values: list[Value]) -> Key:
    """The dilated convolution that was computed of blocks."""
    spread = values[0]
    if not isinstance(spread, Spread) or spread.layer is None:
        raise Refused("expected a convolution of SpaceToBatchND's output")
    if [int(each) for each in constant(values[1], "block").reshape(-1)] != spread.block:
        raise Refused("other blocks than SpaceToBatchND's")
    pads, key = spread.pads - constant(values[2], "crops"), spread.key
    if (pads < 0).any():
        raise Refused("crops larger than the padding")
    if pads.any():
        key = layers.add(f"{node.name}/pad", "ZeroPadding2D", {"padding": pads.tolist()}, [key])
    layer = spread.layer
    config = layer.config | {"dilation_rate": spread.block}
    return layers.add(node.name, layer.kind, config, [key], *layers.weights.pop(layer.layer))


def _slice(layers: Layers, node: NodeDef, values: list[Value]) -> ShapeOf:
    """The number of rows, of a shape."""
    bounds = [constant(each, "bound").reshape(-1).tolist() for each in values[1:4]]
    if not isinstance(values[0], ShapeOf) or bounds != [[0], [1], [1]]:
        raise Refused("expected the first extent of a shape")
    return ShapeOf(batch=True)


def _squeeze(layers: Layers, node: NodeDef, values: list[Value]) -> Key:
    axes = sorted(node.attributes.get("squeeze_dims") or [])
    if axes not in ([1, 2], [-3, -2]):
        raise Refused(f"axes {axes}: expected [1, 2], height and width")
    return layers.add(node.name, "Flatten", {}, [key_of(values[0])])


def _pad(layers: Layers, node: NodeDef, values: list[Value]) -> Key:
    pads = constant(values[1], "padding").reshape(-1, 2)
    if len(values) > 2 and np.any(constant(values[2], "value")):
        raise Refused("padding with something else than 0")
    if pads.shape != (4, 2) or pads[0].any() or pads[3].any():
        raise Refused(f"padding {pads.tolist()}: expected that of height and width")
    return layers.add(node.name, "ZeroPadding2D", {"padding": pads[1:3].tolist()}, [key_of(values[0])])


def _concat(layers: Layers, node: NodeDef, values: list[Value]) -> Key:
    axis = int(constant(values[-1], "axis"))
    return layers.add(node.name, "Concatenate", {"axis": axis}, [key_of(each) for each in values[:-1]])


def _arithmetic(kind: str) -> Translate:
    def combine(layers: Layers, node: NodeDef, values: list[Value]) -> Key:
        arrays = [each for each in values if isinstance(each, np.ndarray)]
        if not arrays:
            return layers.add(node.name, kind, {}, [key_of(each) for each in values])
        if len(values) != 2:
            raise Refused(f"{len(values)} inputs, some of them constants: expected two")
        key = key_of(next(each for each in values if not isinstance(each, np.ndarray)))
        number, first = arrays[0].astype(np.float64), not isinstance(values[0], np.ndarray)
        none, one = np.zeros(()), np.ones(())
        if kind == "Add":
            return layers.affine(node, key, one, number)
        if kind == "Subtract":
            return layers.affine(node, key, one if first else -one, -number if first else number)
        if kind == "Multiply":
            return layers.affine(node, key, number, none)
        if kind == "Divide" and first:
            return layers.affine(node, key, 1 / number, none)
        if kind == "Maximum" and not number.any():
            return layers.add(node.name, "ReLU", {}, [key])
        raise Refused(f"{kind} of a tensor and a constant")

    return combine


SAME = {"Identity", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot", "PlaceholderWithDefault"}

_ACTIVATIONS = {
    "Relu": "relu", "Relu6": "relu6", "Elu": "elu", "Selu": "selu", "Sigmoid": "sigmoid", "Tanh": "tanh",
    "Softplus": "softplus", "Softsign": "softsign", "Exp": "exponential",
}  # fmt: skip

OPERATIONS: Mapping[str, Translate] = {
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
    "Shape": lambda layers, node, values: ShapeOf(),
    "StridedSlice": _slice,
    **{op: _layer("Activation", activation=name) for op, name in _ACTIVATIONS.items()},
}

BROADCAST = ("Add", "AddV2", "Sub", "Mul", "RealDiv")
FOLDED: Mapping[str, Callable[..., Any]] = {
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
