"""What runs in a Python worker of Spark: a pydeepl stage over the batches of a partition."""

from __future__ import annotations

import gc
import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from pydeepl.frame.convert import from_table
from pydeepl.spark.columns import to_own, to_spark
from pydeepl.spark.shipping import ShippedFile, keep_files_with_sparks, set_rest, stages_with, unpacked

# Rows that go through a stage together: enough for a network's batches, few enough for images in memory.
_ROWS = 64
# Stages that a worker keeps from task to task; as long as one holds a network, others share it.
_KEPT_STAGES = 4

_stages: OrderedDict[bytes, Any] = OrderedDict()


def run_stage(
    batches: Iterator[pa.RecordBatch],
    data: bytes,
    rest: bytes,
    files: list[tuple[str, int, str]],
    own: bytes,
    out: bytes,
) -> Iterator[pa.RecordBatch]:
    """The stage's output for each batch.

    Parameters: batches of Spark's; the stage and the rest of it as shipping packs them; the fields of its
    ShippedFiles; the schemas of the stage's input and of what Spark expects back, serialized.
    """
    stage = _prepared(data, rest, [ShippedFile(*file) for file in files])
    input_schema, output_schema = (pa.ipc.read_schema(pa.py_buffer(schema)) for schema in (own, out))
    for batch in batches:
        for first in range(0, batch.num_rows, _ROWS):
            frame = from_table(to_own(batch.slice(first, _ROWS), input_schema))
            yield from to_spark(stage._transform(frame).toArrow(), output_schema).to_batches()
    _spare_the_collector()


def _spare_the_collector() -> None:
    """Has the garbage collector leave alone what the first task of this worker has loaded, modules above all.

    Spark's workers collect all garbage after each task: a walk through the modules of pydeepl, NumPy and
    pandas took 70 ms of a CPU, as long as two images. Stages and networks are freed when nobody holds them,
    by their reference counts: nothing of theirs waits for the collector.
    """
    if gc.get_freeze_count() == 0:
        gc.collect()
        gc.freeze()


def _prepared(data: bytes, rest: bytes, files: list[ShippedFile]) -> Any:
    """The stage, unpacked unless an earlier task of this worker has done it."""
    key = hashlib.sha256(data + rest).digest()
    stage = _stages.get(key)
    if stage is None:
        keep_files_with_sparks()
        stage = unpacked(data)
        set_rest(stage, rest)
        places = {file.path: file for file in files}
        for each in stages_with(stage, "weightsFile"):
            each._set(weights=places[each.getOrDefault("weights")].locate())
        _stages[key] = stage
    _stages.move_to_end(key)
    while len(_stages) > _KEPT_STAGES:
        _stages.popitem(last=False)
    return stage
