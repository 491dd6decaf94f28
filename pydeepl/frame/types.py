"""Spark's column types under PySpark's names, and their Arrow counterparts.

A frame's schema is an Arrow schema (nullability and metadata in its fields); these classes are what people
see of it.
"""

from __future__ import annotations

import datetime
import decimal
import json
from abc import ABC
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
import pyarrow as pa

from pydeepl.linalg import MIXED, DenseVector, SparseVector, VectorUDT, is_vector, vectors_array

# PySpark's names; what else is here is for pydeepl's own modules.
__all__ = [
    "ArrayType", "BinaryType", "BooleanType", "ByteType", "DataType", "DateType", "DecimalType", "DoubleType",
    "FloatType", "IntegerType", "LongType", "MapType", "NullType", "ShortType", "StringType", "StructField",
    "StructType", "TimestampNTZType", "TimestampType",
]  # fmt: skip


class DataType(ABC):  # noqa: B024 (a common ancestor for isinstance, with nothing left abstract)
    """A column's type."""

    name: ClassVar[str] = ""  # in printSchema() and in a schema's JSON
    short: ClassVar[str] = ""  # in dtypes and SQL

    def simpleString(self) -> str:
        """The type as `dtypes` and SQL spell it."""
        return self.short or self.name

    def typeName(self) -> str:
        """The type as printSchema() spells it."""
        return self.name

    def jsonValue(self) -> Any:
        """The type in a schema's JSON."""
        return self.name

    def json(self) -> str:
        """The type as JSON text."""
        return json.dumps(self.jsonValue(), separators=(",", ":"), sort_keys=True)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


DataType.register(VectorUDT)
AnyType: TypeAlias = DataType | VectorUDT


class NullType(DataType):
    """Nothing but nulls."""

    name = "void"


class StringType(DataType):
    """Text."""

    name = "string"


class BinaryType(DataType):
    """Bytes."""

    name = "binary"


class BooleanType(DataType):
    """True or false."""

    name = "boolean"


class DateType(DataType):
    """A day."""

    name = "date"


class TimestampType(DataType):
    """A moment, in microseconds."""

    name = "timestamp"


class TimestampNTZType(DataType):
    """A date and time without a zone."""

    name = "timestamp_ntz"


class ByteType(DataType):
    """An 8-bit integer."""

    name, short = "byte", "tinyint"


class ShortType(DataType):
    """A 16-bit integer."""

    name, short = "short", "smallint"


class IntegerType(DataType):
    """A 32-bit integer."""

    name, short = "integer", "int"


class LongType(DataType):
    """A 64-bit integer."""

    name, short = "long", "bigint"


class FloatType(DataType):
    """A 32-bit floating-point number."""

    name = "float"


class DoubleType(DataType):
    """A 64-bit floating-point number."""

    name = "double"


class DecimalType(DataType):
    """A decimal number. Parameters: precision, digits in all; scale, digits after the point."""

    name = "decimal"

    def __init__(self, precision: int = 10, scale: int = 0) -> None:
        self.precision, self.scale = precision, scale

    def simpleString(self) -> str:
        """decimal(p,s)."""
        return f"decimal({self.precision},{self.scale})"

    typeName = jsonValue = simpleString

    def __repr__(self) -> str:
        return f"DecimalType({self.precision},{self.scale})"


class ArrayType(DataType):
    """Lists. Parameters: elementType; containsNull, whether an element may be null."""

    name = "array"

    def __init__(self, elementType: AnyType, containsNull: bool = True) -> None:
        self.elementType, self.containsNull = elementType, containsNull

    def simpleString(self) -> str:
        """array<element>."""
        return f"array<{self.elementType.simpleString()}>"

    def jsonValue(self) -> Any:
        """The type in a schema's JSON."""
        return {
            "type": "array",
            "elementType": self.elementType.jsonValue(),
            "containsNull": self.containsNull,
        }

    def __repr__(self) -> str:
        return f"ArrayType({self.elementType!r}, {self.containsNull})"


