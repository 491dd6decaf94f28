"""A known network's parameters as arrays, from whatever file holds its weights."""

import os
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pydeepl import _core
from pydeepl.keras.errors import WeightsError
from pydeepl.keras.order import Layer
from pydeepl.keras.reader import graph_layers, load_params
from pydeepl.keras.tensors import save_tensors
from pydeepl.weights.acquire import acquire
from pydeepl.weights.places import Found


class NetworkParams(NamedTuple):
    """Parameters as `_core.Network` takes them, and where they came from in plain words."""

    params: list[NDArray[np.float32]]
    source: str


def network_params(
    modelName: str,
    weights: str | os.PathLike[str] | None = None,
    include_top: bool = False,
    progress: bool = True,
) -> NetworkParams:
    """The parameters of a known network, over all layers of `_core.zoo_graph(modelName, include_top)`.

    weights: the path of a file in any format of Keras or our own; None or "imagenet" for the official
    weights, from PYDEEPL_WEIGHTS, pydeepl's or Keras' cache, or downloaded (with a bar if `progress`). A file
    with the classification top also serves a network without it.

    Returns (params, source). Raises ValueError for an unknown network, FileNotFoundError, WeightsUnavailable
    where no weights can be had, WeightsError for a file that does not fit.
    """
    _core.zoo_spec(modelName)
    return found_params(modelName, acquire(modelName, weights, include_top, progress), include_top)


def found_params(modelName: str, found: Found, include_top: bool = False) -> NetworkParams:
    """The parameters of a known network from a file that was found for it. Raises WeightsError."""
    params, kind = load_params(found.path, *_layers(modelName, include_top))
    return NetworkParams(params, f"{found.source}; {kind}")


def convert_weights(
    path: str | os.PathLike[str], target: str | os.PathLike[str], modelName: str, include_top: bool = False
) -> None:
    """Writes the weights of a known network, read from any supported file, as our safetensors.

    path, target: the file to read and the one to write, which appears whole or not at all.
    Raises what `network_params` raises, and OSError where the target cannot be written.
    """
    layers, top = _layers(modelName, include_top)
    params, kind = load_params(path, layers, top)
    names = [f"{layer.name}/{param}" for layer in layers for param, _ in layer.params]
    save_tensors(target, dict(zip(names, params, strict=True)), {"network": modelName, "source": kind})


def _layers(network: str, include_top: bool) -> tuple[list[Layer], list[Layer]]:
    """The layers of a network's graph, and those of its top that are not in it."""
    layers = graph_layers(_core.zoo_graph(network, include_top))
    if include_top:
        return layers, []
    names = {layer.name for layer in layers}
    return layers, [
        layer for layer in graph_layers(_core.zoo_graph(network, True)) if layer.name not in names
    ]


def fits(path: str | os.PathLike[str], network: str, include_top: bool) -> str | None:
    """What is wrong with a file of weights for a network, every value read; None where nothing is."""
    try:
        load_params(path, *_layers(network, include_top))
    except (WeightsError, OSError) as error:
        return str(error)
    return None
