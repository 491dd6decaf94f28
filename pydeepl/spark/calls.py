"""Functions of pydeepl that run in Spark's Python workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from pydeepl import __version__


def in_worker(
    module: str, function: str, *arguments: Any
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What mapInArrow takes: the function of a module of pydeepl, called with the batches and the arguments.

    The arguments are plain values and NumPy arrays. A worker without pydeepl, or with another version of it,
    fails with a RuntimeError that names its node.
    """
    expected = __version__

    # A function of a function travels by its code: it runs where pydeepl is missing, and can say so.
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import importlib
        import socket

        node = socket.gethostname()
        try:
            import pydeepl
        except ImportError as error:
            raise RuntimeError(
                f"node {node}: Python has no pydeepl; the driver's version is {expected}"
            ) from error
        if pydeepl.__version__ != expected:
            raise RuntimeError(
                f"node {node}: pydeepl is {pydeepl.__version__}, the driver's version is {expected}"
            )
        made: Iterator[pa.RecordBatch] = getattr(importlib.import_module(module), function)(
            batches, *arguments
        )
        return made

    return run
