"""What a worker that fits is asked and answers.

Asked, a line of JSON: {"settings": {...}, "model": FILE.npz or null}. It fits once with the settings, and
answers `answer: SECONDS`, the fit call's alone; where a file is named it saves coefficients [classes, d],
intercepts [classes] (both for the features as they were given) and the objective history there.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Fitted:
    """A fitted model, its numbers taken out after the clock has stopped."""

    values: Callable[[], dict[str, np.ndarray]]


def answer(fit: Callable[..., Fitted], before: Callable[..., Any] = lambda **_: None) -> None:
    """Answers until the input ends; before(**settings) prepares what is not to be timed."""
    print("answer: ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        before(**asked["settings"])
        started = time.perf_counter()
        fitted = fit(**asked["settings"])
        seconds = time.perf_counter() - started
        if asked["model"]:
            np.savez(asked["model"], **fitted.values())
        print("answer:", seconds, flush=True)
