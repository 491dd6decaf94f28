"""Functions of columns, under pyspark.sql.functions' names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pydeepl.frame.column import (
    Apply,
    Call,
    Case,
    Column,
    Constant,
    NullRule,
    Ordinal,
    Reference,
    Text,
    column_of,
    named_column,
    random_column,
    split_name,
)
from pydeepl.frame.sql import alias_of, from_spark
from pydeepl.frame.types import AnyType, StringType, parse_type, to_arrow
from pydeepl.frame.values import arrow_column, python_values
from pydeepl.linalg import MIXED, is_vector, vectors_array


def col(col: str) -> Column:
    """A column by its name; "image.height" is a field of a struct column."""
    return Column(Reference(split_name(col)))


column = col


def lit(col: Any) -> Column:
    """A constant column; a Column as it is."""
    return column_of(col)


def expr(str: str) -> Column:
    """A column of SQL text: expr("label + 1 AS next"), or without AS."""
    import re

    named = re.fullmatch(r"(.*?\S)\s+(AS\s+)?`?(\w+)`?\s*", str, re.IGNORECASE | re.DOTALL)
    if named is None or not (named[2] or named[3] == alias_of(f"SELECT {from_spark(str)}")):
        return Column(Text(str))
    return Column(Text(named[1])).alias(named[3])


def when(condition: Column, value: Any) -> Column:
    """The value where a condition is true; add .when(...) and .otherwise(value), else null."""
    if not isinstance(condition, Column):
        raise TypeError(f"when: expected a Column as condition, got {condition!r}")
    return Column(Case([(condition._expression, column_of(value)._expression)]))


def _call(
    template: str, columns: Sequence[Any], name: str, nulls: NullRule = "any", aggregate: bool = False
) -> Column:
    args = [named_column(each)._expression for each in columns]
    return Column(Call(template, args, name.format(*(arg.name for arg in args)), nulls, aggregate))


# Row functions


def coalesce(*cols: Any) -> Column:
    """The first value that is not null."""
    marks = _marks(cols)
    return _call(f"coalesce({marks})", cols, f"coalesce({marks})", "all")


def isnull(col: Any) -> Column:
    """Whether there is no value."""
    return named_column(col).isNull()


def isnan(col: Any) -> Column:
    """Whether a number is NaN."""
    return named_column(col).isNaN()


def abs(col: Any) -> Column:
    """The absolute value."""
    return _call("abs({0})", [col], "abs({0})")


def sqrt(col: Any) -> Column:
    """The square root."""
    return _call("sqrt(CAST({0} AS DOUBLE))", [col], "SQRT({0})")


def exp(col: Any) -> Column:
    """e to the power of a number."""
    return _call("exp(CAST({0} AS DOUBLE))", [col], "EXP({0})")


def log(col: Any) -> Column:
    """The natural logarithm (null for numbers that have none)."""
    return _call("CASE WHEN {0} > 0 THEN ln({0}) END", [col], "ln({0})", "always")


def floor(col: Any) -> Column:
    """The largest integer not above a number."""
    return _call("CAST(floor({0}) AS BIGINT)", [col], "FLOOR({0})")


def ceil(col: Any) -> Column:
    """The smallest integer not below a number."""
    return _call("CAST(ceil({0}) AS BIGINT)", [col], "CEIL({0})")


def round(col: Any, scale: int = 0) -> Column:
    """A number rounded to decimals, halves away from zero."""
    return _call(f"round({{0}}, {scale})", [col], f"round({{0}}, {scale})", "always")


def pow(col1: Any, col2: Any) -> Column:
    """A power."""
    return _named_or_constant(col1) ** _named_or_constant(col2)


def greatest(*cols: Any) -> Column:
    """The largest value; nulls are passed over."""
    return _call(f"greatest({_marks(cols)})", cols, f"greatest({_marks(cols)})", "all")


def least(*cols: Any) -> Column:
    """The smallest value; nulls are passed over."""
    return _call(f"least({_marks(cols)})", cols, f"least({_marks(cols)})", "all")


def upper(col: Any) -> Column:
    """Text in capitals."""
    return _call("upper({0})", [col], "upper({0})")


def lower(col: Any) -> Column:
    """Text in small letters."""
    return _call("lower({0})", [col], "lower({0})")


def trim(col: Any) -> Column:
    """Text without the spaces around it."""
    return _call("trim({0})", [col], "trim({0})")


def length(col: Any) -> Column:
    """The number of letters, or of bytes."""
    return _call("CAST(length({0}) AS INTEGER)", [col], "length({0})")


def concat(*cols: Any) -> Column:
    """Texts joined (null where one is null)."""
    joined = " || ".join(f"CAST({{{place}}} AS VARCHAR)" for place in range(len(cols)))
    return _call(f"({joined})", cols, f"concat({_marks(cols)})")


def concat_ws(sep: str, *cols: Any) -> Column:
    """Texts joined with a separator; nulls are passed over."""
    quoted = sep.replace("'", "''").replace("{", "{{").replace("}", "}}")
    return _call(f"concat_ws('{quoted}', {_marks(cols)})", cols, f"concat_ws({sep}, {_marks(cols)})", "never")


def substring(str: Any, pos: int, len: int) -> Column:
    """The part of a text from a position (1 is the first, and so is 0) and of a length."""
    return named_column(str).substr(pos, len)


def regexp_extract(str: Any, pattern: str, idx: int = 1) -> Column:
    """A group of a regular expression's first match ("" without one)."""
    args = [named_column(str)._expression, Constant(pattern)]
    return Column(
        Call(
            f"regexp_extract({{0}}, {{1}}, {idx})", args, f"regexp_extract({args[0].name}, {pattern}, {idx})"
        )
    )


