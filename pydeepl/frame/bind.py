"""Binding: an expression met with a schema becomes a function from batches to one Arrow column.

References, constants and Python functions are evaluated here. Everything else (arithmetic, comparisons,
casts, text, CASE, aggregates) is SQL text over leaves of those kinds, evaluated by DuckDB: only the leaves go
there, so `image.height > 100` never hands over pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from pydeepl.frame.batches import Mask, conform, dense_array, is_heavy, nested_leaf, true_mask
from pydeepl.frame.errors import AnalysisException, unknown_column
from pydeepl.frame.plan import ROW
from pydeepl.frame.sql import query
from pydeepl.linalg import is_vector

HUGE = pa.decimal128(38, 0)  # how DuckDB's 128-bit sums of integers arrive


@dataclass(frozen=True)
class Bound:
    """A column to compute: its field, the input columns it reads (ROW too), and how."""

    field: pa.Field
    columns: frozenset[str]
    evaluate: Callable[[pa.RecordBatch], pa.Array]
    text: str
    path: tuple[str, ...] = ()  # of a plain reference
    cheap: bool = True  # whether it may be computed a second time to drop rows early

    def __str__(self) -> str:
        return self.text if self.path == (self.field.name,) else f"{self.text} AS {self.field.name}"

    def named(self, name: str, metadata: dict[str, str] | None = None) -> Bound:
        """The same column under another name."""
        renamed = self.field.with_name(name)
        return replace(self, field=renamed.with_metadata(metadata) if metadata is not None else renamed)


def resolve(name: str, schema: pa.Schema) -> str:
    """The column's name as the schema spells it; case does not matter where that is unambiguous.

    Raises AnalysisException for an unknown one.
    """
    if name == ROW or schema.get_field_index(name) >= 0:
        return name
    same = [other for other in schema.names if other.lower() == name.lower()]
    if len(same) != 1:
        raise unknown_column(name, schema.names)
    found: str = same[0]
    return found


def resolve_path(parts: Sequence[str], schema: pa.Schema) -> tuple[str, ...]:
    """A dotted name as the path to a column or a field of a struct column. Raises AnalysisException."""
    whole = ".".join(parts)
    if schema.get_field_index(whole) >= 0:
        return (whole,)
    head = resolve(parts[0] if len(parts) > 1 else whole, schema)
    path, inside = [head], schema.field(head).type
    for part in parts[1:]:
        if pa.types.is_map(inside) and pa.types.is_string(inside.key_type):
            path.append(part)
            inside = inside.item_type
            continue
        if not pa.types.is_struct(inside):
            raise AnalysisException(f"{'.'.join(path)} is {inside} and has no field {part!r} (in {whole!r})")
        names = [inside.field(place).name for place in range(inside.num_fields)]
        found = next((name for name in names if name.lower() == part.lower()), None)
        if found is None:
            raise unknown_column(part, names, f"field of {'.'.join(path)}")
        path.append(found)
        inside = inside.field(found).type
    return tuple(path)


def bind_path(path: tuple[str, ...], schema: pa.Schema, name: str) -> Bound:
    """A reference to a column or to a field inside it."""
    found = schema.field(path[0])
    nullable = found.nullable
    for part in path[1:]:
        found = found.type.item_field if pa.types.is_map(found.type) else found.type.field(part)
        nullable = nullable or found.nullable
    bound_field = found.with_name(name).with_nullable(nullable)

    def evaluate(batch: pa.RecordBatch) -> pa.Array:
        return nested_leaf(batch.column(path[0]), path[1:])

    return Bound(bound_field, frozenset(path[:1]), evaluate, ".".join(path), path)


def bind_constant(value: pa.Scalar, name: str) -> Bound:
    """The same value in every row."""

    def evaluate(batch: pa.RecordBatch) -> pa.Array:
        return pa.repeat(value, batch.num_rows)

    return Bound(pa.field(name, value.type, not value.is_valid), frozenset(), evaluate, name)


@dataclass
class Scope:
    """The leaves that an expression's SQL names: computed ones as __c0, __c1, ..., and columns by their own
    names."""

    schema: pa.Schema
    leaves: list[Bound] = field(default_factory=list)
    paths: list[tuple[str, ...]] = field(default_factory=list)
    ordinals: bool = False  # whether the SQL may name the rows' ordinals
    prefix: str = "__c"

    def leaf(self, bound: Bound) -> str:
        """The SQL name of a leaf."""
        for place, other in enumerate(self.leaves):
            if other is bound or (bound.path and bound.path == other.path):
                return f"{self.prefix}{place}"
        self.leaves.append(bound)
        return f"{self.prefix}{len(self.leaves) - 1}"

    def mention(self, parts: Sequence[str]) -> bool:
        """Makes a column usable under its own (dotted) name; returns whether it may be null."""
        path = resolve_path(parts, self.schema)
        if path not in self.paths:
            self.paths.append(path)
        return bool(bind_path(path, self.schema, path[-1]).field.nullable)

    @property
    def columns(self) -> frozenset[str]:
        """The input columns that the leaves read."""
        return frozenset(path[0] for path in self.paths).union(*(leaf.columns for leaf in self.leaves))

    @property
    def cheap(self) -> bool:
        """Whether all leaves are."""
        return all(leaf.cheap for leaf in self.leaves)

    def table(self, batch: pa.RecordBatch) -> pa.Table:
        """The leaves' values; a column of which only fields are mentioned brings those alone."""
        arrays = {f"{self.prefix}{place}": leaf.evaluate(batch) for place, leaf in enumerate(self.leaves)}
        for head in dict.fromkeys(path[0] for path in self.paths):
            inside = [path[1:] for path in self.paths if path[0] == head]
            arrays[head] = _pruned(batch.column(head), inside)
        if self.ordinals:
            arrays[ROW] = batch.column(ROW)
        if not arrays:  # constants alone: any column carries the number of rows
            arrays["__rows"] = pa.nulls(batch.num_rows, pa.int8())
        return pa.table({name: _plain(array) for name, array in arrays.items()})

    def empty_table(self) -> pa.Table:
        """The leaves' types, without rows."""
        arrays = [pa.nulls(0, field.type) for field in self.schema]
        names = [*self.schema.names, ROW]
        return self.table(pa.RecordBatch.from_arrays([*arrays, pa.array([], pa.int64())], names=names))

    def type_of(self, sql: str) -> pa.DataType:
        """The Arrow type of an SQL expression over the leaves. Raises AnalysisException where it has none."""
        found = query(f"SELECT {sql} AS value FROM leaves", {"leaves": self.empty_table()}, types_only=True)
        arrow: pa.DataType = found.schema.field(0).type
        return pa.null() if sql == "NULL" else arrow

    def bind(self, sql: str, nullable: bool, name: str) -> Bound:
        """The column of an SQL expression over the leaves."""
        arrow = self.type_of(sql)
        if arrow == HUGE and not any(pa.types.is_decimal(leaf.field.type) for leaf in self.leaves):
            sql, arrow = f"CAST({sql} AS BIGINT)", pa.int64()

        def evaluate(batch: pa.RecordBatch) -> pa.Array:
            found = query(f"SELECT {sql} AS value FROM leaves", {"leaves": self.table(batch)})
            return conform(dense_array(found.column(0)), arrow)

        return Bound(pa.field(name, arrow, nullable), self.columns, evaluate, name, (), self.cheap)


