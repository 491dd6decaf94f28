"""An ONNX file's graph: its nodes with their attributes, its arrays, its inputs and outputs.

Arrays may lie in files beside the model ("external data"); these are read only inside the model's own folder.
"""

import os
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.config import check_model_file
from pydeepl.keras.errors import WeightsError

_MAX_BYTES = (1 << 31) - 1  # of a protobuf message
_MAX_NODES = 50_000
_DOMAINS = ("", "ai.onnx")

Array = NDArray[Any]


class OnnxNode(NamedTuple):
    """An operation on named values; an absent optional input is an empty name."""

    name: str
    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


class OnnxGraph(NamedTuple):
    """What an ONNX file holds, in the file's own terms."""

    name: str
    opset: int
    inputs: list[tuple[str, list[int | None] | None]]
    """Name and shape; None stands for an extent that is open, and for a shape that is not told."""
    outputs: list[str]
    nodes: list[OnnxNode]
    arrays: dict[str, Array]
    files: list[str]
    """The file and those beside it that hold its arrays."""


def open_graph(path: str) -> OnnxGraph:
    """The graph of an ONNX file, local functions inlined.

    Raises FileNotFoundError; ImportError without the package onnx; WeightsError for a file that is damaged or
    that wants files outside its folder.
    """
    check_model_file(path)
    model = _parse(path)
    count = _count_inlined(path, model)
    if count > _MAX_NODES:
        raise WeightsError(f"{path}: {count} nodes, more than {_MAX_NODES}")
    if model.functions:
        model = _inlined(path, model)
    graph = model.graph
    files = [path]
    arrays = {tensor.name: _array(path, tensor, files) for tensor in graph.initializer}
    opsets = [each.version for each in model.opset_import if each.domain in _DOMAINS]
    return OnnxGraph(
        graph.name or "model",
        max(opsets, default=1),
        [(value.name, _shape(value)) for value in graph.input if value.name not in arrays],
        [value.name for value in graph.output],
        [_node(path, node, index, files) for index, node in enumerate(graph.node)],
        arrays,
        files,
    )


def whole_content(path: str) -> bytes | None:
    """An ONNX file's bytes with the arrays of the files beside it inside; None where it has them already.

    Raises what open_graph raises, and WeightsError where that is more than one ONNX file can hold.
    """
    check_model_file(path)
    model = _parse(path)
    from onnx import TensorProto

    tensors = [each for each in _tensors(model) if each.data_location == TensorProto.EXTERNAL]
    room = _MAX_BYTES - os.path.getsize(path)
    for tensor in tensors:
        values = _array(path, tensor, [])
        room -= values.nbytes
        if room < 0:
            raise WeightsError(f"{path}: with its arrays, more than the 2 GiB that one ONNX file can hold")
        tensor.raw_data = values.tobytes()  # which _array reads as it has to lie in a file
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]
    data: bytes | None = model.SerializeToString() if tensors else None
    return data


def _tensors(model: Any) -> Iterator[Any]:
    """All arrays of a model."""
    yield from model.graph.initializer
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        for node in _with_inner(nodes):
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)


def _parse(path: str) -> Any:
    try:
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    except ImportError as error:
        raise ImportError(f"{path}: ONNX files need the package onnx: pip install 'pydeepl[onnx]'") from error
    if os.path.getsize(path) > _MAX_BYTES:
        raise WeightsError(f"{path}: {os.path.getsize(path)} bytes, more than a protobuf file can have")
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError) as error:
        raise WeightsError(f"{path}: not a readable ONNX file (damaged or cut short?): {error}") from error
    if not model.graph.node:
        raise WeightsError(f"{path}: not an ONNX model: it has no nodes")
    return model


