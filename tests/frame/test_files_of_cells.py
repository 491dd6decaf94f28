"""The hidden column of the files that cells are read from: how it travels through a plan."""

import numpy as np
import pyarrow as pa
import pytest

from pydeepl.frame import ROW, col, lit, scan
from pydeepl.frame.plan import file_of

COUNT = 10


def source(asked, offset=0):
    """Rows 0 to 9: a heavy `cell` that file `offset + row` holds, and a number. Notes what it is asked."""

    def batches(columns, rows=None):
        asked.append(list(columns))
        chosen = np.arange(COUNT) if rows is None else np.concatenate([*rows, np.array([], np.int64)])
        made = {
            ROW: pa.array(chosen.astype(np.int64)),
            "cell": pa.array([b"x" * int(row) for row in chosen], pa.binary()),
            "number": pa.array(chosen.astype(np.int32)),
            file_of("cell"): pa.array([b"%d" % (offset + row) for row in chosen], pa.binary()),
        }
        yield pa.RecordBatch.from_arrays([made[name] for name in columns], names=list(columns))

    schema = pa.schema([pa.field("cell", pa.binary()), pa.field("number", pa.int32())])
    return scan(schema, batches, "cells", COUNT, files=["cell"])


def files(frame, column):
    """The numbers of the files that a frame's cells are read from."""
    name = frame._file_column(column)
    assert name == file_of(column)
    return [int(path) for batch in frame._node.stream([name]) for path in batch.column(0).to_pylist()]


STEPS = {
    "itself": (lambda frame: frame, range(10)),
    "limit": (lambda frame: frame.limit(3), range(3)),
    "filter": (lambda frame: frame.filter(col("number") > 6), range(7, 10)),
    "column beside it": (lambda frame: frame.withColumn("label", lit(1)).filter("label = 1"), range(10)),
    "repartition": (lambda frame: frame.repartition(7), range(10)),
}


@pytest.mark.parametrize("step", STEPS)
def test_cells_stay_where_they_are(step):
    asked = []
    change, expected = STEPS[step]
    assert files(change(source(asked)), "cell") == list(expected)
    assert all("cell" not in columns for columns in asked)


def test_a_filter_of_the_cells_themselves():
    assert files(source([]).filter("octet_length(cell) >= 8"), "cell") == [8, 9]


def test_other_names():
    frame = source([]).select(col("cell").alias("picture"), "number").withColumn("copy", col("picture"))
    assert files(frame, "picture") == files(frame, "copy") == list(range(10))
    assert frame._file_column("number") is None


def test_unions_and_splits():
    frame = source([]).union(source([], offset=100))
    every = [*range(10), *range(100, 110)]
    assert files(frame, "cell") == every
    parts = [files(part, "cell") for part in frame.randomSplit([0.5, 0.5], 3)]
    assert sorted(parts[0] + parts[1]) == every and all(parts)


def test_beside_kept_columns():
    def lengths(batches):
        for batch in batches:
            yield [pa.array([len(cell) for cell in batch.column(0).to_pylist()], pa.int32())]

    frame = source([])._with_stage(lengths, ["cell"], [pa.field("length", pa.int32())], keep=True)
    assert files(frame.filter("length > 7"), "cell") == [8, 9]
    name = frame._file_column("cell")
    (batch,) = frame._node.stream([name, "length"])
    assert batch.column(0).to_pylist() == [b"%d" % row for row in range(10)]
    assert (
        frame._with_stage(lengths, [name], [pa.field("digits", pa.int32())]).toArrow()["digits"][3].as_py()
        == 1
    )


def test_what_computes_or_keeps_cells_has_no_files():
    frame = source([])
    assert frame.withColumn("cell", lit(b"other"))._file_column("cell") is None
    assert frame.cache()._file_column("cell") is None
    assert frame.union(frame.withColumn("cell", lit(b"other")))._file_column("cell") is None
    assert (
        frame._with_stage(lambda batches: batches, ["cell"], [pa.field("cell", pa.binary())])._file_column(
            "cell"
        )
        is None
    )


def test_frames_show_nothing_of_it():
    frame = source([])
    assert frame.columns == ["cell", "number"]
    assert frame.toArrow().column_names == ["cell", "number"]
