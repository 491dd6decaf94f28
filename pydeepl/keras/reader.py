"""Opens a file of weights, whatever wrote it, and loads a network's parameters from it."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras import archive, hdf5
from pydeepl.keras.errors import WeightsError
from pydeepl.keras.legacy import is_legacy, read_legacy
from pydeepl.keras.match import arrange, match
from pydeepl.keras.nested import Place
from pydeepl.keras.order import Layer, keras_order
from pydeepl.keras.stored import Naming, StoredLayer, StoredWeights, read_arrays
from pydeepl.keras.tensors import open_tensors
from pydeepl.keras.weights_h5 import is_weights_h5, read_weights_h5

_FORMATS = "Keras' .h5, .weights.h5 and .keras, and pydeepl's .safetensors"


@contextmanager
def open_weights(
    path: str | os.PathLike[str], models: Collection[str] | None = None
) -> Iterator[StoredWeights]:
    """The layers of a weights file with the shapes of their arrays, which can be read until the context ends.

    path: a file in any of the formats of Keras 1 to 3 or our own; its content decides, not its name.
    models: names of the model's layers that are models themselves, to have the layers of all of them; None
    where that is not known, to have those of the largest model in the file.
    Raises FileNotFoundError; WeightsError for a file that is none of these, is damaged, or is refused.
    """
    name = os.fspath(path)
    start = _start(name)
    if start.startswith(hdf5.SIGNATURE):
        with hdf5.open_hdf5(name) as root:
            yield _hdf5_weights(name, root, models)
    elif start.startswith(archive.SIGNATURE):
        with archive.open_member(name) as member, hdf5.open_hdf5(name, member) as root:
            yield _hdf5_weights(name, root, models)
    elif start[8:9] == b"{":
        with open_tensors(name) as stored:
            yield stored
    else:
        if start.startswith(b"{"):
            raise WeightsError(
                f"{name}: not a file of weights but JSON: name the file of the weights, too (weights=)"
            )
        found = f"it begins with {start[:8]!r}" if start else "it is empty"
        raise WeightsError(f"{name}: not a file of weights: {found}; expected {_FORMATS}")


def _start(path: str) -> bytes:
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: no such file of weights")
    if not os.path.isfile(path):
        raise WeightsError(f"{path}: is not a file; expected {_FORMATS}")
    with open(path, "rb") as file:
        return file.read(16)


def _hdf5_weights(path: str, root: Any, models: Collection[str] | None) -> StoredWeights:
    with hdf5.reading(path):
        if is_legacy(root):
            return read_legacy(path, root, models)
        if is_weights_h5(root):
            return read_weights_h5(path, root, nested=models is not None)
        inside = ", ".join(list(root)[:8]) or "nothing"
    raise WeightsError(
        f"{path}: an HDF5 file, but not of Keras: no layer_names, model_weights or layers; it holds {inside}"
    )


def load_params(
    path: str | os.PathLike[str], layers: Sequence[Layer], top: Sequence[Layer] = ()
) -> tuple[list[NDArray[np.float32]], str]:
    """The parameters of a network from a weights file.

    layers: all layers of the graph, in order of building; top: layers that the file may hold besides.
    Returns the float32 arrays over all layers in that order, as `_core.Network` takes them, and the file's
    kind in words. Raises FileNotFoundError; WeightsError that lists every missing, extra and misshapen layer.
    """
    order = dict.fromkeys([*keras_order(layers), *range(len(layers))])  # with what another output needs
    wanted = [layers[index] for index in order if layers[index].params]
    with open_weights(path) as stored:
        found = {
            layer.name: part
            for layer, part in match(stored, wanted, [layer for layer in top if layer.params])
        }
        pairs = [(layer, found[layer.name]) for layer in layers if layer.params]
        return _read(stored, pairs), stored.kind


def load_model_params(
    path: str | os.PathLike[str], layers: Sequence[Layer], places: Mapping[str, Place]
) -> tuple[dict[str, list[NDArray[np.float32]]], str]:
    """The parameters of a model whose configuration is known, by its layers' names; the file's kind in words.

    layers: those with parameters, in any order; places: of each layer, in the order of Keras' files.
    Raises FileNotFoundError; WeightsError that lists every missing, extra and misshapen layer.
    """
    order = {name: index for index, name in enumerate(places)}
    wanted = sorted(layers, key=lambda layer: order[layer.name])
    leaves = [places[layer.name].leaf for layer in wanted]
    models = {place.leaf.partition("/")[0] for place in places.values() if "/" in place.leaf}
    with open_weights(path, models) as stored:
        if stored.naming is Naming.ANY and len(set(leaves)) == len(leaves):
            named = [layer._replace(name=leaf) for layer, leaf in zip(wanted, leaves, strict=True)]
        else:
            named = wanted
        classes = [places[layer.name].classes for layer in wanted]
        found = {layer.name: part for layer, part in match(stored, named, classes=classes)}
        pairs = [(layer, found[layer.name]) for layer in named]
        params = iter(_read(stored, pairs))
        return {layer.name: [next(params) for _ in layer.params] for layer in wanted}, stored.kind


def _read(stored: StoredWeights, pairs: Sequence[tuple[Layer, StoredLayer]]) -> list[NDArray[np.float32]]:
    """The arrays of the layers, one after the other."""
    arrays = [(layer.name, array) for layer, found in pairs for array in arrange(layer, found)]
    return read_arrays(stored, arrays)


def read_weights(path: str | os.PathLike[str]) -> dict[str, NDArray[np.float32]]:
    """Every array of a weights file as float32, named "layer/array" as the file names them.

    path: a file in any of the formats of Keras 1 to 3 or our own.
    Raises FileNotFoundError; WeightsError for a file that is none of these, is damaged, or is refused.
    """
    with open_weights(path) as stored:
        arrays = [(layer, array) for layer in stored.layers for array in layer.arrays]
        values = read_arrays(stored, [(layer.name, array) for layer, array in arrays])
        return {
            f"{layer.title or layer.name}/{array.name.rpartition('/')[2].partition(':')[0]}": read
            for (layer, array), read in zip(arrays, values, strict=True)
        }


def graph_layers(graph: Any) -> list[Layer]:
    """The layers of a `_core.Graph`."""
    return [Layer(*layer) for layer in graph.layers]
