"""Builders of activations: layers of their own, the `activation` of another layer, operations of Keras 3."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from pydeepl.keras.errors import Unsupported

Config: TypeAlias = dict[str, Any]
Builder: TypeAlias = Callable[[Any, str, Config, list[int]], int]
Activation: TypeAlias = tuple[
    str | None, tuple[float, ...]
]  # the graph's name, and parameters where not its defaults

# What the graph has by Keras' names, with its defaults.
_SAME = (
    "linear", "relu", "softmax", "log_softmax", "sparsemax", "leaky_relu", "elu", "selu", "celu", "gelu",
    "sigmoid",
    "tanh", "silu", "hard_sigmoid", "hard_silu", "softplus", "softsign", "exponential", "mish", "log_sigmoid",
    "tanh_shrink", "soft_shrink", "hard_shrink", "squareplus", "sparse_plus", "sparse_sigmoid", "hard_tanh",
)  # fmt: skip

_GLU = "glu"  # not the graph's: of several layers

_FUNCTIONS: dict[str, Activation] = {
    **{name: (name, ()) for name in _SAME},
    "relu6": ("bounded_relu", ()),
    "glu": (_GLU, ()),
    "swish": ("silu", ()),
    "hard_swish": ("hard_silu", ()),
    "hard_sigmoid of Keras 2": ("hard_sigmoid", (0.2, 0.5)),
}


def activation(value: Any) -> Activation:
    """The graph's activation for what a configuration holds: a name, None, or an activation layer."""
    if isinstance(value, dict) and value.get("class_name") in _ACTIVATION_LAYERS:
        return _ACTIVATION_LAYERS[value["class_name"]](value["config"])
    name = value.get("config") if isinstance(value, dict) else value
    if isinstance(name, dict):  # of a layer that is none of these
        name = value.get("class_name")
    if name is None:
        return None, ()
    if isinstance(name, str) and name in _FUNCTIONS:
        return _FUNCTIONS[name]
    raise Unsupported(f"activation {name!r}")


def finish(graph: Any, name: str, value: Any, build: Callable[[str, str | None], int]) -> int:
    """A layer, build(name, activation), and a layer more for an activation that has parameters."""
    kind, parameters = activation(value)
    if not parameters and kind != _GLU:
        return build(name, kind)
    return activate(graph, f"{name}/activation", build(name, None), kind, parameters)


def activate(graph: Any, name: str, x: int, kind: str | None, parameters: tuple[float, ...] = ()) -> int:
    """An activation of x."""
    if kind == _GLU:
        return _glu(graph, name, x)
    return int(graph.activation(name, x, kind, parameters))


