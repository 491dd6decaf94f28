"""Models in files: what they are made of, known without their weights, and the weights."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pydeepl.checks import is_whole
from pydeepl.keras import onnx
from pydeepl.keras.build import Built, build
from pydeepl.keras.config import read_config
from pydeepl.keras.ends import NOMINAL, OpenShape, Shape, fixed, input_shapes, is_open
from pydeepl.keras.errors import WeightsError
from pydeepl.keras.nested import Model, read_topology
from pydeepl.keras.order import Layer
from pydeepl.keras.reader import graph_layers, load_model_params
from pydeepl.keras.topology import Topology

Params: TypeAlias = list[NDArray[np.float32] | None]
Weights: TypeAlias = dict[str, list[NDArray[np.float32]]]  # of each layer
InputShape: TypeAlias = Sequence[int] | Mapping[str, Sequence[int]]


class SavedModel(NamedTuple):
    """A model as a file describes it."""

    path: str
    weights: str
    """The file of its weights: the same one, but for JSON."""
    model: Model
    built: Built
    """For inputs of `shapes`, with some number for what is open there."""
    shapes: dict[str, OpenShape]
    """One sample's shape at each input, with None for what is open."""
    files: list[str]
    """All files that it is made of."""
    arrays: Weights | None = None
    """Each layer's weights where they had to be read on the way (ONNX)."""

    @property
    def topology(self) -> Topology:
        """Its nodes."""
        return self.model.topology

    def sized(self, shapes: Mapping[str, Shape], weights: Weights) -> tuple[Built, Weights]:
        """The model for inputs of these shapes, with its weights: those given, but of an ONNX file."""
        if not onnx.is_onnx(self.path):
            return build(self.path, self.topology, shapes), weights
        sized = onnx.read_onnx(self.path, lambda _: shapes)  # what it computes of shapes goes into its layers
        return build(self.path, sized.topology, shapes), sized.weights


def open_model(
    path: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
    inputShape: InputShape | None = None,
) -> SavedModel:
    """The layers of a model in a file of Keras or ONNX. Parameters, and what is raised: see load_model."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path: expected the path of a model's file, got {type(path).__name__}")
    if not isinstance(weights, str | os.PathLike | None):
        raise TypeError(f"weights: expected the path of a file of weights, got {type(weights).__name__}")
    name = os.fspath(path)
    if onnx.is_onnx(name):
        if weights is not None and os.path.realpath(weights) != os.path.realpath(name):
            raise ValueError(
                f"{name}: an ONNX file holds its own weights; weights={os.fspath(weights)!r} has no use"
            )
        read = onnx.read_onnx(
            name, None if inputShape is None else lambda shapes: _narrowed(shapes, inputShape)
        )
        model, file, files, arrays = Model(read.topology, {}, {}), name, read.files, read.weights
    else:
        model, arrays = read_topology(name, read_config(path)), None
        file = name if weights is None else os.fspath(weights)
        files = list(dict.fromkeys([name, file]))
    shapes = input_shapes(model.topology)
    if inputShape is not None and arrays is None:
        shapes = _narrowed(shapes, inputShape)
    return SavedModel(name, file, model, _built(name, model.topology, shapes), shapes, files, arrays)


def _built(path: str, topology: Topology, shapes: Mapping[str, OpenShape]) -> Built:
    with _told_of_open_sizes(shapes):
        return build(path, topology, {name: fixed(shape) for name, shape in shapes.items()})


@contextmanager
def _told_of_open_sizes(shapes: Mapping[str, OpenShape]) -> Iterator[None]:
    """Says in a WeightsError what was taken for open extents."""
    try:
        yield
    except WeightsError as error:
        if not is_open(shapes):
            raise
        raise WeightsError(f"{error}\n  (open extents were taken for {NOMINAL}: see inputShape)") from error


def _narrowed(shapes: Mapping[str, OpenShape], given: InputShape) -> dict[str, OpenShape]:
    """The shapes with their open extents as given."""
    if not isinstance(given, Mapping):
        if len(shapes) != 1:
            raise ValueError(f"inputShape: expected a dictionary of {', '.join(shapes)}, got {given!r}")
        given = {next(iter(shapes)): given}
    strange = [
        wanted for wanted in given.values() if not isinstance(wanted, Sequence) or isinstance(wanted, str)
    ]
    if strange:
        raise TypeError(f"inputShape: expected a shape such as (224, 224, 3), got {strange[0]!r}")
    if not set(given) <= set(shapes):
        raise ValueError(f"inputShape: the model's inputs are {', '.join(shapes)}, got {', '.join(given)}")
    result = dict(shapes)
    for name, wanted in given.items():
        shape = shapes[name]
        fits = len(wanted) == len(shape) and all(
            is_whole(extent) and extent > 0 and own in (None, extent)
            for own, extent in zip(shape, wanted, strict=True)
        )
        if not fits:
            raise ValueError(f"inputShape of {name}: expected {list(shape)}, got {list(wanted)}")
        result[name] = tuple(int(extent) for extent in wanted)
    return result


def model_weights(model: SavedModel) -> tuple[Weights, str]:
    """Each layer's weights, and the kind of their file in words.

    Raises FileNotFoundError; WeightsError for weights that do not fit the model.
    """
    owned = zip(graph_layers(model.built.graph), model.built.owners, strict=False)
    once = {owner: layer._replace(name=owner) for layer, owner in owned if layer.params}
    if onnx.is_onnx(model.path):
        arrays = (
            onnx.read_onnx(model.path, lambda _: model.shapes).weights
            if model.arrays is None
            else model.arrays
        )
        _check_shapes(model.path, once.values(), arrays)
        return arrays, "ONNX file"
    with _told_of_open_sizes(model.shapes):
        return load_model_params(model.weights, list(once.values()), model.model.places)


def _check_shapes(path: str, layers: Iterable[Layer], arrays: Weights) -> None:
    """Raises WeightsError with every array of an ONNX file that does not fit its node."""
    problems = [
        f"{layer.name}: its {param} has shape {list(array.shape)}, expected {list(shape)}"
        for layer in layers
        for (param, shape), array in zip(layer.params, arrays[layer.name], strict=True)
        if array.shape != tuple(shape)
    ]
    if problems:
        raise WeightsError("\n  ".join([f"{path}: arrays that do not fit:", *problems]))


def arranged(built: Built, weights: Weights) -> Params:
    """The parameters as `_core.Network` takes them for a graph."""
    params: Params = []
    # A pooling that was added for features has no owner, and no parameters.
    for layer, owner in zip(graph_layers(built.graph), built.owners, strict=False):
        params += weights[owner] if layer.params else []
    return params


def model_params(model: SavedModel) -> tuple[Params, str]:
    """A model's parameters as `_core.Network` takes them for its graph, and the kind of their file in words.

    Raises FileNotFoundError; WeightsError for weights that do not fit the model.
    """
    weights, kind = model_weights(model)
    return arranged(model.built, weights), kind
