"""The search: every candidate fitted and measured on every fold, with what candidates share computed once.

    dataset --leading stages--> columns kept --a fold's rows--> middle stages --> final estimator --> metric
            once for the search             once for a fold                  for every candidate

Leading transformers run once for all candidates that give them the same params, whatever the folds: where
they work row by row, it does not matter that rows are chosen after them. Estimators before the last one are
fitted once for a fold and the candidates that give them the same params. A last estimator that is a
RowsEstimator reads its data once and fits to the rows of each fold. Models are the same as if each candidate
were fitted to each fold's rows by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import ThreadPool
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pydeepl import _core
from pydeepl.frame import DataFrame
from pydeepl.frame.batches import is_heavy
from pydeepl.frame.lineage import column_origin, keeps_rows
from pydeepl.ml.base import Estimator, Evaluator, RowsEstimator, Transformer
from pydeepl.ml.param import ParamMap
from pydeepl.ml.tuning.candidates import Candidate, take_apart
from pydeepl.ml.tuning.folds import Split, keep_columns, read_folds, rows_in_fold
from pydeepl.progress import ProgressBar, progress_bar, silent_bars

__all__ = ["Results", "Search"]

_TURN = 0.5  # seconds


class Source:
    """A frame that final estimators read, each kind of data once."""

    def __init__(self, frame: DataFrame) -> None:
        self.frame = frame
        self._data: dict[Any, Any] = {}

    def data(self, estimator: RowsEstimator[Any]) -> Any:
        """The estimator's data of all rows."""
        key = (type(estimator), estimator._data_columns())
        if key not in self._data:
            self._data[key] = estimator._read_data(self.frame)
        return self._data[key]


@dataclass
class Shared:
    """What candidates share on one fold: frames as the stages before the last estimator make them.

    `source` holds all rows where `rows` picks the training rows, else the training rows alone (`rows` None).
    """

    training: DataFrame
    validation: DataFrame
    source: Source
    rows: NDArray[np.bool_] | None
    models: list[Transformer]


@dataclass
class Base:
    """All rows as leading stages make them, and their folds; no source where stages need chosen rows."""

    source: Source | None
    folds: NDArray[np.int32]


@dataclass
class Results:
    """Metrics [fold][candidate], and models where they are collected, as the folds were given."""

    metrics: list[list[float]]
    models: list[list[Transformer]]


class _Stopped(Exception):
    """The search was ended while this fit ran."""


Measured: TypeAlias = "tuple[int, float, Transformer | None]"  # a candidate's index, metric and model


