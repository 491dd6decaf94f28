"""The evaluators on datasets: Spark's golden numbers, live Spark on random data, and what is refused."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from golden.ml import make_evaluation

from pydeepl.frame import adopt
from pydeepl.linalg import Vectors, vector_array
from pydeepl.ml import BinaryClassificationEvaluator, MulticlassClassificationEvaluator

GOLDEN = json.loads(Path(make_evaluation.__file__).with_name("evaluation.json").read_text())
# Sums of a few hundred terms in another order: 1e-12 leaves room for nothing else.
CLOSE = {"rtol": 1e-12, "atol": 1e-15}


def table_of(data, batches=3):
    """An Arrow table of several batches; two-dimensional arrays become vector columns."""
    columns = {}
    for name, values in data.items():
        parts = np.array_split(values, batches)
        columns[name] = pa.chunked_array([vector_array(p) if p.ndim == 2 else pa.array(p) for p in parts])
    return pa.table(columns)


@pytest.mark.parametrize("case", make_evaluation.MULTICLASS_CASES)
def test_multiclass_gives_sparks_numbers(case):
    arguments, params = make_evaluation.MULTICLASS_CASES[case]
    table = table_of(make_evaluation.multiclass(*arguments))
    evaluator = MulticlassClassificationEvaluator(**params)
    for metric, expected in GOLDEN["multiclass"][case].items():
        found = evaluator.evaluate(table, {evaluator.metricName: metric})
        assert type(found) is float
        np.testing.assert_allclose(found, float(expected), **CLOSE, err_msg=metric)


@pytest.mark.parametrize("case", make_evaluation.BINARY_CASES)
@pytest.mark.parametrize("vectors", [False, True])
def test_binary_gives_sparks_numbers(case, vectors):
    arguments, params = make_evaluation.BINARY_CASES[case]
    data = make_evaluation.binary(*arguments)
    if vectors:
        score = data["rawPrediction"]
        data["rawPrediction"] = np.stack([-score, score], axis=1)
    table = table_of(data)
    evaluator = BinaryClassificationEvaluator(**params)
    for metric, expected in GOLDEN["binary"][case].items():
        found = evaluator.evaluate(table, {evaluator.metricName: metric})
        np.testing.assert_allclose(found, expected, **CLOSE, err_msg=metric)


def test_the_golden_file_covers_every_metric():
    for name in GOLDEN["multiclass"]["plain"]:
        assert MulticlassClassificationEvaluator(metricName=name).getMetricName() == name
    listed = MulticlassClassificationEvaluator.metricName.doc.removeprefix("the metric: ").split(", ")
    assert sorted(listed) == sorted(GOLDEN["multiclass"]["plain"])


def test_larger_is_better():
    smaller = {"weightedFalsePositiveRate", "falsePositiveRateByLabel", "logLoss", "hammingLoss"}
    for name in GOLDEN["multiclass"]["plain"]:
        evaluator = MulticlassClassificationEvaluator(metricName=name)
        assert evaluator.isLargerBetter() == (name not in smaller)
    assert BinaryClassificationEvaluator().isLargerBetter()


def test_setters_and_getters():
    evaluator = (
        MulticlassClassificationEvaluator().setMetricName("logLoss").setMetricLabel(2).setBeta(3).setEps(0.1)
    )
    assert evaluator.getMetricName() == "logLoss"
    assert (evaluator.getMetricLabel(), evaluator.getBeta(), evaluator.getEps()) == (2.0, 3.0, 0.1)
    evaluator.setParams(labelCol="l", predictionCol="p", probabilityCol="q", weightCol="w")
    found = evaluator.getLabelCol(), evaluator.getPredictionCol(), evaluator.getProbabilityCol()
    assert (*found, evaluator.getWeightCol()) == ("l", "p", "q", "w")
    binary = BinaryClassificationEvaluator(rawPredictionCol="r").setMetricName("areaUnderPR").setNumBins(3)
    assert (binary.getRawPredictionCol(), binary.getMetricName(), binary.getNumBins()) == (
        "r",
        "areaUnderPR",
        3,
    )
    assert binary.setParams(numBins=0).getNumBins() == 0


def test_the_articles_calls():
    """Integer labels as `lit(0)` makes them, predictions in double, in a pydeepl frame."""
    frame = adopt(
        pa.table({"label": pa.array([0, 1, 1, 2], pa.int32()), "prediction": [0.0, 1.0, 2.0, 2.0]})
    )[0]
    evaluator = MulticlassClassificationEvaluator()
    names = "f1", "weightedPrecision", "weightedRecall", "accuracy"
    found = [evaluator.evaluate(frame, {evaluator.metricName: name}) for name in names]
    np.testing.assert_allclose(found, [0.75, 0.875, 0.75, 0.75])


def test_only_the_columns_asked_for_are_computed():
    def fail(batches):
        raise AssertionError("computed, though nobody asked for it")

    frame = adopt(pa.table({"label": [0, 1], "prediction": [0.0, 1.0]}))[0]
    frame = frame._with_stage(fail, ["label"], [pa.field("probability", pa.list_(pa.float64()))])
    assert MulticlassClassificationEvaluator().evaluate(frame) == 1.0


@pytest.mark.parametrize("kind", ["vector", "list", "fixed list", "mixed", "float32"])
def test_kinds_of_vector_columns(kind):
    values = np.array([[0.75, 0.25], [0.5, 0.5]])
    column = {
        "vector": lambda: vector_array(values),
        "float32": lambda: vector_array(values.astype(np.float32)),
        "list": lambda: pa.array(values.tolist()),
        "fixed list": lambda: pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 2),
        "mixed": None,
    }[kind]
    if kind == "mixed":
        import pandas

        cells = [Vectors.dense(values[0]), Vectors.sparse(2, [0, 1], values[1])]
        dataset = pandas.DataFrame({"probability": cells, "label": [0, 1]})
    else:
        dataset = pa.table({"probability": column(), "label": [0, 1]})
    loss = MulticlassClassificationEvaluator(metricName="logLoss").evaluate(dataset)
    assert loss == pytest.approx(-(math.log(0.75) + math.log(0.5)) / 2, rel=1e-15)
    area = BinaryClassificationEvaluator(rawPredictionCol="probability").evaluate(dataset)
    assert area == 1.0


# ---- refusals


def multiclass(**columns):
    table = {"label": [0.0, 1.0], "prediction": [0.0, 1.0], **columns}
    return pa.table({name: values for name, values in table.items() if values is not None})


@pytest.mark.parametrize(
    ("dataset", "params", "kind", "message"),
    [
        (
            multiclass(label=None),
            {},
            ValueError,
            "labelCol 'label' does not exist; the columns are prediction",
        ),
        (multiclass(prediction=None), {}, ValueError, "predictionCol 'prediction' does not exist"),
        (multiclass(), {"weightCol": "w"}, ValueError, "weightCol 'w' does not exist"),
        (multiclass(), {"metricName": "logLoss"}, ValueError, "probabilityCol 'probability' does not exist"),
        (
            multiclass(label=[0.0, None]),
            {},
            ValueError,
            "column 'label': expected numbers, found null in row 1",
        ),
        (multiclass(label=[math.nan, 0.0]), {}, ValueError, "column 'label': .* found NaN in row 0"),
        (multiclass(prediction=[0.0, None]), {}, ValueError, "column 'prediction': .* found null in row 1"),
        (multiclass(label=["0", "1"]), {}, TypeError, "column 'label': expected numbers, found string"),
        (multiclass(label=[True, False]), {}, TypeError, "column 'label': expected numbers, found bool"),
        (multiclass(w=[1.0, -1.0]), {"weightCol": "w"}, ValueError, "weights >= 0, found -1.0 in row 1"),
        (multiclass(w=[0.0, 0.0]), {"weightCol": "w"}, ValueError, "expected a weight > 0"),
        (multiclass(w=[1.0, None]), {"weightCol": "w"}, ValueError, "column 'w': .* found null in row 1"),
        (multiclass().slice(0, 0), {}, ValueError, "empty dataset"),
        (
            multiclass(),
            {"metricName": "recallByLabel", "metricLabel": 3.0},
            ValueError,
            r"metricLabel 3.0 is not among the labels of column 'label': \[0.0, 1.0\]",
        ),
        (
            multiclass(probability=[[0.5, 0.5], [math.nan, 0.5]]),
            {"metricName": "logLoss"},
            ValueError,
            "column 'probability': expected numbers, found NaN in row 1",
        ),
        (
            multiclass(probability=[[0.5, 0.5], None]),
            {"metricName": "logLoss"},
            ValueError,
            "probability: 1 of 2 vectors are null",
        ),
        (
            multiclass(probability=[0.5, 0.5]),
            {"metricName": "logLoss"},
            ValueError,
            "expected probabilities of shape",
        ),
        (
            multiclass(probability=[[1.0], [1.0]]),
            {"metricName": "logLoss"},
            ValueError,
            "label in row 1: expected a whole number from 0 to 0",
        ),
        (multiclass(probability=["a", "b"]), {"metricName": "logLoss"}, TypeError, "probability"),
        (
            multiclass(probability=[[1.0], [1.0]]).slice(0, 0),
            {"metricName": "logLoss"},
            ValueError,
            "empty dataset",
        ),
    ],
)
def test_multiclass_refuses(dataset, params, kind, message):
    with pytest.raises(kind, match=message):
        MulticlassClassificationEvaluator(**params).evaluate(dataset)


def binary(**columns):
    return pa.table({"label": [0.0, 1.0], "rawPrediction": [0.25, 0.75], **columns})


@pytest.mark.parametrize(
    ("dataset", "params", "kind", "message"),
    [
        (
            binary().drop(["label"]),
            {},
            ValueError,
            "labelCol 'label' does not exist; the columns are rawPrediction",
        ),
        (binary().drop(["rawPrediction"]), {}, ValueError, "rawPredictionCol 'rawPrediction' does not exist"),
        (binary(), {"weightCol": "w"}, ValueError, "weightCol 'w' does not exist"),
        (binary(label=[None, 1.0]), {}, ValueError, "column 'label': .* null in row 0"),
        (binary(rawPrediction=[None, 1.0]), {}, ValueError, "column 'rawPrediction': .* null in row 0"),
        (binary(rawPrediction=[0.5, math.nan]), {}, ValueError, "column 'rawPrediction': .* NaN in row 1"),
        (binary(rawPrediction=["a", "b"]), {}, TypeError, "rawPrediction"),
        (binary(rawPrediction=[[1.0], [1.0]]), {}, ValueError, "expected vectors of size 2, found size 1"),
        (binary(rawPrediction=[[1.0, 2.0], [1.0]]), {}, ValueError, "rawPrediction.*different sizes"),
        (binary().slice(0, 0), {}, ValueError, "empty dataset"),
    ],
)
def test_binary_refuses(dataset, params, kind, message):
    with pytest.raises(kind, match=message):
        BinaryClassificationEvaluator(**params).evaluate(dataset)


# ---- live Spark


@pytest.mark.spark
@pytest.mark.parametrize("seed", range(3))
def test_multiclass_agrees_with_live_spark(spark, seed):
    import pyspark.ml.evaluation as theirs

    rng = np.random.default_rng(seed)
    rows, classes = [(400, 12), (9, 6), (60, 2)][seed]
    data = {
        "label": rng.choice(classes, rows) * 1.0,
        "prediction": rng.choice(classes + 1, rows) * 1.0,
        "w": rng.random(rows),
        "probability": rng.dirichlet(np.full(classes, 0.2), rows),
    }
    columns = [column.tolist() for column in data.values()]
    spark_frame = spark.createDataFrame(list(zip(*columns, strict=True)), list(data)).coalesce(1).cache()
    table = table_of(data)
    for metric in GOLDEN["multiclass"]["plain"]:
        for params in (
            {},
            {"weightCol": "w", "metricLabel": float(data["label"][0]), "beta": 0.7, "eps": 1e-3},
        ):
            params = {"metricName": metric, "metricLabel": float(data["label"][-1]), **params}
            expected = theirs.MulticlassClassificationEvaluator(**params).evaluate(spark_frame)
            found = MulticlassClassificationEvaluator(**params).evaluate(table)
            np.testing.assert_allclose(found, expected, **CLOSE, err_msg=str(params))


@pytest.mark.spark
@pytest.mark.parametrize("seed", range(3))
def test_binary_agrees_with_live_spark(spark, seed):
    import pyspark.ml.evaluation as theirs

    rng = np.random.default_rng(seed)
    rows = [50, 700, 2500][seed]
    scores = rng.normal(size=rows) if seed else rng.integers(0, 9, rows) / 8
    data = {"rawPrediction": scores, "label": (rng.random(rows) < 0.4) * 1.0, "w": rng.random(rows)}
    columns = [column.tolist() for column in data.values()]
    spark_frame = spark.createDataFrame(list(zip(*columns, strict=True)), list(data)).coalesce(1).cache()
    table = table_of(data)
    for metric in make_evaluation.BINARY:
        for params in ({}, {"weightCol": "w"}, {"numBins": 0}, {"numBins": 20}):
            params = {"metricName": metric, **params}
            expected = theirs.BinaryClassificationEvaluator(**params).evaluate(spark_frame)
            found = BinaryClassificationEvaluator(**params).evaluate(table)
            np.testing.assert_allclose(found, expected, **CLOSE, err_msg=str(params))
