"""Random problems through Spark MLlib and through us: pytest -m spark (PySpark and Java needed).

One Spark session and many small fits. Of every fit: the objective at every iteration, the coefficients and
the form they are kept in, the predictions; and of one of each kind, every metric of the summary.
"""

import functools
import json
import warnings

import numpy as np
import pyarrow as pa
import pytest

from pydeepl.linalg import SparseVector, vector_array, vectors, vectors_array
from pydeepl.ml import LogisticRegression

pytestmark = pytest.mark.spark

# Spark's own noise: its path changes by this much with the number of partitions where the objective nears 0.
HISTORY = {"rtol": 1e-9, "atol": 1e-12}
COEFFICIENTS = {"rtol": 1e-8, "atol": 1e-8}

NET = {"regParam": 0.02, "elasticNetParam": 0.4, "maxIter": 15}
PENALTIES = {
    "none": {},
    "L2": {"regParam": 0.05},
    "L1": {"regParam": 0.04, "elasticNetParam": 1.0},
    "elastic net": {"regParam": 0.05, "elasticNetParam": 0.5},
}


@pytest.fixture(scope="module")
def spark():
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        # Compiling every little query would take longer than running it.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
    }
    session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


# ---- problems


@functools.cache
def problem(n, d, classes, density=1.0):
    """(features, labels, weights) that a model can half tell apart; two constant columns where not dense."""
    rng = np.random.default_rng([n, d, classes])
    x = (rng.standard_normal((n, d)) * rng.uniform(0.2, 4, d) + rng.standard_normal(d)).astype(np.float32)
    x[rng.random((n, d)) > density] = 0
    if density < 1:
        x[:, rng.integers(0, d, 2)] = 0
    signal = x @ rng.standard_normal((d, classes)) / np.sqrt(d)
    y = (signal + 2 * rng.gumbel(size=(n, classes))).argmax(axis=1)
    y[:classes] = range(classes)
    return x, y.astype(float), rng.integers(0, 5, n) / 2.0


def our_table(x, y, w, sparse=False, metadata=None):
    cells = [SparseVector(len(row), np.flatnonzero(row), row[row != 0]) for row in x] if sparse else None
    columns = [vectors_array(cells) if sparse else vector_array(x), pa.array(y), pa.array(w)]
    label = pa.field("label", pa.float64(), metadata=metadata)
    schema = pa.schema([pa.field("features", columns[0].type), label, pa.field("weight", pa.float64())])
    return pa.table(columns, schema=schema)


def their_frame(spark, x, y, w, sparse=False):
    from pyspark.ml.linalg import Vectors

    def vector(row):
        row = row.astype(float)
        return Vectors.sparse(len(row), np.flatnonzero(row), row[row != 0]) if sparse else Vectors.dense(row)

    rows = [(vector(x[i]), float(y[i]), float(w[i])) for i in range(len(y))]
    return spark.createDataFrame(rows, ["features", "label", "weight"]).coalesce(1)


def fitted(spark, data, sparse=False, **params):
    """(our model, Spark's, our table, Spark's frame)"""
    from pyspark.ml.classification import LogisticRegression as SparkLogisticRegression

    frame = their_frame(spark, *data, sparse)
    peer = SparkLogisticRegression(**params).fit(frame)
    table = our_table(*data, sparse)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*all labels in column")
        model = LogisticRegression(**params).fit(table)
    return model, peer, table, frame


# ---- what is compared


def assert_same_training(model, peer):
    history, expected = model.summary.objectiveHistory, list(peer.summary.objectiveHistory)
    assert len(history) == len(expected)
    np.testing.assert_allclose(history, expected, **HISTORY)
    assert model.summary.totalIterations == peer.summary.totalIterations
    assert (model.numClasses, model.numFeatures) == (peer.numClasses, peer.numFeatures)
    for ours, theirs in (
        (model.coefficientMatrix, peer.coefficientMatrix),
        (model.interceptVector, peer.interceptVector),
    ):
        assert type(ours).__name__ == type(theirs).__name__
        assert getattr(ours, "isTransposed", None) == getattr(theirs, "isTransposed", None)
        np.testing.assert_allclose(ours.toArray(), theirs.toArray(), **COEFFICIENTS)