class MapType(DataType):
    """Maps. Parameters: keyType, valueType; valueContainsNull, whether a value may be null."""

    name = "map"

    def __init__(self, keyType: AnyType, valueType: AnyType, valueContainsNull: bool = True) -> None:
        self.keyType, self.valueType, self.valueContainsNull = keyType, valueType, valueContainsNull

    def simpleString(self) -> str:
        """map<key,value>."""
        return f"map<{self.keyType.simpleString()},{self.valueType.simpleString()}>"

    def jsonValue(self) -> Any:
        """The type in a schema's JSON."""
        return {
            "type": "map",
            "keyType": self.keyType.jsonValue(),
            "valueType": self.valueType.jsonValue(),
            "valueContainsNull": self.valueContainsNull,
        }

    def __repr__(self) -> str:
        return f"MapType({self.keyType!r}, {self.valueType!r}, {self.valueContainsNull})"


class StructField(DataType):
    """A named column of a schema. Parameters: name, dataType (an object or its SQL spelling), nullable,
    metadata."""

    def __init__(
        self,
        name: str,
        dataType: AnyType | str,
        nullable: bool = True,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.name = name  # type: ignore[misc]
        self.dataType = parse_type(dataType) if isinstance(dataType, str) else dataType
        self.nullable, self.metadata = nullable, metadata or {}

    def simpleString(self) -> str:
        """name:type."""
        return f"{self.name}:{self.dataType.simpleString()}"

    def jsonValue(self) -> Any:
        """The field in a schema's JSON."""
        return {
            "name": self.name,
            "type": self.dataType.jsonValue(),
            "nullable": self.nullable,
            "metadata": self.metadata,
        }

    def __repr__(self) -> str:
        return f"StructField('{self.name}', {self.dataType!r}, {self.nullable})"


class StructType(DataType):
    """A schema, or the type of a column of structs. Parameters: fields, a list of StructField."""

    name = "struct"

    def __init__(self, fields: Sequence[StructField] | None = None) -> None:
        self.fields = list(fields or [])

    def add(
        self,
        field: StructField | str,
        data_type: AnyType | str | None = None,
        nullable: bool = True,
        metadata: dict[str, Any] | None = None,
    ) -> StructType:
        """Appends a field (a StructField, or its name and type) and returns the schema itself."""
        if isinstance(field, str):
            if data_type is None:
                raise ValueError(f"StructType.add: field {field!r} needs a type")
            field = StructField(field, data_type, nullable, metadata)
        self.fields.append(field)
        return self

    @property
    def names(self) -> list[str]:
        """The fields' names."""
        return [field.name for field in self.fields]

    def fieldNames(self) -> list[str]:
        """The fields' names."""
        return self.names

    def simpleString(self) -> str:
        """struct<name:type,...>."""
        return f"struct<{','.join(field.simpleString() for field in self.fields)}>"

    def jsonValue(self) -> Any:
        """The schema as JSON values."""
        return {"type": "struct", "fields": [field.jsonValue() for field in self.fields]}

    def treeString(self) -> str:
        """printSchema()'s text."""
        return "root\n" + "".join(_tree(field, " |") for field in self.fields)

    def __iter__(self) -> Iterator[StructField]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, key: str | int) -> StructField:
        if isinstance(key, int):
            return self.fields[key]
        for field in self.fields:
            if field.name == key:
                return field
        raise KeyError(f"No StructField named {key}")

    def __repr__(self) -> str:
        return f"StructType([{', '.join(map(repr, self.fields))}])"


def _tree(field: StructField, indent: str) -> str:
    head = (
        f"{indent}-- {field.name}: {field.dataType.typeName()} (nullable = {str(field.nullable).lower()})\n"
    )
    return head + _inside(field.dataType, indent + "    |")


def _inside(data_type: AnyType, indent: str) -> str:
    """The lines of a nested type's parts."""
    if isinstance(data_type, StructType):
        return "".join(_tree(field, indent) for field in data_type.fields)
    if isinstance(data_type, ArrayType):
        element, nulls = data_type.elementType, str(data_type.containsNull).lower()
        head = f"{indent}-- element: {element.typeName()} (containsNull = {nulls})\n"
        return head + _inside(element, indent + "    |")
    if isinstance(data_type, MapType):
        key, value, nulls = data_type.keyType, data_type.valueType, str(data_type.valueContainsNull).lower()
        deeper = indent + "    |"
        head = f"{indent}-- key: {key.typeName()}\n{_inside(key, deeper)}"
        return (
            head
            + f"{indent}-- value: {value.typeName()} (valueContainsNull = {nulls})\n{_inside(value, deeper)}"
        )
    return ""


