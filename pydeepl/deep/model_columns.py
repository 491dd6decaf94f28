"""A model over the cells of a column: arrays in, an Arrow column of its outputs out, null where a cell is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl.images.opencv import type_by_name
from pydeepl.images.schema import IMAGE_TYPE
from pydeepl.keras import KerasModel
from pydeepl.linalg import dense_type

Mask = NDArray[np.bool_]
Outputs = NDArray[np.float32]

# Cells that go through the network together: of images, more fill memory and are no faster.
_IMAGES, _VECTORS = 8, 512


def rows_together(model: KerasModel) -> int:
    """The most rows to make outputs of at a time: outputs and inputs can be large."""
    return 8 * (_IMAGES if len(model.inputShape) == 3 else _VECTORS)


def predict_cells(model: KerasModel, cells: Iterable[NDArray[np.generic] | None]) -> tuple[Outputs, Mask]:
    """The model's output of each cell, float32 [n, *outputShape], and which cells there are [n].

    Rows of cells that are None hold zeros.
    """
    found = list(cells)
    valid = np.array([cell is not None for cell in found], np.bool_)
    outputs = np.zeros((len(found), *model.outputShape), np.float32)
    there = np.flatnonzero(valid)
    batch = _IMAGES if len(model.inputShape) == 3 else _VECTORS
    for first in range(0, len(there), batch):
        rows = there[first : first + batch]
        outputs[rows] = model.predict(np.stack([found[row] for row in rows]), batchSize=batch)
    return outputs, valid


def vector_field(name: str, model: KerasModel) -> pa.Field:
    """The field of a column of vectors, the outputs flattened."""
    return pa.field(name, dense_type(int(np.prod(model.outputShape))))


def vector_column(outputs: Outputs, valid: Mask) -> pa.Array:
    """Outputs [n, ...] as vectors."""
    size = int(np.prod(outputs.shape[1:]))
    cells = pa.FixedSizeListArray.from_arrays(pa.array(outputs.reshape(-1)), size, mask=_nulls(valid))
    kind = dense_type(size)
    return pa.ExtensionArray.from_storage(kind, cells.cast(kind.storage_type))


def array_type(model: KerasModel) -> pa.DataType:
    """The type of a column of outputs as arrays, nested where they have several dimensions."""
    kind: pa.DataType = pa.float32()
    for _ in model.outputShape or (1,):
        kind = pa.list_(kind)
    return kind


def array_column(outputs: Outputs, valid: Mask) -> pa.Array:
    """Outputs [n, ...] as (nested) lists."""
    sizes = outputs.shape[1:] or (1,)
    column: pa.Array = pa.array(outputs.reshape(-1))
    for level in reversed(range(len(sizes))):
        count = len(outputs) * int(np.prod(sizes[:level]))
        offsets = pa.array(np.arange(count + 1, dtype=np.int32) * np.int32(sizes[level]))
        column = pa.ListArray.from_arrays(offsets, column, mask=_nulls(valid) if level == 0 else None)
    return column


def check_image_output(model: KerasModel) -> None:
    """Raises ValueError where the model's output is no image."""
    shape = model.outputShape
    if len(shape) != 3 or shape[2] not in (1, 3, 4):
        raise ValueError(
            f"outputMode 'image': expected a model whose output is [height, width, 1 | 3 | 4], "
            f"found {list(shape)}; outputMode 'vector' takes any"
        )


def image_column(outputs: Outputs, valid: Mask) -> pa.Array:
    """Outputs [n, height, width, channels] as float32 image structs, in the model's order."""
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
    return pa.StructArray.from_arrays(parts, fields=list(IMAGE_TYPE), mask=_nulls(valid))


def _nulls(valid: Mask) -> pa.Array | None:
    """Arrow's mask of the cells that are not there; None where all are."""
    return None if valid.all() else pa.array(~valid)
