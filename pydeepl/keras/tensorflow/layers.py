"""The Keras layers that a graph's operations become, and the values between them.

Factors and biases go into the convolution or dense layer before them, where nobody else reads its output.
"""

import math
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.tensorflow.graphdef import NodeDef
from pydeepl.keras.topology import Key, Node

Array = NDArray[Any]


class ShapeOf:
    """A shape that is computed; `batch`: its first number alone, how many rows there are."""

    def __init__(self, batch: bool = False) -> None:
        self.batch = batch


class Spread:
    """Every block[i]-th row and column of a map, as rows of a batch: how TensorFlow writes dilated windows.

    `layer`: the convolution of these, None before it is there.
    """

    def __init__(self, key: Key, block: list[int], pads: Array, layer: Node | None = None) -> None:
        self.key, self.block, self.pads, self.layer = key, block, pads, layer


Value = Array | Key | ShapeOf | Spread


class Refused(Exception):
    """Why an operation is not translated, in words."""


class Layers:
    """The layers made so far, with their weights.

    Parameters: users, how many operations read each operation's output. Attributes: nodes; weights, by layer;
    sizes, how many numbers a row has where reshaping says so.
    """

    def __init__(self, users: Counter[str]) -> None:
        self.nodes: list[Node] = []
        self.weights: dict[str, list[NDArray[np.float32]]] = {}
        self.sizes: dict[str, int] = {}
        self._users = users
        self._places: dict[str, int] = {}

    def add(self, name: str, kind: str, config: dict[str, Any], keys: list[Key], *weights: Array) -> Key:
        """A layer with its weights."""
        self._places[name] = len(self.nodes)
        self.nodes.append(Node(name, 0, kind, config, keys))
        if weights:
            self.weights[name] = [np.ascontiguousarray(each, np.float32) for each in weights]
        return name, 0

    def pass_on(self, name: str, value: Value) -> Value:
        """A value under an operation's name, too: who reads that reads the layer."""
        if isinstance(value, tuple):
            self._users[value[0]] += self._users[name] - 1
        return value

    def window(self, node: NodeDef, kind: str, config: dict[str, Any], x: Value, kernel: Array) -> Value:
        """A convolution, dilated where its input is spread."""
        if not isinstance(x, Spread):
            return self.add(node.name, kind, config, [key_of(x)], kernel)
        if x.layer is not None or config["padding"] != "valid" or config["strides"] != [1, 1]:
            raise Refused("expected one convolution of blocks, without padding and strides")
        self.weights[node.name] = [kernel]
        return Spread(x.key, x.block, x.pads, Node(node.name, 0, kind, config, []))

    def affine(self, node: NodeDef, key: Key, scale: Array, offset: Array) -> Key:
        """A factor and a number to add, for all or each channel: in the layer before if it has place."""
        for each in (scale, offset):
            if each.size > 1 and each.shape[-1] != each.size:
                raise Refused(f"an array {list(each.shape)}: expected a number, or one for each channel")
        scale, offset = scale.reshape(-1).astype(np.float64), offset.reshape(-1).astype(np.float64)
        place = self._places.get(key[0])
        merged = None
        if place is not None and self._users[key[0]] == 1:
            merged = self._merged(self.nodes[place], scale, offset)
        if place is not None and merged is not None:
            self.nodes[place] = merged
            self._users[key[0]] = self._users[node.name]  # the layer's output is this operation's now
            return key
        config = {"scale": scale.tolist(), "offset": offset.tolist()}
        return self.add(node.name, "Rescaling", config, [key])

    def _merged(self, layer: Node, scale: Array, offset: Array) -> Node | None:
        """A layer that computes `scale` times its output, plus `offset`; None where it does no such thing."""
        config = layer.config
        if layer.kind == "Rescaling":
            first, start = np.array(config["scale"]), np.array(config["offset"])
            numbers = {"scale": (first * scale).tolist(), "offset": (start * scale + offset).tolist()}
            return layer._replace(config=config | numbers)
        if layer.kind not in ("Conv2D", "DepthwiseConv2D", "Dense"):
            return None
        kernel, *bias = self.weights[layer.layer]
        channels = kernel.shape[2:] if layer.kind == "DepthwiseConv2D" else kernel.shape[-1:]
        count = math.prod(channels)
        wide = np.broadcast_to(scale, count).reshape(channels)
        shift = np.broadcast_to(offset + (bias[0] * scale if bias else 0), count)
        self.weights[layer.layer] = [np.float32(kernel * wide), np.float32(shift)]
        return layer._replace(config=config | {"use_bias": True})


def key_of(value: Value) -> Key:
    """The layer whose output a value is. Raises Refused for others."""
    if not isinstance(value, tuple):
        kinds = {ShapeOf: "a shape that is computed", Spread: "a map in blocks"}
        found = kinds.get(type(value), "a constant")
        raise Refused(f"expected numbers that the graph computes, found {found}")
    return value


def constant(value: Value, what: str) -> Array:
    """The array that a value is. Raises Refused, naming `what`, for others."""
    if not isinstance(value, np.ndarray):
        raise Refused(f"its {what} is computed: expected a constant (is the graph frozen?)")
    return value
