"""Models inside of models: their layers become the outer model's, by names "outer/inner".

    x ──► [ base: a ──► b ] ──► dense          x ──► base/a ──► base/b ──► dense

A nested model that is called several times gives its layers as many calls.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydeepl.keras.errors import Unsupported, WeightsError
from pydeepl.keras.order import snake_case
from pydeepl.keras.topology import (
    MAX_NODES,
    MODELS,
    Call,
    Key,
    Node,
    Scheme,
    Source,
    Topology,
    layers_of,
    of_version,
    read_model,
)

_MAX_DEPTH = 8  # models in models


class Model(NamedTuple):
    """A model without models among its nodes."""

    topology: Topology
    nested: dict[str, Key]  # what the name of each nested model stands for: its (first) output
    places: dict[str, "Place"]  # of each layer, by its name, in the order of Keras' files


def read_topology(path: str, config: dict[str, Any]) -> Model:
    """The nodes of a Sequential or Functional model and of all models in it.

    Raises WeightsError where it is something else, damaged, or has too many layers or models in models.
    """
    kind, inner = config["class_name"], config["config"]
    if kind not in MODELS:
        raise WeightsError(
            f"{path}: a {kind} model: expected Sequential or Functional; a subclassed model keeps no layers"
        )
    old = str(config.get("keras_version", "3")).partition(".")[0] in ("1", "2")
    try:
        outer = read_model(path, kind, inner)
        flat = _Flat(path)
        outputs = flat.inline(outer, "", None)
        inputs = [(layer, call) for layer, call, _ in outer.inputs]
        _check_ends(flat.nodes, inputs, outputs, outer.output_names)
        topology = of_version(Topology(outer.name, flat.nodes, inputs, outputs, outer.output_names), old)
        places = {place.name: place for place in _places(kind, inner, "", "", "")}
    except Unsupported as error:
        raise WeightsError(f"{path}: {error}") from error
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path}: the model's configuration is damaged: {error!r}") from error
    return Model(topology, {name: keys[0] for name, keys in flat.models.items()}, places)


def _check_ends(nodes: list[Node], inputs: list[Key], outputs: list[Key], names: list[str] | None) -> None:
    """Raises ValueError where inputs are no input layers, and where outputs are missing or not all named."""
    known = {(node.layer, node.call) for node in nodes if node.kind == "InputLayer"}
    if not inputs or not known.issuperset(inputs) or len(set(inputs)) < len(inputs):
        raise ValueError(f"its inputs {inputs} are not input layers")
    if not outputs or (names is not None and len(names) != len(outputs)):
        raise ValueError(f"{len(outputs)} outputs, of which {names} are named")


class _Flat:
    """The nodes so far."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.nodes: list[Node] = []
        self.models: dict[str, list[Key]] = {}
        self._calls: Counter[str] = Counter()
        self._count = 0

    def inline(self, scheme: Scheme, prefix: str, given: list[Key] | None) -> list[Key]:
        """Appends a model's nodes, with `given` for its inputs if it is nested; returns its outputs."""
        if prefix.count("/") > _MAX_DEPTH:
            raise WeightsError(f"{self.path}: models nested more than {_MAX_DEPTH} deep: {prefix}")
        self._count_one()
        made: dict[tuple[str, int], list[Key]] = {}

        def resolve(sources: list[Source]) -> list[Key]:
            for layer, call, tensor in sources:
                if tensor >= len(made[layer, call]):
                    raise ValueError(f"layer {layer!r} has no output {tensor}: one that is no model has one")
            return [made[layer, call][tensor] for layer, call, tensor in sources]

        if given is not None:
            if len(given) != len(scheme.inputs):
                raise ValueError(f"model {prefix[:-1]!r} takes {len(scheme.inputs)} inputs, not {len(given)}")
            for (layer, number, _), source in zip(scheme.inputs, given, strict=True):
                made[layer, number] = [source]
        for call in scheme.calls:
            here = (call.layer, call.call)
            if here in made:  # a nested model's input
                continue
            name = prefix + call.layer
            if call.kind in MODELS:
                inner = read_model(self.path, call.kind, call.config, nested=True)
                made[here] = self.inline(inner, f"{name}/", resolve(call.inputs))
                self.models.setdefault(name, made[here])
            else:
                made[here] = [self._append(call, name, resolve(call.inputs))]
        return resolve(scheme.outputs)

    def _append(self, call: Call, name: str, inputs: list[Key]) -> Key:
        number = self._calls[name]
        self._calls[name] += 1
        self._count_one()
        self.nodes.append(Node(name, number, call.kind, call.config, inputs, call.numbers))
        return name, number

    def _count_one(self) -> None:
        """A small file must not ask for endless copies of its models."""
        self._count += 1
        if self._count > MAX_NODES:
            raise WeightsError(f"{self.path}: more than {MAX_NODES} layers")


class Place(NamedTuple):
    """Where files of weights keep a layer."""

    name: str  # "outer/middle/inner"
    classes: str  # in Keras 3's files: class names, counted in each model: "functional/sequential/dense_1"
    leaf: str  # in legacy files: the outermost model and the layer: "outer/inner"


def _places(kind: str, inner: Any, names: str, classes: str, outermost: str) -> Iterator[Place]:
    counts: Counter[str] = Counter()
    for layer in layers_of(kind, inner):
        name, snake = layer["config"].get("name", layer.get("name")), snake_case(layer["class_name"])
        unique = f"{snake}_{counts[snake]}" if counts[snake] else snake
        counts[snake] += 1
        if layer["class_name"] in MODELS:
            yield from _places(
                layer["class_name"],
                layer["config"],
                f"{names}{name}/",
                f"{classes}{unique}/",
                outermost or f"{name}/",
            )
        else:
            yield Place(f"{names}{name}", f"{classes}{unique}", f"{outermost}{name}")
