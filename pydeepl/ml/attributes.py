"""ML attributes: what stages leave in a column's metadata of its values or features, under "ml_attr".

    of a column of class numbers    {"type": "nominal", "name": "index", "vals": ["cat", "dog"]}
    of a column of vectors          {"num_attrs": 3, "attrs": {"numeric": [{"idx": 0, "name": "width"}, ...]}}

Source: the JSON of org.apache.spark.ml.attribute (Spark 4).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from pydeepl.linalg import MIXED_STORAGE_FLOAT32, is_vector

__all__ = [
    "attribute",
    "binary_field",
    "feature_attributes",
    "holds_float32",
    "is_sparse",
    "label_values",
    "nominal_field",
    "vector_field",
    "vector_size",
]

# Features of larger vectors go without names: pixels and activations would make a schema of megabytes.
MOST_NAMED_FEATURES = 1024


def attribute(field: pa.Field) -> dict[str, Any]:
    """A column's ML attribute; empty where it has none."""
    text = (field.metadata or {}).get(b"ml_attr")
    found = json.loads(text) if text else None
    return found if isinstance(found, dict) else {}


def _with_attribute(field: pa.Field, value: dict[str, Any]) -> pa.Field:
    return field.with_metadata({"ml_attr": json.dumps(value)})


def nominal_field(name: str, values: Sequence[str]) -> pa.Field:
    """The field of a column of class numbers, whose class i is values[i]."""
    found = {"type": "nominal", "name": name, "vals": list(values)}
    return _with_attribute(pa.field(name, pa.float64(), nullable=False), found)


def binary_field(name: str) -> pa.Field:
    """The field of a column of the class numbers 0 and 1."""
    return _with_attribute(pa.field(name, pa.float64(), nullable=False), {"type": "binary", "name": name})


def label_values(field: pa.Field) -> list[str] | None:
    """The classes' names of a column of class numbers; None where its attribute has none."""
    found = attribute(field)
    values = found.get("vals") if found.get("type") in ("nominal", "binary") else None
    return None if values is None else [str(value) for value in values]


def vector_field(
    name: str, kind: pa.DataType, size: int, features: Sequence[dict[str, Any]] = ()
) -> pa.Field:
    """The field of a column of vectors.

    Parameters
    ----------
    name, kind: of the column. size: of its vectors.
    features: the attribute of each feature in turn, with its name, or none.
    """
    found: dict[str, Any] = {"num_attrs": size}
    groups: dict[str, list[dict[str, Any]]] = {}
    if len(features) == size <= MOST_NAMED_FEATURES:
        for place, feature in enumerate(features):
            rest = {key: value for key, value in feature.items() if key != "type"}
            groups.setdefault(feature.get("type", "numeric"), []).append({"idx": place, **rest})
    if groups:
        found["attrs"] = groups
    return _with_attribute(pa.field(name, kind), found)


def vector_size(field: pa.Field) -> int | None:
    """The size of a column's vectors, from its type or its attribute; None where neither tells."""
    if is_vector(field.type) and field.type.size is not None:
        return int(field.type.size)
    if pa.types.is_fixed_size_list(field.type):
        return int(field.type.list_size)
    size = attribute(field).get("num_attrs")
    return int(size) if isinstance(size, int) else None


def is_sparse(kind: pa.DataType) -> bool:
    """Whether a type is of vectors that are stored sparse."""
    return is_vector(kind) and kind.size is None


def holds_float32(kind: pa.DataType) -> bool:
    """Whether a type is of vectors, dense or sparse, of float32."""
    storage = kind.storage_type if is_vector(kind) else kind
    dense = pa.types.is_fixed_size_list(storage) and storage.value_type == pa.float32()
    return bool(dense or storage == MIXED_STORAGE_FLOAT32)


def feature_attributes(field: pa.Field, size: int) -> list[dict[str, Any]]:
    """The attribute of each feature of a column of vectors, named "column_feature" or else "column_place"."""
    groups = attribute(field).get("attrs") or {}
    known = {one["idx"]: {**one, "type": kind} for kind, group in groups.items() for one in group}
    found = []
    for place in range(size):
        one = {key: value for key, value in known.get(place, {}).items() if key != "idx"}
        found.append({"type": "numeric", **one, "name": f"{field.name}_{one.get('name', place)}"})
    return found
