"""Where the core keeps which algorithm its layers run with, once it has tried them.

PYDEEPL_TRIALS     unset or 1: where algorithms are close by the core's estimate, layers are timed when a
                   network is prepared for a batch size, for a tenth of a second at most, and what is decided
                   is kept in "algorithms" beside the downloaded weights, a file a version of pydeepl;
                   0: the estimate decides

Algorithms differ by rounding. So a machine decides once: the first answer in the file stands, for every
process, until the file is deleted. Where it cannot be written, nothing is timed. `exact` networks have one
algorithm.
"""

import os
from contextlib import suppress

import pydeepl
from pydeepl.weights.places import cache_folder

_NO = ("0", "off", "false", "no")


def decisions_file() -> str | None:
    """The path of the file, its folder made where it was missing; None where nothing is to be timed."""
    if os.environ.get("PYDEEPL_TRIALS", "").strip().lower() in _NO:
        return None
    folder = cache_folder() / "algorithms"
    with suppress(OSError):  # the core then finds no file that it can write
        folder.mkdir(parents=True, exist_ok=True)
    return str(folder / f"{pydeepl.__version__}.txt")
