"""Columns: expressions over a frame's columns, with PySpark's operators and Spark's rules for nulls.

An expression knows the name Spark gives it and how to write itself as SQL over leaves (see bind.py); whether
it can be null follows from its parts.
"""

from __future__ import annotations

import datetime
import decimal
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pydeepl.frame.bind import Bound, Scope, bind_constant, bind_path, resolve_path
from pydeepl.frame.calls import Call as CallInText
from pydeepl.frame.calls import Calls
from pydeepl.frame.errors import AnalysisException
from pydeepl.frame.plan import ROW, uniform
from pydeepl.frame.sql import column_references, from_spark, syntax_tree, text_literal, tree_nodes
from pydeepl.frame.types import AnyType, infer_type, parse_type, to_arrow
from pydeepl.linalg import is_vector

NullRule: TypeAlias = Literal["any", "all", "never", "always"]


class Expression(ABC):
    """A column to compute from others. Attributes: name, the column's name unless an alias gives another."""

    name: str
    aggregate = False

    @abstractmethod
    def sql(self, scope: Scope) -> tuple[str, bool]:
        """The expression as SQL over the scope's leaves, and whether it may be null."""

    def bind(self, schema: pa.Schema) -> Bound:
        """The expression's column for a schema. Raises AnalysisException where it does not fit."""
        if self.aggregate:
            raise AnalysisException(f"{self.name}: an aggregate needs agg() or groupBy().agg()")
        scope = Scope(schema)
        text, nullable = self.sql(scope)
        return scope.bind(text, nullable, self.name)


class Leaf(Expression):
    """An expression that Arrow or Python evaluates."""

    @abstractmethod
    def bind(self, schema: pa.Schema) -> Bound: ...

    def sql(self, scope: Scope) -> tuple[str, bool]:
        """The leaf's name in the scope."""
        bound = self.bind(scope.schema)
        return scope.leaf(bound), bound.field.nullable


class Reference(Leaf):
    """A column, or by a dotted name a field of a struct column."""

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = tuple(parts)
        self.name = parts[-1]

    @property
    def dotted(self) -> str:
        """The whole name."""
        return ".".join(self.parts)

    def bind(self, schema: pa.Schema) -> Bound:
        path = resolve_path(self.parts, schema)
        return bind_path(path, schema, self.dotted if len(path) == 1 else self.name)


class Constant(Leaf):
    """A value."""

    def __init__(self, value: Any) -> None:
        self.name = _constant_name(value)
        arrow = infer_type(value)
        if arrow == pa.int64() and -(2**31) <= value < 2**31:
            arrow = pa.int32()  # as Java's literals
        self._value = value
        self.scalar = pa.scalar(value.item() if isinstance(value, np.generic) else value, arrow)

    def bind(self, schema: pa.Schema) -> Bound:
        return bind_constant(self.scalar, self.name)

    def sql(self, scope: Scope) -> tuple[str, bool]:
        """The value as an SQL literal (as a leaf where SQL has no spelling for it)."""
        value, arrow = self.scalar.as_py(), self.scalar.type
        if value is None:
            return "NULL", True
        if isinstance(value, bool):
            return str(value).lower(), False
        if isinstance(value, int):
            return f"CAST({value} AS {'INTEGER' if arrow == pa.int32() else 'BIGINT'})", False
        if isinstance(value, float):
            return f"CAST('{value!r}' AS DOUBLE)", False
        if isinstance(value, str):
            return text_literal(value), False
        return super().sql(scope)


