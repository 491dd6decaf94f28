"""What to compute: from a model's name, a layer and a pooling to a graph and the node to read.

Source of the names and shapes: Keras applications; of the default layer: sparkdl (its ResNet50 ends with the
7 x 7 average pooling).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydeepl import _core
from pydeepl.deep.families import FAMILIES, PREPROCESSINGS, check_preprocessing, is_model_path
from pydeepl.deep.weights_file import WeightsFile

if TYPE_CHECKING:
    from pydeepl.keras.saved import SavedModel

POOLINGS = (None, "avg", "max")


@dataclass(frozen=True)
class FeatureSpec:
    """The shape of a featurizer's work, known without its weights."""

    modelName: str
    inputSize: tuple[int, int]
    """Height and width, in pixels, that images are resized to."""
    layer: str
    """The layer whose output is read (before pooling)."""
    featureShape: tuple[int, ...]
    """One image's features before they are flattened: (height, width, channels) or (channels,)."""
    layerNames: tuple[str, ...]
    """Every layer that `layer` may name, in Keras' order."""
    outputLayer: str = "predictions"
    """The layer of the network's own output."""

    @property
    def numFeatures(self) -> int:
        """Length of one image's feature vector."""
        return math.prod(self.featureShape)


@dataclass(frozen=True)
class NetworkPlan:
    """A graph and the node of it to compute, with what else the core needs to run it."""

    spec: FeatureSpec
    graph: _core.Graph
    output: int
    includeTop: bool
    preprocess: int
    model: SavedModel | None = None
    """The user's, where it is not one of the core's own networks."""
    file: WeightsFile | None = None
    """The file of that, as it was read."""


def model_names() -> list[str]:
    """The known networks, by Keras' names."""
    return list(_core.zoo_names())


def check_model_name(name: object) -> str:
    """`name` when it is a known network's; ValueError naming the known ones and the nearest otherwise."""
    known = model_names()
    if isinstance(name, str) and name in known:
        return name
    raise ValueError(
        f"modelName {name!r} is unknown: expected one of {', '.join(known)}{_nearest(name, known)}"
    )


def check_model(name: object) -> str:
    """`name` when it is a known network's, a family's of Keras applications, or a model file's path.

    ValueError naming the known ones and the nearest otherwise.
    """
    known = model_names()
    if isinstance(name, str) and (name in known or name in FAMILIES or is_model_path(name)):
        return name
    raise ValueError(
        f"modelName {name!r} is unknown: expected one of {', '.join(known)}; with weights=, the path of a "
        f"whole model, one of {', '.join(FAMILIES)}; or a model's path (.keras, .h5, .onnx)"
        f"{_nearest(name, [*known, *FAMILIES])}"
    )


def plan_network(
    modelName: str,
    layer: str | None = None,
    pooling: str | None = None,
    weights: str | None = None,
    preprocessing: str | None = None,
) -> NetworkPlan:
    """Chooses the graph (without its top where that suffices) and the node that gives the features.

    Parameters: see Featurizer. Raises ValueError for an unknown model, layer or pooling, and for pooling over
    an output that is no map; of a model's file what open_model raises.
    """
    check_model(modelName)
    if pooling not in POOLINGS:
        raise ValueError(f"pooling {pooling!r} is unknown: expected None, 'avg' or 'max'")
    check_preprocessing(preprocessing)
    if modelName in model_names():
        return _plan_known(modelName, layer, pooling, preprocessing)
    return _plan_file(modelName, layer, pooling, weights, preprocessing)


def _plan_known(
    modelName: str, layer: str | None, pooling: str | None, preprocessing: str | None
) -> NetworkPlan:
    name, height, width, preprocess, features = _core.zoo_spec(modelName)
    if preprocessing is not None:
        preprocess = PREPROCESSINGS[preprocessing]
    bare, full = _core.zoo_graph(name, False), _core.zoo_graph(name, True)
    names = _layer_names(bare, full)
    wanted = features if layer is None else layer
    if wanted not in names:
        raise ValueError(f"layer {wanted!r} is not in {name}{_nearest(wanted, names)}")
    graph, node = _cheapest(bare, full, wanted)
    if pooling is not None:
        if layer is None:
            node = _unpooled(graph, node)
        node = _pool(graph, node, pooling)
    spec = FeatureSpec(name, (height, width), wanted, tuple(graph.layers[node][3]), tuple(names))
    return NetworkPlan(spec, graph, node, graph is full, preprocess)