def _count_inlined(path: str, model: Any) -> int:
    """How many nodes there are with functions inlined: a small file can call them of each other endlessly."""
    calls = {_called(each): Counter(map(_called, _with_inner(each.node))) for each in model.functions}
    sizes: Counter[tuple[str, ...]] = Counter()
    try:
        order = list(TopologicalSorter({name: calls[name].keys() & calls for name in calls}).static_order())
    except CycleError as error:
        raise WeightsError(f"{path}: its local functions call each other in a circle") from error
    for name in order:
        sizes[name] = min(_MAX_NODES + 1, sum(n * sizes.get(each, 1) for each, n in calls[name].items()))
    return sum(sizes.get(_called(node), 1) for node in _with_inner(model.graph.node))


def _called(function: Any) -> tuple[str, ...]:
    """What a function is called by; of a node, what it calls."""
    name = getattr(function, "op_type", None) or function.name
    return function.domain, name, getattr(function, "overload", "")


def _with_inner(nodes: Any) -> Iterator[Any]:
    """Nodes, and those of the graphs in their attributes."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _with_inner(graph.node)


def _inlined(path: str, model: Any) -> Any:
    from onnx import inliner

    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # what its C++ core raises has no common class
        raise WeightsError(f"{path}: its local functions cannot be inlined: {error}") from error


def _shape(value: Any) -> list[int | None] | None:
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return [each.dim_value if each.HasField("dim_value") else None for each in kind.shape.dim]


def _node(path: str, node: Any, index: int, files: list[str]) -> OnnxNode:
    if not node.output:
        raise WeightsError(f"{path}: node {node.name or index} ({node.op_type}) gives nothing")
    op = node.op_type if node.domain in _DOMAINS else f"{node.domain}.{node.op_type}"
    name = node.name or node.output[0] or f"node {index}"
    attributes = {each.name: _attribute(path, each, files) for each in node.attribute}
    return OnnxNode(name, op, list(node.input), list(node.output), attributes)


def _attribute(path: str, attribute: Any, files: list[str]) -> Any:
    from onnx import AttributeProto as Proto

    kind = attribute.type
    if kind == Proto.TENSOR:
        return _array(path, attribute.t, files)
    if kind == Proto.STRING:
        return attribute.s.decode(errors="replace")
    if kind == Proto.INTS:
        return list(attribute.ints)
    if kind == Proto.FLOATS:
        return list(attribute.floats)
    return {Proto.INT: attribute.i, Proto.FLOAT: attribute.f}.get(kind)  # no layer takes what is left


def _array(path: str, tensor: Any, files: list[str]) -> Array:
    from onnx import TensorProto, helper, numpy_helper

    try:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
        if any(extent < 0 for extent in tensor.dims):
            raise ValueError(f"shape {list(tensor.dims)}")
        if tensor.data_location == TensorProto.EXTERNAL:
            return _external(path, tensor, dtype, files)
        values: Array = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise WeightsError(f"{path}: the array {tensor.name!r} cannot be read: {error}") from error
    return values


def _external(path: str, tensor: Any, dtype: Any, files: list[str]) -> Array:
    """An array in a file beside the model, whose name may not lead out of the model's folder."""
    entries = {each.key: each.value for each in tensor.external_data}
    location = entries.get("location", "")
    folder = os.path.realpath(os.path.dirname(path) or ".")
    file = os.path.realpath(os.path.join(folder, location))
    if not location or os.path.isabs(location) or os.path.commonpath([folder, file]) != folder:
        raise WeightsError(
            f"{path}: the array {tensor.name!r} is said to lie in {location!r}, "
            f"outside the model's folder: refused"
        )
    if not os.path.isfile(file):
        raise WeightsError(f"{path}: the file {location!r} with the array {tensor.name!r} is not beside it")
    offset, count = int(entries.get("offset", 0)), int(np.prod(tensor.dims, dtype=np.int64))
    if offset < 0 or offset + count * dtype.itemsize > os.path.getsize(file):
        raise WeightsError(
            f"{path}: {location!r} is too short for the array {tensor.name!r} at byte {offset}"
        )
    if file not in files:
        files.append(file)
    little = np.dtype(dtype).newbyteorder("<")
    values: Array = np.fromfile(file, little, count, offset=offset).reshape(tuple(tensor.dims))
    return values
