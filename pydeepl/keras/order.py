"""Keras' order of a model's layers, which its files are written and read by.

Keras sorts the layers of a functional model by depth (the longest way to an output), the deepest first, and
layers of one depth by when a depth-first walk from the output enters them (keras.src.ops.function.map_graph).
Parallel branches of different length therefore interleave: it is not the order in which the layers were made.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple


class Layer(NamedTuple):
    """A layer of a core graph, as `_core.Graph.layers` lists it."""

    name: str
    kind: str  # Keras' class name
    inputs: Sequence[int]
    shape: Sequence[int]  # of one sample's output
    params: Sequence[tuple[str, Sequence[int]]]  # (name, shape)


def keras_order(layers: Sequence[Layer], output: int | None = None) -> list[int]:
    """The indices of the layers `output` (default: the last) needs, in the order of Keras' model.layers."""
    entered, finished = _walk(layers, len(layers) - 1 if output is None else output)
    depth = dict.fromkeys(finished, 0)
    for node in reversed(finished):  # every layer comes before the layers it takes its input from
        for source in layers[node].inputs:
            depth[source] = max(depth[source], depth[node] + 1)
    return sorted(finished, key=lambda node: (-depth[node], entered[node]))


def _walk(layers: Sequence[Layer], output: int) -> tuple[dict[int, int], list[int]]:
    """A depth-first walk from the output to the inputs.

    Returns when each layer was entered (0, 1, ...), and the layers in the order in which they were left.
    """
    entered, finished = {output: 0}, []
    stack = [(output, iter(layers[output].inputs))]
    while stack:
        node, sources = stack[-1]
        source = next((index for index in sources if index not in entered), None)
        if source is None:
            finished.append(node)
            stack.pop()
        else:
            entered[source] = len(entered)
            stack.append((source, iter(layers[source].inputs)))
    return entered, finished


def snake_case(kind: str) -> str:
    """A class name as Keras spells it in names: "BatchNormalization" -> "batch_normalization"."""
    name = re.sub(r"\W+", "", kind)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
