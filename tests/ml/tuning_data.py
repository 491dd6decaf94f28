"""Data and stages for the tests of tuning."""

import threading

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pydeepl.linalg import vector_array
from pydeepl.ml import (
    Estimator,
    Evaluator,
    MLReadable,
    MLWritable,
    Model,
    Param,
    Params,
    Transformer,
    TypeConverters,
    keyword_only,
)
from pydeepl.ml.columns import read_numbers
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol


def problem(seed=0, n=120, d=6, classes=3, folds=3):
    """A table of features, noisy labels that depend on them, weights, and folds of equal size."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)).astype(np.float32)
    y = (x @ rng.standard_normal((d, classes)) + rng.gumbel(size=(n, classes))).argmax(axis=1)
    y[:classes] = range(classes)
    return pa.table(
        {
            "features": vector_array(x),
            "label": y.astype(float),
            "weight": rng.integers(1, 5, n) / 2.0,
            "fold": rng.permutation(np.arange(n) % folds),
        }
    )


class Widen(Transformer, HasInputCol, HasOutputCol, MLWritable, MLReadable):
    """Vectors times a factor, with a column of ones; counts the rows it computed, per instance's uid."""

    rows: dict = {}  # noqa: RUF012 (shared on purpose)
    factor: Param = Param(
        Params._dummy(), "factor", "what vectors are multiplied with", TypeConverters.toFloat
    )

    @keyword_only
    def __init__(self, *, inputCol=None, outputCol=None, factor=1.0):
        super().__init__()
        self._setDefault(factor=1.0)
        self._set(**self._input_kwargs)
        Widen.rows[self.uid] = 0

    def _transform(self, dataset):
        from pydeepl.linalg import dense_type, vector_matrix

        factor, uid = np.float32(self.getOrDefault("factor")), self.uid
        width = dataset.column_field(self.getInputCol()).type.size

        def widen(batches):
            for batch in batches:
                x = vector_matrix(batch.column(0), "x")
                Widen.rows[uid] += len(x)
                yield [vector_array(np.hstack([x * factor, np.ones((len(x), 1), np.float32)]))]

        field = pa.field(self.getOutputCol(), dense_type(width + 1))
        return dataset._with_stage(widen, [self.getInputCol()], [field])


class Offset(Estimator, MLWritable, MLReadable):
    """Fits a model that predicts the mean of `label` plus `amount`, and says what it was fitted on."""

    amount: Param = Param(Params._dummy(), "amount", "what is added to the mean", TypeConverters.toFloat)
    fits: list = []  # noqa: RUF012 (shared on purpose)

    def __init__(self):
        super().__init__()
        self._setDefault(amount=0.0)

    def _fit(self, dataset):
        (labels,) = read_numbers(dataset, ["label"])
        Offset.fits.append((self.getOrDefault("amount"), sorted(labels.tolist()), threading.get_ident()))
        if self.getOrDefault("amount") == 13:
            raise ValueError("thirteen is refused")
        return self._copyValues(OffsetModel(labels.mean())._resetUid(self.uid))


class OffsetModel(Model, MLWritable, MLReadable):
    amount: Param = Param(Params._dummy(), "amount", "what is added to the mean", TypeConverters.toFloat)

    def __init__(self, mean=0.0):
        super().__init__()
        self.mean = mean

    def _transform(self, dataset):
        value = self.mean + self.getOrDefault("amount")

        def predict(batches):
            for batch in batches:
                yield [pa.array(np.full(batch.num_rows, value))]

        return dataset._with_stage(predict, ["label"], [pa.field("prediction", pa.float64())])


class MeanError(Evaluator, MLWritable, MLReadable):
    """Mean absolute difference of `prediction` and `label`, or its negative."""

    larger: Param = Param(Params._dummy(), "larger", "whether larger is better", TypeConverters.toBoolean)

    def __init__(self, larger=False):
        super().__init__()
        self._set(larger=larger)

    def _evaluate(self, dataset):
        label, prediction = read_numbers(dataset, ["label", "prediction"])
        error = float(np.abs(label - prediction).mean())
        return -error if self.isLargerBetter() else error

    def isLargerBetter(self):
        return self.getOrDefault("larger")


def folds_of(table, column="fold"):
    """[(training table, held-out table)] of a table's fold column."""
    numbers = table[column]
    return [
        (table.filter(pc.not_equal(numbers, fold)), table.filter(pc.equal(numbers, fold)))
        for fold in range(pc.max(numbers).as_py() + 1)
    ]


def plain_metrics(estimator, grid, evaluator, folds):
    """Metrics [fold][param map] by fit, transform and evaluate alone: what every search must find."""
    return [
        [evaluator.evaluate(estimator.fit(training, params).transform(held_out, params)) for params in grid]
        for training, held_out in folds
    ]
