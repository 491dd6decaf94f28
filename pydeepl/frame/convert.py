"""Frames from and to other libraries' tables: pandas, polars, pyarrow, and lists of rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pydeepl.frame.batches import conform
from pydeepl.frame.dataframe import DataFrame, scan
from pydeepl.frame.types import (
    AnyType,
    StructType,
    field_to_arrow,
    infer_type,
    parse_type,
    schema_to_arrow,
)
from pydeepl.frame.values import arrow_column, python_values
from pydeepl.frame.widen import wider
from pydeepl.linalg import DenseVector, SparseVector, is_vector, vectors_array

if TYPE_CHECKING:
    import pandas

ROWS_AT_ONCE = 1024
Restore = Callable[[DataFrame], Any]


def adopt(dataset: Any) -> tuple[DataFrame, Restore]:
    """A frame of a dataset, and the function that turns a frame back into the dataset's kind.

    Parameters: dataset, a pydeepl, pandas or polars DataFrame, or a pyarrow Table or RecordBatchReader. In
    pandas, object columns of vectors, lists of numbers or arrays become vector columns, dicts or Rows become
    structs. Raises TypeError for another kind.
    """
    if isinstance(dataset, DataFrame):
        return dataset, lambda frame: frame
    if isinstance(dataset, pa.Table):
        return from_table(dataset), DataFrame.toArrow
    if isinstance(dataset, pa.RecordBatch):
        return from_table(pa.Table.from_batches([dataset])), DataFrame.toArrow
    if isinstance(dataset, pa.RecordBatchReader):
        return from_reader(dataset), DataFrame.toArrowBatches
    if _is_from("pandas", dataset, "DataFrame"):
        index = dataset.index
        return from_pandas(dataset), lambda frame: _with_index(frame.toPandas(), index)
    if _is_from("polars", dataset, "DataFrame"):
        return from_table(dataset.to_arrow()), to_polars
    raise TypeError(
        "expected a pydeepl, pandas or polars DataFrame, or a pyarrow Table or RecordBatchReader, "
        f"got {type(dataset).__module__}.{type(dataset).__name__}"
    )


def _is_from(module: str, value: Any, name: str) -> bool:
    """Whether a value is of a library's class; a library that is not loaded cannot have made it."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, getattr(loaded, name))


def _with_index(table: pandas.DataFrame, index: Any) -> pandas.DataFrame:
    return table.set_axis(index) if len(table) == len(index) else table


def to_polars(frame: DataFrame) -> Any:
    """All rows as a polars frame; dense vectors are arrays of a fixed size."""
    import polars

    table = frame.toArrow()
    columns = []
    for column in table.columns:
        chunks = [chunk.storage if is_vector(chunk.type) else chunk for chunk in column.chunks]
        plain = column.type.storage_type if is_vector(column.type) else column.type
        columns.append(pa.chunked_array(chunks, plain))
    return polars.from_arrow(pa.Table.from_arrays(columns, names=table.schema.names))


def from_table(table: pa.Table) -> DataFrame:
    """A frame of an Arrow table, without a copy (dictionary columns are decoded)."""
    columns, fields = [], []
    for column, field in zip(table.columns, table.schema, strict=True):
        plain = _plain_type(field.type)
        if plain != field.type:
            column = column.cast(plain)
        columns.append(column)
        fields.append(field.with_type(plain))
    plain_table = pa.Table.from_arrays(columns, schema=pa.schema(fields))

    def batches(names: list[str], rows: Iterator[Any] | None = None) -> Iterator[pa.RecordBatch]:
        if rows is not None or "__row__" in names:
            return _taken(plain_table, names, rows)
        return iter(plain_table.select(names).to_batches(ROWS_AT_ONCE))

    return scan(plain_table.schema, batches, "table", slots=plain_table.num_rows)


def _taken(table: pa.Table, names: list[str], rows: Iterator[Any] | None) -> Iterator[pa.RecordBatch]:
    """Rows of a table by their numbers."""
    if rows is None:
        rows = iter([np.arange(table.num_rows, dtype=np.int64)])
    plain = table.select([name for name in names if name != "__row__"])
    for chosen in rows:
        for start in range(0, len(chosen), ROWS_AT_ONCE):
            part = pa.array(chosen[start : start + ROWS_AT_ONCE])
            found = plain.take(part).combine_chunks().to_batches() if plain.num_columns else []
            arrays = [part if name == "__row__" else found[0].column(name) for name in names]
            yield pa.RecordBatch.from_arrays(arrays, names=names)