def regexp_replace(string: Any, pattern: str, replacement: str) -> Column:
    """Text with all matches of a regular expression replaced ($1 is the first group)."""
    import re

    args = [
        named_column(string)._expression,
        Constant(pattern),
        Constant(re.sub(r"\$(\d)", r"\\\1", replacement)),
    ]
    name = f"regexp_replace({args[0].name}, {pattern}, {replacement}, 1)"
    return Column(Call("regexp_replace({0}, {1}, {2}, 'g')", args, name))


def split(str: Any, pattern: str) -> Column:
    """Text split at the matches of a regular expression."""
    args = [named_column(str)._expression, Constant(pattern)]
    return Column(Call("string_split_regex({0}, {1})", args, f"split({args[0].name}, {pattern}, -1)"))


def element_at(col: Any, extraction: Any) -> Column:
    """An element of a list (1 is the first, -1 the last)."""
    return _call(
        f"list_extract({{0}}, {int(extraction)})", [col], f"element_at({{0}}, {extraction})", "always"
    )


def size(col: Any) -> Column:
    """The number of elements."""
    return _call("CAST(len({0}) AS INTEGER)", [col], "size({0})")


def array(*cols: Any) -> Column:
    """A list of columns' values."""
    return _call(f"list_value({_marks(cols)})", cols, f"array({_marks(cols)})", "never")


def struct(*cols: Any) -> Column:
    """A struct of columns."""
    columns = [
        named_column(each) for each in (cols[0] if len(cols) == 1 and isinstance(cols[0], list) else cols)
    ]
    names = [each._expression.name for each in columns]

    def packed(*arrays: pa.Array) -> pa.Array:
        return pa.StructArray.from_arrays(arrays, names)

    return Column(
        _StructOf(
            packed, [each._expression for each in columns], f"struct({', '.join(names)})", None, "never"
        )
    )


class _StructOf(Apply):
    def bind(self, schema: pa.Schema) -> Any:
        fields = [arg.bind(schema).field for arg in self._args]
        self._arrow = pa.struct(fields)
        names = [field.name for field in fields]
        self._function = lambda *arrays: pa.StructArray.from_arrays(arrays, names).cast(pa.struct(fields))
        return super().bind(schema)


def rand(seed: int | None = None) -> Column:
    """Uniform random numbers in [0, 1), the same in every run for the same seed."""
    seed = _fresh() if seed is None else seed
    return random_column(seed, f"rand({seed})", lambda uniform: uniform)


def randn(seed: int | None = None) -> Column:
    """Standard normal random numbers, the same in every run for the same seed."""
    from statistics import NormalDist

    seed = _fresh() if seed is None else seed
    inverse = np.vectorize(NormalDist().inv_cdf, otypes=[float])
    return random_column(seed, f"randn({seed})", lambda uniform: inverse(np.clip(uniform, 1e-300, None)))


def monotonically_increasing_id() -> Column:
    """A number for each row, ascending, with gaps between the parts of a union."""
    return Column(Ordinal(pa.array, "monotonically_increasing_id()", pa.int64()))


def _fresh() -> int:
    return int(np.random.SeedSequence().generate_state(1, np.uint32)[0])


def _named_or_constant(value: Any) -> Column:
    """A text is a column's name here, another value a constant."""
    return named_column(value) if isinstance(value, str | Column) else column_of(value)


def _marks(cols: Sequence[Any]) -> str:
    return ", ".join(f"{{{place}}}" for place in range(len(cols)))


# Python functions