def _glu(graph: Any, name: str, x: int) -> int:
    """The first half of the channels times the sigmoid of the second."""
    *outer, channels = graph.shape(x)
    if channels % 2:
        raise Unsupported(f"glu of {channels} channels: expected an even number")
    start, extents = [0] * len(outer), (*outer, channels // 2)
    values = graph.crop(f"{name}/values", x, (*start, 0), extents)
    gates = graph.crop(f"{name}/gates", x, (*start, channels // 2), extents)
    return int(graph.merge(name, "multiply", [values, graph.activation(f"{name}/sigmoid", gates, "sigmoid")]))


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


def _over_last(kind: str) -> Callable[[Config], Activation]:
    def read(config: Config) -> Activation:
        if config.get("axis", -1) not in (-1, [-1]):
            raise Unsupported(f"axis {config['axis']}: expected the last")
        return kind, ()

    return read


_ACTIVATION_LAYERS: dict[str, Callable[[Config], Activation]] = {
    "Activation": lambda config: activation(config["activation"]),
    "ReLU": _relu,
    "LeakyReLU": lambda config: ("leaky_relu", (_number(config, "negative_slope", "alpha", default=0.3),)),
    "ELU": lambda config: ("elu", (_number(config, "alpha", default=1.0),)),
    "ThresholdedReLU": lambda config: ("threshold", (_number(config, "theta", default=1.0), 0.0)),
    "Softmax": _over_last("softmax"),
}


def _layer(read: Callable[[Config], Activation]) -> Builder:
    return lambda graph, name, config, inputs: activate(graph, name, inputs[0], *read(config))


def _over_axis(kind: str) -> Builder:
    """A layer over the axis that it names, counted with the rows'."""

    def build(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
        axis, x = config.get("axis", -1), inputs[0]
        (axis,) = axis if isinstance(axis, list) and len(axis) == 1 else (axis,)
        if axis == -1:
            return activate(graph, name, x, kind)
        rank = len(graph.shape(x))
        if not isinstance(axis, int) or not -rank <= axis <= rank or axis == 0:
            raise Unsupported(f"axis {axis} of {rank + 1}: expected one, and not the rows'")
        order = list(range(rank))
        order.append(order.pop(axis % (rank + 1) - 1))
        back = tuple(order.index(each) for each in range(rank))
        last = graph.permute(f"{name}/permuted", x, tuple(order))
        return int(graph.permute(name, activate(graph, f"{name}/{kind}", last, kind), back))

    return build


def _prelu(graph: Any, name: str, config: Config, inputs: list[int]) -> int:
    shared = config.get("shared_axes") or []
    return int(graph.prelu(name, inputs[0], tuple(axis in shared for axis in (1, 2, 3))))


# ---- operations ----

_OPERATIONS = {
    "Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Silu": "silu", "Swish": "silu", "Tanh": "tanh",
    "HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu", "HardSwish": "hard_silu", "Softplus": "softplus",
    "Softsign": "softsign", "SoftSign": "softsign", "Exp": "exponential", "Selu": "selu", "Mish": "mish",
    "LogSigmoid": "log_sigmoid", "TanhShrink": "tanh_shrink", "SparsePlus": "sparse_plus",
    "SparseSigmoid": "sparse_sigmoid", "HardTanh": "hard_tanh",
}  # fmt: skip
# Operations with parameters: the graph's name, and Keras' names of them with their defaults.
_WITH_PARAMETERS = {
    "LeakyRelu": ("leaky_relu", {"negative_slope": 0.2}),
    "Elu": ("elu", {"alpha": 1.0}),
    "Celu": ("celu", {"alpha": 1.0}),
    "HardShrink": ("hard_shrink", {"threshold": 0.5}),
    "SoftShrink": ("soft_shrink", {"threshold": 0.5}),
    "Squareplus": ("squareplus", {"b": 4.0}),
    "Threshold": ("threshold", {"threshold": 0.0, "default_value": 0.0}),
}


def _named(name: str) -> Callable[[Config], Activation]:
    return lambda config: activation(name)


def _with_parameters(kind: str, defaults: dict[str, float]) -> Callable[[Config], Activation]:
    return lambda config: (kind, tuple(_number(config, key, default=defaults[key]) for key in defaults))


def _gelu_operation(config: Config) -> Activation:
    return ("gelu_tanh" if config.get("approximate", True) else "gelu"), ()


def _absolute(config: Config) -> Activation:
    return "leaky_relu", (-1.0,)


BUILDERS: dict[str, Builder] = {
    **{kind: _layer(read) for kind, read in _ACTIVATION_LAYERS.items()},
    **{kind: _layer(_named(name)) for kind, name in _OPERATIONS.items()},
    **{kind: _layer(_with_parameters(*each)) for kind, each in _WITH_PARAMETERS.items()},
    "Gelu": _layer(_gelu_operation),
    "Glu": _layer(_over_last(_GLU)),
    "Absolute": _layer(_absolute),
    "Softmax": _over_axis("softmax"),
    "LogSoftmax": _over_axis("log_softmax"),
    "Sparsemax": _over_axis("sparsemax"),
    "PReLU": _prelu,
}
