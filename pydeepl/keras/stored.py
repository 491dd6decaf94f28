"""What every reader of a weights file gives: layers with arrays whose shapes are known before reading."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate
from math import prod

import numpy as np
from numpy.typing import NDArray

from pydeepl.keras.errors import WeightsError

MAX_LAYERS = 10_000
MAX_ARRAY_BYTES = 1 << 32
FLOATS = ("float16", "float32", "float64")
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


def shapes_text(shapes: object) -> str:
    """ "[3, 3, 3, 32] [32]" """
    return " ".join(str(list(shape)) for shape in shapes) or "no arrays"  # type: ignore[attr-defined]


def check_array(path: str, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raises WeightsError for an array that no network's weights can be."""
    if dtype.name not in FLOATS:
        raise WeightsError(f"{path}: {name} has values of type {dtype}; expected {', '.join(FLOATS)}")
    if len(shape) > 8 or prod(shape) * dtype.itemsize > MAX_ARRAY_BYTES:
        raise WeightsError(f"{path}: {name} has shape {list(shape)}, more than {MAX_ARRAY_BYTES} bytes")


def room_for(arrays: Sequence[StoredArray]) -> list[NDArray[np.float32]]:
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


def read_array(
    path: str, layer: str, array: StoredArray, values: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """The array's values as float32, in `values` where that is given.

    Raises WeightsError where they are not finite numbers of that type.
    """
    if values is None:
        values = np.empty(array.shape, np.float32)
    try:
        array.fill(values)
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{path}: {layer}: {array.name} cannot be read: {error}") from error
    # A sum is cheap, and finite where no value is bad; only a suspicious one is looked into.
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = not np.isfinite(values.sum(dtype=np.float32))
    if suspicious and not np.isfinite(values).all():
        count = int(values.size - np.isfinite(values).sum())
        raise WeightsError(
            f"{path}: {layer}: {array.name} holds {count} values that are not finite float32 numbers "
            f"(stored as {array.dtype})"
        )
    return values
