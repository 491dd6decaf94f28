"""load_model: a model that Keras saved, or an ONNX file, run by the C core."""

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pydeepl import _core
from pydeepl.checks import check_positive
from pydeepl.keras.build import Built
from pydeepl.keras.ends import OpenShape, Shape, fixed, is_open, split_outputs
from pydeepl.keras.errors import WeightsError
from pydeepl.keras.saved import (
    InputShape,
    Params,
    SavedModel,
    Weights,
    arranged,
    model_weights,
    open_model,
)

# Rows that are run at a time where the caller does not say.
_VECTORS, _LINES, _IMAGES = 4096, 512, 32
# Sizes of inputs whose networks are kept, where a model leaves its size open.
_KEPT_SIZES = 4


class _Sized(NamedTuple):
    """The model for inputs of one size: its graph, the graph's parameters, networks by output node."""

    built: Built
    params: Params
    networks: dict[int, _core.Network]


class KerasModel:
    """A Keras or ONNX model on the C core; made by load_model.

    Attributes: name; inputShapes, of one row of each input by name: (height, width, channels),
    (length, channels) or (features,), with None for an extent that is open; outputShapes, of one row of each
    output, empty while an extent is open; layerNames, of every layer whose output `predict` can give, those
    of nested models as "model/layer". Safe from several threads.
    """

    def __init__(self, saved: SavedModel, weights: Weights, threads: int) -> None:
        self._saved, self._weights, self._threads = saved, weights, threads
        self._sized: OrderedDict[tuple[Shape, ...], _Sized] = OrderedDict()
        self._lock = threading.Lock()
        topology = saved.topology
        self.name = topology.name
        self.inputShapes = saved.shapes
        self.outputShapes: list[Shape] = []
        # Of a layer that is called often its last call, of a model its first.
        self._keys = {node.layer: (node.layer, node.call) for node in topology.nodes} | saved.model.nested
        self.layerNames: tuple[str, ...] = tuple(self._keys)
        if not is_open(saved.shapes):
            sizes = tuple(fixed(shape) for shape in saved.shapes.values())
            self._sized[sizes] = _Sized(saved.built, arranged(saved.built, weights), {})
            self.outputShapes = saved.built.shapes

    def __repr__(self) -> str:
        inputs, outputs = (
            ", ".join(str(list(shape)) for shape in shapes) or "?"
            for shapes in (self.inputShapes.values(), self.outputShapes)
        )
        return f"KerasModel({self.name!r}: {inputs} -> {outputs})"

    @property
    def inputShape(self) -> Shape:
        """Of one row of the input. Raises ValueError where there are several, or an extent is open."""
        self._check_one("inputs", list(self.inputShapes))
        if is_open(self.inputShapes):
            raise ValueError(self._open_text())
        return fixed(next(iter(self.inputShapes.values())))

    @property
    def outputShape(self) -> Shape:
        """Of one row of the output. Raises ValueError where there are several, or an extent is open."""
        self._check_one("outputs", [layer for layer, _ in self._saved.topology.outputs])
        if not self.outputShapes:
            raise ValueError(self._open_text())
        return self.outputShapes[0]

    def _check_one(self, what: str, names: list[str]) -> None:
        if len(names) > 1:
            raise ValueError(f"model {self.name!r} has {len(names)} {what}, expected one: {', '.join(names)}")

    def _open_text(self) -> str:
        shapes = ", ".join(f"{name} {list(shape)}" for name, shape in self.inputShapes.items())
        return f"model {self.name!r} leaves its input's size open, {shapes}: give load_model an inputShape"

    def predict(self, x: Any, layer: str | None = None, batchSize: int | None = None) -> Any:
        """The model's output, or that of its layer of this name, float32 [n, ...].

        Parameters
        ----------
        x : numbers [n, *inputShape] for any n, as the model wants them: nothing is preprocessed. A list of
            such arrays, or a dictionary by the inputs' names, for a model of several inputs.
        layer : a name of layerNames; None for the model's output.
        batchSize : rows that are run at a time; None for 32 images, 512 lines or 4096 vectors.

        Returns float32 [n, *outputShape]; of several outputs a list, or a dictionary where the model has
        names for them, as in Keras. Raises ValueError for another shape and for a layer that the model does
        not have; TypeError for what is no array of numbers.
        """
        arrays = self._arrays(x)
        if batchSize is None:
            largest = max(len(shape) for shape in self.inputShapes.values())
            batchSize = (_VECTORS, _LINES, _IMAGES)[largest - 1]
        batchSize = check_positive("batchSize", batchSize)
        if layer is not None and layer not in self._keys:
            names = ", ".join(self.layerNames)
            raise ValueError(f"layer {layer!r} is not in the model, which has: {names}")
        with self._lock:
            sized = self._for_sizes(tuple(array.shape[1:] for array in arrays))
            node = sized.built.output if layer is None else sized.built.nodes[self._keys[layer]]
            network = self._network(sized, node)
        out = np.empty((len(arrays[0]), *network.output_shape), np.float32)
        for first in range(0, len(out), batchSize):
            rows = slice(first, first + batchSize)
            network.run(_batch(arrays, rows), out[rows])
        return out if layer is not None else self._arranged(split_outputs(out, sized.built.shapes))

    def _arranged(self, outputs: Sequence[NDArray[np.float32]]) -> Any:
        """The outputs as Keras gives them."""
        names = self._saved.topology.output_names
        if names is not None:
            return dict(zip(names, outputs, strict=True))
        return outputs[0] if len(outputs) == 1 else list(outputs)

    def _arrays(self, x: Any) -> list[NDArray[Any]]:
        """The inputs in the model's order, checked."""
        names = list(self.inputShapes)
        if len(names) == 1 and not isinstance(x, Mapping):
            values = [x]
        elif isinstance(x, Mapping):
            if set(x) != set(names):
                raise ValueError(f"expected inputs {', '.join(names)}, got {', '.join(map(str, x))}")
            values = [x[name] for name in names]
        elif isinstance(x, list | tuple) and len(x) == len(names):
            values = list(x)
        else:
            raise ValueError(f"expected a list of {len(names)} arrays, or a dictionary of {', '.join(names)}")
        arrays = [
            _checked(value, shape, "x" if len(names) == 1 else name)
            for value, (name, shape) in zip(values, self.inputShapes.items(), strict=True)
        ]
        if len({len(array) for array in arrays}) > 1:
            counts = ", ".join(f"{name} {len(array)}" for name, array in zip(names, arrays, strict=True))
            raise ValueError(f"expected inputs of as many rows, got {counts}")
        return arrays

    def _for_sizes(self, sizes: tuple[Shape, ...]) -> _Sized:
        """The model for inputs of these shapes; called with the lock held."""
        if sizes in self._sized:
            self._sized.move_to_end(sizes)
            return self._sized[sizes]
        try:
            shapes = dict(zip(self.inputShapes, sizes, strict=True))
            built, weights = self._saved.sized(shapes, self._weights)
        except WeightsError as error:
            raise ValueError(f"inputs of size {[list(size) for size in sizes]}: {error}") from error
        self._sized[sizes] = _Sized(built, arranged(built, weights), {})
        if len(self._sized) > _KEPT_SIZES:
            self._sized.popitem(last=False)
        return self._sized[sizes]

    def _network(self, sized: _Sized, node: int) -> _core.Network:
        if node not in sized.networks:
            sized.networks[node] = _core.Network(sized.built.graph, node, sized.params, 0, self._threads)
        return sized.networks[node]


