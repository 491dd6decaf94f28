"""Prints the peak resident memory in bytes of writing and re-reading so many kept feature rows of 32 KiB.

python bounded.py ROWS FOLDER
"""

import resource
import sys

import numpy as np
import pyarrow as pa

from pydeepl.frame import scan
from pydeepl.linalg import dense_type, vector_array

WIDTH, BATCH = 8192, 32


def numbers(columns, rows):
    for part in rows or np.array_split(np.arange(int(sys.argv[1])), int(sys.argv[1]) // BATCH):
        yield pa.RecordBatch.from_arrays([pa.array(part) for _ in columns], names=columns)


def features(batches):
    for batch in batches:
        x = batch.column(0).to_numpy().astype(np.float32)
        yield [vector_array(np.repeat(x[:, None], WIDTH, axis=1))]


frame = scan(pa.schema([pa.field("id", pa.int64(), False)]), numbers, slots=int(sys.argv[1]))
frame = frame._with_stage(features, ["id"], [pa.field("features", dense_type(WIDTH))], keep=True)
frame.write.parquet(sys.argv[2] + "/features")
total = 0
for batch in frame._arrow(["features"]):
    total += int(batch.column(0).storage.values.to_numpy()[::WIDTH].sum())
assert total == sum(range(int(sys.argv[1])))
assert frame.orderBy(frame.id.desc()).first().id == int(sys.argv[1]) - 1
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
