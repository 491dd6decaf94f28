"""Streams of work on files: computed ahead of the reader, grouped into batches of bounded size."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH_BYTES = 16 << 20  # a larger item is a batch of its own
BATCH_ROWS = 256


def ahead(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """function(item) of each item, in order, computed on threads, up to 2 * threads items ahead."""
    if threads <= 1:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    executor = ThreadPoolExecutor(threads, thread_name_prefix="pydeepl-images")
    try:
        for item in items:
            waiting.append(executor.submit(function, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def grouped(items: Iterable[Item], size_of: Callable[[Item], int]) -> Iterator[list[Item]]:
    """The items in lists of at most BATCH_ROWS items and BATCH_BYTES bytes (by size_of)."""
    group: list[Item] = []
    held = 0
    for item in items:
        size = size_of(item)
        if group and (held + size > BATCH_BYTES or len(group) == BATCH_ROWS):
            yield group
            group, held = [], 0
        group.append(item)
        held += size
    if group:
        yield group
