"""Functions of pydeepl that run in Spark's Python workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydeepl import __version__


def in_worker(module: str, function: str, *arguments: Any, name: str = "") -> Callable[[Any], Any]:
    """What mapInArrow and Spark's UDFs take: the function of a module of pydeepl, given what Spark gives, and
    the arguments.

    The arguments are plain values and NumPy arrays; name: what messages begin with. A worker without pydeepl,
    or with another version of it, fails with a RuntimeError that names its node.
    """
    expected, prefix = __version__, f"{name}: " if name else ""

    # A function of a function travels by its code: it runs where pydeepl is missing, and can say so.
    def run(given: Any) -> Any:
        import importlib
        import socket

        node = f"{prefix}node {socket.gethostname()}"
        try:
            import pydeepl
        except ImportError as error:
            raise RuntimeError(
                f"{node}: Python has no pydeepl; the driver's version is {expected}"
            ) from error
        if pydeepl.__version__ != expected:
            raise RuntimeError(
                f"{node}: pydeepl is {pydeepl.__version__}, the driver's version is {expected}"
            )
        return getattr(importlib.import_module(module), function)(given, *arguments)

    return run
