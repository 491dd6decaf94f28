"""A PySpark DataFrame's rows on the driver, as a frame of pydeepl's engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pydeepl.frame.convert import from_table
from pydeepl.linalg import is_vector, mixed
from pydeepl.spark.calls import in_worker
from pydeepl.spark.columns import map_batches, own_schema, select_columns, to_own

if TYPE_CHECKING:
    from pydeepl.frame import DataFrame

__all__ = ["collected"]


def collected(dataset: Any, names: list[str]) -> DataFrame:
    """Some columns of all rows, for little data. Raises ValueError for a column that is not there."""
    missing = [name for name in names if name not in dataset.columns]
    if missing:
        raise ValueError(f"no column {missing[0]!r}; the columns are {', '.join(dataset.columns)}")
    rows = select_columns(dataset, names)
    own = own_schema(rows.schema)
    # By a worker's Arrow rather than PySpark's own ways, which differ from version to version.
    streams = map_batches(rows, in_worker(__name__, "to_streams"), "stream binary").collect()
    batches = [batch for row in streams for batch in pa.ipc.open_stream(pa.py_buffer(bytes(row.stream)))]
    tables = [_alike(to_own(batch, own), own) for batch in batches if batch.num_rows]
    return from_table(pa.concat_tables(tables) if tables else own.empty_table())


def to_streams(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Each batch as a row that holds it as an Arrow stream; runs in the workers."""
    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        yield pa.RecordBatch.from_pydict({"stream": pa.array([sink.getvalue().to_pybytes()], pa.binary())})


def _alike(table: pa.Table, own: pa.Schema) -> pa.Table:
    """The table with vectors in the storage that all batches have in common."""
    columns = [
        pa.chunked_array([mixed(chunk) for chunk in column.chunks], field.type)
        if is_vector(field.type)
        else column.cast(field.type)
        for column, field in zip(table.columns, own, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=own)
