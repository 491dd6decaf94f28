"""Random problems through Spark MLlib and through us: pytest -m spark (PySpark and Java needed)."""

import numpy as np
import pyarrow as pa
import pytest

from pydeepl.linalg import vector_array, vectors
from pydeepl.ml import LogisticRegression

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def spark():
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.shuffle.partitions", 1).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def problem(seed, n, d, classes, density):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((n, d)) * rng.uniform(0.2, 4, d) + rng.standard_normal(d)).astype(np.float32)
    x[rng.random((n, d)) > density] = 0
    if density < 1:
        x[:, rng.integers(0, d, 2)] = 0
    y = (x @ rng.standard_normal((d, classes)) / np.sqrt(d) + 2 * rng.gumbel(size=(n, classes))).argmax(
        axis=1
    )
    y[:classes] = range(classes)
    return x, y.astype(float), rng.integers(0, 5, n) / 2.0


NET = {"regParam": 0.02, "elasticNetParam": 0.4, "maxIter": 15}
CASES = [
    # seed, rows, features, classes, share of values that are not zero, params
    (1, 200, 10, 2, 1.0, {}),
    (2, 200, 10, 2, 1.0, NET | {"weightCol": "weight"}),
    (3, 40, 90, 2, 0.15, NET | {"standardization": False}),
    (4, 200, 10, 3, 1.0, {"regParam": 0.01, "tol": 1e-9, "maxIter": 150}),
    (5, 200, 10, 3, 1.0, {"regParam": 0.3, "elasticNetParam": 1.0}),
    (6, 60, 150, 3, 0.1, NET | {"fitIntercept": False}),
    (7, 60, 150, 3, 0.1, {"maxIter": 10, "weightCol": "weight"}),
    (8, 300, 20, 10, 1.0, NET),
    (9, 90, 300, 10, 0.06, NET | {"weightCol": "weight", "standardization": False}),
    (10, 300, 20, 10, 1.0, {"regParam": 0.1, "standardization": False, "fitIntercept": False}),
    (11, 200, 10, 2, 1.0, NET | {"family": "multinomial", "thresholds": [0.4, 0.6]}),
]


@pytest.mark.parametrize(("seed", "n", "d", "classes", "density", "params"), CASES)
def test_random_problem(spark, seed, n, d, classes, density, params):
    from pyspark.ml.classification import LogisticRegression as SparkLogisticRegression
    from pyspark.ml.linalg import Vectors

    x, y, w = problem(seed, n, d, classes, density)
    rows = [(Vectors.dense(x[i].astype(float)), float(y[i]), float(w[i])) for i in range(n)]
    frame = spark.createDataFrame(rows, ["features", "label", "weight"]).coalesce(1).cache()
    peer = SparkLogisticRegression(**params).fit(frame)
    data = pa.table({"features": vector_array(x), "label": y, "weight": w})
    model = LogisticRegression(**params).fit(data)

    history, expected = model.summary.objectiveHistory, list(peer.summary.objectiveHistory)
    assert len(history) == len(expected)
    np.testing.assert_allclose(history[:6], expected[:6], rtol=1e-9, atol=0)
    np.testing.assert_allclose(
        model.coefficientMatrix.toArray(), peer.coefficientMatrix.toArray(), rtol=0, atol=1e-8
    )
    np.testing.assert_allclose(
        model.interceptVector.toArray(), peer.interceptVector.toArray(), rtol=0, atol=1e-8
    )
    ours, theirs = model.transform(data), peer.transform(frame).select("probability", "prediction").collect()
    np.testing.assert_allclose(
        np.stack(vectors(ours["probability"])), [row.probability.toArray() for row in theirs], atol=1e-7
    )
    assert ours["prediction"].to_pylist() == [row.prediction for row in theirs]
    for name in ("accuracy", "weightedPrecision", "weightedRecall", "weightedFalsePositiveRate"):
        assert getattr(model.summary, name) == pytest.approx(getattr(peer.summary, name), rel=1e-12)
    if classes == 2:
        assert model.summary.areaUnderROC == pytest.approx(peer.summary.areaUnderROC, rel=1e-12)