def _plain_type(arrow: pa.DataType) -> pa.DataType:
    """The type in which a frame holds a column: no dictionaries, views, or 64-bit offsets of text and
    bytes."""
    if pa.types.is_dictionary(arrow):
        return _plain_type(arrow.value_type)
    if arrow in (pa.large_string(), pa.string_view()):
        return pa.string()
    if arrow in (pa.large_binary(), pa.binary_view()):
        return pa.binary()
    if pa.types.is_large_list(arrow) or pa.types.is_list(arrow):
        return pa.list_(arrow.value_field.with_type(_plain_type(arrow.value_type)))
    if pa.types.is_struct(arrow):
        parts = [arrow.field(place) for place in range(arrow.num_fields)]
        return pa.struct([part.with_type(_plain_type(part.type)) for part in parts])
    if pa.types.is_timestamp(arrow):
        return pa.timestamp("us", arrow.tz)
    unsigned = {
        pa.uint8(): pa.int16(),
        pa.uint16(): pa.int32(),
        pa.uint32(): pa.int64(),
        pa.float16(): pa.float32(),
    }
    return unsigned.get(arrow, arrow)


def from_reader(reader: pa.RecordBatchReader) -> DataFrame:
    """A frame of a reader's batches: read once, as far as they are needed, and kept."""
    from pydeepl.frame.keep import Kept

    schema = reader.schema

    def produce(skip: int) -> Iterator[pa.RecordBatch]:
        # A reader stands where it stopped: what it gave before an interruption is kept, so nothing is
        # skipped.
        return iter(reader)

    kept = Kept(schema, produce)

    def batches(names: list[str]) -> Iterator[pa.RecordBatch]:
        return (batch.select(names) for batch in kept.batches())

    return scan(schema, batches, "reader")


def from_pandas(table: pandas.DataFrame, schema: pa.Schema | None = None) -> DataFrame:
    """A frame of a pandas frame; the index is left out."""
    arrays, fields = [], []
    for place, name in enumerate(table.columns):
        wanted = schema.field(place) if schema is not None else None
        array = _pandas_column(table.iloc[:, place], str(name), wanted)
        arrays.append(array)
        fields.append(wanted if wanted is not None else pa.field(str(name), array.type))
    return from_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)))


def _pandas_column(column: Any, name: str, field: pa.Field | None) -> pa.Array:
    if column.dtype != object:
        # NaN in a float column is a number, as in createDataFrame; a missing value of another type is null.
        array = pa.array(column.to_numpy()) if column.dtype.kind == "f" else pa.array(column)
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        return array if field is None else conform(array, field.type)
    cells = [None if isinstance(cell, float) and cell != cell else cell for cell in column]
    if field is not None:
        return arrow_column(cells, field.type, name)
    present = next((cell for cell in cells if cell is not None), None)
    if isinstance(present, DenseVector | SparseVector) or _is_numbers(present):
        return vectors_array(cells)
    return arrow_column(cells, _common_type(cells, name), name)


def _check_whole(cells: Sequence[Any], field: pa.Field) -> None:
    """Raises TypeError for a fraction in a column of whole numbers: pyarrow would cut it off."""
    if not pa.types.is_integer(field.type):
        return
    for row, cell in enumerate(cells):
        if isinstance(cell, float | np.floating) and not cell.is_integer():
            raise TypeError(f"{field.name}, row {row}: expected {field.type}, found {cell!r}")


def _is_numbers(cell: Any) -> bool:
    if isinstance(cell, np.ndarray):
        return cell.ndim == 1 and cell.dtype.kind in "fiu"
    if hasattr(cell, "toArray") or hasattr(cell, "tocsr"):  # PySpark's vectors, and rows of SciPy's matrices
        return True
    return isinstance(cell, list) and bool(cell) and all(isinstance(item, float) for item in cell)


def _common_type(cells: Iterable[Any], name: str) -> pa.DataType:
    """The type that holds all the Python values. Raises TypeError where they have none in common."""
    common: pa.DataType = pa.null()
    for row, cell in enumerate(cells):
        found = infer_type(cell)
        if found == common:
            continue
        both = wider(common, found)
        if both is None and pa.types.is_struct(found) and pa.types.is_struct(common):
            both = found if found.num_fields >= common.num_fields else common
        if both is None:
            raise TypeError(f"column {name}, row {row}: expected {common}, found {cell!r:.60} ({found})")
        common = both
    return common


def _simple_table(data: Sequence[Any], names: Sequence[str] | None) -> tuple[list[str], list[list[Any]]]:
    """Rows (tuples, lists, Rows, dicts, or single values) as columns and their names."""
    first = data[0] if data else ()
    if isinstance(first, Mapping):
        found = list(dict.fromkeys(key for row in data for key in row))
        found = list(names) if names and set(names) <= set(found) else found
        return list(names or found), [[row.get(name) for row in data] for name in found]
    fields = getattr(first, "__fields__", None) or getattr(first, "_fields", None)
    rows = [tuple(row) if isinstance(row, tuple | list | np.ndarray) else (row,) for row in data]
    width = max([len(names or ()), *(len(row) for row in rows)])
    wrong = next((place for place, row in enumerate(rows) if len(row) != width), None)
    if wrong is not None and names and len(names) != len(rows[wrong]):
        raise ValueError(f"createDataFrame: row {wrong} has {len(rows[wrong])} values, expected {width}")
    default = ["value"] if rows and not isinstance(first, tuple | list | np.ndarray) else None
    found = list(fields or default or [f"_{place}" for place in range(1, width + 1)])
    chosen = [*(names or [])][:width]
    chosen += found[len(chosen) :]
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in chosen]
    return chosen, columns


