"""Arrow columns as Python values, and Python values as Arrow columns, by PySpark's conventions: structs are
Rows, vectors DenseVector or SparseVector, timestamps naive local times."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pydeepl.frame.row import Row, named_row
from pydeepl.linalg import VectorType, is_vector, vectors, vectors_array


def python_values(array: pa.Array) -> list[Any]:
    """The cells of a column."""
    arrow = array.type
    if is_vector(arrow):
        return list(vectors(array))
    if pa.types.is_struct(arrow):
        return _rows(array)
    if pa.types.is_map(arrow):
        return [None if cell is None else dict(cell) for cell in array.to_pylist()]
    if pa.types.is_timestamp(arrow) and arrow.tz:
        return [None if cell is None else _local(cell) for cell in array.to_pylist()]
    if pa.types.is_list(arrow) and arrow.value_type.num_fields:
        return [None if not cell.is_valid else python_values(cell.values) for cell in array]
    cells: list[Any] = array.to_pylist()
    return cells


def _rows(array: pa.StructArray) -> list[Row | None]:
    names = [array.type.field(place).name for place in range(array.type.num_fields)]
    if not names:
        return [named_row([], ()) if cell.is_valid else None for cell in array]
    cells = zip(*(python_values(part) for part in array.flatten()), strict=True)
    valid = array.is_valid().to_pylist()
    return [named_row(names, cell) if present else None for cell, present in zip(cells, valid, strict=True)]


def _local(moment: datetime.datetime) -> datetime.datetime:
    return moment.astimezone().replace(tzinfo=None)


def batch_rows(batch: pa.RecordBatch) -> list[Row]:
    """The rows of a batch."""
    names = batch.schema.names
    if not names:
        return [named_row([], ())] * batch.num_rows
    return [named_row(names, row) for row in zip(*map(python_values, batch.columns), strict=True)]


def arrow_column(cells: Sequence[Any], arrow: pa.DataType, name: str = "column") -> pa.Array:
    """Python values as a column. Raises TypeError naming the first value that does not fit."""
    if isinstance(arrow, VectorType):
        return vectors_array(cells, arrow)
    try:
        convert = _converter(arrow)
        return pa.array(cells if convert is None else [convert(cell) for cell in cells], arrow)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        for row, cell in enumerate(cells):
            try:
                convert = _converter(arrow)
                pa.array([cell if convert is None else convert(cell)], arrow)
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                found = f"{cell!r:.60} of type {type(cell).__name__}"
                raise TypeError(f"{name}, row {row}: expected {arrow}, found {found}") from error
        raise


def _converter(arrow: pa.DataType) -> Callable[[Any], Any] | None:
    """What makes a cell one that pyarrow takes as the type; None where all are taken as they are."""
    if pa.types.is_struct(arrow):
        return lambda cell: _struct_cell(cell, arrow)
    if pa.types.is_map(arrow):
        return lambda cell: None if cell is None else list(cell.items())
    if pa.types.is_timestamp(arrow) and arrow.tz:
        return lambda cell: cell.astimezone() if isinstance(cell, datetime.datetime) else cell
    if pa.types.is_list(arrow):
        inside = _converter(arrow.value_type)
        return lambda cell: (
            None if cell is None else [inside(item) if inside else item for item in _items(cell)]
        )
    if pa.types.is_boolean(arrow) or pa.types.is_integer(arrow) or pa.types.is_floating(arrow):
        return _number
    return None


def _items(cell: Any) -> Any:
    return cell.tolist() if isinstance(cell, np.ndarray) else cell


def _number(cell: Any) -> Any:
    if isinstance(cell, bool | np.bool_) or cell is None:
        return cell
    return cell.item() if isinstance(cell, np.generic) else cell


def _struct_cell(cell: Any, arrow: pa.DataType) -> Any:
    if cell is None:
        return None
    fields = [arrow.field(place) for place in range(arrow.num_fields)]
    if isinstance(cell, Row) and hasattr(cell, "__fields__"):
        cell = cell.asDict()
    elif not isinstance(cell, Mapping):
        if hasattr(cell, "asDict"):  # PySpark's own Row
            cell = cell.asDict()
        else:
            cell = {field.name: item for field, item in zip(fields, cell, strict=True)}
    converted = {}
    for field in fields:
        inside = _converter(field.type)
        item = cell.get(field.name)
        converted[field.name] = inside(item) if inside else item
    return converted
