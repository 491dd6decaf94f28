"""Opens a file of weights, whatever wrote it, and loads a network's parameters from it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras import archive, hdf5
from pydeepl.keras.errors import WeightsError
from pydeepl.keras.legacy import is_legacy, read_legacy
from pydeepl.keras.match import arrange, match
from pydeepl.keras.order import Layer, keras_order
from pydeepl.keras.stored import StoredWeights, read_array, room_for
from pydeepl.keras.tensors import open_tensors
from pydeepl.keras.weights_h5 import is_weights_h5, read_weights_h5

_FORMATS = "Keras' .h5, .weights.h5 and .keras, and pydeepl's .safetensors"


@contextmanager
def open_weights(path: str | os.PathLike[str]) -> Iterator[StoredWeights]:
    """The layers of a weights file with the shapes of their arrays, which can be read until the context ends.

    path: a file in any of the formats of Keras 1 to 3 or our own; its content decides, not its name.
    Raises FileNotFoundError; WeightsError for a file that is none of these, is damaged, or is refused.
    """
    name = os.fspath(path)
    start = _start(name)
    if start.startswith(hdf5.SIGNATURE):
        with hdf5.open_hdf5(name) as root:
            yield _hdf5_weights(name, root)
    elif start.startswith(archive.SIGNATURE):
        with archive.open_member(name) as member, hdf5.open_hdf5(name, member) as root:
            yield _hdf5_weights(name, root)
    elif start[8:9] == b"{":
        with open_tensors(name) as stored:
            yield stored
    else:
        found = f"it begins with {start[:8]!r}" if start else "it is empty"
        raise WeightsError(f"{name}: not a file of weights: {found}; expected {_FORMATS}")


def _start(path: str) -> bytes:
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: no such file of weights")
    if not os.path.isfile(path):
        raise WeightsError(f"{path}: is not a file; expected {_FORMATS}")
    with open(path, "rb") as file:
        return file.read(16)


def _hdf5_weights(path: str, root: Any) -> StoredWeights:
    with hdf5.reading(path):
        if is_legacy(root):
            return read_legacy(path, root)
        if is_weights_h5(root):
            return read_weights_h5(path, root)
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
        arrays = [
            (layer.name, array)
            for layer in layers
            if layer.params
            for array in arrange(layer, found[layer.name])
        ]
        room = room_for([array for _, array in arrays])
        params = [
            read_array(stored.path, name, array, values)
            for (name, array), values in zip(arrays, room, strict=True)
        ]
        return params, stored.kind


def read_weights(path: str | os.PathLike[str]) -> dict[str, NDArray[np.float32]]:
    """Every array of a weights file as float32, named "layer/array" as the file names them.

    path: a file in any of the formats of Keras 1 to 3 or our own.
    Raises FileNotFoundError; WeightsError for a file that is none of these, is damaged, or is refused.
    """
    with open_weights(path) as stored:
        arrays = {}
        for layer in stored.layers:
            for array in layer.arrays:
                name = array.name.rpartition("/")[2].partition(":")[0]
                arrays[f"{layer.title or layer.name}/{name}"] = read_array(stored.path, layer.name, array)
        return arrays


def graph_layers(graph: Any) -> list[Layer]:
    """The layers of a `_core.Graph`."""
    return [Layer(*layer) for layer in graph.layers]
