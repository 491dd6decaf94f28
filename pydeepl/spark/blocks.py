"""A classifier's training rows in Spark: compact blocks that the executors keep, and sums over them.

    row of the dataset ──► block: Arrow of float32 features, labels, weights ──► the driver, whole
                                   (kept by Spark, a partition's at a time)   └► sums of a part ──► of all

What runs in the workers takes batches of blocks and gives batches of sums; a part is a partition's blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import safetensors.numpy
from numpy.typing import NDArray

from pydeepl import _core
from pydeepl.linalg import MIXED, mixed, vector_array, vector_matrix
from pydeepl.ml.columns import to_numbers
from pydeepl.ml.training_set import (
    TrainingSet,
    check_labels,
    check_weights,
    feature_rows,
    read_training_set,
)
from pydeepl.spark.columns import to_own

BLOCKS = "block binary, rows long, bytes long, part int"
SUMS = "part int, sums binary"

# Bytes of a block before compression: few enough for Spark's arrays, enough for a pass over it to be quick.
_BLOCK_BYTES = 32 * 2**20

Floats: TypeAlias = NDArray[np.float64]
Sums: TypeAlias = dict[str, Floats]


class Names(NamedTuple):
    """The columns of a training set; weight is None where all rows weigh the same."""

    features: str
    label: str
    weight: str | None


# ---- blocks


def make_blocks(batches: Iterator[pa.RecordBatch], own: bytes, names: Names) -> Iterator[pa.RecordBatch]:
    """Blocks of checked rows; rows of weight 0 are left out.

    Parameters: batches of Spark's, of the schema that own_schema gave, serialized. Raises ValueError naming
    the column, and the row within its partition.
    """
    schema = pa.ipc.read_schema(pa.py_buffer(own))
    names = Names(*names)
    first = 0
    for batch in batches:
        if batch.num_rows:
            for block in _blocks(to_own(batch, schema), names, first):
                yield _row_of(block)
        first += batch.num_rows


def _blocks(table: pa.Table, names: Names, first: int) -> Iterator[pa.RecordBatch]:
    feature_rows(table[names.features], names.features, first, None)
    labels = to_numbers(table[names.label], names.label, first)
    check_labels(labels, names.label, first)
    columns = {names.features: _compact(table[names.features]), names.label: pa.array(labels)}
    if names.weight:
        weights = to_numbers(table[names.weight], names.weight, first)
        check_weights(weights, names.weight, first)
        columns[names.weight] = pa.array(weights)
        columns = {name: _filter(column, weights != 0) for name, column in columns.items()}
    batch = pa.RecordBatch.from_pydict(columns)
    rows = max(1, _BLOCK_BYTES * batch.num_rows // max(batch.nbytes, 1))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def _compact(column: pa.ChunkedArray) -> pa.ExtensionArray:
    """Dense features as float32, what training takes; sparse ones as they are."""
    if column.type == MIXED:
        return column.combine_chunks()
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused as such
        return vector_array(vector_matrix(column).astype(np.float32))


def _filter(column: Any, rows: NDArray[np.bool_]) -> Any:
    if rows.all():
        return column
    if not isinstance(column, pa.ExtensionArray):
        return column.filter(pa.array(rows))
    if column.type == MIXED:
        return pa.ExtensionArray.from_storage(MIXED, mixed(column).storage.filter(pa.array(rows)))
    return vector_array(np.ascontiguousarray(vector_matrix(column)[rows]))


def _row_of(batch: pa.RecordBatch) -> pa.RecordBatch:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")  # features after a ReLU are mostly zeros
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([sink.getvalue().to_pybytes()], pa.binary()),
            pa.array([batch.num_rows], pa.int64()),
            pa.array([batch.nbytes], pa.int64()),
            pa.array([_part()], pa.int32()),
        ],
        names=["block", "rows", "bytes", "part"],
    )


def _part() -> int:
    from pyspark import TaskContext

    context = TaskContext.get()
    return 0 if context is None else int(context.partitionId())


class _Blocks:
    """What read_training_set needs of a frame."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = blocks

    def _arrow(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        for block in self._blocks:
            for batch in pa.ipc.open_stream(pa.py_buffer(block)):
                yield batch.select(names)


def read_blocks(blocks: Iterable[bytes], names: Names) -> TrainingSet:
    """The training set of blocks. Raises ValueError where there are none, or features differ in size."""
    dataset: Any = _Blocks(blocks)
    return read_training_set(dataset, *names)


# ---- sums over parts


def survey_part(batches: Iterator[pa.RecordBatch], names: Names) -> Iterator[pa.RecordBatch]:
    """A part's weights, means, spreads and the weights of its labels."""

    def survey(data: TrainingSet) -> Sums:
        mean, spread = _core.features_spread(data.features, data.weights, 0)
        weights = np.ones(len(data.labels)) if data.weights is None else data.weights
        labels, places = np.unique(data.labels, return_inverse=True)
        return {
            "weight": np.array([weights.sum(), (weights**2).sum()]),
            "mean": mean,
            "spread": spread,
            "labels": labels,
            "label_weights": np.bincount(places.reshape(-1), weights),
        }

    return _sums_of(batches, names, survey)


def evaluate_part(
    batches: Iterator[pa.RecordBatch],
    names: Names,
    classes: int,
    multinomial: bool,
    intercept: bool,
    mean: Floats,
    deviation: Floats,
    point: Floats,
) -> Iterator[pa.RecordBatch]:
    """A part's sum of losses and its gradient; parameters as _core.logistic_part takes them."""

    def evaluate(data: TrainingSet) -> Sums:
        value, gradient = _core.logistic_part(
            data.features,
            data.labels,
            data.weights,
            classes,
            multinomial,
            intercept,
            0,
            mean,
            deviation,
            point,
        )
        return {"value": np.array([value]), "gradient": gradient}

    return _sums_of(batches, names, evaluate)


def _sums_of(
    batches: Iterator[pa.RecordBatch], names: Names, function: Callable[[TrainingSet], Sums]
) -> Iterator[pa.RecordBatch]:
    blocks = [block.as_buffer() for batch in batches for block in batch.column(0)]
    if blocks:
        yield _sums_row(_part(), function(read_blocks(blocks, Names(*names))))


def _sums_row(part: int, sums: Sums) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array([part], pa.int32()), pa.array([safetensors.numpy.save(sums)], pa.binary())],
        names=["part", "sums"],
    )


