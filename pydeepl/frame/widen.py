"""Spark's type widening: the type that holds the values of two columns under a union."""

from __future__ import annotations

import pyarrow as pa

from pydeepl.frame.errors import AnalysisException
from pydeepl.frame.types import from_arrow
from pydeepl.linalg import MIXED, is_vector

NUMBERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64())


def union_schema(first: pa.Schema, second: pa.Schema) -> pa.Schema:
    """The schema of a union by position: the first's names, widened types, nullable where either is.

    Raises AnalysisException where the numbers of columns differ or two types have none in common.
    """
    if len(first) != len(second):
        raise AnalysisException(
            "union: both frames need the same number of columns, but the first has "
            f"{len(first)} ({', '.join(first.names)}) "
            f"and the second {len(second)} ({', '.join(second.names)})"
        )
    fields = []
    for place, (one, two) in enumerate(zip(first, second, strict=True), 1):
        wide = wider(one.type, two.type)
        if wide is None:
            raise AnalysisException(
                f"union: column {place} is {one.name}: {from_arrow(one.type).simpleString()} in the first "
                f"frame but {two.name}: {from_arrow(two.type).simpleString()} in the second; cast one of them"
            )
        metadata = one.metadata if one.metadata == two.metadata else None
        fields.append(pa.field(one.name, wide, one.nullable or two.nullable, metadata))
    return pa.schema(fields)


def wider(one: pa.DataType, two: pa.DataType) -> pa.DataType | None:
    """The type that holds the values of both; None where Spark has none."""
    if one == two:
        return one
    if pa.types.is_null(one):
        return two
    if pa.types.is_null(two):
        return one
    if is_vector(one) and is_vector(two):
        return _wider_vector(one, two)
    if one in NUMBERS and two in NUMBERS:
        pair = {one, two}
        if pa.float32() in pair and pa.int64() in pair:
            return pa.float64()  # Spark 4: a float would lose digits of a long
        if pa.float32() in pair and pa.int32() in pair:
            return pa.float64()
        return NUMBERS[max(NUMBERS.index(one), NUMBERS.index(two))]
    if pa.types.is_struct(one) and pa.types.is_struct(two) and one.num_fields == two.num_fields:
        return _wider_struct(one, two)
    if pa.types.is_list(one) and pa.types.is_list(two):
        inside = wider(one.value_type, two.value_type)
        nullable = one.value_field.nullable or two.value_field.nullable
        return None if inside is None else pa.list_(pa.field("element", inside, nullable))
    for text, other in ((one, two), (two, one)):
        plain = other in NUMBERS or pa.types.is_date(other) or pa.types.is_timestamp(other)
        if pa.types.is_string(text) and plain:
            # Spark's ANSI rules read the text as the other type, integers as long and fractions as double
            integer = pa.types.is_integer(other)
            return pa.int64() if integer else pa.float64() if pa.types.is_floating(other) else other
    return None


def _wider_vector(one: pa.DataType, two: pa.DataType) -> pa.DataType:
    if one.size is None or one.size != two.size:
        return MIXED
    return one if one.storage_type.value_type == pa.float64() else two


def _wider_struct(one: pa.DataType, two: pa.DataType) -> pa.DataType | None:
    fields = []
    for place in range(one.num_fields):
        mine, theirs = one.field(place), two.field(place)
        inside = wider(mine.type, theirs.type)
        if inside is None or mine.name.lower() != theirs.name.lower():
            return None
        fields.append(pa.field(mine.name, inside, mine.nullable or theirs.nullable))
    return pa.struct(fields)