def _constant_name(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "NULL" if value is None else str(value).lower()
    if isinstance(value, datetime.datetime):
        return f"TIMESTAMP '{value}'"
    if isinstance(value, datetime.date):
        return f"DATE '{value}'"
    if isinstance(value, bytes | bytearray):
        return f"X'{bytes(value).hex().upper()}'"
    if isinstance(value, decimal.Decimal):
        return str(value)
    return str(value.item() if isinstance(value, np.generic) else value)


class Call(Expression):
    """An SQL function or operator. Parameters: template, with {0}, {1} ... for the arguments' SQL; name;
    nulls, when the result is null: where "any" argument is, where "all" are, "never", or "always"
    possibly."""

    def __init__(
        self,
        template: str,
        args: Sequence[Expression],
        name: str,
        nulls: NullRule = "any",
        aggregate: bool = False,
    ) -> None:
        self._template, self._args, self.name, self._nulls = template, list(args), name, nulls
        self.aggregate = aggregate or any(arg.aggregate for arg in args)

    def sql(self, scope: Scope) -> tuple[str, bool]:
        """The template filled."""
        parts = [arg.sql(scope) for arg in self._args]
        nullable = [null for _, null in parts]
        rules = {"any": any(nullable), "all": all(nullable), "never": False, "always": True}
        return self._template.format(*(f"{text}" for text, _ in parts)), rules[self._nulls]


class Cast(Expression):
    """A value as another type; fractions are cut off, as Java does."""

    def __init__(self, child: Expression, data_type: AnyType, lenient: bool = False) -> None:
        self._child, self._type, self._lenient = child, data_type, lenient
        self.name, self.aggregate = child.name, child.aggregate

    def sql(self, scope: Scope) -> tuple[str, bool]:
        """CAST, or TRY_CAST."""
        text, nullable = self._child.sql(scope)
        arrow = to_arrow(self._type)
        if is_vector(arrow):
            raise AnalysisException(f"{self.name}: nothing can be cast to vector; use array_to_vector")
        source = scope.type_of(text) if not self.aggregate else pa.null()
        if pa.types.is_integer(arrow) and pa.types.is_floating(source):
            text = f"trunc({text})"
        if pa.types.is_integer(arrow) and pa.types.is_string(source):
            text = _whole_text(text, self._lenient)
        if pa.types.is_string(arrow) and pa.types.is_floating(source):
            return scope.leaf(_java_text(self._child.bind(scope.schema))), nullable
        kind = SQL_NAMES.get(self._type.simpleString(), self._type.simpleString().upper())
        return f"{'TRY_' if self._lenient else ''}CAST({text} AS {kind})", nullable or self._lenient


def _whole_text(text: str, lenient: bool) -> str:
    """A text that holds no fraction, which DuckDB would round and Spark refuses: else null or an error."""
    message = f"'Could not convert string ' || {text} || ' to a whole number'"
    refused = "NULL" if lenient else f"error({message})"
    return f"CASE WHEN regexp_matches({text}, '[.eE]') THEN {refused} ELSE {text} END"


SQL_NAMES = {
    "string": "VARCHAR",
    "binary": "BLOB",
    "timestamp": "TIMESTAMPTZ",
    "timestamp_ntz": "TIMESTAMP",
    "void": '"NULL"',
}


def _java_text(bound: Bound) -> Bound:
    """Floating-point numbers as Java writes them."""
    from pydeepl.frame.show import java_number

    def evaluate(batch: pa.RecordBatch) -> pa.Array:
        numbers = bound.evaluate(batch).to_pylist()
        return pa.array([None if number is None else java_number(number) for number in numbers], pa.string())

    made = pa.field(bound.field.name, pa.string(), bound.field.nullable)
    return Bound(made, bound.columns, evaluate, bound.text, (), bound.cheap)


class Case(Expression):
    """CASE WHEN condition THEN value ... ELSE default END."""

    def __init__(
        self, branches: Sequence[tuple[Expression, Expression]], default: Expression | None = None
    ) -> None:
        self.branches, self.default = list(branches), default
        whens = "".join(f" WHEN {test.name} THEN {value.name}" for test, value in branches)
        self.name = f"CASE{whens}{'' if default is None else f' ELSE {default.name}'} END"
        parts = [part for branch in branches for part in branch]
        self.aggregate = any(part.aggregate for part in [*parts, *([default] if default else [])])

    def sql(self, scope: Scope) -> tuple[str, bool]:
        """The CASE expression."""
        text, nullable = "CASE", self.default is None
        for test, value in self.branches:
            made, null = value.sql(scope)
            text += f" WHEN {test.sql(scope)[0]} THEN {made}"
            nullable = nullable or null
        if self.default is not None:
            made, null = self.default.sql(scope)
            text += f" ELSE {made}"
            nullable = nullable or null
        return f"({text} END)", nullable


_SPREADS = {"stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop"}
_CHOICES = {"min", "max", "first", "last", "any_value", "list", "median", "mode", "bool_and", "bool_or"}
SQL_AGGREGATES = {"sum", "avg", "mean", "count", "count_star"} | _SPREADS | _CHOICES


class Text(Expression):
    """SQL text: what filter strings and expr() hold. Parameters: text, in Spark's spelling; functions, those
    registered by name (None: the active session's)."""

    def __init__(self, text: str, functions: Mapping[str, Callable[..., Column]] | None = None) -> None:
        functions = _registered() if functions is None else functions
        self.name = text
        taken = Calls(f"SELECT {from_spark(text)}", functions, {})
        self._text = taken.sql.removeprefix("SELECT ")
        self._calls = {call.column: called(call, functions)._expression for call in taken.calls}
        nodes = [each for each in tree_nodes(syntax_tree(f"SELECT {self._text}")) if "function_name" in each]
        if any(each.get("class") == "WINDOW" for each in nodes):
            raise AnalysisException(f"{text}: window functions work in spark.sql() only")
        self.aggregate = any(each["function_name"].lower() in SQL_AGGREGATES for each in nodes)

    def sql(self, scope: Scope) -> tuple[str, bool]:
        """The text, whose columns go into the scope under their own names, calls as leaves."""
        text, nullable = self._text, []
        for parts in column_references(f"SELECT {self._text}"):
            if parts[0] in self._calls:
                bound = self._calls[parts[0]].bind(scope.schema)
                text = re.sub(rf"\b{parts[0]}\b", scope.leaf(bound), text)
                nullable.append(bound.field.nullable)
            else:
                nullable.append(scope.mention(parts))
        return f"({text})", any(nullable) or not nullable

    def bind(self, schema: pa.Schema) -> Bound:
        """The column; a lone name is a plain reference, a lone call that function's column."""
        references = column_references(f"SELECT {self._text}")
        if len(references) == 1 and self._text.strip().replace('"', "") == ".".join(references[0]):
            call = self._calls.get(references[0][0])
            return (
                Reference(references[0]).bind(schema) if call is None else call.bind(schema).named(self.name)
            )
        return super().bind(schema)


def _registered() -> Mapping[str, Callable[..., Column]]:
    """The active session's functions."""
    from pydeepl.frame.session import SparkSession

    session = SparkSession.getActiveSession()
    return {} if session is None else session._functions


def called(call: CallInText, functions: Mapping[str, Callable[..., Column]]) -> Column:
    """The column that a call in SQL text is."""
    return functions[call.function.lower()](*(Column(Text(each, functions)) for each in call.arguments))


class Apply(Leaf):
    """A function of whole Arrow columns. Parameters: function (one array per argument -> an array as long);
    arrow, the result's type (None: that of the first argument); nulls as for Call; cheap, whether evaluating
    twice does no harm; check, called with the arguments' fields, which it may refuse."""

    def __init__(
        self,
        function: Callable[..., pa.Array],
        args: Sequence[Expression],
        name: str,
        arrow: pa.DataType | None,
        nulls: NullRule = "any",
        cheap: bool = True,
        check: Callable[..., object] | None = None,
    ) -> None:
        self._function, self._args, self.name, self._arrow = function, list(args), name, arrow
        self._nulls, self._cheap, self._check = nulls, cheap, check

    def bind(self, schema: pa.Schema) -> Bound:
        bounds = [arg.bind(schema) for arg in self._args]
        if self._check is not None:
            self._check(*(bound.field for bound in bounds))
        arrow = self._arrow or bounds[0].field.type
        nullable = [bound.field.nullable for bound in bounds]
        rules = {"any": any(nullable), "all": all(nullable), "never": False, "always": True}

        def evaluate(batch: pa.RecordBatch) -> pa.Array:
            return self._function(*(bound.evaluate(batch) for bound in bounds))

        columns = frozenset().union(*(bound.columns for bound in bounds)) if bounds else frozenset([ROW])
        cheap = self._cheap and all(bound.cheap for bound in bounds)
        return Bound(pa.field(self.name, arrow, rules[self._nulls]), columns, evaluate, self.name, (), cheap)


class Ordinal(Leaf):
    """A function of the rows' ordinals."""

    def __init__(self, function: Callable[[Any], pa.Array], name: str, arrow: pa.DataType) -> None:
        self._function, self.name, self._arrow = function, name, arrow

    def bind(self, schema: pa.Schema) -> Bound:
        def evaluate(batch: pa.RecordBatch) -> pa.Array:
            return self._function(batch.column(ROW).to_numpy())

        return Bound(pa.field(self.name, self._arrow, False), frozenset([ROW]), evaluate, self.name)


class Named(Expression):
    """An expression under another name."""

    def __init__(self, child: Expression, name: str, metadata: dict[str, str] | None = None) -> None:
        self.child, self.name, self._metadata = child, name, metadata
        self.aggregate = child.aggregate

    def sql(self, scope: Scope) -> tuple[str, bool]:
        """The child's SQL."""
        return self.child.sql(scope)

    def bind(self, schema: pa.Schema) -> Bound:
        return self.child.bind(schema).named(self.name, self._metadata)


@dataclass(frozen=True)
class Order:
    """How to sort by an expression."""

    expression: Expression
    descending: bool = False
    nulls_first: bool | None = None  # None: first when ascending, last when descending


class Column:
    """A column expression: col("label") == 3, df.image.height / 2, when(...), udf(...)(...).

    Operators are PySpark's: arithmetic, comparisons, & (and), | (or), ~ (not); a comparison with null is
    null, and a filter keeps the rows where its condition is true. Source: pyspark.sql.Column.
    """

    def __init__(self, expression: Expression, order: Order | None = None) -> None:
        self._expression, self._order = expression, order

    # Arithmetic

    def __add__(self, other: Any) -> Column:
        return self._infix("+", other)

    def __radd__(self, other: Any) -> Column:
        return column_of(other)._infix("+", self)

    def __sub__(self, other: Any) -> Column:
        return self._infix("-", other)

    def __rsub__(self, other: Any) -> Column:
        return column_of(other)._infix("-", self)

    def __mul__(self, other: Any) -> Column:
        return self._infix("*", other)

    def __rmul__(self, other: Any) -> Column:
        return column_of(other)._infix("*", self)

    def __truediv__(self, other: Any) -> Column:
        divisor = f"CASE {{1}} WHEN 0 THEN {DIVISION_BY_ZERO} ELSE {{1}} END"
        return self._call(f"(CAST({{0}} AS DOUBLE) / ({divisor}))", [other], "({0} / {1})", "always")

    def __rtruediv__(self, other: Any) -> Column:
        return column_of(other).__truediv__(self)

    def __mod__(self, other: Any) -> Column:
        divisor = f"CASE {{1}} WHEN 0 THEN {DIVISION_BY_ZERO} ELSE {{1}} END"
        return self._call(f"({{0}} % ({divisor}))", [other], "({0} % {1})", "always")

    def __rmod__(self, other: Any) -> Column:
        return column_of(other).__mod__(self)

    def __pow__(self, other: Any) -> Column:
        return self._call("power({0}, {1})", [other], "POWER({0}, {1})")

    def __rpow__(self, other: Any) -> Column:
        return column_of(other).__pow__(self)

    def __neg__(self) -> Column:
        return self._call("(-{0})", [], "negative({0})")

    # Comparisons

    def __eq__(self, other: Any) -> Column:  # type: ignore[override]
        return self._infix("=", other)

    def __ne__(self, other: Any) -> Column:  # type: ignore[override]
        return self._call("({0} <> {1})", [other], "(NOT ({0} = {1}))")

    def __lt__(self, other: Any) -> Column:
        return self._infix("<", other)

    def __le__(self, other: Any) -> Column:
        return self._infix("<=", other)

    def __gt__(self, other: Any) -> Column:
        return self._infix(">", other)

    def __ge__(self, other: Any) -> Column:
        return self._infix(">=", other)

    def eqNullSafe(self, other: Any) -> Column:
        """Equality that is true for two nulls and false for one."""
        return self._call("({0} IS NOT DISTINCT FROM {1})", [other], "({0} <=> {1})", "never")

    def isin(self, *values: Any) -> Column:
        """Whether the value is one of those given (as arguments or as one list)."""
        if len(values) == 1 and isinstance(values[0], list | tuple | set | frozenset | np.ndarray):
            values = tuple(values[0])
        if not values:
            return self._call("({0} IS NOT NULL AND false)", [], "({0} IN ())")
        marks = ", ".join(f"{{{place}}}" for place in range(1, len(values) + 1))
        return self._call(f"({{0}} IN ({marks}))", values, f"({{0}} IN ({marks}))")

    def between(self, lowerBound: Any, upperBound: Any) -> Column:
        """Whether the value lies between two others, both included."""
        both: Column = (self >= lowerBound) & (self <= upperBound)
        return both

    def isNull(self) -> Column:
        """Whether there is no value."""
        return Column(
            Apply(pc.is_null, [self._expression], f"({self._expression.name} IS NULL)", pa.bool_(), "never")
        )

    def isNotNull(self) -> Column:
        """Whether there is a value."""
        name = f"({self._expression.name} IS NOT NULL)"
        return Column(Apply(pc.is_valid, [self._expression], name, pa.bool_(), "never"))

    def isNaN(self) -> Column:
        """Whether the value is not a number (a null is one)."""
        return self._call("coalesce(isnan({0}), false)", [], "isnan({0})", "never")

    # Logic

    def __and__(self, other: Any) -> Column:
        return self._infix("AND", other)

    def __rand__(self, other: Any) -> Column:
        return column_of(other)._infix("AND", self)

    def __or__(self, other: Any) -> Column:
        return self._infix("OR", other)

    def __ror__(self, other: Any) -> Column:
        return column_of(other)._infix("OR", self)

    def __invert__(self) -> Column:
        return self._call("(NOT {0})", [], "(NOT {0})")

    def __bool__(self) -> bool:
        raise ValueError(
            "Cannot convert column into bool: please use '&' for 'and', '|' for 'or', '~' for 'not' "
            "when building DataFrame boolean expressions."
        )

    def when(self, condition: Column, value: Any) -> Column:
        """A further branch of functions.when()."""
        case = self._expression
        if not isinstance(case, Case) or case.default is not None:
            raise TypeError("when() can only be applied on a Column previously generated by when() function")
        return Column(Case([*case.branches, (condition._expression, column_of(value)._expression)]))

    def otherwise(self, value: Any) -> Column:
        """The value where no branch of functions.when() holds."""
        case = self._expression
        if not isinstance(case, Case) or case.default is not None:
            raise TypeError("otherwise() can only be applied on a Column previously generated by when()")
        return Column(Case(case.branches, column_of(value)._expression))

    # Text

    def like(self, other: str) -> Column:
        """SQL's LIKE: % is any text, _ any letter."""
        return self._call("({0} LIKE {1} ESCAPE '\\')", [other], "{0} LIKE {1}")

    def ilike(self, other: str) -> Column:
        """LIKE without regard to case."""
        return self._call("({0} ILIKE {1} ESCAPE '\\')", [other], "ilike({0}, {1})")

    def rlike(self, other: str) -> Column:
        """Whether a regular expression is found in the text."""
        return self._call("regexp_matches({0}, {1})", [other], "RLIKE({0}, {1})")

    def startswith(self, other: Any) -> Column:
        """Whether the text starts so."""
        return self._call("starts_with({0}, {1})", [other], "startswith({0}, {1})")

    def endswith(self, other: Any) -> Column:
        """Whether the text ends so."""
        return self._call("suffix({0}, {1})", [other], "endswith({0}, {1})")

    def contains(self, other: Any) -> Column:
        """Whether the text contains another."""
        return self._call("contains({0}, {1})", [other], "contains({0}, {1})")

    def substr(self, startPos: Any, length: Any) -> Column:
        """The part of a text from a position (1 is the first, and so is 0) and of a length."""
        template = "substring({0}, CASE {1} WHEN 0 THEN 1 ELSE {1} END, {2})"
        return self._call(template, [startPos, length], "substring({0}, {1}, {2})")

    # Parts, types and names

    def getField(self, name: str) -> Column:
        """A field of a struct."""
        if isinstance(self._expression, Reference):
            found = Reference([*self._expression.parts, name])
            found.name = f"{self._expression.name}.{name}"
            return Column(found)
        quoted = name.replace("'", "''").replace("{", "{{").replace("}", "}}")
        return self._call(f"struct_extract({{0}}, '{quoted}')", [], f"{{0}}.{name}", "always")

    def getItem(self, key: Any) -> Column:
        """An element of a list (0 is the first), a value of a map, or a field of a struct."""
        if isinstance(key, str) and isinstance(self._expression, Reference):
            return self.getField(key)
        if isinstance(key, int):
            return self._call(f"list_extract({{0}}, {key + 1})", [], f"{{0}}[{key}]", "always")
        return self._call("element_at({0}, {1})[1]", [key], "{0}[{1}]", "always")

    def __getitem__(self, key: Any) -> Column:
        if isinstance(key, slice):
            return self.substr(key.start, key.stop)
        return self.getItem(key)

    def __getattr__(self, name: str) -> Column:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.getField(name)

    def __iter__(self) -> Any:
        raise TypeError("Column is not iterable")

    def cast(self, dataType: AnyType | str) -> Column:
        """The value as another type. A value that does not fit is an error when the column is computed."""
        return Column(Cast(self._expression, _type(dataType)))

    astype = cast

    def try_cast(self, dataType: AnyType | str) -> Column:
        """The value as another type, null where it does not fit."""
        return Column(Cast(self._expression, _type(dataType), lenient=True))

    def alias(self, *alias: str, metadata: dict[str, Any] | None = None) -> Column:
        """The column under another name. Parameters: alias, the name; metadata, to attach to the column."""
        import json

        packed = None if metadata is None else {key: json.dumps(value) for key, value in metadata.items()}
        return Column(Named(self._expression, alias[0], packed))

    name = alias

    # Sorting

    def asc(self) -> Column:
        """Sort ascending, nulls first."""
        return Column(self._expression, Order(self._expression))

    def desc(self) -> Column:
        """Sort descending, nulls last."""
        return Column(self._expression, Order(self._expression, True))

    def asc_nulls_first(self) -> Column:
        """Sort ascending, nulls first."""
        return Column(self._expression, Order(self._expression, False, True))

    def asc_nulls_last(self) -> Column:
        """Sort ascending, nulls last."""
        return Column(self._expression, Order(self._expression, False, False))

    def desc_nulls_first(self) -> Column:
        """Sort descending, nulls first."""
        return Column(self._expression, Order(self._expression, True, True))

    def desc_nulls_last(self) -> Column:
        """Sort descending, nulls last."""
        return Column(self._expression, Order(self._expression, True, False))

    def __repr__(self) -> str:
        return f"Column<'{self._expression.name}'>"

    __hash__ = None  # type: ignore[assignment]

    def _call(self, template: str, others: Sequence[Any], name: str, nulls: NullRule = "any") -> Column:
        args = [self._expression, *(column_of(other)._expression for other in others)]
        return Column(Call(template, args, name.format(*(arg.name for arg in args)), nulls))

    def _infix(self, operator: str, other: Any) -> Column:
        return self._call(f"({{0}} {operator} {{1}})", [other], f"({{0}} {operator} {{1}})")


DIVISION_BY_ZERO = "error('Division by zero')"


def column_of(value: Any) -> Column:
    """A Column as it is; any other value as a constant."""
    return value if isinstance(value, Column) else Column(Constant(value))


def named_column(name: str | Column) -> Column:
    """A Column as it is; a text as a column's (dotted) name."""
    if isinstance(name, Column):
        return name
    if not isinstance(name, str):
        raise TypeError(f"expected a column's name or a Column, got {name!r}")
    return Column(Reference(split_name(name)))


def split_name(name: str) -> list[str]:
    """The parts of a dotted name; dots inside `backticks` do not count."""
    parts = [""]
    inside = False
    for letter in name:
        if letter == "`":
            inside = not inside
        elif letter == "." and not inside:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def random_column(seed: int, name: str, transform: Callable[[Any], Any]) -> Column:
    """Random numbers made from each row's ordinal."""
    return Column(Ordinal(lambda rows: pa.array(transform(uniform(rows, seed))), name, pa.float64()))


def _type(data_type: AnyType | str) -> AnyType:
    return parse_type(data_type) if isinstance(data_type, str) else data_type
