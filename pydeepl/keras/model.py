"""load_model: a model that Keras saved, or an ONNX file, run by the C core."""

import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydeepl import _core
from pydeepl.keras.build import Built
from pydeepl.keras.saved import Params, model_params, open_model
from pydeepl.keras.topology import Topology

# Rows that are run at a time where the caller does not say.
_IMAGES, _ROWS = 32, 512


class KerasModel:
    """A Keras or ONNX model on the C core; made by load_model.

    Attributes: name; inputShape, of one row of its input: (height, width, channels), (length, channels) or
    (features,); outputShape, of one row's output; layerNames, of every layer whose output `predict` can give.
    Safe from several threads.
    """

    def __init__(self, topology: Topology, built: Built, params: Params, threads: int) -> None:
        self.name = topology.name
        self._graph, self._params, self._threads = built.graph, params, threads
        self._nodes = {
            layer: node for (layer, _), node in sorted(built.nodes.items(), key=lambda item: item[1])
        }
        self._output = built.nodes[topology.outputs[0]]
        shapes = [tuple(layer[3]) for layer in built.graph.layers]
        self.inputShape: tuple[int, ...] = shapes[built.nodes[topology.inputs[0]]]
        self.outputShape: tuple[int, ...] = shapes[self._output]
        self.layerNames: tuple[str, ...] = tuple(self._nodes)
        self._networks: dict[int, _core.Network] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"KerasModel({self.name!r}: {list(self.inputShape)} -> {list(self.outputShape)})"

    def predict(
        self, x: NDArray[Any], layer: str | None = None, batchSize: int | None = None
    ) -> NDArray[np.float32]:
        """The model's output, or that of its layer of this name, float32 [n, ...].

        Parameters
        ----------
        x : numbers [n, *inputShape] for any n, as the model wants them: nothing is preprocessed.
        layer : a name of layerNames; None for the model's output.
        batchSize : rows that are run at a time; None for 32 images, or 512 of what is smaller.

        Raises ValueError for another shape and for a layer that the model does not have; TypeError for what
        is no array of numbers.
        """
        x = np.asarray(x)
        if x.dtype.kind not in "fiub":
            raise TypeError(f"expected x of numbers, float32 or uint8, got {x.dtype}")
        if x.shape[1:] != self.inputShape or x.ndim == 0:
            raise ValueError(f"expected x [n, {', '.join(map(str, self.inputShape))}], got {list(x.shape)}")
        if batchSize is None:
            batchSize = _IMAGES if len(self.inputShape) == 3 else _ROWS
        if batchSize < 1:
            raise ValueError(f"batchSize is {batchSize}, expected at least 1")
        network = self._network(layer)
        out = np.empty((len(x), *network.output_shape), np.float32)
        as_they_are = x.dtype == np.uint8 and len(self.inputShape) == 3 and self.inputShape[2] == 3
        for first in range(0, len(x), batchSize):
            part = np.ascontiguousarray(x[first : first + batchSize], None if as_they_are else np.float32)
            network.run(part, out[first : first + batchSize])
        return out

    def _network(self, layer: str | None) -> _core.Network:
        if layer is not None and layer not in self._nodes:
            raise ValueError(f"layer {layer!r} is not in the model, which has: {', '.join(self.layerNames)}")
        node = self._output if layer is None else self._nodes[layer]
        with self._lock:
            if node not in self._networks:
                self._networks[node] = _core.Network(self._graph, node, self._params, 0, self._threads)
            return self._networks[node]


def load_model(
    path: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
    threads: int | None = None,
) -> KerasModel:
    """A Sequential or Functional model of Keras 1 to 3, or a convolutional network in an ONNX file.

    Parameters
    ----------
    path : a `.keras` file, an `.h5` file of a whole model, the `.json` of model.to_json(), or an `.onnx` file
        as Keras, tf2onnx and PyTorch export them (with the package onnx: `pip install "pydeepl[onnx]"`).
    weights : a file of the model's weights in any of Keras' formats; needed with `.json` alone.
    threads : threads of the core; None for all CPUs that the process may use.

    Images are given, and maps come out, channels last, [n, height, width, channels], also of an ONNX file
    whose own order is [n, channels, height, width]. Its layers are named as its nodes are.

    Nothing in the file is executed: layers of custom classes and Lambda layers are refused, and so are files
    that an ONNX file wants outside its own folder. Raises FileNotFoundError; ImportError without the package
    onnx; WeightsError for damaged files, for weights that do not fit, and, in one message that names each of
    them, for layers and nodes that are not supported.
    """
    model = open_model(path, weights)
    params, _ = model_params(model)
    return KerasModel(model.topology, model.built, params, threads or 0)
