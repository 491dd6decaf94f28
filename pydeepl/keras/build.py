"""From nodes to a core graph: a builder for each class of layer, and one list of all that cannot be built."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pydeepl import _core
from pydeepl.keras.errors import WeightsError
from pydeepl.keras.topology import Key, Node, Topology


class Unsupported(Exception):
    """Why a layer cannot be built, in words."""


class Built(NamedTuple):
    """A core graph, the node of each call of a layer, and which layer each graph layer's weights are of."""

    graph: _core.Graph
    nodes: dict[Key, int]
    owners: list[str]


def build(path: str, topology: Topology) -> Built:
    """The graph of a model with one input. Raises WeightsError listing every layer that cannot be built."""
    problems = unsupported(topology.nodes)
    if problems:
        raise WeightsError(_report(path, problems))
    graph = _core.Graph()
    nodes: dict[Key, int] = {}
    owners: list[str] = []
    for node in topology.nodes:
        name = node.layer if node.call == 0 else f"{node.layer}/{node.call}"
        try:
            nodes[node.layer, node.call] = _build(graph, name, node, [nodes[key] for key in node.inputs])
        except (ValueError, TypeError) as error:  # what the shapes do not allow: nothing can follow it
            raise WeightsError(_report(path, [f"{node.layer} ({node.kind}): {error}"])) from error
        owners += [node.layer] * (len(graph.layers) - len(owners))
    return Built(graph, nodes, owners)


def unsupported(nodes: list[Node]) -> list[str]:
    """A line for every layer that cannot be built whatever its input."""
    return [f"{node.layer} ({node.kind}): {reason}" for node in nodes if (reason := _refused(node))]


def _report(path: str, problems: list[str]) -> str:
    count = f"{len(problems)} layers are" if len(problems) > 1 else "a layer is"
    return "\n  ".join([f"{path}: {count} not supported:", *problems])


class _AnyGraph:
    """Takes every layer: with it a builder says what it refuses in a configuration, whatever the shapes."""

    def __getattr__(self, name: str) -> Callable[..., int]:
        return lambda *args, **kwargs: 0


def _refused(node: Node) -> str | None:
    try:
        _build(_AnyGraph(), node.layer, node, [0] * max(1, len(node.inputs)))
    except Unsupported as error:
        return str(error)
    except KeyError as error:
        return f"its configuration has no {error}"
    except (TypeError, ValueError, AttributeError) as error:
        return f"its configuration is damaged: {error}"
    return None


def _build(graph: Any, name: str, node: Node, inputs: list[int]) -> int:
    builder = _BUILDERS.get(node.kind)
    if builder is None:
        raise Unsupported(_unknown(node))
    if node.config.get("data_format") == "channels_first":
        raise Unsupported("data_format channels_first: expected channels_last")
    return builder(graph, name, node.config, inputs)


def _unknown(node: Node) -> str:
    if node.kind in ("Lambda", "TFOpLambda"):
        return "it is code, which is never executed from a file"
    if node.kind in ("Sequential", "Functional", "Model"):
        return "a model inside a model"
    return "no such layer here"


