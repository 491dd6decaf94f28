"""LogisticRegression on Spark frames: pydeepl's own engine is the oracle of both ways to train."""

import numpy as np
import pytest

import pydeepl
from pydeepl.linalg import vector_array

pytestmark = pytest.mark.spark

WAYS = {"driver": 2**40, "executors": 0}


@pytest.fixture(scope="module")
def rows():
    """Features [90, 6] with a constant column, three classes, weights of which some are 0."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((90, 6)).astype(np.float32)
    x[:, 4] = 1.25
    scores = x[:, :3] + rng.standard_normal((90, 3))
    return x, scores.argmax(axis=1).astype(float), rng.choice([0, 0.5, 2], 90)


@pytest.fixture(scope="module")
def frames(spark, rows):
    """(Spark's frame in three partitions and an empty one, sparse rows among the dense; our own table)."""
    import pyarrow as pa
    from pyspark.ml.linalg import Vectors

    x, labels, weights = rows
    data = [
        (Vectors.dense(v) if i % 3 else Vectors.sparse(6, range(6), v), float(y), float(w))
        for i, (v, y, w) in enumerate(zip(x.astype(float), labels, weights, strict=True))
    ]
    frame = spark.createDataFrame(data, ["features", "label", "weight"])
    frame = frame.repartitionByRange(3, "label", "weight").unionAll(frame.limit(0)).cache()
    table = pa.table({"features": vector_array(x), "label": labels, "weight": weights})
    return frame, table


CASES = {
    "ridge": {"regParam": 0.02, "maxIter": 6},
    "elastic net": {"regParam": 0.05, "elasticNetParam": 0.4, "weightCol": "weight", "maxIter": 3},
    "raw scale": {"regParam": 0.05, "elasticNetParam": 0.4, "standardization": False, "maxIter": 2},
    "no intercept": {
        "regParam": 0.01,
        "fitIntercept": False,
        "weightCol": "weight",
        "tol": 1e-10,
        "maxIter": 3,
    },
}


@pytest.mark.parametrize(
    "way, case",
    [
        ("driver", "ridge"),
        ("driver", "elastic net"),
        ("executors", "elastic net"),
        ("executors", "raw scale"),
        ("executors", "no intercept"),
    ],
)
def test_the_path_is_that_of_the_own_engine(frames, way, case):
    """Sums over parts differ from sums over rows by rounding, some 1e-16 of a sum, which the steps of a path
    carry on: history and coefficients agree to 1e-9."""
    from pydeepl.spark import LogisticRegression

    frame, table = frames
    model = LogisticRegression(maxDriverBytes=WAYS[way], **CASES[case]).fit(frame)
    expected = pydeepl.LogisticRegression(**CASES[case]).fit(table)
    history = expected.summary.objectiveHistory
    assert model.summary.totalIterations == len(history) - 1
    np.testing.assert_allclose(model.summary.objectiveHistory, history, rtol=1e-9)
    np.testing.assert_allclose(
        model.coefficientMatrix.toArray(), expected.coefficientMatrix.toArray(), rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(model.interceptVector.toArray(), expected.interceptVector.toArray(), atol=1e-9)


def test_many_parts_are_added_in_a_tree(frames, monkeypatch):
    from pydeepl.spark import LogisticRegression, training

    frame, table = frames
    calls = []
    monkeypatch.setattr(
        training, "in_worker", lambda *a, in_worker=training.in_worker: calls.append(a[1]) or in_worker(*a)
    )
    binary = frame.filter("label < 2").repartition(7)  # 7 > 3 + 7 / 3: a level between
    model = LogisticRegression(maxDriverBytes=0, regParam=0.1, maxIter=1, aggregationDepth=2).fit(binary)
    own = pydeepl.LogisticRegression(regParam=0.1, maxIter=1)
    expected = own.fit(table.filter(np.asarray(table["label"]) < 2))
    assert calls.count("merge_parts") == calls.count("evaluate_part") + calls.count("survey_part")
    np.testing.assert_allclose(model.coefficients.toArray(), expected.coefficients.toArray(), atol=1e-9)
    assert abs(model.intercept - expected.intercept) <= 1e-9


def test_the_own_classes_take_spark_frames(frames, tmp_path):
    frame, table = frames
    named = frame.withColumnRenamed("features", "a.b").withColumnRenamed("label", "l`y")
    learner = pydeepl.LogisticRegression(regParam=0.02, featuresCol="a.b", labelCol="l`y")
    model = pydeepl.Pipeline(stages=[learner]).fit(named)
    expected = pydeepl.LogisticRegression(regParam=0.02).fit(table)
    found = model.stages[0]
    assert isinstance(found, pydeepl.LogisticRegressionModel)
    np.testing.assert_allclose(
        found.coefficientMatrix.toArray(), expected.coefficientMatrix.toArray(), atol=1e-9
    )
    with pytest.raises(TypeError, match="StringIndexer does not take a PySpark DataFrame"):
        pydeepl.StringIndexer(inputCol="label", outputCol="index").fit(frame)


def test_models_predict_and_are_saved_by_spark(frames, tmp_path):
    from pyspark.ml import Pipeline, PipelineModel

    from pydeepl.spark import LogisticRegression

    frame, table = frames
    estimator = LogisticRegression(regParam=0.02, predictionCol="class").setMaxIter(7)
    estimator.write().save(str(tmp_path / "estimator"))
    loaded = LogisticRegression.load(str(tmp_path / "estimator"))
    assert loaded.extractParamMap() == estimator.extractParamMap() and loaded.getMaxIter() == 7
    model = Pipeline(stages=[loaded]).fit(frame)
    model.write().save(str(tmp_path / "model"))
    again = PipelineModel.load(str(tmp_path / "model"))
    out = again.transform(frame)
    assert out.columns == [*frame.columns, "rawPrediction", "probability", "class"]
    assert out.collect() == model.transform(frame).collect()
    own = pydeepl.LogisticRegression(regParam=0.02, maxIter=7).fit(table)
    row = out.first()
    assert row["class"] == own.predict(row.features.toArray())
    assert again.stages[0].predict(row.features) == row["class"]
    np.testing.assert_allclose(
        row.probability.toArray(), again.stages[0].predictProbability(row.features).toArray(), rtol=1e-12
    )
    assert not again.stages[0].hasSummary and again.stages[0].numClasses == 3


def test_what_cannot_be_trained_is_said(spark, frames):
    from pyspark.ml.linalg import Vectors

    from pydeepl.spark import LogisticRegression

    frame, _ = frames
    with pytest.raises(ValueError, match=r"newton-cg' needs the training rows on the driver: they are .*KiB"):
        LogisticRegression(solver="newton-cg", maxDriverBytes=1).fit(frame)
    with pytest.raises(ValueError, match="'mark'"):
        LogisticRegression(labelCol="mark").fit(frame)
    with pytest.raises(ValueError, match="expected rows to train on, found none"):
        LogisticRegression().fit(frame.limit(0))
    with pytest.raises(
        Exception, match=r"column 'label': labels must be whole numbers .* found 0\.5 in row 0"
    ):
        LogisticRegression().fit(spark.createDataFrame([(Vectors.dense(1.0), 0.5)], ["features", "label"]))
    with pytest.raises(TypeError, match="column 'kind': expected numbers, found string"):
        LogisticRegression(labelCol="kind").fit(frame.withColumn("kind", frame.label.cast("string")))
    with pytest.raises(TypeError, match="has no param depth"):
        LogisticRegression(depth=3)
    ragged = spark.createDataFrame(
        [(Vectors.dense([1.0] * n), float(n % 2)) for n in (2, 3)], ["features", "label"]
    ).repartition(2, "label")
    with pytest.raises(Exception, match=r"different sizes|expected . features, found"):
        LogisticRegression(maxDriverBytes=0).fit(ragged)
