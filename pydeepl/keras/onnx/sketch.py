"""The Keras layers that an ONNX graph becomes, as they are written down one after another."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.topology import Key, Node

Arrays = list[NDArray[np.float32]]


class Sketch:
    """Nodes of a topology and the weights of each layer, in the order of Keras' get_weights()."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.weights: dict[str, Arrays] = {}
        self._names: Counter[str] = Counter()
        self.channels_last = False
        """Whether the file's own maps are [n, height, width, channels]."""

    def add(
        self, name: str, kind: str, inputs: list[Key], config: dict[str, Any] | None = None, *weights: Any
    ) -> Key:
        """Appends a layer and returns its key; the name gets a number where it is taken."""
        unique = name
        while unique in self.weights:
            self._names[name] += 1
            unique = f"{name}_{self._names[name]}"
        self.weights[unique] = [np.ascontiguousarray(each, np.float32) for each in weights]
        self.nodes.append(Node(unique, 0, kind, {"name": unique, **(config or {})}, inputs))
        return unique, 0

    def affine(self, name: str, x: Key, scale: Any, shift: Any, channels: int) -> Key:
        """x scale + shift, channel by channel: a batch norm, which the core folds into convolutions."""
        ones = np.ones(channels, np.float32)
        config = {"axis": -1, "epsilon": 0.0, "scale": True, "center": True}
        return self.add(name, "BatchNormalization", [x], config, ones * scale, ones * shift, 0 * ones, ones)

    def needed(self, keys: list[Key]) -> list[Node]:
        """The nodes that lead to these; what is part of an activation that another layer gives does not."""
        wanted = set(keys)
        for node in reversed(self.nodes):
            if (node.layer, node.call) in wanted:
                wanted.update(node.inputs)
        return [node for node in self.nodes if (node.layer, node.call) in wanted or node.kind == "InputLayer"]
