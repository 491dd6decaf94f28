"""Progress bars for long work: tqdm where somebody watches, silence where nobody does."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Any, Protocol

_silenced: ContextVar[bool] = ContextVar("silenced", default=False)

_YES, _NO = {"1", "on", "true", "yes"}, {"0", "off", "false", "no"}


class ProgressBar(Protocol):
    """What callers may use of a bar; also a context manager that closes it."""

    total: Any

    def __enter__(self) -> Any: ...
    def __exit__(self, *exception: Any) -> None: ...
    def update(self, n: float = 1) -> Any: ...
    def close(self) -> Any: ...


class _SilentBar:
    """A bar that nobody sees."""

    def __init__(self, total: float | None) -> None:
        self.total: Any = total

    def __enter__(self) -> "_SilentBar":
        return self

    def __exit__(self, *exception: Any) -> None:
        pass

    def update(self, n: float = 1) -> None:
        pass

    def close(self) -> None:
        pass


def progress_wanted() -> bool:
    """Whether bars are shown: PYDEEPL_PROGRESS=1 or 0 decides, else whether stderr is watched.

    It is watched when it is a terminal or a notebook's stream. None are shown within `silent_bars`.
    """
    if _silenced.get():
        return False
    asked = os.environ.get("PYDEEPL_PROGRESS", "").strip().lower()
    if asked in _YES | _NO:
        return asked in _YES
    stream = sys.stderr
    if stream is None:
        return False
    # ipykernel's stream is no terminal, yet the notebook draws bars.
    return stream.isatty() or type(stream).__module__.startswith("ipykernel")


@contextmanager
def silent_bars() -> Iterator[None]:
    """Work within shows no bars, in this thread: it is a step of work that shows a bar of its own."""
    token = _silenced.set(True)
    try:
        yield
    finally:
        _silenced.reset(token)


def progress_bar(
    total: float | None, desc: str, *, unit: str = "it", delay: float = 1.0, **options: Any
) -> ProgressBar:
    """A tqdm bar for `total` steps (None: unknown), advanced by `.update(n)` and ended by `.close()`.

    It is silent where `progress_wanted()` is false, and for work that ends within `delay` seconds. It leaves
    no line behind; `options` go to tqdm (unit_scale=True, for example).
    """
    if not progress_wanted():
        return _SilentBar(total)
    # By name, at run time: no cost for the silent, and tqdm has no types of its own.
    tqdm = import_module("tqdm.auto").tqdm
    # Without tqdm's watching thread: it would outlive the bar and be there at every later fork.
    kind = type("Bar", (tqdm,), {"monitor_interval": 0})
    options = {"leave": False, "dynamic_ncols": True, **options}
    bar: ProgressBar = kind(total=total, desc=desc, unit=unit, delay=delay, **options)
    return bar
