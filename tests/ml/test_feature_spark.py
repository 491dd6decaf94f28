"""The feature stages, OneVsRest and mllib's metrics beside live Spark: pytest -m spark."""

import importlib

import numpy as np
import pyarrow as pa
import pytest

from pydeepl.frame import adopt
from pydeepl.linalg import vector_array
from pydeepl.ml import LogisticRegression, OneVsRest
from pydeepl.ml import feature as ours
from pydeepl.ml.feature import StringIndexerModel
from pydeepl.mllib.evaluation import MulticlassMetrics

pytestmark = pytest.mark.spark

NAN = float("nan")
# column -> Spark's type, cells: ties, letters beyond ASCII and the first plane, numbers in Java's spellings
COLUMNS = {
    "text": ("string", ["b", "a", "\uff21", "\U0001f600", "b", None, "é", "a", "", " a"]),
    "double": ("double", [1.0, 1e10, 0.1, 1e10, NAN, None, 2.5e-7, -1.0, 1.0, 123456789.125]),
    "float": ("float", [0.1, 0.1, 3.0, 16777216.0, None, NAN, 1e-5, 3.0, -2.5, 7.0]),
    "long": ("bigint", [10, 9, 9, -1, None, 10, 2**40, 0, 0, 100]),
}


@pytest.fixture(scope="module")
def both(spark):
    """The same rows as a Spark frame and as an Arrow table."""
    kinds = {"string": pa.string(), "double": pa.float64(), "float": pa.float32(), "bigint": pa.int64()}
    schema = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    rows = list(zip(*(cells for _, cells in COLUMNS.values()), strict=True))
    table = pa.table({name: pa.array(cells, kinds[kind]) for name, (kind, cells) in COLUMNS.items()})
    return spark.createDataFrame(rows, schema).coalesce(1), table


def theirs(name):
    return getattr(importlib.import_module("pyspark.ml.feature"), name)


def spark_vectors(x):
    from pyspark.ml.linalg import Vectors as SparkVectors

    return [SparkVectors.dense(row.astype(float)) for row in x]


def vector_rows(spark, x, name="x"):
    return spark.createDataFrame([(row,) for row in spark_vectors(x)], [name]).coalesce(1)


def dense(cells):
    return np.array([cell.toArray() for cell in cells])


# ---- params


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("feature", "StringIndexer"),
        ("feature", "IndexToString"),
        ("feature", "VectorAssembler"),
        ("feature", "StandardScaler"),
        ("feature", "PCA"),
        ("classification", "OneVsRest"),
    ],
)
def test_stages_have_pysparks_params_and_defaults(spark, module, name):
    our, their = (
        getattr(importlib.import_module(f"{root}.ml.{module}"), name)() for root in ("pydeepl", "pyspark")
    )
    assert [param.name for param in our.params] == [param.name for param in their.params]
    for param in their.params:
        if param.name != "outputCol":  # its default holds the uid
            assert our.hasDefault(param.name) == their.hasDefault(param.name), param.name
            if their.hasDefault(param.name):
                assert our.getOrDefault(param.name) == their.getOrDefault(param.name), param.name
    public = {each for each in dir(their) if not each.startswith("_")} - {"write", "read"}
    assert public <= set(dir(our))


# ---- StringIndexer, IndexToString


@pytest.mark.parametrize("order", ["frequencyDesc", "frequencyAsc", "alphabetDesc", "alphabetAsc"])
def test_labels_and_indices(both, order):
    frame, table = both
    params = {
        "inputCols": list(COLUMNS),
        "outputCols": [f"{name}_index" for name in COLUMNS],
        "stringOrderType": order,
        "handleInvalid": "keep",
    }
    peer, model = theirs("StringIndexer")(**params).fit(frame), ours.StringIndexer(**params).fit(table)
    assert model.labelsArray == peer.labelsArray
    expected, made = peer.transform(frame), model.transform(table)
    for name in params["outputCols"]:
        assert made[name].to_pylist() == [row[name] for row in expected.collect()]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("invalid", ["error", "skip", "keep"])
def test_invalid_values(both, column, invalid):
    frame, table = both
    labels = ours.StringIndexer(inputCol=column, outputCol="index").fit(table.slice(0, 3)).labels
    params = {"inputCol": column, "outputCol": "index", "handleInvalid": invalid}
    peer = theirs("StringIndexerModel").from_labels(labels, **params)
    model = StringIndexerModel.from_labels(labels, **params)
    if invalid == "error":
        with pytest.raises(Exception, match=r"(?i)unseen label|null"):
            peer.transform(frame).collect()
        with pytest.raises(ValueError, match=r"unseen label|found null"):
            model.transform(table)
        return
    expected, made = peer.transform(frame), model.transform(table)
    assert made["index"].to_pylist() == [row["index"] for row in expected.collect()]
    field = model.transform(adopt(table)[0]).schema["index"]
    assert field.metadata == expected.schema["index"].metadata
    assert field.nullable == expected.schema["index"].nullable
    back = {"inputCol": "index", "outputCol": "name"}
    names = ours.IndexToString(**back).transform(made)["name"].to_pylist()
    assert names == [row["name"] for row in theirs("IndexToString")(**back).transform(expected).collect()]