def _checked(value: Any, shape: OpenShape, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"expected {name} as an array, got rows of different lengths: {error}") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"expected {name} of numbers, float32 or uint8, got {array.dtype}")
    fits = array.ndim == len(shape) + 1 and all(
        extent in (None, found) for extent, found in zip(shape, array.shape[1:], strict=True)
    )
    if not fits:
        expected = ", ".join("any" if extent is None else str(extent) for extent in shape)
        raise ValueError(f"expected {name} [n, {expected}], got {list(array.shape)}")
    return array


def _batch(arrays: Sequence[NDArray[Any]], rows: slice) -> NDArray[Any]:
    """Some rows as the core takes them: pixels as they are, else float32; several inputs side by side."""
    if len(arrays) > 1:
        parts = [array[rows] for array in arrays]
        return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1, dtype=np.float32)
    part = arrays[0][rows]
    pixels = part.dtype == np.uint8 and part.ndim == 4 and part.shape[3] == 3
    return np.ascontiguousarray(part, None if pixels else np.float32)


def load_model(
    path: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    inputShape: InputShape | None = None,
) -> KerasModel:
    """A Sequential or Functional model of Keras 1 to 3, or a convolutional network in an ONNX file.

    Parameters
    ----------
    path : a `.keras` file, an `.h5` file of a whole model, the `.json` of model.to_json(), or an `.onnx` file
        as Keras, tf2onnx and PyTorch export them (with the package onnx: `pip install "pydeepl[onnx]"`).
    weights : a file of the model's weights in any of Keras' formats; needed with `.json` alone.
    threads : threads of the core; None for all CPUs that the process may use.
    inputShape : of one row, for a model that leaves extents open, such as (224, 224, 3) for (None, None, 3);
        a dictionary by name for several inputs. None to take any size: each has a network, made as it comes.

    Images are given, and maps come out, channels last, [n, height, width, channels], also of an ONNX file
    whose own order is [n, channels, height, width]. Its layers are named as its nodes are.

    Nothing in the file is executed: layers of custom classes and Lambda layers are refused, and so are files
    that an ONNX file wants outside its own folder. Raises FileNotFoundError; ImportError without the package
    onnx; WeightsError for damaged files, for weights that do not fit, and, in one message that names each of
    them, for layers and nodes that are not supported; ValueError for an inputShape that does not fit;
    TypeError and ValueError for threads that are no number above 0.
    """
    count = 0 if threads is None else check_positive("threads", threads)
    saved = open_model(path, weights, inputShape)
    return KerasModel(saved, model_weights(saved)[0], count)
