"""Groups of rows and their aggregates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pydeepl.frame import functions
from pydeepl.frame.batches import is_heavy
from pydeepl.frame.column import Column, named_column
from pydeepl.frame.errors import AnalysisException, unknown_column
from pydeepl.frame.relational import grouped
from pydeepl.frame.show import cell_text

if TYPE_CHECKING:
    from pydeepl.frame.dataframe import DataFrame

AGGREGATES = {
    "count": functions.count,
    "sum": functions.sum,
    "avg": functions.avg,
    "mean": functions.avg,
    "min": functions.min,
    "max": functions.max,
    "first": functions.first,
    "last": functions.last,
    "stddev": functions.stddev,
    "variance": functions.variance,
    "collect_list": functions.collect_list,
    "collect_set": functions.collect_set,
}


class GroupedData:
    """What groupBy() gives. Source: pyspark.sql.GroupedData."""

    def __init__(self, frame: DataFrame, keys: Sequence[Any]) -> None:
        self._frame = frame
        self._keys = [named_column(key) for key in keys]

    def agg(self, *exprs: Any) -> DataFrame:
        """The keys and aggregates: agg(max("x"), count("*").alias("n")), agg({"x": "max", "*": "count"})."""
        from pydeepl.frame.dataframe import DataFrame

        if len(exprs) == 1 and isinstance(exprs[0], dict):
            exprs = tuple(_by_name(name, column) for column, name in exprs[0].items())
        if not exprs:
            raise ValueError("agg: expected at least one aggregate")
        for each in exprs:
            if not isinstance(each, Column) or not each._expression.aggregate:
                raise AnalysisException(f"agg: expected aggregates such as max('x'), got {each!r}")
        keys = [key._expression for key in self._keys]
        return DataFrame(grouped(self._frame._node, keys, [each._expression for each in exprs]))

    def count(self) -> DataFrame:
        """The number of rows of each group, as column "count"."""
        return self.agg(functions.count("*").alias("count"))

    def sum(self, *cols: str) -> DataFrame:
        """The sums of number columns (default: all)."""
        return self._each(functions.sum, cols)

    def avg(self, *cols: str) -> DataFrame:
        """The means of number columns (default: all)."""
        return self._each(functions.avg, cols)

    mean = avg

    def min(self, *cols: str) -> DataFrame:
        """The smallest values of number columns (default: all)."""
        return self._each(functions.min, cols)

    def max(self, *cols: str) -> DataFrame:
        """The largest values of number columns (default: all)."""
        return self._each(functions.max, cols)

    def _each(self, aggregate: Any, cols: Sequence[str]) -> DataFrame:
        keys = {key._expression.name for key in self._keys}
        schema = self._frame._node.schema
        numbers = [field.name for field in schema if _is_number(field.type) and field.name not in keys]
        return self.agg(*(aggregate(name) for name in (cols or numbers)))


def _by_name(name: str, column: str) -> Column:
    if name.lower() not in AGGREGATES:
        raise unknown_column(name, sorted(AGGREGATES), "aggregate")
    found: Column = AGGREGATES[name.lower()](column)
    return found


def _is_number(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_integer(arrow) or pa.types.is_floating(arrow) or pa.types.is_decimal(arrow))


def described(frame: DataFrame, cols: Sequence[str]) -> DataFrame:
    """DataFrame.describe()."""
    from pydeepl.frame.convert import create_frame

    fields = [frame.column_field(name) for name in (cols or frame.columns)]
    fields = [field for field in fields if _is_number(field.type) or pa.types.is_string(field.type)]
    if any(is_heavy(field.type) for field in fields) or not fields:
        raise AnalysisException("describe: there is no number or text column")
    rows = []
    for title, aggregate in (
        ("count", functions.count),
        ("mean", functions.avg),
        ("stddev", functions.stddev),
        ("min", functions.min),
        ("max", functions.max),
    ):
        texts = title in ("mean", "stddev")
        asked = [field for field in fields if not (texts and pa.types.is_string(field.type))]
        found = frame.agg(*(aggregate(field.name).alias(field.name) for field in asked)) if asked else None
        cells = found.first() if found is not None else None
        row: list[str | None] = [title]
        for field in fields:
            value = cells[field.name] if cells is not None and field in asked else None
            kind = found.column_field(field.name).type if found is not None and field in asked else pa.null()
            row.append(None if value is None else cell_text(value, kind))
        rows.append(tuple(row))
    schema = pa.schema(
        [pa.field(name, pa.string()) for name in ["summary", *(field.name for field in fields)]]
    )
    return create_frame(rows, schema)
