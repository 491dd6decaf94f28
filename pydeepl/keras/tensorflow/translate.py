"""A TensorFlow graph as a model: what its operations compute, followed from the input to the output.

A value is an array (what can be known without an input), a shape, or the output of a layer.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from pydeepl.keras.build import build
from pydeepl.keras.ends import input_shapes
from pydeepl.keras.errors import WeightsError
from pydeepl.keras.model import KerasModel
from pydeepl.keras.nested import Model
from pydeepl.keras.reader import graph_layers
from pydeepl.keras.saved import SavedModel
from pydeepl.keras.tensorflow.graphdef import GraphDef, NodeDef
from pydeepl.keras.tensorflow.layers import Array, Layers, Refused, Value
from pydeepl.keras.tensorflow.operations import BROADCAST, FOLDED, OPERATIONS, SAME, why_unknown
from pydeepl.keras.topology import Key, Topology

_MAX_ELEMENTS = 1 << 27

ALTERNATIVE = (
    "Save the model from Keras as .keras, or export it to ONNX with tf2onnx: "
    "pydeepl.keras.load_model reads both"
)


def graph_model(
    graph: GraphDef, feed: str, fetch: str, shape: Sequence[int] | None = None, threads: int = 0
) -> KerasModel:
    """A model of a graph, from one tensor to another.

    Parameters
    ----------
    graph : its weights are constants.
    feed, fetch : names of tensors ("input:0"), or of their operations.
    shape : of one row of the input, where the graph leaves it open.
    threads : of the core; 0 for the default.

    Raises WeightsError for tensors that are not there and, in one message that names each of them, for
    operations that no layer stands for.
    """
    for tensor in (feed, fetch):
        if ":" in tensor and not tensor.endswith(":0"):
            raise WeightsError(f'{graph.name}: {tensor}: only operations\' first outputs, ":0", are taken')
    translation = _Translation(graph, feed, shape)
    key, layers = translation.run(fetch), translation.layers
    topology = Topology(graph.name, layers.nodes, [(_operation(feed), 0)], [key])
    built = build(graph.name, topology)
    for name, *_, made, _ in built.graph.layers:
        size = layers.sizes.get(name, -1)
        if size not in (-1, made[0]):
            raise WeightsError(f"{graph.name}: {name}: rows of {made[0]} numbers, reshaped to {size}")
    for layer, owner in zip(graph_layers(built.graph), built.owners, strict=True):
        arrays = layers.weights.get(owner, []) if layer.params else []
        wanted = [tuple(size) for _, size in layer.params]
        if [array.shape for array in arrays] != wanted:
            found = [list(array.shape) for array in arrays]
            raise WeightsError(
                f"{graph.name}: {owner}: expected arrays {[list(s) for s in wanted]}, found {found}"
            )
    model = Model(topology, nested={}, places={})
    saved = SavedModel(graph.name, graph.name, model, built, input_shapes(topology), [graph.name])
    return KerasModel(saved, layers.weights, threads)


def placeholder_shape(graph: GraphDef, feed: str) -> list[int] | None:
    """The shape of one row of an input; -1 for an open extent, None where the graph does not tell any."""
    node = graph.nodes.get(_operation(feed))
    if node is None:
        known = ", ".join(placeholders(graph))
        raise WeightsError(f"{graph.name}: no operation {_operation(feed)!r}; its inputs: {known}")
    shape = node.attributes.get("shape")
    if not shape:
        return None
    if not isinstance(shape, list) or not all(isinstance(extent, int) for extent in shape):
        raise WeightsError(f"{graph.name}: {node.name}: expected a shape, found {shape!r:.60}")
    return shape[1:]


def placeholders(graph: GraphDef) -> list[str]:
    """The names of a graph's placeholders."""
    return [node.name for node in graph.nodes.values() if node.op == "Placeholder"]


def _operation(tensor: str) -> str:
    return tensor.split(":")[0]


