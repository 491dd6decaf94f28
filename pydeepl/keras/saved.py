"""Models in files: what they are made of, known without their weights, and the weights."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.build import Built, build
from pydeepl.keras.config import read_config
from pydeepl.keras.onnx import is_onnx, read_onnx
from pydeepl.keras.reader import graph_layers, load_params
from pydeepl.keras.topology import Topology, read_topology

Params = list[NDArray[np.float32] | None]


class SavedModel(NamedTuple):
    """A model as a file describes it."""

    path: str
    weights: str
    """The file of its weights: the same one, but for JSON."""
    topology: Topology
    built: Built
    files: list[str]
    """All files that it is made of."""
    arrays: dict[str, list[NDArray[np.float32]]] | None = None
    """Each layer's weights where they had to be read on the way (ONNX)."""


def open_model(path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None) -> SavedModel:
    """The layers of a model in a file of Keras or ONNX. Parameters, and what is raised: see load_model."""
    name = os.fspath(path)
    if is_onnx(name):
        if weights is not None and os.path.realpath(weights) != os.path.realpath(name):
            raise ValueError(
                f"{name}: an ONNX file holds its own weights; weights={os.fspath(weights)!r} has no use"
            )
        model = read_onnx(name)
        return SavedModel(name, name, model.topology, build(name, model.topology), model.files, model.weights)
    topology = read_topology(name, read_config(path))
    file = name if weights is None else os.fspath(weights)
    return SavedModel(name, file, topology, build(name, topology), list(dict.fromkeys([name, file])))


def model_params(model: SavedModel) -> tuple[Params, str]:
    """A model's parameters as `_core.Network` takes them, and the kind of their file in words.

    Raises FileNotFoundError; WeightsError for weights that do not fit the model.
    """
    layers, owners = graph_layers(model.built.graph), model.built.owners
    first = _first_calls(owners)
    if is_onnx(model.path):
        kind = "ONNX file"
        found = read_onnx(model.path).weights if model.arrays is None else model.arrays
    else:
        once = [layer if index in first else layer._replace(params=[]) for index, layer in enumerate(layers)]
        loaded, kind = load_params(model.weights, once)
        arrays = iter(loaded)
        found = {owners[index]: [next(arrays) for _ in layers[index].params] for index in sorted(first)}
    params: Params = []
    for layer, owner in zip(layers, owners, strict=False):  # a pooling added for features has no owner
        params += found[owner] if layer.params else []
    return params, kind


def _first_calls(owners: Sequence[str]) -> set[int]:
    """The graph layers that stand for their Keras layer: a shared layer's weights are stored once."""
    return {index for index, owner in enumerate(owners) if owner not in owners[:index]}
