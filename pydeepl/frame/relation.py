"""Relational work: DuckDB decides which rows are combined, the columns follow by row number.

A relation hands DuckDB the columns that decide (keys, conditions, aggregates' arguments) and the rows'
ordinals; back come computed columns and, for each input, the ordinals of the rows that go in each output row:

    __id0  __id1   total            output column "image" = input 0's "image" of the rows __id0
    17     3       0.5              output column "total" = the result's own
    4      (null)  1.5

So images and vectors never pass through SQL, and a column that nobody asks for is not computed. The result is
kept by the node: every action on the frame sees the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pydeepl.frame.batches import (
    Batches,
    Mask,
    batch_of,
    conform_batch,
    dense_array,
    is_heavy,
    skip_rows,
    zip_streams,
)
from pydeepl.frame.keep import Kept
from pydeepl.frame.plan import ROW, Conditions, Node, Ordinals, passing, unique

RESULT_ROWS = 8192  # a chunk of a result
HEAVY_ROWS = 64  # rows with large cells put together at a time


@dataclass(frozen=True)
class Own:
    """An output column that the query computes."""

    field: pa.Field


@dataclass(frozen=True)
class Fetched:
    """An output column that an input has: `column` of input number `source`."""

    field: pa.Field
    source: int
    column: str


class RowSet:
    """The rows with given ordinals (sorted, each once)."""

    columns = frozenset([ROW])

    def __init__(self, ordinals: Ordinals) -> None:
        self._ordinals = ordinals

    def mask(self, batch: pa.RecordBatch) -> Mask:
        """The rows that pass."""
        rows = batch.column(ROW).to_numpy()
        places = np.searchsorted(self._ordinals, rows)
        found = (
            self._ordinals[np.minimum(places, max(len(self._ordinals) - 1, 0))]
            if len(self._ordinals)
            else rows
        )
        mask: Mask = (places < len(self._ordinals)) & (found == rows)
        return mask


class Relation(Node):
    """The rows of a query over frames. Parameters: children, the inputs; run, which gives the result: a table
    of the own columns and, for each input that columns are fetched from, int64 "__id<number>"; outputs; text,
    for explain()."""

    def __init__(
        self,
        children: Sequence[Node],
        run: Callable[[], pa.Table],
        outputs: Sequence[Own | Fetched],
        text: str,
    ) -> None:
        self.children, self._text = tuple(children), text
        self._outputs = {output.field.name: output for output in outputs}
        self.schema = pa.schema([output.field for output in outputs])
        own = [output.field for output in outputs if isinstance(output, Own)]
        sources = sorted({output.source for output in outputs if isinstance(output, Fetched)})
        ids = [pa.field(f"__id{source}", pa.int64()) for source in sources]
        result = pa.schema([*own, *ids])
        self.kept = Kept(result, partial(_result, run, result))

    @property
    def partitions(self) -> int:
        return 1

    @property
    def span(self) -> int:
        """A bound that all ordinals stay below: the result's rows."""
        return sum(batch.num_rows for batch in self.kept.batches())

    @property
    def draws(self) -> int:
        """Ordinals are new, so draws start anew."""
        return 0

    def describe(self) -> str:
        return self._text

    def stream(self, columns: Sequence[str], conditions: Conditions = ()) -> Batches:
        early = [each for each in conditions if not self._fetched(each.columns)]
        late = [each for each in conditions if each not in early]
        asked = unique(columns, *(condition.columns for condition in late))
        fetched = self._fetched(asked)
        sources = unique(f"__id{output.source}" for output in fetched)
        own = [name for name in asked if name == ROW or isinstance(self._outputs.get(name), Own)]
        base = passing(self._numbered(), early, [*own, *sources])
        if not fetched:
            return passing(base, late, columns)
        rows = list(base)
        streams: list[Batches] = [iter([batch.select(own) for batch in rows])] if own else []
        for source in sorted({output.source for output in fetched}):
            ids = pa.chunked_array([batch.column(f"__id{source}") for batch in rows], pa.int64())
            wanted = [output for output in fetched if output.source == source]
            streams.append(_fetch(self.children[source], wanted, dense_array(ids)))
        return passing(zip_streams(streams), late, columns)

    def _fetched(self, names: Sequence[str] | frozenset[str]) -> list[Fetched]:
        found = (self._outputs.get(name) for name in names)
        return [output for output in found if isinstance(output, Fetched)]

    def _numbered(self) -> Batches:
        start = 0
        for batch in self.kept.batches():
            rows = pa.array(np.arange(start, start + batch.num_rows, dtype=np.int64))
            yield batch_of([*batch.columns, rows], [*batch.schema.names, ROW])
            start += batch.num_rows


