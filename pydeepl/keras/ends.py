"""A model's ends: where it has several inputs or outputs, they are one vector at the core's.

inputs    a [h, w, c], b [d]     (inputs) [h w c + d] ──► crop, reshape ──► a
                                                     └──► crop ──────────► b
outputs   y [e], z [l, f]        y, z ──► flatten ──► (outputs) [e + l f]
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pydeepl import _core
from pydeepl.keras.errors import Unsupported
from pydeepl.keras.topology import Key, Topology, batch_shape

Shape: TypeAlias = tuple[int, ...]
OpenShape: TypeAlias = tuple[int | None, ...]

NOMINAL = 256
"""What an open extent is taken for until it is known."""

INPUTS, OUTPUTS = "(inputs)", "(outputs)"


def read_shape(config: dict[str, Any]) -> OpenShape:
    """One sample's shape at an input layer, with None for what is open. Raises Unsupported."""
    given = batch_shape(config)
    if not isinstance(given, list | tuple):
        raise Unsupported(f"expected a shape, found {given!r}")
    shape = tuple(given[1:])
    if not 1 <= len(shape) <= 3:
        raise Unsupported(
            f"expected [height, width, channels], [length, channels] or [features], found {list(shape)}"
        )
    if not all(extent is None or (type(extent) is int and extent > 0) for extent in shape):
        raise Unsupported(f"expected a shape of numbers, found {list(shape)}")
    if shape[-1] is None:
        raise Unsupported(f"its last extent in {[None, *shape]} is open: expected a number of channels")
    return shape


def input_shapes(topology: Topology) -> dict[str, OpenShape]:
    """One sample's shape at each input, by name; () where that is not supported."""
    configs = {node.layer: node.config for node in topology.nodes if node.kind == "InputLayer"}
    shapes: dict[str, OpenShape] = {}
    for layer, _ in topology.inputs:
        try:
            shapes[layer] = read_shape(configs[layer])
        except Unsupported:
            shapes[layer] = ()  # build says so
    return shapes


def closed(name: str, shape: OpenShape) -> Shape:
    """A shape without open extents. Raises ValueError where it has some."""
    extents = [extent for extent in shape if extent is not None]
    if len(extents) < len(shape):
        raise ValueError(f"{name}: its size {list(shape)} is open, expected a fixed one")
    return tuple(extents)


def is_open(shapes: Mapping[str, OpenShape]) -> bool:
    """Whether an extent of an input is open."""
    return any(None in shape for shape in shapes.values())


def fixed(shape: OpenShape) -> Shape:
    """The shape with some number for what is open."""
    return tuple(NOMINAL if extent is None else extent for extent in shape)


def add_inputs(graph: _core.Graph, shapes: Mapping[Key, Shape]) -> dict[Key, int]:
    """The node of each input of a graph that has none yet."""
    if len(shapes) == 1:
        return {key: graph.input(key[0], *shape) for key, shape in shapes.items()}
    sizes = [prod(shape) for shape in shapes.values()]
    everything, first, nodes = graph.input(INPUTS, sum(sizes)), 0, {}
    for (key, shape), size in zip(shapes.items(), sizes, strict=True):
        part = graph.crop(f"{INPUTS}/{key[0]}", everything, (first,), (size,))
        nodes[key] = graph.reshape(key[0], part, shape)
        first += size
    return nodes


def join_outputs(graph: _core.Graph, nodes: Sequence[int]) -> int:
    """The node of all outputs together, or of the only one."""
    if len(nodes) == 1:
        return nodes[0]
    flat = [graph.flatten(f"{OUTPUTS}/{index}", node) for index, node in enumerate(nodes)]
    return graph.concat(OUTPUTS, flat)


def split_outputs(values: NDArray[np.float32], shapes: Sequence[Shape]) -> list[NDArray[np.float32]]:
    """The outputs in what the node of all of them gave, float32 [n, ...]."""
    if len(shapes) == 1:
        return [values]
    ends = np.cumsum([prod(shape) for shape in shapes])[:-1]
    parts = np.split(values, ends, axis=1)
    return [
        np.ascontiguousarray(part).reshape(len(values), *shape)
        for part, shape in zip(parts, shapes, strict=True)
    ]
