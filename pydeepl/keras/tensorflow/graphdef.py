"""TensorFlow's GraphDef and SavedModel messages: nodes with their attributes, arrays, signatures.

Field numbers are those of tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto and
tensorflow/core/protobuf/{saved_model,meta_graph}.proto.
"""

import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.errors import WeightsError
from pydeepl.keras.tensorflow import wire

_MAX_NODES = 50_000
_MAX_FILLED = 1 << 27  # elements of arrays that have fewer values in the file: a small file must stay small

Array = NDArray[Any]

# DataType -> NumPy's type, and the field of TensorProto that has single values.
_TYPES: dict[int, tuple[str, int]] = {
    1: ("<f4", 5), 2: ("<f8", 6), 3: ("<i4", 7), 4: ("u1", 7), 5: ("<i2", 7), 6: ("i1", 7), 9: ("<i8", 10),
    10: ("?", 11), 19: ("<f2", 13),
}  # fmt: skip
_FIXED = {5: 4, 6: 8}  # fields of floats


class NodeDef(NamedTuple):
    """An operation: its name, kind, inputs ("name", "name:1", "^control") and attributes."""

    name: str
    op: str
    inputs: list[str]
    attributes: dict[str, Any]


class GraphDef(NamedTuple):
    """A graph: its nodes by name, and how messages call it."""

    name: str
    nodes: dict[str, NodeDef]
    functions: bool
    """Whether it has functions of its own, as TensorFlow 2 saves models."""


class Signature(NamedTuple):
    """The tensors that a signature of a SavedModel names, by its keys."""

    inputs: dict[str, str]
    outputs: dict[str, str]


class MetaGraph(NamedTuple):
    """One graph of a SavedModel: its tags, its bytes and what they say, and its signatures."""

    tags: frozenset[str]
    data: bytes
    graph: GraphDef
    signatures: dict[str, Signature]


def read_graph(data: bytes, name: str = "graph") -> GraphDef:
    """The graph of a serialized GraphDef. Raises WeightsError where the bytes are none."""
    nodes: dict[str, NodeDef] = {}
    functions, filled = False, 0
    try:
        for number, _, value in wire.fields(memoryview(data)):
            if number == 1:
                part = wire.view(value)
                node = _node(part)
                nodes[node.name] = node
                filled += max(0, _elements(node) - len(part))
            functions = functions or (number == 2 and bool(len(wire.view(value))))
            if len(nodes) > _MAX_NODES:
                raise WeightsError(f"more than {_MAX_NODES} nodes")
            if filled > _MAX_FILLED:
                raise WeightsError(f"arrays of more than {_MAX_FILLED} elements that are not in the file")
    except (WeightsError, ValueError, OverflowError) as error:
        raise WeightsError(
            f"{name}: not a readable TensorFlow graph (damaged or cut short?): {error}"
        ) from error
    if not nodes:
        raise WeightsError(f"{name}: not a TensorFlow graph: it has no nodes")
    return GraphDef(name, nodes, functions)


def read_saved_model(folder: str) -> list[MetaGraph]:
    """The graphs of a SavedModel's folder; variables' values are not among them.

    Raises FileNotFoundError; WeightsError where the file is none.
    """
    path = os.path.join(folder, "saved_model.pb")
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{folder}: no SavedModel: there is no saved_model.pb in it")
    with open(path, "rb") as file:
        data = file.read()
    try:
        return [
            _meta_graph(path, wire.view(value))
            for number, _, value in wire.fields(memoryview(data))
            if number == 2
        ]
    except (ValueError, OverflowError) as error:
        raise WeightsError(f"{path}: not a readable SavedModel (damaged or cut short?): {error}") from error


def _meta_graph(path: str, data: memoryview) -> MetaGraph:
    tags: set[str] = set()
    graph, graph_data = GraphDef(path, {}, False), b""
    signatures: dict[str, Signature] = {}
    for number, _, value in wire.fields(data):
        if number == 1:  # MetaInfoDef
            tags |= {wire.text(tag) for place, _, tag in wire.fields(wire.view(value)) if place == 4}
        elif number == 2:
            graph_data = bytes(wire.view(value))
            graph = read_graph(graph_data, path)
        elif number == 5:
            key, message = _entry(wire.view(value))
            signatures[key] = _signature(message)
    return MetaGraph(frozenset(tags), graph_data, graph, signatures)


