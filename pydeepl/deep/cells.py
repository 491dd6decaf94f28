"""Cells of a column as arrays for a model, which may differ in size where the model leaves its size open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pydeepl.keras.model import KerasModel

Cell = NDArray[Any] | None
OpenShape = tuple[int | None, ...]


def input_shape(model: KerasModel) -> OpenShape:
    """The shape of one row of a model's one input, None for what is open. Raises ValueError for several."""
    if len(model.inputShapes) != 1:
        names = ", ".join(model.inputShapes)
        raise ValueError(f"model {model.name!r} has {len(model.inputShapes)} inputs, expected one: {names}")
    return next(iter(model.inputShapes.values()))


def is_open(shape: OpenShape) -> bool:
    """Whether an extent is open."""
    return None in shape


def fits(found: tuple[int, ...], expected: OpenShape) -> bool:
    """Whether an array's shape is the one expected."""
    return len(found) == len(expected) and all(
        extent in (None, size) for size, extent in zip(found, expected, strict=True)
    )


def shape_text(shape: OpenShape) -> str:
    """A shape for messages: [any, any, 3]."""
    return f"[{', '.join('any' if extent is None else str(extent) for extent in shape)}]"


def column_of_sizes(
    cells: Sequence[Cell], outputs: Callable[[list[NDArray[Any]]], pa.Array], kind: pa.DataType
) -> pa.Array:
    """A column of a model's outputs, null where a cell is None.

    outputs(arrays of one shape) gives as many outputs, of the type `kind`; it is called for each shape.
    """
    rows: dict[tuple[int, ...], list[int]] = {}
    for row, cell in enumerate(cells):
        if cell is not None:
            rows.setdefault(cell.shape, []).append(row)
    order = [row for places in rows.values() for row in places]
    parts = [
        outputs([cell for row in places if (cell := cells[row]) is not None]) for places in rows.values()
    ]
    if not parts:
        return pa.nulls(len(cells), kind)
    made = parts[0] if len(parts) == 1 else pa.concat_arrays(parts)
    return made if order == list(range(len(cells))) else _spread(made, order, len(cells))


def with_nulls(made: pa.Array, valid: NDArray[np.bool_]) -> pa.Array:
    """A column with nulls between its cells, where valid [n] is false."""
    return made if valid.all() else _spread(made, np.flatnonzero(valid), len(valid))


def _spread(made: pa.Array, rows: Sequence[int] | NDArray[np.intp], count: int) -> pa.Array:
    """A column of `count` rows whose cells lie in the rows told, all others null."""
    places, missing = np.zeros(count, np.int64), np.ones(count, np.bool_)
    places[rows], missing[rows] = np.arange(len(made)), False
    return made.take(pa.array(places, mask=missing))
