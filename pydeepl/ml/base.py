"""Transformer, Estimator, Model and Evaluator: what a stage is.

A stage implements `_transform`, `_fit` or `_evaluate` on pydeepl DataFrames alone. The public `transform`,
`fit` and `evaluate` take any dataset that `pydeepl.frame.adopt` knows (pydeepl, pandas, polars, pyarrow) and
hand a pydeepl DataFrame to the stage; `transform` gives back the kind it was given.

Source: the behaviour of pyspark.ml.base (Spark 4).
"""

from __future__ import annotations

import functools
import threading
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

import numpy as np
from numpy.typing import NDArray

from pydeepl.ml.param import ParamMap, Params

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame import DataFrame

__all__ = ["Estimator", "Evaluator", "Model", "RowsEstimator", "Transformer", "keyword_only"]

A = ParamSpec("A")
R = TypeVar("R")
S = TypeVar("S")
M = TypeVar("M", bound="Transformer")
P = TypeVar("P", bound=Params)


def keyword_only(function: Callable[Concatenate[S, A], R]) -> Callable[Concatenate[S, A], R]:
    """Decorates a method whose arguments are params, given by keyword.

    The arguments that the caller did give are in `self._input_kwargs` within the method: a param that is left
    out stays unset, whatever the signature shows as its default.
    """

    @functools.wraps(function)
    def method(self: S, *args: A.args, **kwargs: A.kwargs) -> R:
        if args:
            raise TypeError(f"Method {function.__name__} of {type(self).__name__} forces keyword arguments.")
        self._input_kwargs = kwargs  # type: ignore[attr-defined]
        return function(self, *args, **kwargs)

    return cast("Callable[Concatenate[S, A], R]", method)


def is_pyspark(dataset: Any) -> bool:
    """Whether a dataset is a DataFrame of real PySpark."""
    return type(dataset).__module__.startswith("pyspark.sql.")


def _with_params(stage: P, params: ParamMap | None) -> P:
    """The stage itself, or a copy of it that has the values of a param map."""
    if params is None:
        return stage
    if not isinstance(params, Mapping):
        raise TypeError(f"{stage.uid}: Params must be a param map but got {type(params)}.")
    return stage.copy(params) if params else stage


class Transformer(Params, metaclass=ABCMeta):
    """A stage that turns one dataset into another, usually by appending columns."""

    @abstractmethod
    def _transform(self, dataset: DataFrame) -> DataFrame:
        """The transformed dataset; lazy: nothing is computed before an action asks for it."""

    def transform(self, dataset: Any, params: ParamMap | None = None) -> Any:
        """Transforms a dataset.

        Parameters
        ----------
        dataset: a pydeepl, pandas or polars DataFrame, or a pyarrow Table or RecordBatchReader; or a PySpark
            DataFrame, whose executors then do the work (see pydeepl.spark).
        params: values that go before the stage's own, for this call.

        Returns
        -------
        The transformed dataset, of the kind that was given.
        """
        from pydeepl.frame import adopt

        stage = _with_params(self, params)
        if is_pyspark(dataset):
            from pydeepl.spark import transform_partitions

            return transform_partitions(stage, dataset)
        frame, restore = adopt(dataset)
        return restore(stage._transform(frame))


class Model(Transformer, metaclass=ABCMeta):
    """A transformer that an estimator has fitted."""


class _FitMultipleIterator(Generic[M]):
    """Fits one model for each index; several threads may draw from it."""

    def __init__(self, fit: Callable[[int], M], count: int) -> None:
        self._fit = fit
        self._indices = iter(range(count))
        self._lock = threading.Lock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[int, M]:
        with self._lock:
            index = next(self._indices)
        return index, self._fit(index)