def assert_same_predictions(model, peer, table, frame):
    ours = model.transform(table)
    columns = ["rawPrediction", "probability", "prediction"]
    theirs = peer.transform(frame).select(columns).collect()
    for name in columns[:2]:
        np.testing.assert_allclose(
            np.stack(vectors(ours[name])), [row[name].toArray() for row in theirs], rtol=1e-7, atol=1e-7
        )
    assert ours["prediction"].to_pylist() == [row.prediction for row in theirs]


METRICS = (
    "labels", "accuracy", "truePositiveRateByLabel", "falsePositiveRateByLabel", "precisionByLabel",
    "recallByLabel", "weightedTruePositiveRate", "weightedFalsePositiveRate", "weightedRecall",
    "weightedPrecision",
)  # fmt: skip
CURVES = ("roc", "pr", "fMeasureByThreshold", "precisionByThreshold", "recallByThreshold")


def assert_same_summary(ours, theirs, curves):
    assert type(ours).__name__ == type(theirs).__name__
    for name in METRICS:
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-12, err_msg=name)
    for name, beta in (("fMeasureByLabel", 0.5), ("weightedFMeasure", 2.0)):
        for args in ((), (beta,)):
            numbers = getattr(ours, name)(*args), getattr(theirs, name)(*args)
            np.testing.assert_allclose(*numbers, rtol=1e-12, err_msg=name)
    for name in ("featuresCol", "labelCol", "predictionCol", "probabilityCol"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.predictions.columns == theirs.predictions.columns
    if not curves:
        return
    assert ours.scoreCol == theirs.scoreCol
    assert ours.areaUnderROC == pytest.approx(theirs.areaUnderROC, rel=1e-12)
    for name in CURVES:
        mine, peers = getattr(ours, name), getattr(theirs, name)
        assert mine.columns == peers.columns
        np.testing.assert_allclose(
            np.array([tuple(row) for row in mine.collect()]),
            np.array([tuple(row) for row in peers.collect()]),
            rtol=1e-9, atol=1e-12, err_msg=name,
        )  # fmt: skip


# ---- penalties, shapes and classes


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize(("n", "d", "density"), [(150, 8, 1.0), (60, 150, 0.1)], ids=["tall", "wide sparse"])
def test_penalties(spark, n, d, density, classes, penalty):
    # Where nothing holds them back, wide coefficients grow along a path that rounding alone decides.
    limit = {"maxIter": 10} if penalty == "none" and d > n else {"maxIter": 40}
    data = problem(n, d, classes, density)
    model, peer, table, frame = fitted(spark, data, density < 1, **PENALTIES[penalty], **limit)
    assert_same_training(model, peer)
    assert_same_predictions(model, peer, table, frame)
    assert_same_summary(model.summary, peer.summary, curves=False)


@pytest.mark.parametrize("net", [0.0, 0.5])
@pytest.mark.parametrize("density", [1.0, 0.06])
def test_few_samples_with_many_features(spark, density, net):
    """The paths that run in the samples' span and on the features that are not idle."""
    params = {"regParam": 0.1, "elasticNetParam": net, "maxIter": 30}
    model, peer, _, _ = fitted(spark, problem(80, 2000, 5, density), density < 1, **params)
    assert_same_training(model, peer)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_same_values_dense_and_sparse(spark, sparse, classes):
    model, peer, table, frame = fitted(spark, problem(50, 90, classes, 0.3), sparse, **NET)
    assert_same_training(model, peer)
    assert_same_predictions(model, peer, table, frame)


# ---- params

PARAMS = [
    # classes, params
    (2, {"standardization": False}),
    (3, {"standardization": False}),
    (2, {"fitIntercept": False}),
    (3, {"fitIntercept": False}),
    (10, {"fitIntercept": False, "standardization": False}),
    (2, {"weightCol": "weight"}),
    (3, {"weightCol": "weight"}),
    (10, {"weightCol": "weight", "standardization": False}),
    (3, {"weightCol": "weight", "fitIntercept": False, "elasticNetParam": 0.0}),
    (2, {"family": "multinomial"}),
    (2, {"family": "binomial"}),
    (3, {"family": "Multinomial"}),
    (2, {"threshold": 0.3}),
    (2, {"thresholds": [0.2, 0.8]}),
    (2, {"family": "multinomial", "thresholds": [0.4, 0.6]}),
    (3, {"thresholds": [0.1, 0.6, 0.3]}),
    (3, {"thresholds": [0.5, 0.0, 0.5]}),
    (2, {"tol": 0.0, "maxIter": 60}),
    (3, {"tol": 1e-9, "maxIter": 150, "elasticNetParam": 0.0}),
    (3, {"tol": 1e-2}),
    (10, {"tol": 1e-3, "elasticNetParam": 0.0}),
    (2, {"maxIter": 0}),
    (3, {"maxIter": 0}),
    (3, {"maxIter": 1}),
    (10, {"maxIter": 5}),
    (2, {"maxIter": 100}),
    (3, {"maxIter": 100}),
    (3, {"aggregationDepth": 3, "maxBlockSizeInMB": 0.5}),
]


@pytest.mark.parametrize(("classes", "params"), PARAMS, ids=lambda value: str(value))
def test_params(spark, classes, params):
    model, peer, table, frame = fitted(spark, problem(120, 9, classes), **(NET | params))
    assert_same_training(model, peer)
    assert_same_predictions(model, peer, table, frame)


# ---- labels and columns out of the ordinary


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_one_label(spark, label, intercept):
    x, y, w = problem(40, 5, 3)
    model, peer, table, frame = fitted(
        spark, (x, np.full_like(y, label), w), fitIntercept=intercept, regParam=0.1, maxIter=10
    )
    assert_same_training(model, peer)
    assert_same_predictions(model, peer, table, frame)


def test_one_label_of_the_rows_that_weigh_something(spark):
    x, y, _ = problem(40, 5, 3)
    data = x, y, (y == 1).astype(float)
    model, peer, table, frame = fitted(spark, data, weightCol="weight")
    assert_same_training(model, peer)
    assert_same_predictions(model, peer, table, frame)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("penalty", ["L2", "elastic net"])
def test_constant_columns(spark, penalty, intercept):
    x, y, w = problem(80, 7, 3)
    x = x.copy()
    x[:, 0], x[:, 3], x[:, 5] = 0, 1.5, -0.1
    model, peer, table, frame = fitted(spark, (x, y, w), fitIntercept=intercept, **PENALTIES[penalty])
    assert_same_training(model, peer)
    assert_same_predictions(model, peer, table, frame)
    assert not model.coefficientMatrix.toArray()[:, [0, 3, 5]].any()


@pytest.mark.parametrize("penalty", ["none", "elastic net"])
def test_a_class_without_rows(spark, penalty):
    x, y, w = problem(80, 6, 3)
    model, peer, table, frame = fitted(
        spark, (x, np.where(y == 1, 4, y), w), **PENALTIES[penalty], maxIter=20
    )
    assert model.numClasses == 5
    assert_same_training(model, peer)
    assert_same_predictions(model, peer, table, frame)
    assert_same_summary(model.summary, peer.summary, curves=False)


@pytest.mark.parametrize("classes", [2, 3, 5, 6, 7, 10])
@pytest.mark.parametrize("rows", [4, 7])
def test_classes_of_equal_weight(spark, rows, classes):
    """Intercepts start at 0 or a rounding beside it, on the side that decides where OWL-QN lets them go."""
    x, _, w = problem(rows * classes, 4, classes)
    y = np.arange(rows * classes) % classes * 1.0
    model, peer, table, frame = fitted(
        spark, (x, y, w), family="multinomial", maxIter=8, regParam=0.03, elasticNetParam=0.5
    )
    assert_same_training(model, peer)
    assert_same_predictions(model, peer, table, frame)


def test_label_metadata_tell_of_classes_without_rows(spark):
    from pyspark.ml.classification import LogisticRegression as SparkLogisticRegression

    x, y, w = problem(80, 6, 3)
    attribute = {"ml_attr": {"type": "nominal", "name": "label", "vals": ["a", "b", "c", "d"]}}
    frame = their_frame(spark, x, y, w)
    frame = frame.withColumn("label", frame.label.alias("label", metadata=attribute))
    table = our_table(x, y, w, metadata={"ml_attr": json.dumps(attribute["ml_attr"])})
    model, peer = LogisticRegression(**NET).fit(table), SparkLogisticRegression(**NET).fit(frame)
    assert model.numClasses == 4
    assert_same_training(model, peer)


def test_separable_classes(spark):
    """The objective goes to 0; the first six iterations are as everywhere, then rounding alone decides."""
    x, _, w = problem(24, 3, 2)
    y = (x[:, 0] > np.median(x[:, 0])).astype(float)
    model, peer, _, _ = fitted(spark, (x, y, w), maxIter=6)
    assert_same_training(model, peer)


# ---- summaries


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_every_metric_of_a_summary(spark, classes, weighted):
    params = NET | ({"weightCol": "weight"} if weighted else {})
    model, peer, _, _ = fitted(spark, problem(90, 5, classes), **params)
    assert_same_summary(model.summary, peer.summary, curves=classes == 2)
    other = problem(70, 5, classes)
    ours, theirs = model.evaluate(our_table(*other)), peer.evaluate(their_frame(spark, *other))
    assert_same_summary(ours, theirs, curves=classes == 2)
    if weighted:
        assert model.summary.weightCol == peer.summary.weightCol == "weight"


def test_a_long_curve_is_thinned_as_sparks(spark):
    model, peer, _, _ = fitted(spark, problem(2500, 4, 2), **NET)
    assert_same_summary(model.summary, peer.summary, curves=True)
    assert model.summary.roc.count() < 1300


# ---- what both refuse


def with_value(array, place, value):
    array = array.copy()
    array[place] = value
    return array


REFUSED = [
    ("row 4: feature 1 is nan", lambda x, y, w: (with_value(x, (4, 1), np.nan), y, w), {}),
    ("row 4: feature 1 is inf", lambda x, y, w: (with_value(x, (4, 1), np.inf), y, w), {}),
    ("-1 in row 7", lambda x, y, w: (x, with_value(y, 7, -1), w), {}),
    ("1.5 in row 7", lambda x, y, w: (x, with_value(y, 7, 1.5), w), {}),
    ("NaN in row 7", lambda x, y, w: (x, with_value(y, 7, np.nan), w), {}),
    ("inf in row 7", lambda x, y, w: (x, with_value(y, 7, np.inf), w), {}),
    ("-1 in row 2", lambda x, y, w: (x, y, with_value(w, 2, -1)), {"weightCol": "weight"}),
    ("weights of 0", lambda x, y, w: (x, y, 0 * w), {"weightCol": "weight"}),
    ("binomial", lambda x, y, w: (x, y, w), {"family": "binomial"}),
    ("as many thresholds as classes", lambda x, y, w: (x, y, w), {"thresholds": [0.1, 0.9]}),
    ("no", lambda x, y, w: (x, y, w), {"featuresCol": "no"}),
]


@pytest.mark.parametrize(("message", "change", "params"), REFUSED)
def test_what_spark_refuses_is_refused(spark, message, change, params):
    from pyspark.errors import IllegalArgumentException, SparkRuntimeException
    from pyspark.ml.classification import LogisticRegression as SparkLogisticRegression

    data = change(*problem(40, 3, 3))
    with pytest.raises((IllegalArgumentException, SparkRuntimeException)):
        SparkLogisticRegression(**params).fit(their_frame(spark, *data))
    with pytest.raises((ValueError, KeyError), match=message):
        LogisticRegression(**params).fit(our_table(*data))