def _signature(data: memoryview) -> Signature:
    found: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for number, _, value in wire.fields(data):
        if number in (1, 2):
            key, message = _entry(wire.view(value))
            names = [wire.text(name) for place, _, name in wire.fields(message) if place == 1]
            found[number - 1][key] = names[0] if names else ""
    return Signature(*found)


def _entry(data: memoryview) -> tuple[str, memoryview]:
    """A key and a message: an entry of a map."""
    key, message = "", memoryview(b"")
    for number, _, value in wire.fields(data):
        if number == 1:
            key = wire.text(value)
        elif number == 2:
            message = wire.view(value)
    return key, message


def _elements(node: NodeDef) -> int:
    return sum(value.size for value in node.attributes.values() if isinstance(value, np.ndarray))


def _node(data: memoryview) -> NodeDef:
    name, op = "", ""
    inputs: list[str] = []
    attributes: dict[str, Any] = {}
    for number, _, value in wire.fields(data):
        if number == 1:
            name = wire.text(value)
        elif number == 2:
            op = wire.text(value)
        elif number == 3:
            inputs.append(wire.text(value))
        elif number == 5:
            key, message = _entry(wire.view(value))
            attributes[key] = _attribute(message)
    return NodeDef(name, op, inputs, attributes)


def _attribute(data: memoryview) -> Any:
    """An AttrValue; None for kinds that no layer takes."""
    readers: dict[int, Callable[[Any], Any]] = {
        1: _list, 2: wire.text, 3: wire.signed, 4: wire.float32,
        5: lambda value: bool(wire.number(value)), 6: wire.signed, 7: _shape, 8: _tensor,
    }  # fmt: skip
    for number, _, value in wire.fields(data):
        if number in readers:
            return readers[number](value)
    return None


def _list(data: wire.Value) -> list[Any]:
    values: list[Any] = []
    for number, kind, value in wire.fields(wire.view(data)):
        if number == 2:
            values.append(wire.text(value))
        elif number == 3:
            values += wire.packed_ints(kind, value)
        elif number == 4:
            values += np.frombuffer(wire.raw(value, 4), "<f4").tolist()
    return values


def _shape(data: wire.Value) -> list[int] | None:
    """A TensorShapeProto; -1 for an open extent, None for an open rank."""
    extents: list[int] = []
    for number, _, value in wire.fields(wire.view(data)):
        if number == 3 and value:
            return None
        if number == 2:
            sizes = [wire.signed(size) for place, _, size in wire.fields(wire.view(value)) if place == 1]
            extents.append(sizes[0] if sizes else 0)
    return extents


def _tensor(data: wire.Value) -> Array | None:
    """A TensorProto; None for types that no layer takes, such as text."""
    kind, shape, content = 0, [], b""
    values: dict[int, list[Any]] = {}
    for number, form, value in wire.fields(wire.view(data)):
        if number == 1:
            kind = wire.signed(value)
        elif number == 2:
            shape = _shape(value) or []
        elif number == 4:
            content = bytes(wire.view(value))
        elif number in _FIXED:
            dtype = {4: "<f4", 8: "<f8"}[_FIXED[number]]
            values.setdefault(number, []).extend(
                np.frombuffer(wire.raw(value, _FIXED[number]), dtype).tolist()
            )
        elif number in (7, 10, 11, 13):
            values.setdefault(number, []).extend(wire.packed_ints(form, value))
    if kind not in _TYPES:
        return None
    return _array(kind, shape, content, values)


def _array(kind: int, shape: list[int], content: bytes, values: dict[int, list[Any]]) -> Array:
    name, place = _TYPES[kind]
    count = math.prod(shape)
    if any(extent < 0 for extent in shape):
        raise WeightsError(f"an array of shape {shape}")
    if content:
        if len(content) != count * np.dtype(name).itemsize:
            raise WeightsError(f"an array of shape {shape} and type {name} in {len(content)} bytes")
        return np.frombuffer(content, name).reshape(shape)
    found = values.get(place, [])
    if len(found) > count:
        raise WeightsError(f"{len(found)} values for an array of shape {shape}")
    if count - len(found) > _MAX_FILLED:
        raise WeightsError(f"an array of shape {shape}, of which the file has {len(found)} values")
    if place == 13:  # float16 as its bits
        given: Array = np.array(found, np.uint16).view("<f2")
    else:
        given = np.array(found, name)
    last = given[-1] if len(given) else np.zeros((), name)[()]  # the last value stands for all that follow
    return np.concatenate([given, np.full(count - len(given), last, given.dtype)]).reshape(shape)
