"""Batches of any size in, batches of the network's size through it, batches of the first sizes out.

requests (lists of images)    |--- 5 ---|------ 9 ------|-- 4 --|
chunks (one network run)      |----- 8 -----|----- 8 -----|- 2 -|      loaded ahead, in a thread
answers (float32 arrays)      |--- 5 ---|------ 9 ------|-- 4 --|      rows written in place where they fit
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydeepl.deep.ahead import read_ahead

Pixels = NDArray[np.uint8]
Features = NDArray[np.float32]

# Chunks that are loaded before they are needed: one in the making while one waits.
CHUNKS_AHEAD = 2


class Request:
    """Images whose features are wanted together."""

    def __init__(self, images: Sequence[Any], out: Features | None = None) -> None:
        self.images = images
        self.out = out
        """float32 [len(images), features], made when the first rows are ready unless the caller gives it."""
        self.missing = len(images)


@dataclass
class _Part:
    """Rows of a request that are in a chunk."""

    request: Request
    start: int
    stop: int


@dataclass
class _Chunk:
    pixels: Pixels
    parts: list[_Part]


def run_requests(
    requests: Iterable[Request],
    load: Callable[[list[Any]], Pixels],
    run: Callable[[Pixels, Features], object],
    batch: int,
    features: int,
) -> Generator[Features, None, None]:
    """Each request's features [len(images), features], in order.

    load(images) gives uint8 [n, height, width, 3] and is called in a thread, ahead of need; run(pixels, out)
    fills float32 [n, features] and is called here, with `batch` images at most. Memory: CHUNKS_AHEAD + 1
    chunks of pixels, the requests they belong to, and one answer.
    """
    with closing(read_ahead(_chunks(requests, load, batch), CHUNKS_AHEAD)) as chunks:
        for chunk in chunks:
            _run_chunk(chunk, run, features)
            for part in chunk.parts:
                part.request.missing -= part.stop - part.start
                if part.request.missing == 0:
                    out = part.request.out
                    part.request.out = None
                    assert out is not None
                    yield out


def _chunks(requests: Iterable[Request], load: Callable[[list[Any]], Pixels], batch: int) -> Iterator[_Chunk]:
    """Cuts the requests' images into chunks of `batch`, the last one smaller, and loads them."""
    parts: list[_Part] = []
    waiting = 0
    for request in requests:
        start, count = 0, len(request.images)
        if count == 0:
            parts.append(_Part(request, 0, 0))  # answered in its turn
        while start < count:
            stop = min(count, start + batch - waiting)
            parts.append(_Part(request, start, stop))
            waiting += stop - start
            start = stop
            if waiting == batch:
                yield _load_chunk(parts, load)
                parts, waiting = [], 0
    if parts:
        yield _load_chunk(parts, load)


def _load_chunk(parts: list[_Part], load: Callable[[list[Any]], Pixels]) -> _Chunk:
    return _Chunk(
        load([part.request.images[i] for part in parts for i in range(part.start, part.stop)]), parts
    )


def _run_chunk(chunk: _Chunk, run: Callable[[Pixels, Features], object], features: int) -> None:
    for part in chunk.parts:
        if part.request.out is None:
            part.request.out = np.empty((len(part.request.images), features), np.float32)
    outs = [part.request.out[part.start : part.stop] for part in chunk.parts if part.request.out is not None]
    direct = len(outs) == 1 and outs[0].flags.c_contiguous
    out = outs[0] if direct else np.empty((len(chunk.pixels), features), np.float32)
    if len(chunk.pixels):
        run(chunk.pixels, out)
    if not direct:
        start = 0
        for target in outs:
            target[:] = out[start : start + len(target)]
            start += len(target)