def udf(f: Any = None, returnType: AnyType | str = StringType()) -> Any:  # noqa: B008 (a constant)
    """A Python function as a function of columns, called row by row; usable as a decorator.

    Parameters: f, the function; returnType, the type of what it returns (an object or its SQL spelling).
    """
    if f is None or not callable(f):
        kind = returnType if f is None else f
        return lambda function: udf(function, kind)
    arrow = to_arrow(parse_type(returnType) if isinstance(returnType, str) else returnType)
    called = getattr(f, "__name__", type(f).__name__)

    def rows(*arrays: pa.Array) -> pa.Array:
        made = [f(*row) for row in zip(*map(python_values, arrays), strict=True)]
        return vectors_array(made, MIXED) if is_vector(arrow) else arrow_column(made, arrow, called)

    def wrapped(*cols: Any) -> Column:
        args = [named_column(each)._expression for each in cols]
        name = f"{called}({', '.join(arg.name for arg in args)})"
        return Column(Apply(rows, args, name, arrow, "always", cheap=False))

    wrapped.__name__, wrapped.__doc__ = called, f.__doc__
    wrapped.func, wrapped.returnType = f, returnType  # type: ignore[attr-defined]
    return wrapped


def vector_to_array(col: Any, dtype: str = "float64") -> Column:
    """A vector column as a column of lists (pyspark.ml.functions)."""
    from pydeepl.linalg import vectors

    number = {"float64": pa.float64(), "float32": pa.float32()}[dtype]
    arrow = pa.list_(pa.field("element", number, nullable=False))

    def lists(array: pa.Array) -> pa.Array:
        return pa.array(
            [None if cell is None else cell.toArray().astype(dtype) for cell in vectors(array)], arrow
        )

    return Column(
        Apply(lists, [named_column(col)._expression], f"UDF({named_column(col)._expression.name})", arrow)
    )


def array_to_vector(col: Any) -> Column:
    """A column of lists of numbers as a vector column (pyspark.ml.functions)."""
    name = f"UDF({named_column(col)._expression.name})"
    return Column(
        Apply(
            lambda array: vectors_array(array.to_pylist(), MIXED),
            [named_column(col)._expression],
            name,
            MIXED,
        )
    )


# Aggregates


def _aggregate(template: str, col: Any, name: str, nulls: NullRule = "always") -> Column:
    return _call(template, [col], name, nulls, aggregate=True)


def count(col: Any) -> Column:
    """The number of rows ("*") or of values that are not null."""
    if isinstance(col, str) and col == "*":
        return Column(Call("count(*)", [], "count(1)", "never", aggregate=True))
    return _aggregate("count({0})", col, "count({0})", "never")


def countDistinct(col: Any, *cols: Any) -> Column:
    """The number of different values that are not null."""
    every = [col, *cols]
    present = " AND ".join(f"{{{place}}} IS NOT NULL" for place in range(len(every)))
    inside = f"CASE WHEN {present} THEN ({_marks(every)}) END" if cols else "{0}"
    name = f"count(DISTINCT {_marks(every)})"
    return _call(f"count(DISTINCT {inside})", every, name, "never", aggregate=True)


count_distinct = countDistinct


def sum(col: Any) -> Column:
    """The sum."""
    return _aggregate("sum({0})", col, "sum({0})")


def avg(col: Any) -> Column:
    """The mean."""
    return _aggregate("avg({0})", col, "avg({0})")


mean = avg


def min(col: Any) -> Column:
    """The smallest value."""
    return _aggregate("min({0})", col, "min({0})")


def max(col: Any) -> Column:
    """The largest value."""
    return _aggregate("max({0})", col, "max({0})")


def first(col: Any, ignorenulls: bool = False) -> Column:
    """The first row's value."""
    return _aggregate("any_value({0})" if ignorenulls else "first({0} ORDER BY __row__)", col, "first({0})")


def last(col: Any, ignorenulls: bool = False) -> Column:
    """The last row's value."""
    return _aggregate("last({0} ORDER BY __row__)", col, "last({0})")


def stddev(col: Any) -> Column:
    """The sample standard deviation."""
    return _aggregate("stddev_samp({0})", col, "stddev({0})")


def variance(col: Any) -> Column:
    """The sample variance."""
    return _aggregate("var_samp({0})", col, "variance({0})")


def collect_list(col: Any) -> Column:
    """The values that are not null, in row order, as a list."""
    return _aggregate(
        "coalesce(list({0} ORDER BY __row__) FILTER ({0} IS NOT NULL), [])", col, "collect_list({0})", "never"
    )


def collect_set(col: Any) -> Column:
    """The different values that are not null, as a list, in order of appearance."""
    return _aggregate(
        "coalesce(list_distinct(list({0} ORDER BY __row__) FILTER ({0} IS NOT NULL)), [])",
        col,
        "collect_set({0})",
        "never",
    )


# Sorting


def asc(col: Any) -> Column:
    """Sort ascending, nulls first."""
    return named_column(col).asc()


def desc(col: Any) -> Column:
    """Sort descending, nulls last."""
    return named_column(col).desc()
