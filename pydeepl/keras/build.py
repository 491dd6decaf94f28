"""From nodes to a core graph: a builder for each class of layer, and one list of all that cannot be built."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

from pydeepl import _core
from pydeepl.keras import activations, elementwise, moves, normalizing, preprocessing, windows
from pydeepl.keras.activations import finish
from pydeepl.keras.ends import (
    INPUTS,
    OUTPUTS,
    OpenShape,
    Shape,
    add_inputs,
    closed,
    input_shapes,
    join_outputs,
    read_shape,
)
from pydeepl.keras.errors import Unsupported, WeightsError
from pydeepl.keras.topology import Key, Node, Topology


class Built(NamedTuple):
    """A core graph, the node of each call of a layer, and which layer each graph layer's weights are of."""

    graph: _core.Graph
    nodes: dict[Key, int]
    owners: list[str]
    output: int  # of all outputs, one after the other
    shapes: list[Shape]  # of the outputs


def build(path: str, topology: Topology, sizes: Mapping[str, OpenShape] | None = None) -> Built:
    """The graph of a model. Raises WeightsError listing every layer that cannot be built.

    sizes: one sample's shape at each of its inputs, by name; None for what the configuration says.
    """
    problems = unsupported(topology.nodes)
    if problems:
        raise WeightsError(_report(path, problems))
    graph = _core.Graph()
    try:
        shapes = input_shapes(topology) if sizes is None else sizes
        nodes = add_inputs(graph, {key: closed(key[0], shapes[key[0]]) for key in topology.inputs})
    except _DAMAGE as error:
        raise WeightsError(_report(path, [f"InputLayer: {error}"])) from error
    owners = [INPUTS] * (max(nodes.values()) + 1)
    for node in topology.nodes:
        here, name = (node.layer, node.call), f"{node.layer}/{node.call}" if node.call else node.layer
        if here in nodes:
            continue
        try:
            nodes[here] = _build(graph, name, node, [nodes[key] for key in node.inputs])
        except (Unsupported, *_DAMAGE) as error:  # what the shapes do not allow
            raise WeightsError(_report(path, [f"{node.layer} ({node.kind}): {error}"])) from error
        owners += [node.layer] * (nodes[here] + 1 - len(owners))
    outputs = [nodes[key] for key in topology.outputs]
    made = [graph.shape(node) for node in outputs]
    output = join_outputs(graph, outputs)
    owners += [OUTPUTS] * (output + 1 - len(owners))
    return Built(graph, nodes, owners, output, made)


def unsupported(nodes: list[Node]) -> list[str]:
    """A line for every layer that cannot be built whatever its input; once for one that is called often."""
    reasons = ((node, _refused(node)) for node in nodes)
    lines = [f"{node.layer} ({node.kind}): {reason}" for node, reason in reasons if reason]
    return list(dict.fromkeys(lines))


def _report(path: str, problems: list[str]) -> str:
    count = f"{len(problems)} layers are" if len(problems) > 1 else "a layer is"
    return "\n  ".join([f"{path}: {count} not supported:", *problems])


# What a builder raises for numbers that make no sense.
_DAMAGE = (TypeError, ValueError, AttributeError, IndexError, OverflowError)


class _ShapeUnknown(Exception):
    """Ends a builder that would ask for a shape."""


class _AnyGraph:
    """Takes every layer: with it a builder says what it refuses in a configuration, whatever the shapes."""

    def shape(self, node: int) -> NoReturn:
        raise _ShapeUnknown

    def __getattr__(self, name: str) -> Callable[..., int]:
        return lambda *args, **kwargs: 0


def _refused(node: Node) -> str | None:
    if node.kind == "InputLayer" and node.inputs:
        return "an input that is made of another layer's output"
    if node.kind != "InputLayer" and not node.inputs:
        return "it is called on nothing"
    try:
        _build(_AnyGraph(), node.layer, node, [0] * len(node.inputs))
    except _ShapeUnknown:
        return None
    except Unsupported as error:
        return str(error)
    except KeyError as error:
        return f"its configuration has no {error}"
    except _DAMAGE as error:
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
    return "no such layer here"


def _input(graph: Any, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    read_shape(config)
    if isinstance(graph, _core.Graph):  # add_inputs made all that the model takes
        raise Unsupported("it is not among the model's inputs")
    return 0


def _dense(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    def build(name: str, activation: str | None) -> int:
        return graph.dense(
            name, inputs[0], config["units"], use_bias=config["use_bias"], activation=activation
        )

    return finish(graph, name, config["activation"], build)


def _batch_norm(graph: _core.Graph, name: str, config: dict[str, Any], inputs: list[int]) -> int:
    normalizing.check_last(graph, inputs[0], config["axis"])
    parts = {"scale": config["scale"], "center": config["center"]}
    return graph.batch_norm(name, inputs[0], epsilon=config["epsilon"], **parts)


_BUILDERS: dict[str, Callable[[_core.Graph, str, dict[str, Any], list[int]], int]] = {
    "InputLayer": _input,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    **activations.BUILDERS,
    **elementwise.BUILDERS,
    **moves.BUILDERS,
    **normalizing.BUILDERS,
    **preprocessing.BUILDERS,
    **windows.BUILDERS,
}