def create_frame(data: Any, schema: Any = None) -> DataFrame:
    """A frame of rows, an Arrow table, a pandas or polars frame, or a numpy matrix.

    Parameters: data; schema, None (types are inferred), a list of column names, a StructType, or its SQL
    spelling. Raises TypeError and ValueError for values that do not fit.
    """
    if isinstance(schema, str):
        schema = parse_type(schema)
    if schema is not None and not isinstance(schema, StructType | list | tuple | pa.Schema):
        schema = _one_column(schema)
    arrow = (
        schema_to_arrow(schema)
        if isinstance(schema, StructType)
        else schema
        if isinstance(schema, pa.Schema)
        else None
    )
    names = list(schema) if isinstance(schema, list | tuple) else None
    if _is_from("pandas", data, "DataFrame"):
        frame = from_pandas(data, arrow)
        return frame.toDF(*(arrow.names if arrow is not None else names or frame.columns))
    if isinstance(data, DataFrame | pa.Table | pa.RecordBatch | pa.RecordBatchReader) or _is_from(
        "polars", data, "DataFrame"
    ):
        frame = adopt(data)[0]
        if arrow is not None:
            return from_table(frame.toArrow().cast(arrow))
        return frame.toDF(*names) if names else frame
    if isinstance(data, np.ndarray):
        data = data.tolist()
    if not isinstance(data, Iterable) or isinstance(data, str | bytes):
        raise TypeError(f"createDataFrame: expected rows or a table, got {type(data).__name__}")
    return _from_rows(list(data), arrow, names)


def _from_rows(rows: list[Any], arrow: pa.Schema | None, names: list[str] | None) -> DataFrame:
    if not rows and arrow is None:
        raise ValueError("createDataFrame: the types of no rows cannot be inferred; give a schema")
    found, columns = _simple_table(rows, arrow.names if arrow is not None else names)
    if arrow is None:
        kinds = [_common_type(column, name) for name, column in zip(found, columns, strict=True)]
        arrow = pa.schema([pa.field(name, kind) for name, kind in zip(found, kinds, strict=True)])
    arrays, fields = [], []
    for field, column in zip(arrow, columns, strict=True):
        if not field.nullable and None in column:
            raise ValueError(
                f"createDataFrame: column {field.name} is not nullable, row {column.index(None)} is null"
            )
        _check_whole(column, field)
        array = (
            vectors_array(column) if is_vector(field.type) else arrow_column(column, field.type, field.name)
        )
        arrays.append(array)
        fields.append(field.with_type(array.type))
    return from_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)))


def _one_column(data_type: AnyType) -> StructType:
    from pydeepl.frame.types import StructField

    return StructType([StructField("value", data_type)])


def to_pandas(frame: DataFrame) -> pandas.DataFrame:
    """All rows as a pandas frame; `DataFrame.toPandas` documents the types."""
    import pandas as pd

    schema = frame._node.schema
    parts: list[list[Any]] = [[] for _ in schema]
    for batch in frame._arrow():
        for part, column in zip(parts, batch.columns, strict=True):
            # Plain columns stay Arrow until the end; others become objects batch by batch, so they die early.
            part.append(column if _is_plain(column.type) else python_values(column))
    columns = {}
    for field, part in zip(schema, parts, strict=True):
        if _is_plain(field.type):
            columns[field.name] = pd.Series(_numpy_column(pa.chunked_array(part, field.type), field.type))
        else:
            cells = np.fromiter((cell for chunk in part for cell in chunk), object)
            columns[field.name] = pd.Series(cells, dtype=object)
    table: pandas.DataFrame = pd.DataFrame(columns, columns=schema.names)
    return table


def _is_plain(arrow: pa.DataType) -> bool:
    tests: tuple[Callable[[pa.DataType], bool], ...] = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_string,
        pa.types.is_timestamp,
        pa.types.is_null,
    )
    return any(test(arrow) for test in tests)


def _numpy_column(column: pa.ChunkedArray, arrow: pa.DataType) -> Any:
    if pa.types.is_timestamp(arrow):
        moments = column.to_pandas()
        return moments.dt.tz_convert(_local_zone()).dt.tz_localize(None) if arrow.tz else moments
    if pa.types.is_string(arrow) or pa.types.is_null(arrow):
        return column.to_pandas()
    return column.to_numpy()


def _local_zone() -> Any:
    import datetime

    return datetime.datetime.now().astimezone().tzinfo


__all__ = [
    "adopt",
    "create_frame",
    "field_to_arrow",
    "from_pandas",
    "from_reader",
    "from_table",
    "to_pandas",
    "to_polars",
]
