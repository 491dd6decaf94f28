"""What can be known of an ONNX graph without an input: arithmetic on its arrays and on shapes.

Exporters compute shapes in the graph (Shape, Gather, Concat, Reshape) and prepare weights there (Sqrt, Div).
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.onnx.file import OnnxNode

Array = NDArray[Any]

_MAX_ELEMENTS = 1 << 28


def fold(node: OnnxNode, inputs: list[Array | None]) -> Array | None:
    """The output of a node whose inputs are arrays; None for an operation that is not among these.

    Raises ValueError, IndexError or TypeError for inputs that do not fit.
    """
    operation = _OPERATIONS.get(node.op)
    if operation is None:
        return None
    _check_growth(node.op, [each.shape for each in inputs if each is not None])
    with np.errstate(all="ignore"):
        result = np.asarray(operation(node.attributes, *inputs))
    if result.size > _MAX_ELEMENTS:
        raise ValueError(f"it makes an array of shape {list(result.shape)}")
    return result


def _check_growth(op: str, shapes: list[tuple[int, ...]]) -> None:
    """Raises ValueError where a result would be far larger than what it is made of, before it is."""
    size = 0
    if op in _BROADCAST:
        size = prod(np.broadcast_shapes(*shapes))
    elif op == "Concat":
        size = sum(map(prod, shapes))
    if size > _MAX_ELEMENTS:
        raise ValueError(f"it makes an array of {size} elements")


def folds(op: str) -> bool:
    """Whether an operation is among these."""
    return op in _OPERATIONS


def ints(value: Array | list[int] | None) -> list[int] | None:
    """A list of whole numbers, from an attribute or from an array."""
    return None if value is None else [int(each) for each in np.asarray(value).ravel()]


def _cast(attributes: dict[str, Any], x: Array, *_: Any) -> Array:
    from onnx import helper

    return x.astype(helper.tensor_dtype_to_np_dtype(attributes["to"]))


def _constant(attributes: dict[str, Any]) -> Array:
    (value,) = attributes.values()
    if value is None:
        raise TypeError("a constant that is no array of numbers")
    array = np.asarray(value)
    return (
        array.astype(np.float32) if array.dtype == np.float64 and not isinstance(value, np.ndarray) else array
    )


def _constant_of_shape(attributes: dict[str, Any], shape: Array) -> Array:
    _check_size(shape)
    value = attributes.get("value", np.zeros(1, np.float32))
    return np.full([int(extent) for extent in shape], value.ravel()[0], value.dtype)


def _check_size(shape: Array) -> None:
    if any(int(extent) < 0 for extent in shape) or float(np.prod(shape.astype(np.float64))) > _MAX_ELEMENTS:
        raise ValueError(f"it makes an array of shape {list(shape)}")


def _expand(attributes: dict[str, Any], x: Array, shape: Array) -> Array:
    _check_size(shape)
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(int(extent) for extent in shape)))


def _slice(attributes: dict[str, Any], x: Array, *parts: Array | None) -> Array:
    starts = ints(attributes.get("starts", parts[0] if parts else None)) or []
    ends = ints(attributes.get("ends", parts[1] if len(parts) > 1 else None)) or []
    axes = ints(attributes.get("axes", parts[2] if len(parts) > 2 else None)) or list(range(len(starts)))
    steps = ints(parts[3] if len(parts) > 3 else None) or [1] * len(starts)
    where = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        # An end before the first element is said by a very negative number.
        where[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(where)]


def _reshape(attributes: dict[str, Any], x: Array, shape: Array | None = None) -> Array:
    wanted = ints(attributes.get("shape", shape)) or []
    kept = [
        x.shape[i] if extent == 0 and not attributes.get("allowzero") else extent
        for i, extent in enumerate(wanted)
    ]
    return x.reshape(kept)


def _gather(attributes: dict[str, Any], x: Array, indices: Array) -> Array:
    axis = attributes.get("axis", 0)
    _check_size(np.array([*np.delete(x.shape, axis), *indices.shape]))
    return np.take(x, indices, axis)


def _unsqueeze(attributes: dict[str, Any], x: Array, axes: Array | None = None) -> Array:
    return np.expand_dims(x, tuple(ints(attributes.get("axes", axes)) or ()))


def _squeeze(attributes: dict[str, Any], x: Array, axes: Array | None = None) -> Array:
    wanted = ints(attributes.get("axes", axes))
    return np.squeeze(x, None if wanted is None else tuple(wanted))


def _divide(attributes: dict[str, Any], x: Array, y: Array) -> Array:
    if np.issubdtype(x.dtype, np.integer):
        return np.where(y == 0, 0, np.trunc(x / np.where(y == 0, 1, y))).astype(x.dtype)
    return np.divide(x, y)


def _range(attributes: dict[str, Any], start: Array, limit: Array, delta: Array) -> Array:
    if delta == 0 or abs((float(limit) - float(start)) / float(delta)) > _MAX_ELEMENTS:
        raise ValueError("its range is endless")
    return np.asarray(np.arange(start.item(), limit.item(), delta.item()), start.dtype)


def _reduce_prod(attributes: dict[str, Any], x: Array, axes: Array | None = None) -> Array:
    wanted = ints(attributes.get("axes", axes))
    axis = None if wanted is None else tuple(wanted)
    return np.asarray(np.prod(x, axis=axis, keepdims=bool(attributes.get("keepdims", 1))), x.dtype)


def _plain(operation: Callable[..., Any]) -> Callable[..., Any]:
    """An operation that has no attributes."""
    return lambda attributes, *inputs: operation(*inputs)


_BROADCAST = ("Where", "Equal", "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max")
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Identity": _plain(lambda x: x),
    "Cast": _cast,
    "Shape": lambda attributes, x: np.array(x.shape, np.int64)[
        attributes.get("start", 0) : attributes.get("end")
    ],
    "Size": _plain(lambda x: np.array(x.size, np.int64)),
    "Gather": _gather,
    "Concat": lambda attributes, *inputs: np.concatenate(inputs, attributes["axis"]),
    "Slice": _slice,
    "Reshape": _reshape,
    "Flatten": lambda attributes, x: x.reshape(
        int(np.prod(x.shape[: attributes.get("axis", 1)], dtype=int)), -1
    ),
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Transpose": lambda attributes, x: np.transpose(x, attributes.get("perm")),
    "Expand": _expand,
    "Range": _range,
    "Where": _plain(np.where),
    "Equal": _plain(np.equal),
    "Add": _plain(np.add),
    "Sub": _plain(np.subtract),
    "Mul": _plain(np.multiply),
    "Div": _divide,
    "Pow": _plain(lambda x, y: np.power(x, y).astype(x.dtype)),
    "Neg": _plain(np.negative),
    "Sqrt": _plain(np.sqrt),
    "Reciprocal": _plain(np.reciprocal),
    "Floor": _plain(np.floor),
    "Ceil": _plain(np.ceil),
    "Min": _plain(lambda *inputs: np.minimum.reduce(inputs)),
    "Max": _plain(lambda *inputs: np.maximum.reduce(inputs)),
    "ReduceProd": _reduce_prod,
}