def _input(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    shape = list(config.get("batch_shape") or config.get("batch_input_shape") or [])[1:]
    if not 1 <= len(shape) <= 3:
        raise Unsupported(
            f"expected [height, width, channels], [length, channels] or [features], found {shape}"
        )
    if None in shape:
        raise Unsupported(f"its size {shape} is open: save the model with a fixed input size")
    return graph.input(name, *shape)


def _pair(value: Any) -> tuple[int, int]:
    first, second = (value, value) if isinstance(value, int) else value
    return int(first), int(second)


def _activation(value: Any) -> str | None:
    """The name of an activation that the graph has: linear, relu, softmax."""
    name = value.get("config") if isinstance(value, dict) else value
    if name in (None, "linear", "relu", "softmax"):
        return name
    raise Unsupported(f"activation {name!r}")


def _window(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "stride": _pair(config["strides"]),
        "dilation": _pair(config.get("dilation_rate", 1)),
        "padding": config["padding"],
        "use_bias": config["use_bias"],
        "activation": _activation(config["activation"]),
    }


def _conv2d(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    if config.get("groups", 1) != 1:
        raise Unsupported(f"{config['groups']} groups")
    return graph.conv2d(name, inputs[0], config["filters"], _pair(config["kernel_size"]), **_window(config))


def _depthwise(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    window = _window(config) | {"multiplier": config["depth_multiplier"]}
    return graph.depthwise_conv2d(name, inputs[0], _pair(config["kernel_size"]), **window)


def _separable(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    window = _window(config) | {"multiplier": config["depth_multiplier"]}
    return graph.separable_conv2d(name, inputs[0], config["filters"], _pair(config["kernel_size"]), **window)


def _dense(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    activation = _activation(config["activation"])
    return graph.dense(name, inputs[0], config["units"], use_bias=config["use_bias"], activation=activation)


def _batch_norm(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    axis = config["axis"]
    if axis not in (-1, 3, [-1], [3]):
        raise Unsupported(f"axis {axis}: expected the last")
    parts = {"scale": config["scale"], "center": config["center"]}
    return graph.batch_norm(name, inputs[0], epsilon=config["epsilon"], **parts)


def _activate(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    return graph.activation(name, inputs[0], _activation(config["activation"]))


def _relu(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    if config.get("max_value") is not None or config.get("negative_slope") or config.get("threshold"):
        raise Unsupported("a ReLU with max_value, negative_slope or threshold")
    return graph.activation(name, inputs[0], "relu")


def _softmax(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    if config.get("axis", -1) not in (-1, [-1]):
        raise Unsupported(f"axis {config['axis']}: expected the last")
    return graph.activation(name, inputs[0], "softmax")


def _pool(kind: str) -> Callable[..., int]:
    def pool(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
        make = graph.max_pool2d if kind == "max" else graph.avg_pool2d
        size = _pair(config["pool_size"])
        stride = size if config["strides"] is None else _pair(config["strides"])
        return make(name, inputs[0], size, stride=stride, padding=config["padding"])

    return pool


def _global_pool(kind: str) -> Callable[..., int]:
    def pool(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
        if config.get("keepdims"):
            raise Unsupported("keepdims")
        make = graph.global_max_pool if kind == "max" else graph.global_avg_pool
        return make(name, inputs[0])

    return pool


def _add(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    return graph.add(name, inputs)


def _concatenate(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    if config["axis"] not in (-1, 3):
        raise Unsupported(f"axis {config['axis']}: expected the last")
    return graph.concat(name, inputs)


def _zero_padding(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    rows, columns = (_pair(side) for side in config["padding"])
    return graph.zero_pad(name, inputs[0], *rows, *columns)


def _flatten(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    return graph.flatten(name, inputs[0])


def _identity(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    return graph.activation(name, inputs[0], None)


# What training alone does leaves values as they are.
_TRAINING_ONLY = (
    "Dropout",
    "SpatialDropout2D",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "ActivityRegularization",
)

_BUILDERS: dict[str, Callable[[_core.Graph, str, dict[str, Any], list[int]], int]] = {
    "InputLayer": _input,
    "Conv2D": _conv2d,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "Activation": _activate,
    "ReLU": _relu,
    "Softmax": _softmax,
    "MaxPooling2D": _pool("max"),
    "AveragePooling2D": _pool("avg"),
    "GlobalMaxPooling2D": _global_pool("max"),
    "GlobalAveragePooling2D": _global_pool("avg"),
    "Add": _add,
    "Concatenate": _concatenate,
    "ZeroPadding2D": _zero_padding,
    "Flatten": _flatten,
    **dict.fromkeys(_TRAINING_ONLY, _identity),
}
