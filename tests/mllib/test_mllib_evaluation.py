"""pydeepl.mllib.evaluation: hand-counted metrics, from every kind of rows."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn import metrics as sk

from pydeepl.frame import adopt
from pydeepl.linalg import vector_array
from pydeepl.ml import MulticlassClassificationEvaluator
from pydeepl.ml.matrix import DenseMatrix
from pydeepl.mllib.evaluation import MulticlassMetrics

# prediction, label: of label 0 there are 4 rows (3 right), of 1 two (1 right), of 2 one (right)
ROWS = [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (2.0, 1.0), (2.0, 2.0)]
TABLE = pa.table({"prediction": [row[0] for row in ROWS], "label": [row[1] for row in ROWS]})


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        iter(ROWS),
        TABLE,
        TABLE.to_pandas(),
        pl.from_arrow(TABLE),
        adopt(TABLE)[0],
        adopt(TABLE)[0].rdd,
        adopt(TABLE)[0].rdd.map(tuple),
        adopt(TABLE)[0].rdd.map(lambda row: (row.prediction, row.label)).collect(),
        adopt(TABLE)[0].collect(),
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_the_confusion_matrix_of_any_kind_of_rows(rows):
    matrix = MulticlassMetrics(rows).confusionMatrix()
    assert isinstance(matrix, DenseMatrix)
    assert matrix.toArray().tolist() == [[3, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert matrix.values.tolist() == [3, 0, 0, 1, 1, 0, 0, 1, 1]  # column after column, as Spark's lie


def test_an_evaluator_gives_the_metrics_of_its_columns():
    table = TABLE.rename_columns(["p", "l"]).append_column("w", pa.array([2.0] * 7))
    evaluator = MulticlassClassificationEvaluator(predictionCol="p", labelCol="l", weightCol="w")
    assert evaluator.getMetrics(table).confusionMatrix().toArray().tolist() == [
        [6, 2, 0],
        [0, 2, 2],
        [0, 0, 2],
    ]
    assert evaluator.getMetrics(table).weightedFMeasure() == evaluator.evaluate(table)


def test_metrics_by_label():
    metrics = MulticlassMetrics(ROWS)
    assert [metrics.precision(label) for label in (0.0, 1, 2)] == [1, 0.5, 0.5]
    assert [metrics.recall(label) for label in (0, 1, 2)] == [0.75, 0.5, 1]
    assert metrics.truePositiveRate(0) == 0.75
    assert [metrics.falsePositiveRate(label) for label in (0, 1, 2)] == [0, 1 / 5, 1 / 6]
    assert metrics.fMeasure(2.0) == pytest.approx(2 / 3)
    assert metrics.fMeasure(2.0, 2.0) == pytest.approx(5 * 0.5 * 1 / (4 * 0.5 + 1))
    with pytest.raises(ValueError, match=r"label 3 is not among the labels \[0.0, 1.0, 2.0\]"):
        metrics.precision(3)


def test_overall_metrics_are_scikit_learns():
    rng = np.random.default_rng(0)
    label, prediction, weight = rng.integers(0, 4, 200), rng.integers(0, 4, 200), rng.uniform(0, 2, 200)
    metrics = MulticlassMetrics(pd.DataFrame({"p": prediction, "l": label, "w": weight}))
    known = {"sample_weight": weight, "average": "weighted"}
    assert metrics.accuracy == pytest.approx(sk.accuracy_score(label, prediction, sample_weight=weight))
    assert metrics.weightedPrecision == pytest.approx(sk.precision_score(label, prediction, **known))
    assert metrics.weightedRecall == pytest.approx(sk.recall_score(label, prediction, **known))
    assert metrics.weightedTruePositiveRate == metrics.weightedRecall
    assert metrics.weightedFMeasure() == pytest.approx(sk.f1_score(label, prediction, **known))
    expected = sk.fbeta_score(label, prediction, beta=0.5, **known)
    assert metrics.weightedFMeasure(0.5) == pytest.approx(expected)
    np.testing.assert_allclose(
        metrics.confusionMatrix().toArray(), sk.confusion_matrix(label, prediction, sample_weight=weight)
    )
    assert 0 < metrics.weightedFalsePositiveRate < 1


def test_log_loss_takes_the_fourth_column():
    chances = np.array([[0.1, 0.8, 0.1], [0.9, 0.05, 0.05], [0.8, 0.2, 0.0], [0.3, 0.65, 0.05]])
    table = pa.table(
        {"p": [1.0, 0, 0, 1], "l": [1.0, 2, 0, 1], "w": [1.0, 1, 1, 1], "c": vector_array(chances)}
    )
    expected = -np.log([0.8, 0.05, 0.8, 0.65]).mean()
    assert MulticlassMetrics(table).logLoss() == pytest.approx(expected)
    assert MulticlassMetrics(
        [
            (p, label, 1.0, row.tolist())
            for p, label, row in zip([1.0, 0, 0, 1], [1.0, 2, 0, 1], chances, strict=True)
        ]
    ).logLoss() == pytest.approx(expected)
    with pytest.raises(ValueError, match="no probabilities"):
        MulticlassMetrics(ROWS).logLoss()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "expected rows to evaluate, found none"),
        (TABLE.slice(0, 0), "empty dataset"),
        (TABLE.select(["label"]), "prediction, label and optionally weight and probability, found 1: label"),
        ([(0.0, 0.0, 0.0)], "expected a weight > 0"),
        ([(0.0, None), (0.0, 1.0)], "column '_2': expected numbers, found null in row 0"),
    ],
)
def test_bad_rows_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        MulticlassMetrics(rows)
