"""From a configuration to nodes: which layer is called on which tensors, in an order in which they can run.

    Sequential     a chain
    Functional     Keras 3: [{"args": [tensor or list of tensors], "kwargs": {}}, ...], one for each call
                   Keras 1 and 2: [[[layer, call, tensor, kwargs], ...], ...]

A layer that is called several times (shared) gives a node for each call.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from pydeepl.keras.errors import WeightsError

_MAX_NODES = 20_000
# Operations that may have numbers for operands; Keras' merging layers of these names never have.
_OPERATIONS = ("TFOpLambda", "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum")
_CONSTANT = "_CONSTANT_VALUE"  # Keras 2's layer of an operand that is none: [it, -1, the operand, keywords]

Key: TypeAlias = tuple[str, int]  # (layer, number of its call)


class Node(NamedTuple):
    """One call of a layer."""

    layer: str
    call: int
    kind: str  # Keras' class name
    config: dict[str, Any]
    inputs: list[Key]
    numbers: tuple[
        float | None, ...
    ] = ()  # operands of an operation that has numbers among them; None: an input


class Topology(NamedTuple):
    """A model's nodes, in an order in which they can run, and the keys of its inputs and outputs."""

    name: str
    nodes: list[Node]
    inputs: list[Key]
    outputs: list[Key]


def read_topology(path: str, config: dict[str, Any]) -> Topology:
    """The nodes of a Sequential or Functional model. Raises WeightsError where it is something else."""
    kind, inner = config["class_name"], config["config"]
    old = str(config.get("keras_version", "3")).partition(".")[0] in ("1", "2")
    try:
        if kind == "Sequential":
            return _of_version(_sequential(inner), old)
        if kind in ("Functional", "Model"):
            return _of_version(_functional(path, inner), old)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise WeightsError(f"{path}: the model's configuration is damaged: {error!r}") from error
    raise WeightsError(
        f"{path}: a {kind} model: expected Sequential or Functional; a subclassed model keeps no layers"
    )


def _of_version(topology: Topology, old: bool) -> Topology:
    """Says where names have another meaning since Keras 3: hard_sigmoid."""
    if not old:
        return topology
    changed = [node._replace(config=_renamed(node.config)) for node in topology.nodes]
    return topology._replace(nodes=changed)


def _renamed(config: dict[str, Any]) -> dict[str, Any]:
    return {
        key: "hard_sigmoid of Keras 2" if value == "hard_sigmoid" else value for key, value in config.items()
    }


def _sequential(inner: Any) -> Topology:
    layers = inner["layers"] if isinstance(inner, dict) else inner
    name = inner.get("name", "sequential") if isinstance(inner, dict) else "sequential"
    nodes: list[Node] = []
    first = layers[0]
    if first["class_name"] != "InputLayer":
        shape = _batch_shape(first["config"]) or (
            inner.get("build_input_shape") if isinstance(inner, dict) else None
        )
        if shape is None:
            raise ValueError("the model was never built: its input's shape is unknown")
        nodes.append(Node(f"{name}_input", 0, "InputLayer", {"batch_shape": shape}, []))
    for layer in layers:
        inputs = [(nodes[-1].layer, 0)] if nodes else []
        nodes.append(
            Node(
                layer["config"].get("name", layer.get("name")),
                0,
                layer["class_name"],
                layer["config"],
                inputs,
            )
        )
    return Topology(name, nodes, [(nodes[0].layer, 0)], [(nodes[-1].layer, 0)])


def _batch_shape(config: dict[str, Any]) -> list[int | None] | None:
    return config.get("batch_shape") or config.get("batch_input_shape")


def _functional(path: str, inner: dict[str, Any]) -> Topology:
    waiting: dict[Key, Node] = {}
    for layer in inner["layers"]:
        calls = layer["inbound_nodes"] or [[]]
        for call, inbound in enumerate(calls):
            node = Node(
                layer["name"],
                call,
                layer["class_name"],
                layer["config"],
                list(_inputs(inbound)),
                tuple(_numbers(inbound)) if _is_operation(layer) else (),
            )
            waiting[node.layer, call] = node
    if len(waiting) > _MAX_NODES:
        raise WeightsError(f"{path}: {len(waiting)} layers, more than {_MAX_NODES}")
    nodes = _ordered(path, waiting)
    return Topology(
        inner.get("name", "model"), nodes, _keys(inner["input_layers"]), _keys(inner["output_layers"])
    )


def _inputs(inbound: Any) -> Iterator[Key]:
    if isinstance(inbound, dict):  # Keras 3
        yield from _tensors(inbound.get("args", []))
        yield from _tensors(list(inbound.get("kwargs", {}).values()))
        return
    for layer, call, tensor, *more in inbound:
        if layer != _CONSTANT:
            yield _key(layer, call, tensor)
        for value in more[0].values() if more else ():
            if _is_reference(value):  # an operand of a TFOpLambda
                yield _key(*value)


def _is_reference(value: Any) -> bool:
    return (
        isinstance(value, list)
        and [type(each) for each in value] == [str, int, int]
        and value[0] != _CONSTANT
    )


def _is_operation(layer: dict[str, Any]) -> bool:
    return layer["class_name"] in _OPERATIONS


def _numbers(inbound: Any) -> Iterator[float | None]:
    """An operation's operands in order: numbers, and None for each tensor."""
    operands = inbound.get("args", []) if isinstance(inbound, dict) else _operands(inbound)
    for value in operands:
        yield value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _operands(inbound: Any) -> Iterator[Any]:
    for layer, call, tensor, *more in inbound:
        yield tensor if layer == _CONSTANT else [layer, call, tensor]
        yield from (value for key, value in (more[0] if more else {}).items() if key in ("y", "x"))


def _tensors(value: Any) -> Iterator[Key]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield _key(*value["config"]["keras_history"])
    elif isinstance(value, list):
        for each in value:
            yield from _tensors(each)


def _key(layer: str, call: int, tensor: int) -> Key:
    if tensor != 0:
        raise ValueError(f"layer {layer!r} has several outputs, which is not supported")
    return layer, call


def _keys(layers: Any) -> list[Key]:
    """input_layers and output_layers: one [layer, call, tensor], or a list of them, or a dict."""
    if isinstance(layers, dict):
        return [key for value in layers.values() for key in _keys(value)]
    if layers and isinstance(layers[0], str):
        layers = [layers]
    return [_key(*layer) for layer in layers]


def _ordered(path: str, waiting: dict[Key, Node]) -> list[Node]:
    """The nodes, each after those that it takes its input from, else in the file's order."""
    done: set[Key] = set()
    nodes: list[Node] = []
    for start in waiting:
        stack = [start]
        while stack:
            key = stack[-1]
            if key in done:
                stack.pop()
                continue
            missing = [source for source in waiting[key].inputs if source not in done]
            if not missing:
                done.add(key)
                nodes.append(waiting[key])
                stack.pop()
            elif missing[0] in stack:
                raise WeightsError(f"{path}: layer {key[0]!r} takes its own output as input")
            else:
                stack += missing[:1]
    return nodes
