"""A model over arrays, and its outputs as Arrow columns: vectors, arrays, images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl.deep.cells import input_shape, is_open
from pydeepl.images.opencv import type_by_name
from pydeepl.images.schema import IMAGE_TYPE
from pydeepl.keras.model import KerasModel
from pydeepl.linalg import MIXED, dense_type, vector_array

Outputs = NDArray[np.float32]

# Cells that go through the network together: of images, more fill memory and are no faster.
_IMAGES, _VECTORS = 8, 512


def rows_together(model: KerasModel) -> int:
    """The most rows to make outputs of at a time: outputs and inputs can be large."""
    return 8 * _together(model)


def _together(model: KerasModel) -> int:
    return _IMAGES if len(input_shape(model)) == 3 else _VECTORS


def predict_arrays(model: KerasModel, arrays: Sequence[NDArray[Any]] | NDArray[Any]) -> Outputs:
    """The model's outputs, float32 [n, ...], for at least one array, all of one shape."""
    batch = _together(model)
    parts = [
        model.predict(np.stack(list(arrays[first : first + batch])), batchSize=batch)
        for first in range(0, len(arrays), batch)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def vector_field(name: str, model: KerasModel) -> pa.Field:
    """The field of a column of vectors, the outputs flattened; of any size where the input is."""
    open_size = is_open(input_shape(model))
    return pa.field(name, MIXED if open_size else dense_type(int(np.prod(model.outputShape))))


def vector_column(outputs: Outputs) -> pa.Array:
    """Outputs [n, ...] as vectors."""
    return vector_array(outputs.reshape(len(outputs), -1))


def array_type(model: KerasModel) -> pa.DataType:
    """The type of a column of outputs as arrays, nested where they have several dimensions."""
    kind: pa.DataType = pa.float32()
    for _ in model.outputShape or (1,):
        kind = pa.list_(kind)
    return kind


def array_column(outputs: Outputs) -> pa.Array:
    """Outputs [n, ...] as (nested) lists."""
    sizes = outputs.shape[1:] or (1,)
    column: pa.Array = pa.array(outputs.reshape(-1))
    for level in reversed(range(len(sizes))):
        count = len(outputs) * int(np.prod(sizes[:level]))
        offsets = pa.array(np.arange(count + 1, dtype=np.int32) * np.int32(sizes[level]))
        column = pa.ListArray.from_arrays(offsets, column)
    return column


def check_image_output(shape: tuple[int, ...]) -> None:
    """Raises ValueError where a model's output of this shape is no image."""
    if len(shape) != 3 or shape[2] not in (1, 3, 4):
        raise ValueError(
            f"outputMode 'image': expected a model whose output is [height, width, 1 | 3 | 4], "
            f"found {list(shape)}; outputMode 'vector' takes any"
        )


def image_column(outputs: Outputs) -> pa.Array:
    """Outputs [n, height, width, channels] as float32 image structs, in the model's order."""
    check_image_output(outputs.shape[1:])
    count, height, width, channels = outputs.shape
    ends = np.arange(count + 1, dtype=np.int64) * (height * width * channels * 4)
    if ends[-1] > np.iinfo(np.int32).max:
        raise ValueError(f"{ends[-1]} bytes of pixels exceed what one Arrow array of binary holds (2 GiB)")
    buffers = [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(outputs))]
    mode = type_by_name(f"CV_32FC{channels}").ord
    parts = [
        pa.array([""] * count, pa.string()),
        *(pa.array(np.full(count, number, np.int32)) for number in (height, width, channels, mode)),
        pa.Array.from_buffers(pa.binary(), count, buffers),
    ]
    return pa.StructArray.from_arrays(parts, fields=list(IMAGE_TYPE))
