"""The steps of a job as lines of a table: what was done, and how long it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_WIDTH = 70


@dataclass
class Step:
    """One line; a step's body sets the text when it knows what came out."""

    name: str
    text: str


class Steps:
    """Prints a line when a step is done, and the time of all at the end."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    @contextmanager
    def step(self, name: str, text: str = "") -> Iterator[Step]:
        """Times its body, then prints the line; prints nothing where the body raises."""
        line, started = Step(name, text), time.perf_counter()
        yield line
        self._print(line, time.perf_counter() - started)

    def note(self, *lines: str) -> None:
        """Prints lines between the steps."""
        for line in lines:
            print(f"{'':10}{line}".rstrip(), flush=True)

    def total(self) -> None:
        """Prints the time since the start."""
        self._print(Step("", "all of it"), time.perf_counter() - self._started)

    def _print(self, line: Step, seconds: float) -> None:
        print(f"{line.name:<10}{line.text:<{_WIDTH}}{seconds:7.1f} s", flush=True)
