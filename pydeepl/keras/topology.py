"""From a configuration to nodes: which layer is called on which tensors, in an order in which they can run.

    Sequential     a chain
    Functional     Keras 3: [{"args": [tensor or list of tensors], "kwargs": {}}, ...], one for each call
                   Keras 1 and 2: [[[layer, call, tensor, kwargs], ...], ...]

A layer that is called several times (shared) gives a node for each call.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from pydeepl.keras.errors import Unsupported, WeightsError

MAX_NODES = 20_000
MODELS = ("Sequential", "Functional", "Model")  # classes of models that keep their layers
# Operations that may have numbers for operands; Keras' merging layers of these names never have.
_OPERATIONS = ("TFOpLambda", "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum")
_CONSTANT = "_CONSTANT_VALUE"  # Keras 2's layer of an operand that is none: [it, -1, the operand, keywords]

Key: TypeAlias = tuple[str, int]  # (layer, number of its call)
Source: TypeAlias = tuple[str, int, int]  # (layer, number of its call, number of an output: 0 but for models)


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
    output_names: list[str] | None = None
    """Keys of a dictionary of outputs; None for one output or a list."""


class Call(NamedTuple):
    """One call of a layer or of a whole model, as a configuration has it."""

    layer: str
    call: int
    kind: str
    config: dict[str, Any]
    inputs: list[Source]
    numbers: tuple[float | None, ...] = ()


class Scheme(NamedTuple):
    """A model's calls, in an order in which they can run; nested.py makes a topology of it."""

    name: str
    calls: list[Call]
    inputs: list[Source]
    outputs: list[Source]
    output_names: list[str] | None = None


def layers_of(kind: str, inner: Any) -> list[Any]:
    """The layers of a model's configuration; Keras 1 kept a Sequential's alone."""
    layers = inner["layers"] if kind != "Sequential" or isinstance(inner, dict) else inner
    if not isinstance(layers, list):
        raise TypeError(f"expected a list of layers, found {type(layers).__name__}")
    return layers


def read_model(path: str, kind: str, inner: Any, nested: bool = False) -> Scheme:
    """The calls of one Sequential or Functional model; a model inside it is one call.

    Raises WeightsError, and whatever a damaged configuration makes Python raise.
    """
    return _sequential(inner, nested) if kind == "Sequential" else _functional(path, inner)


def of_version(topology: Topology, old: bool) -> Topology:
    """Says where names have another meaning since Keras 3: hard_sigmoid."""
    if not old:
        return topology
    changed = [node._replace(config=_renamed(node.config)) for node in topology.nodes]
    return topology._replace(nodes=changed)


def _renamed(config: dict[str, Any]) -> dict[str, Any]:
    return {
        key: "hard_sigmoid of Keras 2" if value == "hard_sigmoid" else value for key, value in config.items()
    }


def _sequential(inner: Any, nested: bool) -> Scheme:
    layers = layers_of("Sequential", inner)
    name = inner.get("name", "sequential") if isinstance(inner, dict) else "sequential"
    nodes: list[Call] = []
    if layers[0]["class_name"] != "InputLayer":
        shape = _first_shape(layers[0]) or (
            inner.get("build_input_shape") if isinstance(inner, dict) else None
        )
        if shape is None and not nested:
            raise Unsupported(
                "the model was never built, its input's shape is unknown: begin it with an Input "
                "before it is saved, or call it"
            )
        nodes.append(Call(f"{name}_input", 0, "InputLayer", {"batch_shape": shape}, []))
    for layer in layers:
        inputs = [(nodes[-1].layer, 0, 0)] if nodes else []
        title = layer["config"].get("name", layer.get("name"))
        nodes.append(Call(title, 0, layer["class_name"], layer["config"], inputs))
    return Scheme(name, nodes, [(nodes[0].layer, 0, 0)], [(nodes[-1].layer, 0, 0)])


def _first_shape(layer: dict[str, Any]) -> list[int | None] | None:
    """The shape that a sequence's first layer takes, or that layer's own first one if it is a model."""
    while layer["class_name"] in MODELS:
        inner = layer["config"]
        layer = layers_of(layer["class_name"], inner)[0]
    return batch_shape(layer["config"])


def batch_shape(config: dict[str, Any]) -> list[int | None] | None:
    """The shape that an input layer is given, or a layer that stands for it."""
    return config.get("batch_shape") or config.get("batch_input_shape")


