"""The contestants: processes that hold one data set in memory and fit when they are asked to."""

import json
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import CACHE, Series, Worker, interleave
from benchmarks.logistic.data import Data
from benchmarks.logistic.objective import Judge

JOBS = Path(__file__).resolve().parents[1] / "jobs"
OURS, SPARK, SKLEARN = "pydeepl", "Spark", "scikit-learn"
REPEATED_SECONDS, MOST_REPEATS = 0.5, 20


@dataclass
class Fit:
    """One fit's time and outcome; the objective is computed from the coefficients."""

    seconds: float
    objective: float
    history: np.ndarray

    @property
    def iterations(self) -> int:
        return len(self.history) - 1


@dataclass
class Contestant:
    """A worker with its fixed settings."""

    name: str
    worker: Worker
    judge: Judge
    settings: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, **settings: Any) -> Fit:
        """Fits; a fit that is soon done is repeated, and its seconds are the mean."""
        file = CACHE / f"model-{self.worker.process.pid}.npz"
        first = self._ask(settings, str(file))
        repeats = min(MOST_REPEATS, int(REPEATED_SECONDS / first))
        seconds = statistics.fmean([first, *(self._ask(settings, None) for _ in range(repeats))])
        with np.load(file) as model:
            numbers = (model["coefficients"], model["intercepts"])
            penalty = (settings["regParam"], settings["elasticNetParam"])
            objective = self.judge.objective(*numbers, *penalty)
            fit = Fit(seconds, objective, model["history"])
        file.unlink()
        return fit

    def _ask(self, settings: Mapping[str, Any], model: str | None) -> float:
        asked = {"settings": {**self.settings, **settings}, "model": model}
        return float(self.worker.ask(json.dumps(asked))[0])

    def such(self, name: str, **settings: Any) -> "Contestant":
        """The same worker with more fixed settings."""
        return Contestant(name, self.worker, self.judge, {**self.settings, **settings})


class Stage:
    """Starts contestants on a data set, and ends them."""

    def __init__(self, data: Data, threads: int, stack: ExitStack) -> None:
        self.data, self.threads, self.stack = data, threads, stack
        self.judge = Judge(*data.load())

    def _start(self, name: str, script: str, *arguments: str) -> Contestant:
        files = [str(self.data.features), str(self.data.labels)]
        limits = {name: str(self.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        worker = Worker(name, [sys.executable, str(JOBS / script), *files, *arguments], **limits)
        self.stack.callback(worker.close)
        return Contestant(name, worker, self.judge)

    def ours(self, form: str) -> Contestant:
        return self._start(OURS, "logistic_pydeepl.py", form)

    def spark(self, form: str) -> Contestant:
        return self._start(SPARK, "logistic_spark.py", form, str(self.threads))

    def sklearn(self) -> Contestant:
        return self._start(SKLEARN, "logistic_sklearn.py")


@contextmanager
def stage(data: Data, threads: int) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(data, threads, stack)


def race(rounds: int, fits: Mapping[str, Callable[[], Fit]]) -> dict[str, tuple[Series, Fit]]:
    """The contestants in turns: each one's seconds, and its last model."""
    last: dict[str, Fit] = {}

    def measure(name: str) -> float:
        last[name] = fits[name]()
        return last[name].seconds

    series = interleave(rounds, {name: partial(measure, name) for name in fits}, "s")
    return {figures.name: (figures, last[figures.name]) for figures in series}