def test_fractional_indices(spark):
    cells = [1.9, -0.5, 0.0, 2.0]
    params = {"inputCol": "i", "outputCol": "name", "labels": ["a", "b", "c"]}
    expected = theirs("IndexToString")(**params).transform(
        spark.createDataFrame([(cell,) for cell in cells], "i double")
    )
    made = ours.IndexToString(**params).transform(pa.table({"i": cells}))
    assert made["name"].to_pylist() == [row["name"] for row in expected.collect()]


def test_a_classifier_reads_the_number_of_classes(spark):
    from pyspark.ml.classification import LogisticRegression as SparkLogisticRegression

    x = np.random.default_rng(0).standard_normal((30, 3)).astype(np.float32)
    names = ["cat", "dog", "dog"] * 10
    rows = list(zip(spark_vectors(x), names, strict=True))
    frame = spark.createDataFrame(rows, ["features", "name"]).coalesce(1)
    table = pa.table({"features": vector_array(x), "name": names})
    params = {"inputCol": "name", "outputCol": "label", "handleInvalid": "keep"}
    peer = SparkLogisticRegression(maxIter=5, regParam=0.1).fit(
        theirs("StringIndexer")(**params).fit(frame).transform(frame)
    )
    indexed = ours.StringIndexer(**params).fit(table).transform(table)
    model = LogisticRegression(maxIter=5, regParam=0.1).fit(indexed)
    assert model.numClasses == peer.numClasses == 3
    np.testing.assert_allclose(
        model.coefficientMatrix.toArray(), peer.coefficientMatrix.toArray(), rtol=0, atol=1e-9
    )


# ---- VectorAssembler


