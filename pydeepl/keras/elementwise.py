"""Builders of layers that work element by element: activations, merging, arithmetic, scaling, normalizing.

Keras 3 writes arithmetic on tensors as operations (classes Add, Multiply, TrueDivide, Relu6, ... of
keras.src.ops), Keras 2 as TFOpLambda with a function's name. Those listed here are built from their names and
numbers; nothing of a file is executed.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from pydeepl.keras.errors import Unsupported
from pydeepl.keras.topology import Node

Config: TypeAlias = dict[str, Any]
Builder: TypeAlias = Callable[[Any, str, Config, list[int]], int]
Activation: TypeAlias = tuple[
    str | None, tuple[float, ...]
]  # the graph's name, and parameters where not its defaults

# What the graph has by Keras' names, with its defaults; not sparsemax, which in Keras does not add up to 1.
_SAME = (
    "linear", "relu", "softmax", "log_softmax", "leaky_relu", "elu", "selu", "celu", "gelu",
    "sigmoid",
    "tanh", "silu", "hard_sigmoid", "hard_silu", "softplus", "softsign", "exponential", "mish", "log_sigmoid",
    "tanh_shrink", "soft_shrink", "hard_shrink", "squareplus", "sparse_plus", "sparse_sigmoid", "hard_tanh",
)  # fmt: skip

_FUNCTIONS: dict[str, Activation] = {
    **{name: (name, ()) for name in _SAME},
    "relu6": ("bounded_relu", ()),
    "swish": ("silu", ()),
    "hard_swish": ("hard_silu", ()),
    "hard_sigmoid of Keras 2": ("hard_sigmoid", (0.2, 0.5)),
}


def activation(value: Any) -> Activation:
    """The graph's activation for what a configuration holds: a name, None, or an activation layer."""
    if isinstance(value, dict) and value.get("class_name") in _ACTIVATION_LAYERS:
        return _ACTIVATION_LAYERS[value["class_name"]](value["config"])
    name = value.get("config") if isinstance(value, dict) else value
    if name is None:
        return None, ()
    if isinstance(name, str) and name in _FUNCTIONS:
        return _FUNCTIONS[name]
    raise Unsupported(f"activation {name!r}")


def finish(graph: Any, name: str, value: Any, build: Callable[[str, str | None], int]) -> int:
    """A layer, build(name, activation), and a layer more for an activation that has parameters."""
    kind, parameters = activation(value)
    if not parameters:
        return build(name, kind)
    return int(graph.activation(f"{name}/activation", build(name, None), kind, parameters))


# ---- activation layers ----


def _number(config: Config, *keys: str, default: float = 0.0) -> float:
    """The first of the keys that is there; None means the default. Keras 2 kept some numbers as arrays."""
    value = next((config[key] for key in keys if key in config), None)
    if isinstance(value, dict):
        value = value.get("value", value.get("config"))
    return default if value is None else float(value)


def _relu(config: Config) -> Activation:
    slope, threshold = _number(config, "negative_slope"), _number(config, "threshold")
    most = _number(config, "max_value", default=math.inf)
    if slope == 0.0 and threshold == 0.0 and most == math.inf:
        return "relu", ()
    return "bounded_relu", (slope, most, threshold)


def _softmax(config: Config) -> Activation:
    if config.get("axis", -1) not in (-1, [-1]):
        raise Unsupported(f"axis {config['axis']}: expected the last")
    return "softmax", ()


_ACTIVATION_LAYERS: dict[str, Callable[[Config], Activation]] = {
    "Activation": lambda config: activation(config["activation"]),
    "ReLU": _relu,
    "LeakyReLU": lambda config: ("leaky_relu", (_number(config, "negative_slope", "alpha", default=0.3),)),
    "ELU": lambda config: ("elu", (_number(config, "alpha", default=1.0),)),
    "ThresholdedReLU": lambda config: ("threshold", (_number(config, "theta", default=1.0), 0.0)),
    "Softmax": _softmax,
}


def _activate(read: Callable[[Config], Activation]) -> Builder:
    return lambda graph, name, config, inputs: int(graph.activation(name, inputs[0], *read(config)))