class Estimator(Params, Generic[M], metaclass=ABCMeta):
    """A stage that is fitted to a dataset and so yields a model."""

    @abstractmethod
    def _fit(self, dataset: DataFrame) -> M:
        """The model fitted to a dataset with this instance's params."""

    def _fit_spark(self, dataset: Any) -> M:
        """The model fitted to a PySpark DataFrame with this instance's params."""
        raise TypeError(
            f"{self.uid}: {type(self).__name__} does not take a PySpark DataFrame; LogisticRegression, "
            "KerasImageFileEstimator and a Pipeline with no other estimators do; pyspark.ml has others, and "
            "toPandas() brings rows here"
        )

    def fitMultiple(self, dataset: Any, paramMaps: Sequence[ParamMap]) -> Iterator[tuple[int, M]]:
        """Fits a model for each param map, one at a time as the iterator is drawn from.

        Parameters
        ----------
        dataset: as for `fit`.
        paramMaps: sequence of param maps.

        Returns
        -------
        A thread-safe iterator of (index, model); the model is fitted with `paramMaps[index]`.
        """
        from pydeepl.frame import adopt

        estimator = self.copy()
        if is_pyspark(dataset):
            return _FitMultipleIterator(
                lambda index: _with_params(estimator, paramMaps[index])._fit_spark(dataset), len(paramMaps)
            )
        frame, _ = adopt(dataset)
        return _FitMultipleIterator(
            lambda index: _with_params(estimator, paramMaps[index])._fit(frame), len(paramMaps)
        )

    @overload
    def fit(self, dataset: Any, params: ParamMap | None = ...) -> M: ...

    @overload
    def fit(self, dataset: Any, params: list[ParamMap] | tuple[ParamMap, ...]) -> list[M]: ...

    def fit(
        self, dataset: Any, params: ParamMap | list[ParamMap] | tuple[ParamMap, ...] | None = None
    ) -> M | list[M]:
        """Fits a model to a dataset.

        Parameters
        ----------
        dataset: a pydeepl, pandas or polars DataFrame, or a pyarrow Table or RecordBatchReader; or, for some
            estimators, a PySpark DataFrame (see pydeepl.spark).
        params: values that go before the stage's own, for this call; or a list of such param maps.

        Returns
        -------
        The model, or for a list of param maps the list of their models.
        """
        if isinstance(params, (list, tuple)):
            models = dict(self.fitMultiple(dataset, params))
            return [models[index] for index in range(len(params))]
        if params is not None and not isinstance(params, Mapping):
            raise TypeError(
                f"{self.uid}: Params must be either a param map or a list/tuple of param maps, "
                f"but got {type(params)}."
            )
        from pydeepl.frame import adopt

        estimator = _with_params(self, params)
        return estimator._fit_spark(dataset) if is_pyspark(dataset) else estimator._fit(adopt(dataset)[0])


class RowsEstimator(Estimator[M], metaclass=ABCMeta):
    """An estimator that reads its data once and fits to any of the rows, as a search over folds asks for.

    `_fit` is then `_fit_rows` with all rows of `_read_data`.
    """

    @abstractmethod
    def _data_columns(self) -> tuple[str, ...]:
        """The columns that `_read_data` reads. Estimators of a class that name the same share their data."""

    @abstractmethod
    def _read_data(self, dataset: DataFrame) -> Any:
        """The dataset's columns in memory, checked; shared between fits, which leave it as it is."""

    @abstractmethod
    def _fit_rows(
        self,
        data: Any,
        rows: NDArray[np.bool_] | None,
        training: DataFrame,
        threads: int = 0,
        watch: Callable[[int, float], object] | None = None,
    ) -> M:
        """The model fitted to some of the rows.

        Parameters
        ----------
        data: what `_read_data` gave.
        rows: bool [n], the rows to fit to; None: all. The others count for nothing.
        training: the frame of these rows.
        threads: of the core; 0 for as many as there are CPUs.
        watch: called with the number and the objective of every iteration, in place of a progress bar; what
            it raises ends the fit.
        """


class Evaluator(Params, metaclass=ABCMeta):
    """Computes a metric from a dataset of predictions."""

    @abstractmethod
    def _evaluate(self, dataset: DataFrame) -> float:
        """The metric of a dataset with this instance's params."""

    def evaluate(self, dataset: Any, params: ParamMap | None = None) -> float:
        """Computes the metric.

        Parameters
        ----------
        dataset: a pydeepl, pandas or polars DataFrame, or a pyarrow Table or RecordBatchReader.
        params: values that go before the evaluator's own, for this call.
        """
        from pydeepl.frame import adopt

        stage = _with_params(self, params)
        return stage._evaluate(adopt(dataset)[0])

    def isLargerBetter(self) -> bool:
        """Whether a larger value of the metric is better."""
        return True
