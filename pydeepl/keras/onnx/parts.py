"""Split, Slice and Gather: parts of a value along its axes."""

import numpy as np

from pydeepl.keras.errors import Unsupported
from pydeepl.keras.onnx.operands import Operands
from pydeepl.keras.onnx.shapes import as_vector, reshaped
from pydeepl.keras.onnx.values import VECTOR, Value, text


def split(o: Operands) -> list[Value]:
    """All parts of an axis, one after the other."""
    x = as_vector(o.sketch, f"{o.name}/ordered", o.value())
    axis = _axis(x, o.attribute("axis", 0))
    extent, count = x.shape[axis], len(o.node.outputs)
    sizes = o.ints("split", 1)
    if sizes is None:
        each = -(-extent // count)
        sizes = [each] * (count - 1) + [extent - each * (count - 1)]
    if len(sizes) != count or sum(sizes) != extent or min(sizes) < 1:
        raise Unsupported(f"{count} parts of {extent} along axis {axis} with sizes {sizes}")
    starts = [sum(sizes[:at]) for at in range(count)]
    return [
        _part(o, f"{o.name}/{at}", x, {axis: (start, size)})
        for at, (start, size) in enumerate(zip(starts, sizes, strict=True))
    ]


def slice_(o: Operands) -> Value:
    """A range of each axis."""
    x = as_vector(o.sketch, f"{o.name}/ordered", o.value())
    starts, ends = o.ints("starts", 1) or [], o.ints("ends", 2) or []
    axes = o.ints("axes", 3, list(range(len(starts)))) or []
    steps = o.ints("steps", 4, [1] * len(starts)) or []
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise Unsupported(
            f"starts {starts}, ends {ends}, axes {axes}, steps {steps}: expected as many of each"
        )
    ranges: dict[int, tuple[int, int]] = {}
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if step != 1:
            raise Unsupported(f"steps {steps}: expected 1")
        at = _axis(x, axis)
        first, last, _ = slice(start, end).indices(x.shape[at])
        ranges[at] = first, last - first
    return _part(o, o.name, x, ranges)


def _axis(x: Value, axis: int) -> int:
    """An axis, which may be counted from the end, from the beginning."""
    rank = len(x.shape)
    if not -rank <= axis < rank:
        raise Unsupported(f"axis {axis} of {text(x.shape)}: expected one from {-rank} to {rank - 1}")
    return axis % rank


def _part(o: Operands, name: str, x: Value, ranges: dict[int, tuple[int, int]]) -> Value:
    """(first, extent) along some of the file's axes."""
    ranges = {axis: part for axis, part in ranges.items() if part != (0, x.shape[axis])}
    if not ranges:
        return x
    for axis, (first, extent) in ranges.items():
        if x.axes[axis] in (0, None) or extent < 1:
            raise Unsupported(
                f"{extent} elements from {first} of axis {axis} of {text(x.shape)}: expected some of all rows"
            )
    core = {x.axes[axis]: part for axis, part in ranges.items()}
    parts = [core.get(axis, (0, extent)) for axis, extent in enumerate(x.core_shape)]
    config = {"first": [first for first, _ in parts[1:]], "extents": [extent for _, extent in parts[1:]]}
    key = o.sketch.add(name, "Crop", [o.key()] if x.key is None else [x.key], config)
    return x.resized(key, (x.core_shape[0], *config["extents"]), x.nonnegative)


def gather(o: Operands) -> Value:
    """All elements in their order, which PyTorch's exporter writes for a change of strides."""
    x, indices = o.value(), o.array(1)
    whole = len(x.shape) == 1 and np.array_equal(indices.ravel(), np.arange(x.shape[0]))
    if not whole or not indices.shape or indices.shape[0] != 1:
        raise Unsupported(f"elements of {text(x.shape)} by their numbers: expected all in their order")
    return reshaped(o, Value(x.key, (1, x.shape[0]), VECTOR, x.order, x.nonnegative), list(indices.shape))