def _prelu(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    shared = config.get("shared_axes") or []
    return int(graph.prelu(name, inputs[0], tuple(axis in shared for axis in (1, 2, 3))))


# ---- scaling, normalizing ----


def check_last(graph: Any, x: int, axis: Any) -> None:
    """Raises Unsupported where an axis, counted with the rows' one, is not the last of x."""
    (number,) = axis if isinstance(axis, list) else (axis,)
    if number != -1 and number != len(graph.shape(x)):
        raise Unsupported(f"axis {axis}: expected the last")


def _rescaling(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    scale, offset = _numbers(config["scale"]), _numbers(config.get("offset", 0.0))
    if not scale or not offset:
        raise Unsupported(f"scale {scale} and offset {offset}: expected numbers")
    count = max(len(scale), len(offset))
    return int(graph.rescale(name, inputs[0], scale * (count // len(scale)), offset * (count // len(offset))))


def _numbers(value: Any) -> list[float]:
    """A number, or nested lists of one a channel, as Keras keeps arrays."""
    while isinstance(value, list | dict):
        if isinstance(value, dict):
            value = value["config"]["value"]
        elif len(value) == 1:
            value = value[0]
        else:
            return [float(each) for each in value]
    return [float(value)]


def _normalization(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    check_last(graph, inputs[0], config.get("axis", -1))
    invert = bool(config.get("invert"))
    if config.get("mean") is None:
        return int(graph.normalization(name, inputs[0], invert=invert))
    mean, variance = _numbers(config["mean"]), _numbers(config["variance"])
    spread = [max(math.sqrt(each), 1e-7) for each in variance]
    if invert:
        return int(graph.rescale(name, inputs[0], spread, mean))
    offset = [-m / s for m, s in zip(mean, spread, strict=True)]
    return int(graph.rescale(name, inputs[0], [1 / s for s in spread], offset))


def _layer_norm(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    check_last(graph, inputs[0], config["axis"])
    if config.get("rms_scaling"):
        raise Unsupported("rms_scaling")
    parts = {"scale": config["scale"], "center": config["center"]}
    return int(graph.layer_norm(name, inputs[0], epsilon=config["epsilon"], **parts))


def _layer_scale(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return int(graph.layer_scale(name, inputs[0]))


def _custom_scale(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    """InceptionResNetV2's: its first input and `scale` times its second."""
    scaled = graph.rescale(f"{name}/scaled", inputs[1], [config["scale"]], [0.0])
    return int(graph.add(name, [inputs[0], scaled]))


def _identity(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return int(graph.activation(name, inputs[0], None))


# ---- merging, arithmetic ----


def _merge(how: str) -> Builder:
    def merge(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
        if len(inputs) == 1:
            raise Unsupported("expected at least two inputs, found one")
        return int(graph.merge(name, how, inputs))

    return merge


def _negative(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return int(graph.rescale(name, inputs[0], [-1.0], [0.0]))


def _square(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    return int(graph.merge(name, "multiply", [inputs[0], inputs[0]]))


def has_numbers(node: Node) -> bool:
    """Whether some of an operation's operands are numbers."""
    return any(number is not None for number in node.numbers)


def build_arithmetic(graph: Any, name: str, node: Node, inputs: list[int]) -> int:
    """An operation of one tensor and one number, in either order."""
    kind = operation(node)
    if len(node.numbers) != 2 or len(inputs) != 1:
        raise Unsupported(f"{kind} of {list(node.numbers)}: expected a tensor and a number")
    first, number = node.numbers[0] is None, next(each for each in node.numbers if each is not None)
    match kind:
        case "Add":
            scale, offset = 1.0, number
        case "Multiply":
            scale, offset = number, 0.0
        case "Subtract":
            scale, offset = (1.0, -number) if first else (-1.0, number)
        case "Divide" | "TrueDivide" if first and number != 0.0:
            scale, offset = 1.0 / number, 0.0
        case "Maximum" if number == 0.0:
            return int(graph.activation(name, inputs[0], "relu"))
        case _:
            raise Unsupported(f"{kind} of a tensor and the number {number}")
    return int(graph.rescale(name, inputs[0], [scale], [offset]))


# TensorFlow's functions in TFOpLambda layers -> Keras 3's operations.
_TENSORFLOW = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "add": "Add",
    "__operators__.mul": "Multiply",
    "math.multiply": "Multiply",
    "multiply": "Multiply",
    "__operators__.sub": "Subtract",
    "math.subtract": "Subtract",
    "subtract": "Subtract",
    "__operators__.truediv": "TrueDivide",
    "math.truediv": "TrueDivide",
    "math.divide": "TrueDivide",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.negative": "Negative",
    "math.square": "Square",
    "math.sigmoid": "Sigmoid",
    "nn.sigmoid": "Sigmoid",
    "math.tanh": "Tanh",
    "nn.tanh": "Tanh",
    "math.softplus": "Softplus",
    "math.exp": "Exp",
    "nn.relu": "Relu",
    "nn.relu6": "Relu6",
    "nn.silu": "Silu",
    "nn.swish": "Silu",
    "nn.elu": "Elu",
    "nn.selu": "Selu",
    "nn.softplus": "Softplus",
    "nn.softsign": "Softsign",
}


def operation(node: Node) -> str:
    """A node's class name, or the operation's that a TFOpLambda is."""
    if node.kind != "TFOpLambda":
        return node.kind
    return _TENSORFLOW.get(str(node.config.get("function")), node.kind)


_OPERATIONS = {
    "Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Silu": "silu", "Swish": "silu", "Tanh": "tanh",
    "HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu", "HardSwish": "hard_silu", "Softplus": "softplus",
    "Softsign": "softsign", "SoftSign": "softsign", "Exp": "exponential", "Selu": "selu", "Mish": "mish",
    "LogSigmoid": "log_sigmoid", "TanhShrink": "tanh_shrink", "SparsePlus": "sparse_plus",
    "SparseSigmoid": "sparse_sigmoid", "HardTanh": "hard_tanh",
}  # fmt: skip


def _named(name: str) -> Callable[[Config], Activation]:
    return lambda config: activation(name)


def _elu_operation(config: Config) -> Activation:
    return "elu", (_number(config, "alpha", default=1.0),)


def _gelu_operation(config: Config) -> Activation:
    return ("gelu_tanh" if config.get("approximate", True) else "gelu"), ()


BUILDERS: dict[str, Builder] = {
    **{kind: _activate(read) for kind, read in _ACTIVATION_LAYERS.items()},
    **{kind: _activate(_named(name)) for kind, name in _OPERATIONS.items()},
    "Elu": _activate(_elu_operation),
    "Gelu": _activate(_gelu_operation),
    "PReLU": _prelu,
    "Add": _merge("add"),
    "Multiply": _merge("multiply"),
    "Subtract": _merge("subtract"),
    "Divide": _merge("divide"),
    "TrueDivide": _merge("divide"),
    "Average": _merge("average"),
    "Maximum": _merge("maximum"),
    "Minimum": _merge("minimum"),
    "Negative": _negative,
    "Square": _square,
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "LayerNormalization": _layer_norm,
    "LayerScale": _layer_scale,
    "CustomScaleLayer": _custom_scale,
    "StochasticDepth": _identity,
}