ATOMS: tuple[tuple[type[DataType], pa.DataType], ...] = (
    (NullType, pa.null()),
    (StringType, pa.string()),
    (BinaryType, pa.binary()),
    (BooleanType, pa.bool_()),
    (ByteType, pa.int8()),
    (ShortType, pa.int16()),
    (IntegerType, pa.int32()),
    (LongType, pa.int64()),
    (FloatType, pa.float32()),
    (DoubleType, pa.float64()),
    (DateType, pa.date32()),
    (TimestampType, pa.timestamp("us", tz="UTC")),
    (TimestampNTZType, pa.timestamp("us")),
)
_TO_ARROW = dict(ATOMS)
_FROM_ARROW = {arrow: spark for spark, arrow in ATOMS} | {
    pa.large_string(): StringType,
    pa.string_view(): StringType,
    pa.large_binary(): BinaryType,
    pa.binary_view(): BinaryType,
    pa.float16(): FloatType,
    pa.uint8(): ShortType,
    pa.uint16(): IntegerType,
    pa.uint32(): LongType,
    pa.uint64(): DecimalType,
    pa.date64(): DateType,
}
_NAMES: dict[str, AnyType] = {
    name: spark() for spark, _ in ATOMS for name in (spark.name, spark.short) if name
}
_NAMES |= {
    "vector": VectorUDT(),
    "bool": BooleanType(),
    "str": StringType(),
    "real": FloatType(),
    "null": NullType(),
}


def to_arrow(data_type: AnyType) -> pa.DataType:
    """The Arrow type that holds a Spark type. Raises TypeError for an unknown one."""
    if isinstance(data_type, VectorUDT):
        return MIXED
    if isinstance(data_type, ArrayType):
        return pa.list_(pa.field("element", to_arrow(data_type.elementType), data_type.containsNull))
    if isinstance(data_type, MapType):
        value = pa.field("value", to_arrow(data_type.valueType), data_type.valueContainsNull)
        return pa.map_(to_arrow(data_type.keyType), value)
    if isinstance(data_type, StructType):
        return pa.struct([field_to_arrow(field) for field in data_type.fields])
    if isinstance(data_type, DecimalType):
        return pa.decimal128(data_type.precision, data_type.scale)
    if type(data_type) not in _TO_ARROW:
        raise TypeError(f"expected a column type such as IntegerType() or 'int', got {data_type!r}")
    return _TO_ARROW[type(data_type)]


def from_arrow(arrow: pa.DataType) -> AnyType:
    """The Spark type of an Arrow type. Raises TypeError where Spark has none."""
    if is_vector(arrow):
        return VectorUDT()
    if pa.types.is_dictionary(arrow):
        return from_arrow(arrow.value_type)
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow) or pa.types.is_fixed_size_list(arrow):
        return ArrayType(from_arrow(arrow.value_type), arrow.value_field.nullable)
    if pa.types.is_map(arrow):
        return MapType(from_arrow(arrow.key_type), from_arrow(arrow.item_type), arrow.item_field.nullable)
    if pa.types.is_struct(arrow):
        return StructType([field_from_arrow(arrow.field(i)) for i in range(arrow.num_fields)])
    if pa.types.is_decimal(arrow):
        return DecimalType(arrow.precision, arrow.scale)
    if pa.types.is_timestamp(arrow):
        return TimestampType() if arrow.tz else TimestampNTZType()
    if arrow == pa.uint64():
        return DecimalType(20, 0)
    if arrow not in _FROM_ARROW:
        raise TypeError(f"columns of Arrow type {arrow} are not supported; cast them first")
    return _FROM_ARROW[arrow]()


def field_to_arrow(field: StructField) -> pa.Field:
    """The Arrow field of a StructField."""
    metadata = {str(key): json.dumps(value) for key, value in field.metadata.items()} or None
    return pa.field(field.name, to_arrow(field.dataType), field.nullable, metadata)


