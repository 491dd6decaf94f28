"""Kept columns: a stream of batches that is computed once and read many times.

Chunks stay in memory while the process's budget lasts (environment variable PYDEEPL_MEMORY, such as "512M" or
"2GiB"; by default a quarter of the machine's memory, at most 2 GiB, shared by all that is kept); further
chunks go to an unnamed temporary file, one Arrow IPC message after another,

    | message 0 | pad | message 1 | pad | ...       each starts on a page, so that it can be mapped by itself

and are mapped back when read. A chunk's pages leave the process with the last array that looks at them, so
resident memory does not grow with what is kept. The file has no name: it goes with the frame, or with the
process.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import IO

import pyarrow as pa

from pydeepl.sizes import parse_size

LARGEST_DEFAULT = 2 * 2**30


def memory_budget() -> int:
    """The bytes that kept columns may hold in memory. Raises ValueError where PYDEEPL_MEMORY cannot be
    read."""
    text = os.environ.get("PYDEEPL_MEMORY", "").strip()
    if text:
        return parse_size("PYDEEPL_MEMORY", text)
    try:
        return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4, LARGEST_DEFAULT)
    except (AttributeError, ValueError, OSError):  # not every system tells
        return LARGEST_DEFAULT // 2


class Ledger:
    """How much of the budget is in use, over all stores."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.used = 0

    def reserve(self, size: int) -> bool:
        """Takes size bytes of the budget, where they are left."""
        with self._lock:
            if self.used + size > memory_budget():
                return False
            self.used += size
            return True

    def release(self, size: int) -> None:
        """Gives size bytes back."""
        with self._lock:
            self.used -= size


LEDGER = Ledger()


class Store:
    """A list of batches, in memory within the budget, else in a temporary file."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.rows = 0
        self.reserved = 0
        self._chunks: list[
            pa.RecordBatch | tuple[int, int]
        ] = []  # the batch, or its (offset, length) in the file
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return len(self._chunks)

    @property
    def spilled(self) -> int:
        """The number of chunks in the file."""
        return sum(isinstance(chunk, tuple) for chunk in self._chunks)

    def append(self, batch: pa.RecordBatch) -> None:
        """Adds a batch. Raises OSError where the temporary file cannot be written."""
        # Buffers that are mostly others' would be held whole: then the rows move into their own.
        if batch.get_total_buffer_size() > 2 * batch.nbytes + 4096:
            batch = batch.take(pa.array(range(batch.num_rows)))
        size = batch.get_total_buffer_size()
        if LEDGER.reserve(size):
            self.reserved += size
            self._chunks.append(batch)
        else:
            self._chunks.append(self._spill(batch))
        self.rows += batch.num_rows

    def _spill(self, batch: pa.RecordBatch) -> tuple[int, int]:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="pydeepl-", buffering=0)  # noqa: SIM115 (lives with self)
            message = batch.serialize()
            end = self._file.seek(0, os.SEEK_END)
            offset = -(-end // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
            self._file.seek(offset)
            view, done = memoryview(message), 0
            while done < len(view):
                done += self._file.write(view[done:])
        except OSError as error:
            raise OSError(
                error.errno,
                f"computed columns do not fit PYDEEPL_MEMORY and cannot be kept in {tempfile.gettempdir()} "
                f"({error.strerror}); point TMPDIR at a folder with room",
            ) from error
        return offset, message.size

    def __getitem__(self, place: int) -> pa.RecordBatch:
        chunk = self._chunks[place]
        if isinstance(chunk, pa.RecordBatch):
            return chunk
        assert self._file is not None
        pages = mmap.mmap(self._file.fileno(), chunk[1], access=mmap.ACCESS_READ, offset=chunk[0])
        return pa.ipc.read_record_batch(pa.py_buffer(pages), self.schema)

    def __del__(self) -> None:
        LEDGER.release(self.reserved)
        if self._file is not None:
            self._file.close()


class Kept:
    """Batches that are computed as far as somebody has read them, once.

    Parameters: schema, of the batches; produce(skip), the batches from row `skip` on. The producer is paused
    between reads, so a frame whose first 20 rows were shown goes on from there. It is begun anew, after the
    rows it gave, only where it was interrupted. Any number of readers, in any threads.
    """

    def __init__(self, schema: pa.Schema, produce: Callable[[int], Iterator[pa.RecordBatch]]) -> None:
        self._produce = produce
        self._lock = threading.RLock()
        self._producer: Iterator[pa.RecordBatch] | None = None
        self.store = Store(schema)
        self.complete = False

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All batches from the first on, computing those that nobody has read yet."""
        store, place = self.store, 0
        while place < len(store) or self._advance(store, place):
            yield store[place]
            place += 1

    def _advance(self, store: Store, place: int) -> bool:
        """Computes batches until the store has one at `place`; False where the stream ends before."""
        with self._lock:
            while len(store) <= place:
                if self.complete:
                    return False
                if self._producer is None:
                    self._producer = self._produce(store.rows)
                try:
                    batch = next(self._producer, None)
                except BaseException:
                    self._producer = None
                    raise
                if batch is None:
                    self.complete, self._producer = True, None
                elif batch.num_rows:
                    store.append(batch)
            return True
