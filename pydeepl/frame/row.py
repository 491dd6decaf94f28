"""Rows: tuples with names, as PySpark's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Row(tuple[Any, ...]):
    """A row of a frame.

    Row(a=1, b=2) is a row; its values are row.a, row["a"] and row[0]. Row("a", "b") makes rows of those
    names: Row("a", "b")(1, 2). Source: pyspark.sql.Row.
    """

    __fields__: list[str]

    def __new__(cls, *args: Any, **fields: Any) -> Row:
        """A named row of keywords, or an unnamed one of values."""
        if args and fields:
            raise ValueError("Row: give values with names, or without, not both")
        if not fields:
            return tuple.__new__(cls, args)
        return named_row(list(fields), fields.values())

    def asDict(self, recursive: bool = False) -> dict[str, Any]:
        """The row as a dict. Parameters: recursive, whether rows inside become dicts too."""
        if not hasattr(self, "__fields__"):
            raise TypeError("Cannot convert a Row class into dict")
        plain = _plain if recursive else lambda value: value
        return {name: plain(value) for name, value in zip(self.__fields__, self, strict=True)}

    def __call__(self, *values: Any) -> Row:
        if len(values) > len(self):
            raise ValueError(
                f"Can not create Row with fields {tuple(self)}, expected {len(self)} values, got {values}"
            )
        return named_row(list(self), values)

    def __contains__(self, item: object) -> bool:
        return item in self.__fields__ if hasattr(self, "__fields__") else super().__contains__(item)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, int | slice):
            return super().__getitem__(item)
        try:
            return super().__getitem__(self.__fields__.index(item))
        except (AttributeError, ValueError):
            raise KeyError(item) from None

    def __getattr__(self, item: str) -> Any:
        if item.startswith("__"):
            raise AttributeError(item)
        try:
            return super().__getitem__(self.__fields__.index(item))
        except (AttributeError, ValueError):
            raise AttributeError(item) from None

    def __reduce__(self) -> Any:
        if hasattr(self, "__fields__"):
            return named_row, (self.__fields__, tuple(self))
        return super().__reduce__()

    def __repr__(self) -> str:
        if hasattr(self, "__fields__"):
            pairs = zip(self.__fields__, self, strict=False)
            return "Row(" + ", ".join(f"{name}={value!r}" for name, value in pairs) + ")"
        return "<Row(" + ", ".join(map(repr, self)) + ")>"


def named_row(names: Sequence[str], values: Any) -> Row:
    """A Row of names and values."""
    row: Row = tuple.__new__(Row, values)
    row.__fields__ = list(names)
    return row


def _plain(value: Any) -> Any:
    if isinstance(value, Row):
        return value.asDict(True)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
