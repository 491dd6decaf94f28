"""What stages ask of a dataset's columns, checked; messages name the stage, the column and what is there."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pydeepl.linalg import is_vector
from pydeepl.ml.param import Param, Params

if TYPE_CHECKING:
    from pydeepl.frame import DataFrame

__all__ = [
    "existing_column",
    "input_column",
    "is_number",
    "new_column",
    "output_column",
    "read_numbers",
    "to_numbers",
    "weight_column",
]


def input_column(stage: Params, param: Param[str], dataset: DataFrame) -> str:
    """The name of an input column, from a param. Raises ValueError where the dataset has no such column."""
    return existing_column(stage, param, stage.getOrDefault(param), dataset)


def existing_column(stage: Params, param: Param[Any], name: str, dataset: DataFrame) -> str:
    """The name of an input column that a param tells of; raises as `input_column` does."""
    columns = dataset.columns
    if name not in columns:
        near = difflib.get_close_matches(name, columns, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(
            f"{stage.uid}: {param.name} {name!r} does not exist{hint}; the columns are {_listed(columns)}"
        )
    return name


def output_column(stage: Params, param: Param[str], dataset: DataFrame) -> str:
    """The name of a column to append, from a param. Raises ValueError where the dataset has it already."""
    return new_column(stage, param, stage.getOrDefault(param), dataset)


def new_column(stage: Params, param: Param[Any], name: str, dataset: DataFrame) -> str:
    """The name of a column to append that a param tells of; raises as `output_column` does."""
    columns = dataset.columns
    if name in columns:
        raise ValueError(
            f"{stage.uid}: Column {name} already exists; give another {param.name} or drop it first; "
            f"the columns are {_listed(columns)}"
        )
    return name


def weight_column(stage: Params, dataset: DataFrame) -> str | None:
    """The name of the weight column of a stage with HasWeightCol; None where it is unset or empty."""
    return input_column(stage, stage.getParam("weightCol"), dataset) if stage._optional("weightCol") else None


def read_numbers(dataset: DataFrame, columns: list[str]) -> list[NDArray[np.float64]]:
    """Reads numeric columns whole, as float64 arrays [rows] in the order asked for (see `to_numbers`)."""
    distinct = list(dict.fromkeys(columns))
    parts: dict[str, list[NDArray[np.float64]]] = {column: [] for column in distinct}
    rows = 0
    for batch in dataset._arrow(distinct):
        for column in distinct:
            parts[column].append(to_numbers(batch.column(column), column, rows))
        rows += batch.num_rows
    return [np.concatenate([np.empty(0), *parts[column]]) for column in columns]


def is_number(kind: pa.DataType) -> bool:
    """Whether an Arrow type is one of numbers (bool is not)."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def to_numbers(array: Any, column: str, first_row: int = 0) -> NDArray[np.float64]:
    """A numeric Arrow array as float64.

    Parameters
    ----------
    array: pyarrow Array or ChunkedArray [rows].
    column: its name, for messages.
    first_row: the dataset's row that the array begins with, for messages.

    Raises
    ------
    TypeError where the column holds something else than numbers; ValueError, with the row, for null and NaN.
    """
    if not is_number(array.type):
        found = "vectors" if is_vector(array.type) else array.type
        raise TypeError(f"column {column!r}: expected numbers, found {found}")
    if array.null_count:
        row = first_row + pc.index(pc.is_null(array), True).as_py()
        raise ValueError(f"column {column!r}: expected numbers, found null in row {row}")
    numbers: NDArray[np.float64] = np.asarray(array.cast(pa.float64()))
    missing = np.isnan(numbers)
    if missing.any():
        raise ValueError(
            f"column {column!r}: expected numbers, found NaN in row {first_row + missing.argmax()}"
        )
    return numbers


def _listed(columns: list[str]) -> str:
    return ", ".join(columns) or "none at all"