def _plain(array: pa.Array) -> pa.Array:
    """Vectors as their storage: DuckDB knows no extension of ours."""
    return array.storage if is_vector(array.type) else array


def _pruned(column: pa.Array, inside: Sequence[tuple[str, ...]]) -> pa.Array:
    """A struct column with only the fields at the paths inside it; the whole column for an empty path."""
    if not all(inside):
        return column
    names = list(dict.fromkeys(path[0] for path in inside))
    parts = [_pruned(nested_leaf(column, [n]), [path[1:] for path in inside if path[0] == n]) for n in names]
    return pa.StructArray.from_arrays(parts, names)


def passthrough(schema: pa.Schema, names: Iterable[str] | None = None) -> list[Bound]:
    """Columns as they are."""
    return [bind_path((name,), schema, name) for name in (schema.names if names is None else names)]


class Passes:
    """A plan's condition: the rows where a boolean column is true."""

    def __init__(self, bound: Bound) -> None:
        self._bound, self.columns = bound, bound.columns

    def mask(self, batch: pa.RecordBatch) -> Mask:
        """The rows that pass."""
        return true_mask(self._bound.evaluate(batch))


__all__ = [
    "Bound",
    "Passes",
    "Scope",
    "bind_constant",
    "bind_path",
    "is_heavy",
    "passthrough",
    "resolve",
    "resolve_path",
]
