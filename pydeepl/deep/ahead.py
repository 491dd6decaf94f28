"""Reading ahead: an iterator that is advanced by a thread of its own, a bounded number of items ahead.

source ──► [thread: makes items k+1, k+2] ──► queue ──► the caller, busy with item k
"""

import queue
import threading
from collections.abc import Generator, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

_ITEM, _ERROR, _END = range(3)


def read_ahead(source: Iterator[T], depth: int, most: int = 1) -> Generator[list[T], None, None]:
    """The items of `source`, in order, made at most `depth` items before they are asked for.

    They come in lists of what is ready, up to `most` items: at least one, which is waited for. The source is
    advanced, and closed where it is a generator, in one thread, which starts with the first item asked for.
    Its exception is raised here, after the items before it. Closing this generator (also by Ctrl-C inside it)
    waits until the thread has finished the item it is making: nothing goes on behind the caller's back.
    """
    reader = _Reader(source, depth)
    try:
        reader.start()  # which waits for the thread, so that Ctrl-C may end it, too
        end = None
        while end is None:
            items, end = reader.take(most)
            if items:
                yield items
            del items  # a list is the caller's alone: nothing that waits here keeps it alive
        kind, error = end
        if kind == _ERROR:
            raise error
    finally:
        reader.stop()


class _Reader(threading.Thread):
    def __init__(self, source: Iterator[Any], depth: int) -> None:
        # A daemon: should the interpreter exit while somebody holds a half-read iterator, it does not wait.
        super().__init__(name="pydeepl-read-ahead", daemon=True)
        self.source = source
        self.slots = threading.Semaphore(depth)
        self.results: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self.stopping = False

    def run(self) -> None:
        try:
            while self.slots.acquire() and not self.stopping:
                try:
                    item = next(self.source)
                except StopIteration:
                    break
                self.results.put((_ITEM, item))
                del item  # the queue's alone: a thread that waits keeps no batch alive
            close = getattr(self.source, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            self.results.put((_ERROR, error))
        else:
            self.results.put((_END, None))

    def take(self, most: int) -> tuple[list[Any], tuple[int, Any] | None]:
        """Items that are ready, one at least unless the source has ended; how it ended, once it has."""
        if not self.is_alive() and self.results.empty():
            raise RuntimeError("reading was begun before this process was forked; begin it anew")
        items: list[Any] = []
        while len(items) < most and not (items and self.results.empty()):
            kind, value = self.results.get()
            if kind != _ITEM:
                return items, (kind, value)
            items.append(value)
            self.slots.release()
        return items, None

    def stop(self) -> None:
        self.stopping = True
        self.slots.release()
        if self.ident is not None:  # it has started
            self.join()