def _result(run: Callable[[], pa.Table], schema: pa.Schema, skip: int) -> Batches:
    table = run()
    plain = [table.column(name) for name in schema.names]
    batches = pa.Table.from_arrays(plain, names=schema.names).to_batches(RESULT_ROWS)
    for batch in skip_rows(iter(batches), skip):
        yield conform_batch(batch, schema)


def _fetch(node: Node, outputs: Sequence[Fetched], ids: pa.Array) -> Batches:
    """An input's columns in the order of ids (null where an id is)."""
    names = [output.field.name for output in outputs]
    columns = unique(output.column for output in outputs)
    numbers = pc.drop_null(ids).to_numpy()
    ascending = ids.null_count == 0 and bool(np.all(np.diff(numbers) > 0))
    if ascending:
        found = node.stream(columns, (RowSet(numbers),))
        return (batch_of([batch.column(o.column) for o in outputs], names) for batch in found)
    gathered = _gather(node, columns, np.unique(numbers), ids)
    return (batch_of([batch.column(o.column) for o in outputs], names) for batch in gathered)


def _gather(node: Node, columns: list[str], wanted: Ordinals, ids: pa.Array) -> Batches:
    """Rows in any order: they are made once, in the node's order, into a store that spills, and taken from
    there."""
    schema = pa.schema([node.schema.field(name) for name in columns])
    kept = Kept(
        schema, lambda skip: _conformed(skip_rows(node.stream(columns, (RowSet(wanted),)), skip), schema)
    )
    counts = [batch.num_rows for batch in kept.batches()]
    if sum(counts) != len(wanted):
        raise RuntimeError("a frame's rows changed while they were combined: was its source changed?")
    starts = np.cumsum([0, *counts])
    most = HEAVY_ROWS if any(is_heavy(field.type) for field in schema) else RESULT_ROWS
    for start in range(0, len(ids), most):
        part = ids.slice(start, most)
        valid = part.is_valid().to_numpy(zero_copy_only=False)
        places = np.searchsorted(wanted, part.fill_null(0).to_numpy())
        yield _taken(kept, schema, starts, places, valid)


def _conformed(batches: Batches, schema: pa.Schema) -> Batches:
    return (conform_batch(batch, schema) for batch in batches)


def _taken(kept: Kept, schema: pa.Schema, starts: Ordinals, places: Ordinals, valid: Mask) -> pa.RecordBatch:
    """The store's rows at places, nulls where not valid."""
    chunks = np.searchsorted(starts, places, side="right") - 1
    found: list[pa.RecordBatch] = []
    index = np.zeros(len(places), np.int64)
    for chunk in np.unique(chunks[valid]).tolist():
        here = np.flatnonzero(valid & (chunks == chunk))
        index[here] = sum(batch.num_rows for batch in found) + np.arange(len(here))
        found.append(kept.store[chunk].take(pa.array(places[here] - starts[chunk])))
    order = pa.array(index, mask=~valid)
    arrays = []
    for place, field in enumerate(schema):
        column = dense_array(pa.chunked_array([batch.column(place) for batch in found], field.type))
        arrays.append(column.take(order) if len(column) else pa.nulls(len(order), field.type))
    return batch_of(arrays, schema.names)


def leaf_table(node: Node, columns: Sequence[str], make: Callable[[pa.RecordBatch], pa.Table]) -> pa.Table:
    """A query's table, made batch by batch, so that only what `make` leaves of heavy columns is held."""
    tables = [make(batch) for batch in node.stream(unique([ROW], columns))]
    return pa.concat_tables(tables) if tables else make(empty_batch(node.schema))


def empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    """No rows, with all columns and ROW."""
    arrays = [pa.nulls(0, field.type) for field in schema]
    return batch_of([*arrays, pa.array([], pa.int64())], [*schema.names, ROW])


def nullable(fields: Sequence[pa.Field]) -> list[pa.Field]:
    """The fields, all nullable."""
    return [field.with_nullable(True) for field in fields]
