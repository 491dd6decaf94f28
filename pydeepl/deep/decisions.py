"""Where the core keeps which algorithm its layers run with, once it has tried them.

PYDEEPL_TRIALS     unset or 1: where algorithms are close by the core's estimate, layers are timed when a
                   network is prepared for a batch size, for a tenth of a second at most, and what is decided
                   is kept in "algorithms" beside the downloaded weights, a file a version of pydeepl;
                   0: the estimate decides
PYDEEPL_STREAMS    how many parts of a batch run side by side, at most; unset or 0: from 8 threads on, a trial
                   decides, which runs the network for some tenths of a second, and 1 where there are none

Algorithms differ by rounding. So a machine decides once: the first answer in the file stands, for every
process, until the file is deleted. Where it cannot be written, nothing is timed. `exact` networks have one
algorithm.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pydeepl
from pydeepl.weights.places import cache_folder

_NO = ("0", "off", "false", "no")


class KeptDecisions(NamedTuple):
    """What one version of pydeepl has decided."""

    path: str
    decisions: int
    bytes: int


def decisions_folder() -> Path:
    """Where the files are."""
    return cache_folder() / "algorithms"


def trials_are_on() -> bool:
    """Whether PYDEEPL_TRIALS allows them."""
    return os.environ.get("PYDEEPL_TRIALS", "").strip().lower() not in _NO


def decisions_file() -> str | None:
    """The path of the file, its folder made where it was missing; None where nothing is to be timed."""
    if not trials_are_on():
        return None
    folder = decisions_folder()
    with suppress(OSError):  # the core then finds no file that it can write
        folder.mkdir(parents=True, exist_ok=True)
    return str(folder / f"{pydeepl.__version__}.txt")


def streams_asked() -> int:
    """PYDEEPL_STREAMS, 0 where it is not set. Raises ValueError where it is no number of streams."""
    text = os.environ.get("PYDEEPL_STREAMS", "").strip() or "0"
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"PYDEEPL_STREAMS is {text!r}, expected a number of streams, or 0 for the fastest")
    return int(text)


def kept_decisions() -> list[KeptDecisions]:
    """What is kept, version by version; nothing where there is no folder. Raises OSError."""
    found = []
    for path in sorted(decisions_folder().glob("*.txt")):
        text = path.read_bytes()
        found.append(KeptDecisions(str(path), sum(map(bool, text.split(b"\n"))), len(text)))
    return found


def clear_decisions() -> list[KeptDecisions]:
    """Removes all of it, so that this machine decides anew; returns what there was. Raises OSError."""
    removed = kept_decisions()
    for each in removed:
        Path(each.path).unlink(missing_ok=True)
    return removed
