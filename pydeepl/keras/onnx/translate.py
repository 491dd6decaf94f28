"""From an ONNX graph to Keras' layers: folds what is constant, lists all that has no layer."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from pydeepl.keras.build import unsupported
from pydeepl.keras.ends import NOMINAL, OpenShape, is_open
from pydeepl.keras.errors import Unsupported, WeightsError
from pydeepl.keras.onnx import folding
from pydeepl.keras.onnx.file import OnnxGraph, OnnxNode, open_graph
from pydeepl.keras.onnx.layers import LAYERS, OF_MAPS
from pydeepl.keras.onnx.operands import Operands, key_of, with_axes
from pydeepl.keras.onnx.shapes import as_vector, input_shape, input_value
from pydeepl.keras.onnx.sketch import Arrays, Sketch
from pydeepl.keras.onnx.values import MAP, Value
from pydeepl.keras.topology import Topology

Chooser: TypeAlias = Callable[[Mapping[str, OpenShape]], Mapping[str, OpenShape]]


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX file as Keras would have it."""

    topology: Topology
    weights: dict[str, Arrays]
    """Of each layer, in the order of Keras' get_weights()."""
    files: list[str]
    """The file and those beside it that hold its arrays."""


def read_onnx(path: str, choose: Chooser | None = None) -> OnnxModel:
    """Reads a network from an ONNX file.

    choose: given one row's shape of each input, with None for what is open, the shapes to be taken.
    Raises FileNotFoundError; ImportError without the package onnx; WeightsError for a damaged file and, in
    one message that names each node, for all that is not supported.
    """
    graph = open_graph(path)
    walk = _Walk(path, graph, choose or dict)
    for node in graph.nodes:
        walk.step(node)
    outputs = walk.outputs()
    nodes = walk.sketch.nodes if walk.problems else walk.sketch.needed(outputs)
    problems = walk.problems + unsupported(nodes)
    if problems:
        count = f"{len(problems)} nodes are" if len(problems) > 1 else "a node is"
        taken = [f"(open extents were taken for {NOMINAL}: see inputShape)"] if is_open(walk.shapes) else []
        raise WeightsError("\n  ".join([f"{path}: {count} not supported:", *problems, *taken]))
    topology = Topology(graph.name, nodes, [key_of(value) for value in walk.inputs], outputs)
    return OnnxModel(topology, walk.sketch.weights, graph.files)


class _Walk:
    """The values that are known so far, and what was wrong."""

    def __init__(self, path: str, graph: OnnxGraph, choose: Chooser) -> None:
        self.path, self.graph = path, graph
        self.sketch = Sketch()
        self.problems: list[str] = []
        # What depends on a node that is not supported is None: it is not complained of again.
        self.values: dict[str, Any] = dict(graph.arrays)
        self.inputs: list[Value] = []
        self._read = {*graph.outputs, *(name for node in graph.nodes for name in node.inputs)}
        open_shapes: dict[str, OpenShape] = {}
        batches: dict[str, int | None] = {}
        for name, shape in graph.inputs:
            with self._input(name):
                open_shapes[name] = input_shape(graph, name, shape)
                batches[name] = shape[0] if shape else None
        # Of inputs that are refused nothing can be chosen: only they are complained of.
        self.shapes = open_shapes if self.problems else choose(open_shapes)
        for name, batch in batches.items():
            with self._input(name):
                self.values[name] = input_value(self.sketch, graph, name, batch, self.shapes[name])
                self.inputs.append(self.values[name])

    @contextmanager
    def _input(self, name: str) -> Iterator[None]:
        """Notes what is wrong with an input."""
        try:
            yield
        except Unsupported as error:
            self.problems.append(f"{name} (input): {error}")
            self.values[name] = None

    def step(self, node: OnnxNode) -> None:
        """Adds a node's outputs to the values."""
        for name in node.outputs:
            self.values[name] = None
        missing = [name for name in node.inputs if name and name not in self.values]
        if missing:
            raise WeightsError(f"{self.path}: node {node.name!r} takes {missing[0]!r}, which nothing gives")
        inputs = [self.values[name] if name else None for name in node.inputs]
        if any(value is None for name, value in zip(node.inputs, inputs, strict=True) if name):
            if node.op not in LAYERS and not folding.folds(node.op):
                self.problems.append(f"{node.name} ({node.op}): no layer here computes it")
            return
        try:
            with np.errstate(all="ignore"):  # of a damaged file's numbers
                result = self._result(node, inputs)
        except Unsupported as error:
            self.problems.append(f"{node.name} ({node.op}): {error}")
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError) as error:
            self.problems.append(
                f"{node.name} ({node.op}): it is damaged, or its shapes do not fit: {error!r}"
            )
        else:
            results = result if isinstance(result, list) else [result]
            self.values.update(zip(node.outputs, results, strict=False))

    def _result(self, node: OnnxNode, inputs: list[Any]) -> Any:
        if not any(isinstance(value, Value) for value in inputs):
            folded = folding.fold(node, inputs)
            if folded is not None:
                return folded
        if node.op == "Shape":
            return folding.fold(node, [_Shaped(inputs[0].shape)])  # type: ignore[list-item]
        layer = LAYERS.get(node.op)
        if layer is None:
            raise Unsupported("no layer here computes it")
        if node.op in OF_MAPS and isinstance(inputs[0], Value) and inputs[0].key is not None:
            inputs = [with_axes(self.sketch, f"{node.name}/axes", inputs[0], MAP), *inputs[1:]]
        result = layer(Operands(self.sketch, node, inputs, self.graph.opset))
        given = len(result) if isinstance(result, list) else 1
        used = [name for name in node.outputs[given:] if name and self._is_read(name)]
        if used:
            raise Unsupported(f"its output {used[0]!r} is used: expected its first alone")
        return result

    def _is_read(self, name: str) -> bool:
        return name in self._read

    def outputs(self) -> list[tuple[str, int]]:
        """The keys of the graph's outputs; a flattened map is given in the file's order."""
        keys = []
        for name in self.graph.outputs:
            value = self.values.get(name)
            if isinstance(value, Value):
                keys.append(key_of(as_vector(self.sketch, f"{name}/ordered", value)))
            elif value is not None or not self.problems:
                raise WeightsError(f"{self.path}: the output {name!r} does not depend on an input")
        return keys


@dataclass(frozen=True)
class _Shaped:
    """What Shape looks at."""

    shape: tuple[int, ...]
