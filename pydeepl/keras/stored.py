"""What every reader of a weights file gives: layers with arrays whose shapes are known before reading."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate
from math import prod

import numpy as np
from numpy.typing import NDArray

from pydeepl._core import read_floats
from pydeepl.keras.errors import WeightsError

MAX_LAYERS = 10_000
MAX_ARRAY_BYTES = 1 << 32
FLOATS = ("float16", "float32", "float64")
_FLOATS = {np.dtype(name) for name in FLOATS}  # dtype.name takes long
_LINE = 16  # floats of a cache line


class Naming(Enum):
    """What the names of a file's layers say."""

    OWN = "the network's layer names"
    ANY = "names that may differ from the network's: the order of the layers counts"
    CLASS = "class names counted in the order of the layers: conv2d, conv2d_1, ..."


@dataclass(frozen=True)
class StoredArray:
    """An array in a file: its shape and type are known, its values are still there."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    fill: Callable[[NDArray[np.float32]], None]
    """Writes the values into a C-contiguous float32 array of this shape."""
    offset: int | None = None
    """Where in the file they lie, in one piece and as this machine's float32; None where they do not."""


@dataclass(frozen=True)
class StoredLayer:
    """A layer in a file; `title` is its name in the model that was saved, where the file tells it apart."""

    name: str
    arrays: list[StoredArray]
    title: str | None = None

    def describe(self) -> str:
        return f"{self.title or self.name} {shapes_text(array.shape for array in self.arrays)}"


@dataclass(frozen=True)
class StoredWeights:
    """The layers of an open file that have weights, in the file's order."""

    path: str
    kind: str  # in words: "Keras legacy HDF5 weights"
    naming: Naming
    layers: list[StoredLayer]
    metadata: dict[str, str] = field(default_factory=dict)
    handle: int | None = None
    """The descriptor of the open file, where the arrays' offsets count from its beginning."""


def shapes_text(shapes: object) -> str:
    """ "[3, 3, 3, 32] [32]" """
    return " ".join(str(list(shape)) for shape in shapes) or "no arrays"  # type: ignore[attr-defined]


def check_array(path: str, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raises WeightsError for an array that no network's weights can be."""
    if dtype not in _FLOATS and dtype.name not in FLOATS:
        raise WeightsError(f"{path}: {name} has values of type {dtype}; expected {', '.join(FLOATS)}")
    if len(shape) > 8 or prod(shape) * dtype.itemsize > MAX_ARRAY_BYTES:
        raise WeightsError(f"{path}: {name} has shape {list(shape)}, more than {MAX_ARRAY_BYTES} bytes")


def read_arrays(
    stored: StoredWeights, arrays: Sequence[tuple[str, StoredArray]]
) -> list[NDArray[np.float32]]:
    """The values of (layer, array) pairs as float32, all in one block of memory.

    Raises WeightsError where they are not finite numbers of their type.
    """
    room = _room_for([array for _, array in arrays])
    done = _read_straight(stored, arrays, room)
    for index, (layer, array) in enumerate(arrays):
        if index not in done:
            _read_array(stored.path, layer, array, room[index])
    return room


def _read_straight(
    stored: StoredWeights, arrays: Sequence[tuple[str, StoredArray]], room: Sequence[NDArray[np.float32]]
) -> set[int]:
    """Reads the arrays that lie in the file as they do in memory, on all threads; returns which they are.

    Those with values that are not finite are left to _read_array, which tells about them.
    """
    straight = {index: array.offset for index, (_, array) in enumerate(arrays) if array.offset is not None}
    if stored.handle is None or not straight:
        return set()
    indices = list(straight)
    faults = read_floats(stored.handle, tuple(straight.values()), tuple(room[index] for index in indices))
    failed, size = {indices[fault] for fault in faults}, os.fstat(stored.handle).st_size
    for index in failed:
        if straight[index] + room[index].nbytes > size:  # where HDF5's library would give zeros
            layer, array = arrays[index]
            reason = "the file ends before its values do"
            raise WeightsError(f"{stored.path}: {layer}: {array.name} cannot be read: {reason}")
    return straight.keys() - failed


def _room_for(arrays: Sequence[StoredArray]) -> list[NDArray[np.float32]]:
    """An uninitialized array of floats for each, all in one block.

    NumPy asks for huge pages for a large block; a page fault for every 4 KiB costs as much as the reading.
    """
    sizes = [prod(array.shape) for array in arrays]
    starts = list(accumulate((-(-size // _LINE) * _LINE for size in sizes), initial=0))
    block = np.empty(starts[-1], np.float32)
    return [
        block[start : start + size].reshape(array.shape)
        for array, start, size in zip(arrays, starts, sizes, strict=False)
    ]


def _read_array(path: str, layer: str, array: StoredArray, values: NDArray[np.float32]) -> None:
    """The array's values as float32, into `values`. Raises WeightsError where they are not finite numbers."""
    try:
        array.fill(values)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise WeightsError(f"{path}: {layer}: {array.name} cannot be read: {error}") from error
    finite = np.isfinite(values)
    if not finite.all():
        count = int(values.size - finite.sum())
        raise WeightsError(
            f"{path}: {layer}: {array.name} holds {count} values that are not finite float32 numbers "
            f"(stored as {array.dtype})"
        )