class _Translation:
    def __init__(self, graph: GraphDef, feed: str, shape: Sequence[int] | None) -> None:
        self.graph, self.feed = graph, _operation(feed)
        users = Counter(_operation(each) for node in graph.nodes.values() for each in node.inputs)
        self.layers = Layers(users)
        self._values: dict[str, Value] = {}
        self._elements = 0  # of the constants that the graph computes
        self._shape = list(shape) if shape is not None else placeholder_shape(graph, feed)

    def run(self, fetch: str) -> Key:
        """Translates all that the tensor is made of; the layer whose output it is."""
        name = _operation(fetch)
        if name not in self.graph.nodes:
            raise WeightsError(f"{self.graph.name}: no operation {name!r}")
        problems = []
        for node in self._order(name):
            try:
                with np.errstate(all="ignore"):  # of a damaged graph's numbers
                    self._values[node.name] = self._translated(node)
            except (Refused, ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
                reason = str(error) if isinstance(error, Refused) else f"its attributes do not fit: {error!r}"
                problems.append(f"{node.name} ({node.op}): {reason}")
                self._values[node.name] = (self.feed, 0)  # whatever follows is looked at, too
        if problems:
            count = f"{len(problems)} operations are" if len(problems) > 1 else "an operation is"
            lines = "\n  ".join([f"{self.graph.name}: {count} not supported:", *problems])
            raise WeightsError(f"{lines}\n{ALTERNATIVE}")
        value = self._values[name]
        if not isinstance(value, tuple):
            raise WeightsError(f"{self.graph.name}: {fetch} does not depend on {self.feed}")
        return value

    def _order(self, last: str) -> list[NodeDef]:
        """The operations that one is made of, each after its inputs."""
        order: dict[str, NodeDef] = {}
        stack, open_ones = [last], set()
        while stack:
            node = self.graph.nodes[stack[-1]]
            waiting = [name for name in self._data_inputs(node) if name not in order]
            if not waiting or node.name in order:
                order.setdefault(node.name, node)
                open_ones.discard(stack.pop())
                continue
            if waiting[0] not in self.graph.nodes:
                raise WeightsError(f"{self.graph.name}: {node.name}: no operation {waiting[0]!r}")
            if waiting[0] in open_ones:
                raise WeightsError(f"{self.graph.name}: {waiting[0]!r} takes its own output as input")
            open_ones.add(node.name)
            stack.append(waiting[0])
        return list(order.values())

    def _data_inputs(self, node: NodeDef) -> list[str]:
        if node.name == self.feed:
            return []
        return [_operation(each) for each in node.inputs if not each.startswith("^")]

    def _translated(self, node: NodeDef) -> Value:
        if node.name == self.feed:
            return self._input(node)
        if node.op in ("Const", "HostConst"):
            value = node.attributes.get("value")
            if value is None:
                raise Refused("a constant that is no array of numbers")
            return np.asarray(value)
        second = [each for each in node.inputs if ":" in each and not each.endswith(":0")]
        if second:
            raise Refused(f"it takes {second[0]}: only first outputs are taken")
        values = [self._values[name] for name in self._data_inputs(node)]
        if node.op in SAME:
            return self.layers.pass_on(node.name, values[0])
        arrays = [each for each in values if isinstance(each, np.ndarray)]
        if arrays and len(arrays) == len(values) and node.op in FOLDED:
            return self._folded(node, arrays)
        translate = OPERATIONS.get(node.op)
        if translate is None:
            raise Refused(why_unknown(node))
        return translate(self.layers, node, values)

    def _folded(self, node: NodeDef, arrays: list[Array]) -> Array:
        """What an operation makes of arrays; a few small ones must not become endless."""
        size = sum(each.size for each in arrays)
        if node.op in BROADCAST:
            size = math.prod(np.broadcast_shapes(*(each.shape for each in arrays)))
        self._elements += size
        if self._elements > _MAX_ELEMENTS:
            raise Refused(f"the graph computes constants of more than {_MAX_ELEMENTS} elements")
        return np.asarray(FOLDED[node.op](node, *arrays))

    def _input(self, node: NodeDef) -> Key:
        shape = self._shape
        if shape is None or any(extent < 0 for extent in shape):
            raise Refused(f"the shape of its rows, {shape}, is open: expected a fixed one")
        return self.layers.add(node.name, "InputLayer", {"batch_shape": [None, *shape]}, [])
