"""A node's attributes and inputs as the layers ask for them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.errors import Unsupported
from pydeepl.keras.onnx.file import OnnxNode
from pydeepl.keras.onnx.folding import ints
from pydeepl.keras.onnx.sketch import Sketch
from pydeepl.keras.onnx.values import MAP, Value, text
from pydeepl.keras.topology import Key

Array = NDArray[Any]


class Operands(NamedTuple):
    """What a layer is made from. Its methods raise Unsupported for what it cannot take."""

    sketch: Sketch
    node: OnnxNode
    inputs: list[Any]  # Value, array or None
    opset: int

    @property
    def name(self) -> str:
        return self.node.name

    def input(self, index: int) -> Any:
        """The input, or None where it is absent."""
        return self.inputs[index] if index < len(self.inputs) else None

    def value(self, index: int = 0) -> Value:
        """An input that a layer computes."""
        value = self.input(index)
        if not isinstance(value, Value):
            raise Unsupported(f"its input {index} is constant: expected one that is computed")
        if value.key is None:
            raise Unsupported(f"no layer here computes its input {self.node.inputs[index]!r}")
        return value

    def key(self, index: int = 0) -> Key:
        """The layer that computes an input."""
        return key_of(self.value(index))

    def map(self, index: int = 0) -> Value:
        """An input that is a map in the file's [n, channels, height, width]."""
        value = self.value(index)
        if value.axes != MAP:
            raise Unsupported(
                f"expected a map [n, channels, height, width], found {text(value.shape)}"
                + (" with transposed axes" if len(value.shape) == 4 and value.rank == 4 else "")
            )
        return value

    def array(self, index: int) -> Array:
        """An input that is constant."""
        value = self.input(index)
        if not isinstance(value, np.ndarray):
            raise Unsupported(f"its input {index} is not constant")
        return value

    def attribute(self, name: str, default: Any = None) -> Any:
        return self.node.attributes.get(name, default)

    def ints(self, name: str, index: int | None = None, default: list[int] | None = None) -> list[int] | None:
        """Whole numbers from an attribute, as older files have them, or from a constant input."""
        if name in self.node.attributes:
            return ints(self.attribute(name))
        if index is not None and self.input(index) is not None:
            return ints(self.array(index))
        return default


def with_axes(sketch: Sketch, name: str, x: Value, axes: tuple[int | None, ...]) -> Value:
    """A value whose axes are these of the core's, moved where they are not; itself where it cannot be."""
    if (
        x.axes == axes
        or len(x.axes) != len(axes)
        or {*x.axes} != {*axes}
        or None in axes
        or x.order is not None
    ):
        return x
    came_from = dict(zip(axes, x.axes, strict=True))
    dims = [came_from[axis] for axis in range(1, len(axes))]
    key = sketch.add(name, "Permute", [key_of(x)], {"dims": dims})
    return Value(key, x.shape, axes, None, x.nonnegative)


def key_of(value: Value) -> Key:
    """The layer that computes a value."""
    if value.key is None:
        raise Unsupported("no layer here computes its input")
    return value.key