def _functional(path: str, inner: dict[str, Any]) -> Scheme:
    waiting: dict[tuple[str, int], Call] = {}
    models: dict[str, int] = {}
    for layer in inner["layers"]:
        calls = layer["inbound_nodes"] or [[]]
        if layer["class_name"] in MODELS:
            models[layer["name"]] = len(calls)
        for call, inbound in enumerate(calls):
            node = Call(
                layer["name"],
                call,
                layer["class_name"],
                layer["config"],
                list(_inputs(inbound)),
                tuple(_numbers(inbound)) if _is_operation(layer) else (),
            )
            waiting[node.layer, call] = node
    if len(waiting) > MAX_NODES:
        raise WeightsError(f"{path}: {len(waiting)} layers, more than {MAX_NODES}")
    old = any(isinstance(call, list) for layer in inner["layers"] for call in layer["inbound_nodes"])
    for here, node in waiting.items():
        waiting[here] = node._replace(inputs=[_counted(key, models, old) for key in node.inputs])
    nodes = _ordered(path, waiting)
    kinds = {node.layer: node.kind for node in nodes}
    outputs = [
        _counted(key, models, old or kinds[key[0]] != "Sequential") for key in _keys(inner["output_layers"])
    ]
    names = list(inner["output_layers"]) if isinstance(inner["output_layers"], dict) else None
    return Scheme(inner.get("name", "model"), nodes, _keys(inner["input_layers"]), outputs, names)


def _counted(key: Source, models: dict[str, int], from_one: bool) -> Source:
    """A key with its call counted from 0.

    Keras 1 and 2 count a nested model's calls from 1, for one came with its making; Keras 3 does so where it
    names outputs, and counts from 0 elsewhere.
    """
    layer, call, tensor = key
    count = models.get(layer)
    if count is None:
        return key
    counted = call - 1 if from_one else call
    if not 0 <= counted < count:
        counted = call if 0 <= call < count else 0
    return layer, counted, tensor


def _inputs(inbound: Any) -> Iterator[Source]:
    if isinstance(inbound, dict):  # Keras 3
        yield from _tensors(inbound.get("args", []))
        yield from _tensors(list(inbound.get("kwargs", {}).values()))
        return
    for layer, call, tensor, *more in _listed(inbound):
        if layer != _CONSTANT:
            yield _key(layer, call, tensor)
        for value in more[0].values() if more else ():
            if _is_reference(value):  # an operand of a TFOpLambda
                yield _key(*value)


def _listed(inbound: list[Any]) -> list[Any]:
    """Keras 2's tensors of a call: one alone is no list where the layer is a function of TensorFlow."""
    return [inbound] if inbound and isinstance(inbound[0], str) else inbound


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
        yield value if _is_number(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _operands(inbound: Any) -> Iterator[Any]:
    for layer, call, tensor, *more in _listed(inbound):
        yield tensor if layer == _CONSTANT else [layer, call, tensor]
        # Other numbers, as silu's beta, count too, so that what cannot be built with them is refused.
        for key, value in (more[0] if more else {}).items():
            if key in ("x", "y") or _is_number(value):
                yield value


def _tensors(value: Any) -> Iterator[Source]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield _key(*value["config"]["keras_history"])
    elif isinstance(value, dict) and "class_name" not in value:
        for _, each in sorted(value.items()):
            yield from _tensors(each)
    elif isinstance(value, list):
        for each in value:
            yield from _tensors(each)


def _key(layer: str, call: int, tensor: int) -> Source:
    return layer, call, tensor


def _keys(layers: Any) -> list[Source]:
    """input_layers and output_layers: one [layer, call, tensor], or a list of them, or a dict."""
    if isinstance(layers, dict):
        return [key for value in layers.values() for key in _keys(value)]
    if layers and isinstance(layers[0], str):
        layers = [layers]
    return [_key(*layer) for layer in layers]


def _ordered(path: str, waiting: dict[tuple[str, int], Call]) -> list[Call]:
    """The nodes, each after those that it takes its input from, else in the file's order."""
    done: set[tuple[str, int]] = set()
    nodes: list[Call] = []
    for start in waiting:
        stack, open_ones = [start], {start}  # the same, for a quick look
        while stack:
            key = stack[-1]
            if key in done:
                open_ones.discard(stack.pop())
                continue
            missing = [source[:2] for source in waiting[key].inputs if source[:2] not in done]
            if not missing:
                done.add(key)
                nodes.append(waiting[key])
                open_ones.discard(stack.pop())
            elif missing[0] in open_ones:
                raise WeightsError(f"{path}: layer {key[0]!r} takes its own output as input")
            else:
                stack += missing[:1]
                open_ones.add(missing[0])
    return nodes
