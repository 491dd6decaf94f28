"""The same searches by live PySpark: pytest -m spark (PySpark and Java needed)."""

import numpy as np
import pytest
from ml.tuning_data import problem

from pydeepl import ml
from pydeepl.linalg import vector_matrix

pytestmark = pytest.mark.spark


def spark_frame(spark, table):
    from pyspark.ml.linalg import Vectors

    x = vector_matrix(table["features"], "features").astype(float)
    rows = zip(
        (Vectors.dense(row) for row in x),
        *(table[name].to_pylist() for name in ("label", "weight", "fold")),
        strict=True,
    )
    return spark.createDataFrame(list(rows), ["features", "label", "weight", "fold"]).coalesce(1).cache()


def peers(spark):
    """(a namespace of classes, theirs and ours), and the frame that each trains on."""
    from types import SimpleNamespace

    from pyspark.ml import Pipeline, classification, evaluation, tuning

    theirs = SimpleNamespace(
        LogisticRegression=classification.LogisticRegression,
        Multiclass=evaluation.MulticlassClassificationEvaluator,
        Binary=evaluation.BinaryClassificationEvaluator,
        CrossValidator=tuning.CrossValidator,
        ParamGridBuilder=tuning.ParamGridBuilder,
        Pipeline=Pipeline,
    )
    ours = SimpleNamespace(
        LogisticRegression=ml.LogisticRegression,
        Multiclass=ml.MulticlassClassificationEvaluator,
        Binary=ml.BinaryClassificationEvaluator,
        CrossValidator=ml.CrossValidator,
        ParamGridBuilder=ml.ParamGridBuilder,
        Pipeline=ml.Pipeline,
    )
    return theirs, ours


def searched(api, frame, metric, params):
    lr = api.LogisticRegression(maxIter=12, **params)
    grid = (
        api.ParamGridBuilder()
        .baseOn({lr.standardization: True})
        .addGrid(lr.regParam, [0.02, 0.3])
        .addGrid(lr.elasticNetParam, [0, 0.6])
        .build()
    )
    evaluator = (api.Binary if metric.startswith("areaUnder") else api.Multiclass)(metricName=metric)
    cv = api.CrossValidator(
        estimator=api.Pipeline(stages=[lr]),
        estimatorParamMaps=grid,
        evaluator=evaluator,
        foldCol="fold",
        parallelism=2,
        collectSubModels=True,
    )
    return cv.fit(frame)


@pytest.mark.parametrize(
    "seed, classes, metric, params",
    [
        (1, 3, "logLoss", {}),
        (2, 3, "f1", {"weightCol": "weight"}),
        (3, 2, "areaUnderROC", {"fitIntercept": False}),
    ],
)
def test_metrics_and_models_are_sparks(spark, seed, classes, metric, params):
    table = problem(seed, n=150, d=8, classes=classes)
    theirs, ours = peers(spark)
    peer = searched(theirs, spark_frame(spark, table), metric, params)
    model = searched(ours, table, metric, params)
    np.testing.assert_allclose(model.avgMetrics, peer.avgMetrics, rtol=1e-9)
    np.testing.assert_allclose(model.stdMetrics, peer.stdMetrics, rtol=1e-6, atol=1e-12)
    coefficients = [each.bestModel.stages[0].coefficientMatrix.toArray() for each in (model, peer)]
    np.testing.assert_allclose(*coefficients, rtol=0, atol=1e-9)
    for fold in range(3):
        for mine, other in zip(model.subModels[fold], peer.subModels[fold], strict=True):
            np.testing.assert_allclose(
                mine.stages[0].coefficientMatrix.toArray(),
                other.stages[0].coefficientMatrix.toArray(),
                rtol=0,
                atol=1e-9,
            )


def test_a_class_that_only_a_fold_has(spark):
    """Spark too counts the classes of a model in its training rows."""
    import pyarrow as pa

    table = problem(6, classes=2)
    labels = table["label"].to_numpy().copy()
    labels[np.flatnonzero(table["fold"].to_numpy() == 1)[:4]] = 2
    table = table.set_column(1, "label", pa.array(labels))
    theirs, ours = peers(spark)
    peer = searched(theirs, spark_frame(spark, table), "accuracy", {})
    model = searched(ours, table, "accuracy", {})
    np.testing.assert_allclose(model.avgMetrics, peer.avgMetrics, rtol=1e-12)
    classes = [[models[0].stages[0].numClasses for models in each.subModels] for each in (model, peer)]
    assert classes == [[3, 2, 3]] * 2


def test_grids_come_in_sparks_order(spark):
    theirs, ours = peers(spark)
    orders = []
    for api in (theirs, ours):
        lr = api.LogisticRegression()
        builder = api.ParamGridBuilder().addGrid(lr.regParam, [1, 2]).baseOn([lr.tol, 1], (lr.maxIter, 3))
        grid = builder.addGrid(lr.elasticNetParam, [0.0, 1.0]).build()
        orders.append([[(param.name, value) for param, value in params.items()] for params in grid])
    assert orders[0] == orders[1]


@pytest.mark.parametrize("folds", [[0, 1, 5] * 40, [0, 1] * 60])
def test_fold_columns_that_spark_refuses_are_refused(spark, folds):
    import pyarrow as pa

    table = problem()
    table = table.set_column(3, "fold", pa.array(folds))
    theirs, ours = peers(spark)
    with pytest.raises(Exception, match=r"Fold number must be in range|data at fold 2 is empty"):
        searched(theirs, spark_frame(spark, table), "f1", {})
    with pytest.raises(ValueError, match=r"Fold number must be in range|data at fold 2 is empty"):
        searched(ours, table, "f1", {})
