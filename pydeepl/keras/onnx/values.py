"""What a value of an ONNX graph is to the core: which axis is which, and in what order a vector lies.

    ONNX, of PyTorch   [n, channels, height, width]     axes (0, 3, 1, 2)
    the core           [n, height, width, channels]     axes (0, 1, 2, 3)

A Transpose changes `axes` and no data. An axis of length 1 may be none of the core's (`None`): the channels
that global pooling gives are [n, channels] in the core, whatever axes of length 1 the file keeps. A map that
is flattened in the file's order is a vector in another order than the core's, which `Order` tells; the rows
of the dense layer that follows are put into the core's order then, and nothing is moved.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.onnx.curves import Curve
from pydeepl.keras.topology import Key

MAP = (0, 3, 1, 2)
VECTOR = (0, 1)
ANY_BATCH = 1_000_003
"""Stands for a batch size that is open: whatever shape arithmetic does to it, it is recognized."""


def text(shape: Sequence[int]) -> str:
    """A shape in a message: [n, 3, 8, 8]."""
    return f"[{', '.join('n' if extent == ANY_BATCH else str(extent) for extent in shape)}]"


@dataclass(frozen=True)
class Order:
    """The file's order of a vector's elements: a map of the core's, its axes permuted, flattened."""

    shape: tuple[int, ...]
    """The map's in the core, without the batch."""
    axes: tuple[int, ...]
    """The core's axes (from 0, without the batch) in the file's order."""

    def places(self) -> NDArray[np.int64]:
        """For each of the file's elements, which one of the core's it is."""
        places: NDArray[np.int64] = np.arange(prod(self.shape), dtype=np.int64)
        return np.ravel(places.reshape(self.shape).transpose(self.axes))

    @property
    def is_the_cores(self) -> bool:
        """Whether axes longer than 1 keep their order."""
        longer = [axis for axis in self.axes if self.shape[axis] > 1]
        return longer == sorted(longer)


@dataclass(frozen=True, eq=False)
class Value:
    """A value that is computed: the output of a layer."""

    key: Key | None
    """None where no layer gives it, though one that follows may be part of an activation with it."""
    shape: tuple[int, ...]
    """In the file, with the batch."""
    axes: tuple[int | None, ...]
    """For each of the file's axes, the core's."""
    order: Order | None = None
    """Of a vector; None for the core's own."""
    nonnegative: bool = False
    base: "Value | None" = None
    """What this is a function of, number by number; None for none but itself."""
    curve: Curve | None = None
    """The function of `base`; see curves."""

    @property
    def rank(self) -> int:
        """In the core, with the batch."""
        return 1 + max(axis for axis in self.axes if axis is not None)

    @property
    def core_shape(self) -> tuple[int, ...]:
        """In the core, with the batch."""
        places = {
            axis: extent for axis, extent in zip(self.axes, self.shape, strict=True) if axis is not None
        }
        return tuple(places[axis] for axis in range(self.rank))

    @property
    def channels(self) -> int:
        """The length of the core's last axis."""
        return self.core_shape[-1]

    @property
    def channel_axis(self) -> int:
        """The file's axis that is the core's last."""
        return self.axes.index(self.rank - 1)

    def after(self, key: Key, nonnegative: bool = False) -> "Value":
        """The output of a layer that keeps the shape and the axes."""
        return replace(self, key=key, nonnegative=nonnegative, base=None, curve=None)

    def resized(self, key: Key, core_shape: tuple[int, ...], nonnegative: bool = False) -> "Value":
        """The output of a layer that changes extents (core_shape has the batch) and keeps the axes."""
        shape = tuple(1 if axis is None else core_shape[axis] for axis in self.axes)
        return Value(key, shape, self.axes, None, nonnegative)