class Search:
    """A search over param maps.

    Parameters
    ----------
    name: of the search, for messages, progress and the column of folds.
    estimator, params, evaluator: what is fitted, the candidates' param maps, and how models are measured.
    dataset: all rows. split: numbers them. held_out: the folds to hold out, one after another.
    parallelism: the most candidates fitted at a time. collect: whether fitted models are kept.
    """

    def __init__(
        self,
        name: str,
        estimator: Estimator[Any],
        params: Sequence[ParamMap],
        evaluator: Evaluator,
        dataset: DataFrame,
        split: Split,
        held_out: Sequence[int],
        parallelism: int,
        collect: bool,
    ) -> None:
        self._name, self._evaluator, self._dataset, self._split = name, evaluator, dataset, split
        self._estimator, self._held_out, self._collect = estimator, list(held_out), collect
        self._candidates = [
            take_apart(index, estimator, each, dataset.columns) for index, each in enumerate(params)
        ]
        self._column = f"{name}_fold"
        self._workers = min(parallelism, len(self._candidates))
        self._threads = max(1, _core.default_threads() // self._workers) if self._workers > 1 else 0
        self._stopped = threading.Event()
        self._bases: dict[Any, Base] = {}

    # ---- what is shared

    def _base(self, candidate: Candidate) -> Base:
        if candidate.leading_settings not in self._bases:
            self._bases[candidate.leading_settings] = self._new_base(candidate.leading)
        return self._bases[candidate.leading_settings]

    def _new_base(self, leading: list[Transformer]) -> Base:
        frame = _transformed(self._dataset, leading)
        if not self._may_number(frame):
            folds = read_folds(self._split.number(self._dataset, self._column), self._column)
            return Base(None, self._checked(folds))
        frame = _kept(frame, self._dataset)
        numbered = keep_columns(self._split.number(frame, self._column), [self._column])
        return Base(Source(numbered), self._checked(read_folds(numbered, self._column)))

    def _may_number(self, frame: DataFrame) -> bool:
        """Whether rows of a frame can be numbered as those of the dataset it is made of."""
        if not keeps_rows(frame, self._dataset) or self._column in frame.columns:
            return False
        return all(
            name in frame.columns and column_origin(frame, self._dataset, name) == "source"
            for name in self._split.columns
        )

    def _checked(self, folds: NDArray[np.int32]) -> NDArray[np.int32]:
        counts = np.bincount(folds, minlength=self._split.count)
        for fold in self._held_out:
            for rows, what in ((len(folds) - counts[fold], "training"), (counts[fold], "validation")):
                if rows == 0:
                    raise ValueError(
                        f"{self._name}: The {what} data at fold {fold} is empty: "
                        f"{len(folds)} rows in {self._split.count} folds"
                    )
        return folds

    def _on_fold(self, candidate: Candidate, fold: int, columns: set[str]) -> Shared:
        """What candidates that agree with this one share on a fold. `columns`: read for each of them."""
        base = self._base(candidate)
        if base.source is None:
            numbered = self._split.number(self._dataset, self._column)
            parts = [rows_in_fold(numbered, self._column, fold, inside) for inside in (False, True)]
            training, validation = (_transformed(part, candidate.leading) for part in parts)
            shared = Shared(training, validation, Source(training), None, [])
        else:
            frame = base.source.frame
            training, validation = (rows_in_fold(frame, self._column, fold, end) for end in (False, True))
            shared = Shared(training, validation, base.source, base.folds != fold, [])
        shared.models = _fitted(candidate.middle, shared.training)
        if shared.models:
            self._move(shared, fold)
        shared.validation = _kept_for_many(shared.validation, columns)
        return shared

    def _move(self, shared: Shared, fold: int) -> None:
        """Moves frames behind the middle stages' models."""
        before = shared.source.frame
        after = _transformed(before, shared.models)
        if shared.rows is not None and keeps_rows(after, before) and self._column in after.columns:
            after = _kept(after, before)
            shared.rows = read_folds(after, self._column) != fold
            shared.source = Source(after)
            shared.training, shared.validation = (
                rows_in_fold(after, self._column, fold, inside) for inside in (False, True)
            )
            return
        shared.training = _kept(_transformed(shared.training, shared.models), shared.training)
        shared.validation = _transformed(shared.validation, shared.models)
        shared.source, shared.rows = Source(shared.training), None

    # ---- the folds

    def run(self) -> Results:
        """Fits and measures all candidates on all folds.

        What a candidate raises says on which fold and with which params; what runs beside it is ended.
        """
        for candidate in self._candidates:
            self._base(candidate)
        results = Results([], [])
        total = len(self._held_out) * len(self._candidates)
        with progress_bar(total, self._name.partition("_")[0], unit="fit") as bar, self._pool() as pool:
            try:
                for fold in self._held_out:
                    self._run_fold(fold, results, pool, bar)
            except BaseException:  # Ctrl-C too: fits in other threads see it at their next iteration
                self._stopped.set()
                raise
        return results

    def _pool(self) -> Any:
        return _Threads(self._workers) if self._workers > 1 else _Inline()

    def _run_fold(self, fold: int, results: Results, pool: Any, bar: ProgressBar) -> None:
        count = len(self._candidates)
        metrics = [0.0] * count
        models: list[Transformer | None] = [None] * count
        for index, metric, model in pool.imap_unordered(_call, self._tasks(fold)):
            metrics[index], models[index] = metric, model
            bar.update(1)
        results.metrics.append(metrics)
        results.models.append(models)  # type: ignore[arg-type]  # all are there, or all None

    def _tasks(self, fold: int) -> list[Callable[[], Measured]]:
        groups: dict[Any, list[Candidate]] = {}
        for candidate in self._candidates:
            groups.setdefault((candidate.leading_settings, candidate.middle_settings), []).append(candidate)
        tasks: list[Callable[[], Measured]] = []
        for group in groups.values():
            finals = [each.final for each in group]
            columns = {
                name for each in finals if isinstance(each, RowsEstimator) for name in each._data_columns()
            }
            try:
                with silent_bars():
                    shared = self._on_fold(group[0], fold, columns)
                    for final in finals:
                        if isinstance(final, RowsEstimator):
                            shared.source.data(final)
            except Exception as error:
                raise self._explained(error, fold, group[0].params) from error
            fits = self._fits(group, shared)
            tasks += [self._task(fold, shared, candidate, fits) for candidate in group]
        return tasks

    def _task(
        self,
        fold: int,
        shared: Shared,
        candidate: Candidate,
        fit: Callable[[Candidate], tuple[Candidate, Any]],
    ) -> Callable[[], Measured]:
        def task() -> Measured:
            if self._stopped.is_set():
                raise _Stopped
            at = candidate
            try:
                with silent_bars():
                    at, model = fit(candidate)
                    return at.index, *self._measured(at, shared, model)
            except _Stopped:
                raise
            except Exception as error:
                raise self._explained(error, fold, at.params) from error

        return task

    def _fits(
        self, group: list[Candidate], shared: Shared
    ) -> Callable[[Candidate], tuple[Candidate, Transformer | None]]:
        """Fits a candidate's last estimator; where the estimator has its own fitMultiple, the next of its."""
        if self._own_fits() and group[0].final is not None and not group[0].leading and not group[0].middle:
            models = self._estimator.fitMultiple(shared.training, [each.params for each in group])
            return lambda _: _numbered(group, next(models))
        return lambda candidate: (candidate, self._fit(candidate, shared, self._watch))

    def _own_fits(self) -> bool:
        """Whether the estimator fits several models in a way of its own, not to shared rows."""
        shares = isinstance(self._estimator, RowsEstimator)
        return not shares and type(self._estimator).fitMultiple is not Estimator.fitMultiple

    def _fit(
        self, candidate: Candidate, shared: Shared, watch: Callable[[int, float], object] | None
    ) -> Transformer | None:
        final = candidate.final
        if isinstance(final, RowsEstimator):
            threads = self._threads if watch is not None else 0
            data = shared.source.data(final)
            model: Transformer = final._fit_rows(data, shared.rows, shared.training, threads, watch)
            return model
        return None if final is None else final.fit(shared.training)

    def _watch(self, iteration: int, objective: float) -> None:
        if self._stopped.is_set():
            raise _Stopped

    def _measured(
        self, candidate: Candidate, shared: Shared, model: Transformer | None
    ) -> tuple[float, Transformer | None]:
        predicted = shared.validation
        for stage in ([] if model is None else [model]) + candidate.trailing:
            predicted = stage.transform(predicted, candidate.params)
        metric = float(self._evaluator.evaluate(predicted))
        return metric, self._assembled(candidate, shared, model) if self._collect else None

    def _assembled(self, candidate: Candidate, shared: Shared, model: Transformer | None) -> Transformer:
        return candidate.model([each.copy() for each in shared.models], model)

    def _explained(self, error: Exception, fold: int, params: ParamMap) -> Exception:
        """The error, with the fold and the params; of the same type where that is made from a text."""
        values = ", ".join(f"{param.parent}.{param.name}={value!r}" for param, value in params.items())
        text = f"{self._name}, fold {fold}, params {{{values}}}: {error}"
        kind = (
            type(error)
            if type(error) in (ValueError, TypeError, RuntimeError, ArithmeticError)
            else RuntimeError
        )
        return kind(text)

    # ---- the best

    def fit_best(self, index: int) -> Transformer:
        """The model of a candidate on all rows."""
        candidate = self._candidates[index]
        base = self._base(candidate)
        if base.source is None or self._own_fits():
            best: Transformer = self._estimator.fit(self._dataset, dict(candidate.params))
            return best
        frame = base.source.frame.drop(self._column)
        shared = Shared(frame, frame, base.source, None, _fitted(candidate.middle, frame))
        if shared.models:
            shared.training = _transformed(frame, shared.models)
            shared.source = Source(shared.training)
        return self._assembled(candidate, shared, self._fit(candidate, shared, None))


class _Threads(ThreadPool):
    """A pool that waits for results in turns: a Ctrl-C in the moment before a wait begins ends none."""

    def imap_unordered(self, *arguments: Any, **keywords: Any) -> Iterator[Any]:  # type: ignore[override]
        results = super().imap_unordered(*arguments, **keywords)
        while True:
            try:
                result = results.next(_TURN)
            except PoolTimeoutError:
                continue
            except StopIteration:
                return
            yield result


class _Inline:
    """A pool of no threads: tasks run one after the other, where Ctrl-C reaches them at once."""

    def __enter__(self) -> _Inline:
        return self

    def __exit__(self, *exception: Any) -> None:
        pass

    imap_unordered = staticmethod(map)


def _call(task: Callable[[], Any]) -> Any:
    return task()


def _numbered(group: list[Candidate], fitted: tuple[int, Any]) -> tuple[Candidate, Any]:
    index, model = fitted
    return group[index], model


def _transformed(dataset: DataFrame, stages: Iterable[Transformer]) -> DataFrame:
    for stage in stages:
        dataset = stage.transform(dataset)
    return dataset


def _fitted(stages: Sequence[Any], dataset: DataFrame) -> list[Transformer]:
    """The models of stages that are fitted one after the other; the last one is not asked to transform."""
    models: list[Transformer] = []
    for stage in stages:
        if models:
            dataset = models[-1].transform(dataset)
        models.append(stage.fit(dataset) if isinstance(stage, Estimator) else stage)
    return models


def _kept(frame: DataFrame, below: DataFrame) -> DataFrame:
    """A frame made of `below` that keeps its light columns and all made ones, not heavy ones of `below`.

    Heavy columns that are kept already are computed here: later their rows are known without reading images.
    """
    if not keeps_rows(frame, below):
        return frame.cache()
    names = []
    for name in frame.columns:
        origin = column_origin(frame, below, name)
        heavy = is_heavy(frame.column_field(name).type)
        if heavy and origin == "kept":
            for _ in frame._arrow([name]):
                pass
        elif origin == "made" or not heavy:
            names.append(name)
    return keep_columns(frame, names)


def _kept_for_many(validation: DataFrame, columns: set[str]) -> DataFrame:
    """The held-out rows, with what each candidate's predictions and metrics read kept."""
    names = [
        name
        for name in validation.columns
        if name in columns or not is_heavy(validation.column_field(name).type)
    ]
    return keep_columns(validation, names)
