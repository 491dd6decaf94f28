"""spark.sql: DuckDB's SELECT over temporary views.

A view's heavy columns (images, vectors) take part as tokens, structs that hold the row's number,

    image  ->  {"__0_image": 17, "height": 180}        with the fields that the query mentions

which SQL can pass on, sort along and null out, but not look into; in the result the columns themselves stand
in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pydeepl.frame.batches import conform, dense_array, is_heavy, nested_leaf
from pydeepl.frame.calls import Calls
from pydeepl.frame.column import Column, called
from pydeepl.frame.errors import unknown_column
from pydeepl.frame.plan import ROW, Node
from pydeepl.frame.relation import Fetched, Own, Relation, empty_batch, leaf_table
from pydeepl.frame.sql import column_references, from_spark, query, syntax_tree, tree_nodes

if TYPE_CHECKING:
    from pydeepl.frame.dataframe import DataFrame


class View:
    """A view's table for one query: light columns that the query may mean, and tokens for heavy ones.

    Parameters: number, of the view in the query; node; sql; late, columns to make of the result's rows alone.
    """

    def __init__(self, number: int, node: Node, sql: str, late: frozenset[str] = frozenset()) -> None:
        self.node = node
        self._prefix = f"__{number}_"
        references = [tuple(part.lower() for part in parts) for parts in column_references(sql)]
        tree = list(tree_nodes(syntax_tree(sql)))
        star = any(each.get("type") == "STAR" or each.get("ref_type") == "NATURAL" for each in tree)
        using = {name.lower() for each in tree for name in each.get("using_columns", [])}
        mentioned = using.union(*references)
        names = [name for name in node.schema.names if star or name.lower() in mentioned]
        heavy = {name for name in names if is_heavy(node.schema.field(name).type)} | late
        self._light = [name for name in names if name not in heavy]
        self._tokens = {name: self._inside(name, references) for name in names if name not in self._light}
        # Whether a heavy cell is null costs making it: only where the query may ask.
        self._nulls = re.search(r"\bnull\b|\bcount\b", sql, re.IGNORECASE) is not None

    def _inside(self, name: str, references: list[tuple[str, ...]]) -> list[str]:
        """The fields of a heavy struct column that the query mentions."""
        arrow = self.node.schema.field(name).type
        inside = (
            [arrow.field(place).name for place in range(arrow.num_fields)]
            if pa.types.is_struct(arrow)
            else []
        )
        pairs = {pair for parts in references for pair in pairwise(parts)}
        return [field for field in inside if (name.lower(), field.lower()) in pairs]

    def table(self) -> pa.Table:
        """The view's rows for the query."""
        read = [
            *self._light,
            *(name for name, inside in self._tokens.items() if inside or self._asks_null(name)),
        ]
        return leaf_table(self.node, read, self._made)

    def empty(self) -> pa.Table:
        """The same without rows, for the types."""
        return self._made(empty_batch(self.node.schema))

    def _asks_null(self, name: str) -> bool:
        return self._nulls and bool(self.node.schema.field(name).nullable)

    def _made(self, batch: pa.RecordBatch) -> pa.Table:
        columns = {name: batch.column(name) for name in self._light}
        for name, inside in self._tokens.items():
            parts = [batch.column(ROW), *(nested_leaf(batch.column(name), [field]) for field in inside)]
            mask = batch.column(name).is_null() if self._asks_null(name) else None
            columns[name] = pa.StructArray.from_arrays(parts, [self._prefix + name, *inside], mask=mask)
        return pa.table(columns or {ROW: batch.column(ROW)})

    def token(self, arrow: pa.DataType) -> str | None:
        """The column that a result's column stands for, where it is a token of this view."""
        if not pa.types.is_struct(arrow) or not arrow.num_fields:
            return None
        first = arrow.field(0).name
        name = first[len(self._prefix) :]
        return name if first.startswith(self._prefix) and name in self._tokens else None


def select(
    sql: str, views: Mapping[str, DataFrame], functions: Mapping[str, Callable[..., Column]] | None = None
) -> Relation:
    """The relation of a SELECT over views; functions, by name, are evaluated as columns of these.

    Raises AnalysisException and ParseException.
    """
    taken = Calls(
        from_spark(sql.strip().rstrip(";")),
        functions or {},
        {name: view.columns for name, view in views.items()},
    )
    sql, views = taken.sql, _with_calls(views, taken, functions or {})
    tree = list(tree_nodes(syntax_tree(sql)))
    local = {name.lower() for each in tree for name in _common_tables(each)}
    used: dict[str, View] = {}
    for each in tree:
        if each.get("type") != "BASE_TABLE" or each["table_name"].lower() in local:
            continue
        name = each["table_name"].lower()
        if name not in views:
            raise unknown_column(each["table_name"], sorted(views), "table or view")
        if name not in used:
            used[name] = View(len(used), views[name]._node, sql, taken.plain)
    types = query(sql, {name: view.empty() for name, view in used.items()}, types_only=True).schema
    outputs: list[Own | Fetched | None] = []
    for field in types:
        name = taken.named(field.name)
        outputs.append(None if name is None else _output(field.with_name(name), list(used.values())))

    def run() -> pa.Table:
        found = query(sql, {name: view.table() for name, view in used.items()})
        return _with_ids(found, outputs)

    shown = [output for output in outputs if output is not None]
    return Relation([view.node for view in used.values()], run, shown, f"Query {sql}")


def _with_calls(
    views: Mapping[str, DataFrame], taken: Calls, functions: Mapping[str, Callable[..., Column]]
) -> Mapping[str, DataFrame]:
    """The views with the columns that stand for calls."""
    views = dict(views)
    for call in taken.calls:
        views[call.table] = views[call.table].withColumn(call.column, called(call, functions))
    return views


def _common_tables(each: dict[str, object]) -> list[str]:
    """The names that a node's WITH defines."""
    tables = each.get("cte_map")
    pairs = tables.get("map", []) if isinstance(tables, dict) else []
    return [str(pair["key"]) for pair in pairs]


def _output(field: pa.Field, views: list[View]) -> Own | Fetched:
    name = "count(1)" if field.name == "count_star()" else field.name
    for number, view in enumerate(views):
        column = view.token(field.type)
        if column is not None:
            found = view.node.schema.field(column)
            return Fetched(found.with_name(name).with_nullable(True), number, column)
    arrow = pa.int64() if field.type == pa.decimal128(38, 0) else field.type
    return Own(pa.field(name, arrow))


def _with_ids(found: pa.Table, outputs: list[Own | Fetched | None]) -> pa.Table:
    """The result's own columns, and the row numbers inside its tokens."""
    columns: dict[str, pa.Array] = {}
    for place, output in enumerate(outputs):
        if output is None:  # that * brought along
            continue
        column = dense_array(found.column(place))
        if isinstance(output, Own):
            columns[output.field.name] = conform(column, output.field.type)
        else:
            ids = nested_leaf(column, [0])
            known = columns.setdefault(f"__id{output.source}", ids)
            if known is not ids and not known.equals(ids):
                raise ValueError("a query may take heavy columns of a view from one row of it at a time")
    return pa.table(columns or {"__rows": pa.array(np.zeros(found.num_rows, np.int8))})