@pytest.mark.parametrize("invalid", ["skip", "keep"])
def test_assembled_vectors_and_their_metadata(spark, invalid):
    from pyspark.ml.linalg import Vectors as SparkVectors

    numbers, flags, text = [1.0, NAN, None, 4.0, 0.0], [True, False, True, None, False], list("uvvwv")
    cells = [[1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [3.0, 4.0, 5.0], [0.0, NAN, 1.0], [0.0, 0.0, 9.0]]
    frame = spark.createDataFrame(
        [(n, f, t, SparkVectors.dense(v)) for n, f, t, v in zip(numbers, flags, text, cells, strict=True)],
        ["n", "f", "t", "v"],
    ).coalesce(1)
    table = pa.table({"n": numbers, "f": flags, "t": text, "v": vector_array(np.array(cells))})
    index = {"inputCol": "t", "outputCol": "i"}
    size = theirs("VectorSizeHint")(inputCol="v", size=3, handleInvalid="optimistic")
    frame = size.transform(theirs("StringIndexer")(**index).fit(frame).transform(frame))
    made = ours.StringIndexer(**index).fit(table).transform(adopt(table)[0])
    params = {"inputCols": ["n", "v", "f", "i", "n"], "outputCol": "out", "handleInvalid": invalid}
    expected, made = (
        theirs("VectorAssembler")(**params).transform(frame),
        ours.VectorAssembler(**params).transform(made),
    )
    np.testing.assert_array_equal(
        dense(row.out for row in made.collect()), dense(row.out for row in expected.collect())
    )
    assert made.schema["out"].metadata == expected.schema["out"].metadata


# ---- StandardScaler


@pytest.mark.parametrize(
    ("with_mean", "with_std"), [(False, True), (True, True), (True, False), (False, False)]
)
def test_scaled_features(spark, with_mean, with_std):
    x = np.random.default_rng(1).standard_normal((40, 6)) * 10.0 ** np.arange(-2, 4) + 3
    x[:, 2] = 0.1
    params = {"inputCol": "x", "outputCol": "y", "withMean": with_mean, "withStd": with_std}
    frame = vector_rows(spark, x)
    peer, model = (
        theirs("StandardScaler")(**params).fit(frame),
        ours.StandardScaler(**params).fit(pa.table({"x": vector_array(x)})),
    )
    np.testing.assert_allclose(model.mean.toArray(), peer.mean.toArray(), rtol=1e-13)
    np.testing.assert_allclose(model.std.toArray(), peer.std.toArray(), rtol=1e-12)
    expected = dense(row.y for row in peer.transform(frame).collect())
    made = model.transform(pa.table({"x": vector_array(x)}))["y"].to_pylist()
    np.testing.assert_allclose(dense(made), expected, rtol=1e-10, atol=1e-11)


# ---- PCA


@pytest.mark.parametrize("shape", [(40, 6), (6, 15)])
def test_principal_components_up_to_their_signs(spark, shape):
    x = np.random.default_rng(2).standard_normal(shape) * np.linspace(4, 0.5, shape[1]) + 2
    params = {"inputCol": "x", "outputCol": "y", "k": 4}
    frame = vector_rows(spark, x)
    peer, model = theirs("PCA")(**params).fit(frame), ours.PCA(**params).fit(pa.table({"x": vector_array(x)}))
    signs = np.sign((model.pc.toArray() * peer.pc.toArray()).sum(axis=0))
    np.testing.assert_allclose(model.pc.toArray() * signs, peer.pc.toArray(), atol=1e-10)
    np.testing.assert_allclose(
        model.explainedVariance.toArray(), peer.explainedVariance.toArray(), rtol=1e-11
    )
    expected = dense(row.y for row in peer.transform(frame).collect())
    made = model.transform(pa.table({"x": vector_array(x)}))["y"].to_pylist()
    np.testing.assert_allclose(dense(made) * signs, expected, atol=1e-9)


# ---- OneVsRest


@pytest.mark.parametrize("params", [{}, {"weightCol": "weight", "parallelism": 2}])
@pytest.mark.parametrize("gap", [False, True])
def test_one_vs_rest(spark, params, gap):
    from pyspark.ml.classification import LogisticRegression as SparkLogisticRegression
    from pyspark.ml.classification import OneVsRest as SparkOneVsRest

    rng = np.random.default_rng(3)
    y = np.arange(60) % 3
    x = (rng.standard_normal((60, 4)) + 1.5 * np.eye(4)[y]).astype(np.float32)
    labels = (y + (y == 2) * gap).astype(float)  # with a gap the classes are 0, 1 and 3
    weights = rng.uniform(0, 2, 60)
    rows = [
        (v, float(label), float(w)) for v, label, w in zip(spark_vectors(x), labels, weights, strict=True)
    ]
    frame = spark.createDataFrame(rows, ["features", "label", "weight"]).coalesce(1)
    table = pa.table({"features": vector_array(x), "label": labels, "weight": weights})
    lr = {"maxIter": 8, "regParam": 0.02, "elasticNetParam": 0.3}
    peer = SparkOneVsRest(classifier=SparkLogisticRegression(**lr), **params).fit(frame)
    estimator = OneVsRest(classifier=LogisticRegression(**lr), **params)
    if gap:
        with pytest.warns(UserWarning, match="all labels"):
            model = estimator.fit(table)
    else:
        model = estimator.fit(table)
    assert len(model.models) == len(peer.models)
    expected, made = peer.transform(frame).collect(), model.transform(table)
    np.testing.assert_allclose(
        dense(made["rawPrediction"].to_pylist()), dense(row.rawPrediction for row in expected), atol=1e-8
    )
    assert made["prediction"].to_pylist() == [row.prediction for row in expected]


# ---- pyspark.mllib.evaluation


def test_mllibs_metrics(spark):
    from pyspark.mllib.evaluation import MulticlassMetrics as SparkMetrics

    rng = np.random.default_rng(4)
    prediction, label = rng.integers(0, 4, 100).astype(float), rng.integers(0, 3, 100).astype(float)
    weight, chances = rng.uniform(0, 2, 100), rng.dirichlet(np.ones(3), 100)
    rows = [(float(p), float(t), float(w)) for p, t, w in zip(prediction, label, weight, strict=True)]
    peer = SparkMetrics(spark.sparkContext.parallelize(rows, 1))
    metrics = MulticlassMetrics(rows)
    np.testing.assert_allclose(
        metrics.confusionMatrix().toArray(), peer.confusionMatrix().toArray(), rtol=1e-13
    )
    for name in ("precision", "recall", "fMeasure", "truePositiveRate", "falsePositiveRate"):
        for one in (0.0, 1.0, 2.0):
            assert getattr(metrics, name)(one) == pytest.approx(getattr(peer, name)(one), rel=1e-12)
    assert metrics.fMeasure(1.0, 2.0) == pytest.approx(peer.fMeasure(1.0, 2.0), rel=1e-12)
    for name in (
        "accuracy", "weightedTruePositiveRate", "weightedFalsePositiveRate", "weightedRecall",
        "weightedPrecision",
    ):  # fmt: skip
        assert getattr(metrics, name) == pytest.approx(getattr(peer, name), rel=1e-12)
    assert metrics.weightedFMeasure() == pytest.approx(peer.weightedFMeasure(), rel=1e-12)
    assert metrics.weightedFMeasure(0.5) == pytest.approx(peer.weightedFMeasure(0.5), rel=1e-12)
    longer = [(*row, chance.tolist()) for row, chance in zip(rows, chances, strict=True)]
    peer = SparkMetrics(spark.sparkContext.parallelize(longer, 1))
    assert MulticlassMetrics(longer).logLoss() == pytest.approx(peer.logLoss(), rel=1e-12)


def test_an_index_without_a_value_is_refused_by_both(spark):
    params = {"inputCol": "i", "outputCol": "name", "labels": ["a", "b", "c"]}
    for cell in (None, 3.0, -1.0):
        with pytest.raises(Exception, match="Unseen index"):
            theirs("IndexToString")(**params).transform(
                spark.createDataFrame([(cell,)], "i double")
            ).collect()
        with pytest.raises(ValueError, match="expected an index from 0 to 2"):
            ours.IndexToString(**params).transform(pa.table({"i": pa.array([cell], pa.float64())}))
