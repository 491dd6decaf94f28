"""Sources that count what is asked of them."""

import numpy as np
import pyarrow as pa

from pydeepl.frame import ROW, scan
from pydeepl.linalg import dense_type, vector_array


class CountingSource:
    """Rows with an id, a kind (id modulo 3) and a heavy payload; remembers what was made.

    Parameters: count, of rows; selects, whether single rows can be asked for; missing, ordinals of no row.
    """

    schema = pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False),
            pa.field("kind", pa.int32()),
            pa.field("payload", pa.binary(), nullable=False),
        ]
    )

    def __init__(self, count, selects=True, batch=4, missing=()):
        self.count, self.batch, self.missing = count, batch, set(missing)
        self.asked, self.payloads = [], []
        self.frame = scan(self.schema, self.batches, "counting", slots=count if selects else None)

    def batches(self, columns, rows=None):
        self.asked.append(list(columns))
        rows = iter([np.arange(self.count)]) if rows is None else rows
        chosen = (row for part in rows for row in part.tolist() if row not in self.missing)
        while part := [row for _, row in zip(range(self.batch), chosen, strict=False)]:
            yield pa.RecordBatch.from_arrays([self.column(name, part) for name in columns], names=columns)

    def column(self, name, rows):
        if name == ROW:
            return pa.array(rows, pa.int64())
        if name == "id":
            return pa.array(rows, pa.int64())
        if name == "kind":
            return pa.array([row % 3 for row in rows], pa.int32())
        self.payloads += rows
        return pa.array([payload(row) for row in rows], pa.binary())


def payload(row):
    """The bytes of a row."""
    return b"%d" % row * 3


class CountingStage:
    """A stage that makes the vector [x, x squared] of an id; remembers the ids."""

    field = pa.field("features", dense_type(2))

    def __init__(self):
        self.seen = []
        self.runs = 0

    def __call__(self, batches):
        self.runs += 1
        for batch in batches:
            x = batch.column(0).to_numpy()
            self.seen += x.tolist()
            yield [vector_array(np.stack([x, x * x], 1).astype(np.float32))]

    def of(self, frame, keep=False):
        """The frame with the stage's column."""
        return frame._with_stage(self, ["id"], [self.field], keep=keep)
