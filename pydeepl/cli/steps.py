"""The steps of a job as lines of a table: how long each took, and what came of it."""

import shutil
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_INDENT = 20
_MOST_COLUMNS = 100


@dataclass
class Step:
    """One line; a step's body sets the text when it knows what came out."""

    name: str
    text: str


class Steps:
    """Prints a line when a step is done, and the time of all at the end."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._columns = min(shutil.get_terminal_size((_MOST_COLUMNS, 24)).columns, _MOST_COLUMNS)

    @contextmanager
    def step(self, name: str, text: str = "") -> Iterator[Step]:
        """Times its body, then prints the line; prints nothing where the body raises."""
        line, started = Step(name, text), time.perf_counter()
        yield line
        self._print(line, time.perf_counter() - started)

    def note(self, *lines: str) -> None:
        """Prints lines between the steps, as they are."""
        for line in lines:
            print(f"{'':{_INDENT}}{line}".rstrip(), flush=True)

    def say(self, text: str) -> None:
        """Prints a sentence between the steps, wrapped to the terminal."""
        self.note(*self._wrapped(text))

    def total(self) -> None:
        """Prints the time since the start."""
        self._print(Step("all", "from images to results"), time.perf_counter() - self._started)

    def _wrapped(self, text: str) -> list[str]:
        # Paths are not broken: whoever copies one gets it whole.
        width = max(self._columns - _INDENT, 40)
        return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)

    def _print(self, line: Step, seconds: float) -> None:
        text = f"\n{'':{_INDENT}}".join(self._wrapped(line.text))
        print(f"{line.name:<9}{seconds:7.1f} s  {text}", flush=True)
