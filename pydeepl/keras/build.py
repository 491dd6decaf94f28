"""From nodes to a core graph: a builder for each class of layer, and one list of all that cannot be built."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pydeepl import _core
from pydeepl.keras import elementwise
from pydeepl.keras.elementwise import finish
from pydeepl.keras.errors import Unsupported, WeightsError
from pydeepl.keras.topology import Key, Node, Topology


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
    if elementwise.has_numbers(node):
        return elementwise.build_arithmetic(graph, name, node, inputs)
    builder = _BUILDERS.get(elementwise.operation(node))
    if builder is None:
        raise Unsupported(_unknown(node))
    if node.config.get("data_format") == "channels_first":
        raise Unsupported("data_format channels_first: expected channels_last")
    return builder(graph, name, node.config, inputs)


def _unknown(node: Node) -> str:
    if node.kind == "TFOpLambda":
        return f"TensorFlow's {node.config.get('function')}: no such layer here"
    if node.kind == "Lambda":
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


def _window(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "stride": _pair(config["strides"]),
        "dilation": _pair(config.get("dilation_rate", 1)),
        "padding": config["padding"],
        "use_bias": config["use_bias"],
    }


def _conv2d(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    if config.get("groups", 1) != 1:
        raise Unsupported(f"{config['groups']} groups")
    size, window = _pair(config["kernel_size"]), _window(config)

    def build(name: str, activation: str | None) -> int:
        return graph.conv2d(name, inputs[0], config["filters"], size, activation=activation, **window)

    return finish(graph, name, config["activation"], build)


def _depthwise(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    size, window = _pair(config["kernel_size"]), _window(config) | {"multiplier": config["depth_multiplier"]}

    def build(name: str, activation: str | None) -> int:
        return graph.depthwise_conv2d(name, inputs[0], size, activation=activation, **window)

    return finish(graph, name, config["activation"], build)


def _separable(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    size, window = _pair(config["kernel_size"]), _window(config) | {"multiplier": config["depth_multiplier"]}

    def build(name: str, activation: str | None) -> int:
        return graph.separable_conv2d(
            name, inputs[0], config["filters"], size, activation=activation, **window
        )

    return finish(graph, name, config["activation"], build)


def _dense(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    def build(name: str, activation: str | None) -> int:
        return graph.dense(
            name, inputs[0], config["units"], use_bias=config["use_bias"], activation=activation
        )

    return finish(graph, name, config["activation"], build)


def _batch_norm(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    axis = config["axis"]
    if axis not in (-1, 3, [-1], [3]):
        raise Unsupported(f"axis {axis}: expected the last")
    parts = {"scale": config["scale"], "center": config["center"]}
    return graph.batch_norm(name, inputs[0], epsilon=config["epsilon"], **parts)


def _pool(kind: str) -> Callable[..., int]:
    def pool(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
        make = graph.max_pool2d if kind == "max" else graph.avg_pool2d
        size = _pair(config["pool_size"])
        stride = size if config["strides"] is None else _pair(config["strides"])
        return make(name, inputs[0], size, stride=stride, padding=config["padding"])

    return pool


def _global_pool(kind: str) -> Callable[..., int]:
    def pool(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
        make = graph.global_max_pool if kind == "max" else graph.global_avg_pool
        return make(name, inputs[0], keepdims=bool(config.get("keepdims")))

    return pool


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
    "MaxPooling2D": _pool("max"),
    "AveragePooling2D": _pool("avg"),
    "GlobalMaxPooling2D": _global_pool("max"),
    "GlobalAveragePooling2D": _global_pool("avg"),
    "Concatenate": _concatenate,
    "ZeroPadding2D": _zero_padding,
    "Flatten": _flatten,
    **elementwise.BUILDERS,
    **dict.fromkeys(_TRAINING_ONLY, _identity),
}
