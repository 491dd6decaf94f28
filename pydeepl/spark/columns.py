"""Between Spark's Arrow batches and pydeepl's: vectors change their storage, all else stays as it is."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark.ml.linalg import VectorUDT
from pyspark.sql.pandas.types import from_arrow_type, to_arrow_schema
from pyspark.sql.types import StructField, StructType

from pydeepl.linalg import DENSE, MIXED, MIXED_STORAGE, is_vector, mixed, vector_array

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ATTRIBUTES = "ml_attr"


def arrow_schema(schema: StructType) -> pa.Schema:
    """A Spark schema in Arrow, moments in UTC, which PySpark 4.3 wants to be told."""
    asks = "timezone" in inspect.signature(to_arrow_schema).parameters
    return to_arrow_schema(schema, **({"timezone": "UTC"} if asks else {}))


def select_columns(frame: DataFrame, names: Sequence[str]) -> DataFrame:
    """The columns of these names, whatever is in them: Spark takes a dot for a field of a column."""
    quoted = [name.replace("`", "``") for name in names]
    return frame.select(*[f"`{name}`" for name in quoted])


def map_batches(frame: DataFrame, function: Callable[[Any], Any], schema: StructType | str) -> DataFrame:
    """mapInArrow of a frame whose columns have any names, which PySpark's own looks up as select does; the
    function sees them by their places."""
    return frame.toDF(*[f"_{place}" for place in range(len(frame.columns))]).mapInArrow(function, schema)


def own_schema(schema: StructType) -> pa.Schema:
    """The schema of pydeepl's table for rows of a Spark schema: ML attributes stay with their columns."""
    fields = []
    for field, arrow in zip(schema.fields, arrow_schema(schema), strict=True):
        kind = MIXED if isinstance(field.dataType, VectorUDT) else arrow.type
        attributes = field.metadata.get(_ATTRIBUTES)
        metadata = {_ATTRIBUTES: json.dumps(attributes)} if attributes is not None else None
        fields.append(pa.field(field.name, kind, field.nullable, metadata))
    return pa.schema(fields)


def spark_schema(schema: pa.Schema, source: StructType) -> StructType:
    """The Spark schema of pydeepl's table; columns that the source has keep their fields."""
    known = {field.name: field for field in source.fields}
    own = own_schema(source)
    fields = []
    for field in schema:
        if field.name in known and field.type == own.field(field.name).type:
            fields.append(known[field.name])
            continue
        kind = VectorUDT() if is_vector(field.type) else from_arrow_type(field.type)
        text = (field.metadata or {}).get(_ATTRIBUTES.encode())
        metadata = {_ATTRIBUTES: json.loads(text)} if text else {}
        fields.append(StructField(field.name, kind, field.nullable, metadata))
    return StructType(fields)


def to_own(batch: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """Spark's batch as a table of the schema that own_schema gave."""
    columns = [
        _to_vectors(column) if is_vector(field.type) else column
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    fields = [field.with_type(column.type) for field, column in zip(schema, columns, strict=True)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def to_spark(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """pydeepl's table as Spark wants it: vectors as structs, everything of the schema's Arrow types."""
    columns = []
    for column, field in zip(table.columns, schema, strict=True):
        if is_vector(column.type):
            chunks = [mixed(chunk).storage for chunk in column.chunks]
            column = pa.chunked_array(chunks, MIXED_STORAGE)
        columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _to_vectors(column: pa.StructArray) -> pa.ExtensionArray:
    """Spark's structs as a vector column: a matrix where all are dense and of one size."""
    kinds, sizes, indices, values = column.flatten()
    lengths = values.value_lengths()
    if len(column) and not column.null_count and not lengths.null_count:
        width = lengths[0].as_py()
        if (kinds.to_numpy() == DENSE).all() and (lengths.to_numpy() == width).all():
            return vector_array(values.flatten().to_numpy(zero_copy_only=True).reshape(-1, width))
    fields = list(MIXED_STORAGE)
    parts = [
        part.cast(field.type) for part, field in zip((kinds, sizes, indices, values), fields, strict=True)
    ]
    missing = pa.array(~np.asarray(column.is_valid()))
    return pa.ExtensionArray.from_storage(
        MIXED, pa.StructArray.from_arrays(parts, fields=fields, mask=missing)
    )