def merge_parts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The sums of several parts as those of one."""
    rows = [
        (part.as_py(), sums.as_py())
        for batch in batches
        for part, sums in zip(batch.column(0), batch.column(1), strict=True)
    ]
    if rows:
        yield _sums_row(min(rows)[0], merged(rows))


def merged(rows: Iterable[tuple[int, bytes]]) -> Sums:
    """The sums of parts added up in the parts' order, whatever the order they came in.

    Raises ValueError where the parts' features differ in size.
    """
    parts = [safetensors.numpy.load(bytes(sums)) for _, sums in sorted(rows, key=lambda row: row[0])]
    total = parts[0]
    for part in parts[1:]:
        total = _joined(total, part) if "mean" in part else {name: total[name] + part[name] for name in part}
    return total


def _joined(a: Sums, b: Sums) -> Sums:
    """Two surveys as one. A constant column's spread stays 0.

    Source: Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm (1979).
    """
    if len(a["mean"]) != len(b["mean"]):
        raise ValueError(f"vectors of different sizes: {len(a['mean'])} and {len(b['mean'])} features")
    (first, _), (second, _) = a["weight"], b["weight"]
    share = second / (first + second)
    step = b["mean"] - a["mean"]
    labels, places = np.unique(np.concatenate([a["labels"], b["labels"]]), return_inverse=True)
    return {
        "weight": a["weight"] + b["weight"],
        "mean": a["mean"] + step * share,
        "spread": a["spread"] + b["spread"] + step**2 * (first * share),
        "labels": labels,
        "label_weights": np.bincount(
            places.reshape(-1), np.concatenate([a["label_weights"], b["label_weights"]])
        ),
    }