def _plan_file(
    modelName: str, layer: str | None, pooling: str | None, weights: str | None, preprocessing: str | None
) -> NetworkPlan:
    """The plan of a model in a file of the user's."""
    from pydeepl.deep.model_plan import feature_node, open_user_model, preprocessing_of  # with Keras' layers

    preprocess = preprocessing_of(modelName, preprocessing)
    model, file = open_user_model(modelName, weights)
    graph, topology = model.built.graph, model.topology
    nodes = {name: node for (name, _), node in sorted(model.built.nodes.items(), key=lambda item: item[1])}
    shape = tuple(graph.layers[0][3])
    if len(shape) != 3 or shape[2] != 3:
        raise ValueError(f"{file.path}: expected a model of images [height, width, 3], found {list(shape)}")
    names = [name for name, node in nodes.items() if graph.layers[node][1] != "InputLayer"]
    if layer is not None and layer not in names:
        raise ValueError(f"layer {layer!r} is not in {file.path}{_nearest(layer, names) or _last(names)}")
    output = model.built.nodes[topology.outputs[0]]
    by_node = {node: name for name, node in nodes.items()}
    node = nodes[layer] if layer is not None else feature_node(graph, output)
    wanted = by_node.get(node, graph.layers[node][0])
    if pooling is not None:
        node = _pool(graph, _unpooled(graph, node) if layer is None else node, pooling)
    name = modelName if modelName in FAMILIES else topology.name
    features = tuple(graph.layers[node][3])
    spec = FeatureSpec(name, (shape[0], shape[1]), wanted, features, tuple(names), topology.outputs[0][0])
    return NetworkPlan(spec, graph, node, True, preprocess, model, file)


def _nearest(name: object, known: list[str]) -> str:
    by_lower = {each.lower(): each for each in known}
    near = get_close_matches(str(name).lower(), by_lower, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(by_lower[each] for each in near)}?" if near else ""


def _last(known: list[str]) -> str:
    """The end of a network's layers, where features are taken."""
    return f"; its last layers are {', '.join(known[-5:])}"


def _layer_names(bare: _core.Graph, full: _core.Graph) -> list[str]:
    layers = [*bare.layers, *full.layers]
    return list(dict.fromkeys(layer[0] for layer in layers if layer[1] != "InputLayer"))


def _find(graph: _core.Graph, name: str) -> int | None:
    return next((node for node, layer in enumerate(graph.layers) if layer[0] == name), None)


def _cheapest(bare: _core.Graph, full: _core.Graph, name: str) -> tuple[_core.Graph, int]:
    """A layer's graph and node: the graph without its top, with fewer weights, where it has the layer."""
    node = _find(bare, name)
    if node is not None:
        return bare, node
    node = full.find(name)
    _, kind, inputs, _, _ = full.layers[node]
    if kind == "GlobalAveragePooling2D":  # the top's pooling has no weights
        under = _find(bare, full.layers[inputs[0]][0])
        if under is not None:
            return bare, bare.global_avg_pool(name, under)
    return full, node


def _unpooled(graph: _core.Graph, node: int) -> int:
    """The map under a default output that is pooled already (ResNet50's): other pooling takes its place."""
    _, kind, inputs, _, _ = graph.layers[node]
    return inputs[0] if kind.startswith("Global") else node


def _pool(graph: _core.Graph, node: int, pooling: str) -> int:
    name, _, _, shape, _ = graph.layers[node]
    if len(shape) != 3:
        raise ValueError(
            f"pooling {pooling!r} needs a map [height, width, channels], but {name!r} gives {list(shape)}"
        )
    pool = graph.global_avg_pool if pooling == "avg" else graph.global_max_pool
    return pool(f"{name}/{pooling}_pooling", node)
