"""Operations on streams of Arrow record batches that the plan's nodes share."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pydeepl.linalg import MIXED, is_vector, mixed

Batches = Iterator[pa.RecordBatch]
Mask = npt.NDArray[np.bool_]


def batch_of(arrays: Sequence[pa.Array], names: Sequence[str]) -> pa.RecordBatch:
    """A batch of columns."""
    return pa.RecordBatch.from_arrays(list(arrays), names=list(names))


def dense_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array of a possibly chunked column."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 0:
        return pa.nulls(0, column.type)
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def filter_batch(batch: pa.RecordBatch, mask: Mask) -> pa.RecordBatch:
    """The rows where mask holds (the batch itself where it holds everywhere)."""
    return batch if mask.all() else batch.take(pa.array(np.flatnonzero(mask)))


def true_mask(values: pa.Array) -> Mask:
    """A boolean column as a mask: a null is false."""
    mask: Mask = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return mask


def conform(array: pa.Array, arrow_type: pa.DataType) -> pa.Array:
    """The array as another type of the same kind: widened numbers, struct fields of another nullability,
    vectors."""
    if array.type == arrow_type:
        return array
    if arrow_type == MIXED and is_vector(array.type):
        return mixed(array)
    if is_vector(arrow_type) and is_vector(array.type):
        return pa.ExtensionArray.from_storage(arrow_type, array.storage.cast(arrow_type.storage_type))
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), arrow_type)
    return array.cast(arrow_type)


def conform_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with exactly the schema's types, nullability and metadata (same columns, same order)."""
    if batch.schema.equals(schema, check_metadata=True):
        return batch
    arrays = [conform(array, field.type) for array, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def skip_rows(batches: Batches, count: int) -> Batches:
    """The stream without its first rows."""
    for batch in batches:
        if count >= batch.num_rows:
            count -= batch.num_rows
        else:
            yield batch.slice(count)
            count = 0


def first_rows(batches: Batches, count: int) -> Batches:
    """The stream's first rows; no further batch is computed once they are there."""
    if count <= 0:
        return
    for batch in batches:
        yield batch.slice(0, count)
        count -= batch.num_rows
        if count <= 0:
            return


def split_rows(batches: Iterable[pa.RecordBatch], most: int) -> Batches:
    """The stream in batches of at most so many rows."""
    for batch in batches:
        for start in range(0, batch.num_rows, most):
            yield batch.slice(start, most)


def zip_streams(streams: Sequence[Batches]) -> Batches:
    """Streams of the same rows, cut into batches of their own sizes, as one with the columns of all.

    Raises RuntimeError where they do not hold as many rows.
    """
    heads: list[pa.RecordBatch | None] = [None] * len(streams)
    while True:
        for place, stream in enumerate(streams):
            head = heads[place]
            while (head is not None and not head.num_rows) or head is None:
                head = next(stream, None)
                if head is None:
                    break
            heads[place] = head
        present = [head for head in heads if head is not None]
        if len(present) < len(streams):
            if present:
                raise RuntimeError(
                    "columns of one frame have different numbers of rows: was its source changed?"
                )
            return
        rows = min(head.num_rows for head in present)
        columns = [array.slice(0, rows) for head in present for array in head.columns]
        yield batch_of(columns, [name for head in present for name in head.schema.names])
        heads = [head.slice(rows) for head in present]


class Feed:
    """A stream's batches, remembered until the function that reads them has answered (it may read ahead)."""

    def __init__(self, batches: Batches, names: Sequence[str]) -> None:
        self._batches, self._names = batches, list(names)
        self._waiting: deque[pa.RecordBatch] = deque()

    def __iter__(self) -> Batches:
        for batch in self._batches:
            self._waiting.append(batch)
            yield batch.select(self._names)

    def next_answered(self) -> pa.RecordBatch:
        """The oldest batch that has had no answer. Raises IndexError where there is none."""
        return self._waiting.popleft()

    def finish(self) -> int:
        """The number of batches without an answer, those that nobody read too."""
        return len(self._waiting) + sum(1 for _ in self._batches)


def nested_leaf(column: pa.Array, path: Sequence[str | int]) -> pa.Array:
    """A struct's field, field by field, or a map's value by its key (null where there is none)."""
    for step in path:
        if pa.types.is_map(column.type):
            column = pc.map_lookup(column, pa.scalar(step, column.type.key_type), "first")
        else:
            column = pc.struct_field(column, step)
    return column


def is_heavy(arrow_type: pa.DataType) -> bool:
    """Whether a column's cells may be large: bytes, vectors, and whatever holds them."""
    if is_vector(arrow_type):
        return True
    binary: Any = (
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_fixed_size_binary,
        pa.types.is_binary_view,
    )
    if any(test(arrow_type) for test in binary):
        return True
    return any(is_heavy(arrow_type.field(place).type) for place in range(arrow_type.num_fields))
