"""pydeepl's stages on a standalone cluster of a master and two workers, against pydeepl's own engine."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from spark.compare import assert_close, features_of

import pydeepl
from pydeepl.linalg import vector_matrix

GOLDEN = Path(__file__).parents[1] / "golden"

pytestmark = pytest.mark.spark


@pytest.fixture
def apart(monkeypatch):
    """The workers are told of paths that no node has: as where each node has a disk of its own."""
    from pydeepl.spark import partitions, shipping

    def ship(session, stage):
        files = [
            replace(file, path=f"/driver/only/{Path(file.path).name}")
            for file in shipping.ship_weights(session, stage)
        ]
        for each, file in zip(shipping.stages_with(stage, "weightsFile"), files, strict=True):
            each._set(weights=file.path)
        return files

    monkeypatch.setattr(partitions, "ship_weights", ship)


def test_weights_come_from_the_driver(cluster_images, featurizer, expected, apart):
    out = featurizer.transform(cluster_images).select("number", "features")
    rows = out.collect()
    assert sorted(row.number for row in rows) == list(range(12))
    assert_close(features_of(rows), expected)


def test_models_of_ones_own_come_from_the_driver(cluster_images, own_images, tmp_path, monkeypatch, apart):
    """An ONNX model with its arrays in a file beside it; a Keras model at a path of the driver alone."""
    import onnx

    from pydeepl.spark import DeepImageFeaturizer, KerasTransformer

    model = onnx.load(GOLDEN / "onnx" / "keras.onnx")
    onnx.save_model(
        model, tmp_path / "split.onnx", save_as_external_data=True, location="arrays.bin", size_threshold=0
    )
    shutil.copy(GOLDEN / "keras" / "models" / "table.keras", tmp_path)
    monkeypatch.chdir(tmp_path)
    params = {"inputCol": "image", "outputCol": "features", "preprocessing": "none", "exact": True}
    out = DeepImageFeaturizer(modelName=str(tmp_path / "split.onnx"), **params).transform(cluster_images)
    whole = pydeepl.DeepImageFeaturizer(modelName=str(GOLDEN / "onnx" / "keras.onnx"), **params)
    expected = vector_matrix(whole.transform(own_images)["features"])
    assert_close(features_of(out.select("number", "features").collect()), expected)

    golden = np.load(GOLDEN / "keras" / "models" / "models.npz")
    rows = [(i, x.tolist()) for i, x in enumerate(golden["table_x"])]
    frame = cluster_images.sparkSession.createDataFrame(rows, "number int, x array<float>")
    stage = KerasTransformer(inputCol="x", outputCol="y", modelFile="/proc/self/cwd/table.keras")
    found = sorted(stage.transform(frame).select("number", "y").collect())
    np.testing.assert_allclose([row.y for row in found], golden["table_y"], rtol=1e-5)


def test_a_node_without_weights_is_named(cluster_images, featurizer, monkeypatch):
    from pydeepl.spark import partitions, shipping

    lost = shipping.ShippedFile("/driver/only/ResNet50.safetensors", 7, "0" * 32)
    monkeypatch.setattr(partitions, "ship_weights", lambda *_: [lost])
    featurizer = featurizer.copy({featurizer.weights: lost.path})
    with pytest.raises(Exception, match=r"node .* has no weights: looked for /driver/only/ResNet50"):
        featurizer.transform(cluster_images).collect()


def test_networks_are_prepared_once_in_a_worker(cluster_images, featurizer):
    """Of two jobs of eight tasks, each of the two workers: it keeps one network, and has one thread a CPU."""
    featurizer.transform(cluster_images.repartition(8)).select("features").collect()

    def look(batches):
        import os

        import pyarrow as pa

        from pydeepl.deep import networks

        for _ in batches:
            pass
        held = [str(id(network)) for network in networks._networks.values()]
        yield pa.RecordBatch.from_pydict(
            {"pid": [os.getpid()], "networks": [",".join(held)], "threads": [os.environ["OMP_NUM_THREADS"]]}
        )

    def seen():
        schema = "pid long, networks string, threads string"
        rows = cluster_images.select("number").repartition(8).mapInArrow(look, schema).collect()
        return {row.pid: row for row in rows}

    before = seen()
    featurizer.transform(cluster_images.repartition(8)).select("features").collect()
    after = seen()
    assert before == after and len(after) == 2
    assert all(row.threads == "1" and row.networks for row in after.values())


def test_a_node_lost_in_mid_job_costs_no_row_and_doubles_none(
    cluster, cluster_session, cluster_images, featurizer, expected, tmp_path
):
    """Killed with its executors and what they hold, after its first rows came through."""
    marks = str(tmp_path)

    def slowly(batches):
        import os
        import time
        import uuid

        for batch in batches:
            if batch.num_rows:
                open(os.path.join(marks, uuid.uuid4().hex), "w").close()
                time.sleep(0.5)
            yield batch

    schema = cluster_images.schema
    slow = cluster_images.repartition(6, "number").mapInArrow(slowly, schema)
    job = ThreadPoolExecutor(1).submit(featurizer.transform(slow).collect)
    end = time.monotonic() + 120
    while len(list(tmp_path.iterdir())) < 3 and time.monotonic() < end:
        time.sleep(0.02)
    assert not job.done() and len(list(tmp_path.iterdir())) < 6
    cluster.workers[0].stop()
    rows = job.result(240)
    assert sorted(row.number for row in rows) == list(range(12))
    assert_close(features_of(rows), expected)
    cluster.add_worker()


def test_a_search_in_parallel_finds_what_the_own_engine_finds(cluster_images, own_images):
    from pyspark.ml import Pipeline
    from pyspark.ml.evaluation import MulticlassClassificationEvaluator
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
    from pyspark.sql.functions import col

    from pydeepl.spark import DeepImageFeaturizer, LogisticRegression

    # Which fast convolution is taken depends on the threads and on the images of a batch; direct sums do not.
    params = {"inputCol": "image", "outputCol": "features", "preprocessing": "unit", "exact": True}
    params["modelName"] = str(GOLDEN / "onnx" / "keras.onnx")
    regularization = [0.5, 0.05]
    classifier = LogisticRegression(maxIter=4)
    search = CrossValidator(
        estimator=Pipeline(stages=[DeepImageFeaturizer(**params), classifier]),
        estimatorParamMaps=ParamGridBuilder().addGrid(classifier.regParam, regularization).build(),
        evaluator=MulticlassClassificationEvaluator(metricName="logLoss"),
        numFolds=2,
        parallelism=2,
        foldCol="fold",
    )
    folds = cluster_images.filter("number < 8").withColumn("fold", (col("number") / 2).cast("int") % 2)
    found = search.fit(folds)

    own = pydeepl.LogisticRegression(maxIter=4)
    own_search = pydeepl.CrossValidator(
        estimator=pydeepl.Pipeline(stages=[pydeepl.DeepImageFeaturizer(**params), own]),
        estimatorParamMaps=pydeepl.ParamGridBuilder().addGrid(own.regParam, regularization).build(),
        evaluator=pydeepl.MulticlassClassificationEvaluator(metricName="logLoss"),
        numFolds=2,
        foldCol="fold",
    )
    table = own_images.append_column("fold", [np.arange(12) // 2 % 2]).slice(0, 8)
    expected = own_search.fit(table)
    np.testing.assert_allclose(found.avgMetrics, expected.avgMetrics, rtol=1e-5)
    assert found.bestModel.stages[1].getRegParam() == expected.bestModel.stages[1].getRegParam()