def field_from_arrow(field: pa.Field) -> StructField:
    """The StructField of an Arrow field; metadata values that are JSON become Python values."""
    metadata: dict[str, Any] = {}
    for key, value in (field.metadata or {}).items():
        if not key.startswith(b"PARQUET:"):
            metadata[key.decode()] = _json(value.decode())
    return StructField(field.name, from_arrow(field.type), field.nullable, metadata)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def schema_from_arrow(schema: pa.Schema) -> StructType:
    """The StructType of an Arrow schema."""
    return StructType([field_from_arrow(field) for field in schema])


def schema_to_arrow(schema: StructType) -> pa.Schema:
    """The Arrow schema of a StructType."""
    return pa.schema([field_to_arrow(field) for field in schema.fields])


def parse_type(text: str) -> AnyType:
    """The type of a SQL spelling: "int", "array<double>", "struct<a:int,b:string>", "a int, b string",
    "decimal(10,2)".

    Raises ValueError for a spelling that is not known.
    """
    text = text.strip()
    lower = text.lower()
    if lower in _NAMES:
        return _NAMES[lower]
    if lower.startswith("decimal"):
        inner = text[7:].strip("() ")
        return DecimalType(*(int(part) for part in inner.split(",") if part))
    if lower.startswith("array<") and lower.endswith(">"):
        return ArrayType(parse_type(text[6:-1]))
    if lower.startswith("map<") and lower.endswith(">"):
        parts = _split(text[4:-1])
        if len(parts) == 2:
            return MapType(parse_type(parts[0]), parse_type(parts[1]))
    if lower.startswith("struct<") and lower.endswith(">"):
        return StructType([_parse_field(part) for part in _split(text[7:-1])])
    if " " in text or ":" in text:
        return StructType([_parse_field(part) for part in _split(text)])
    raise ValueError(f"unknown type {text!r}; known: {', '.join(sorted(_NAMES))}, array<>, map<,>, struct<>")


def _parse_field(text: str) -> StructField:
    name, _, kind = text.strip().replace(":", " ", 1).partition(" ")
    kind = kind.strip()
    required = kind.lower().endswith(" not null")
    return StructField(name.strip("`"), parse_type(kind[:-9] if required else kind), not required)


def _split(text: str) -> list[str]:
    """The parts between the commas that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [part for part in [*parts, text[start:]] if part.strip()]


def infer_type(value: Any) -> pa.DataType:
    """The Arrow type in which Spark would hold a Python value. Raises TypeError where it has none."""
    simple = (
        (type(None), pa.null()),
        (bool | np.bool_, pa.bool_()),
        (int | np.integer, pa.int64()),
        (float | np.floating, pa.float64()),
        (str, pa.string()),
        (bytes | bytearray | memoryview, pa.binary()),
        (datetime.datetime, pa.timestamp("us", tz="UTC")),
        (datetime.date, pa.date32()),
        (decimal.Decimal, pa.decimal128(38, 18)),
    )
    for kind, arrow in simple:
        if isinstance(value, kind):
            return arrow
    if isinstance(value, DenseVector | SparseVector):
        return vectors_array([value]).type
    if hasattr(value, "asDict"):
        return pa.struct([pa.field(key, infer_type(item)) for key, item in value.asDict().items()])
    if isinstance(value, tuple):
        return pa.struct([pa.field(f"_{place}", infer_type(item)) for place, item in enumerate(value, 1)])
    if isinstance(value, dict):
        return _infer_dict(value)
    if isinstance(value, list | np.ndarray):
        present = [item for item in value if item is not None]
        return pa.list_(pa.field("element", infer_type(present[0]) if present else pa.null()))
    raise TypeError(f"a value of type {type(value).__name__} has no column type: {value!r:.60}")


def _infer_dict(value: dict[Any, Any]) -> pa.DataType:
    """A map, as Spark has it, where all values are of one type; a struct of fields where they differ."""
    kinds = [infer_type(item) for item in value.values() if item is not None]
    texts = all(isinstance(key, str) for key in value)
    if texts and len({str(kind) for kind in kinds}) > 1:
        return pa.struct([pa.field(key, infer_type(item)) for key, item in value.items()])
    key = next(iter(value), "")
    return pa.map_(infer_type(key), kinds[0] if kinds else pa.null())
