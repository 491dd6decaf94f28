"""pydeepl's stages inside live PySpark, against the same stages on pydeepl's own engine."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from spark.compare import assert_close, features_of

import pydeepl
from pydeepl import ImageSchema
from pydeepl.linalg import vector_matrix

pytestmark = pytest.mark.spark


def test_features_are_those_of_the_own_engine(images, featurizer, expected):
    from pyspark.ml.linalg import DenseVector, VectorUDT

    out = featurizer.transform(images)
    assert out.columns == ["image", "number", "label", "features"]
    assert out.schema["features"].dataType == VectorUDT() and out.schema["image"] == images.schema["image"]
    rows = out.select("number", "features").collect()
    assert all(isinstance(row.features, DenseVector) for row in rows)
    assert_close(features_of(rows), expected)
    assert out.select("image").collect()[0].image == images.select("image").collect()[0].image


def test_pydeepls_own_stages_take_a_pyspark_frame(images, weights, pictures, expected):
    from pyspark.sql import DataFrame

    stage = pydeepl.DeepImageFeaturizer(
        inputCol="image", outputCol="features", modelName="ResNet50", weights=weights
    )
    classifier = pydeepl.LogisticRegression(regParam=0.01)
    own = ImageSchema.readImages(str(pictures)).withColumn("number", pydeepl.lit(0))
    labels = [float(i % 2) for i in range(12)]
    table = pydeepl.SparkSession.builder.getOrCreate().createDataFrame(
        [(pydeepl.Vectors.dense(row), label) for row, label in zip(expected, labels, strict=True)],
        ["features", "label"],
    )
    model = pydeepl.PipelineModel([stage, classifier.fit(table)])
    out = model.transform(images)
    assert isinstance(out, DataFrame)
    assert out.columns == [
        "image",
        "number",
        "label",
        "features",
        "rawPrediction",
        "probability",
        "prediction",
    ]
    rows = out.select("number", "prediction", "probability", "features").collect()
    assert_close(features_of(rows), expected)
    assert all(row.prediction == row.number % 2 == row.probability.argmax() for row in rows)
    assert own.count() == len(rows)


def test_pipelines_and_persistence_of_spark(images, featurizer, tmp_path):
    from pyspark.ml import Pipeline, PipelineModel
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import MulticlassClassificationEvaluator

    model = Pipeline(stages=[featurizer, LogisticRegression(maxIter=3)]).fit(images)
    predicted = model.transform(images).orderBy("number").collect()
    assert all(row.prediction == row.label for row in predicted)
    model.write().overwrite().save(str(tmp_path / "model"))
    again = PipelineModel.load(str(tmp_path / "model"))
    assert again.stages[0].uid == featurizer.uid
    assert again.stages[0].extractParamMap() == featurizer.extractParamMap()
    out = again.transform(images)
    assert MulticlassClassificationEvaluator(metricName="accuracy").evaluate(out) == 1.0
    assert out.orderBy("number").collect() == predicted


def test_predictions(images, random_weights, pictures, monkeypatch):
    from pydeepl.spark import DeepImagePredictor

    weights = str(random_weights("ResNet50", top=True))
    params = {"inputCol": "image", "outputCol": "features", "modelName": "ResNet50", "weights": weights}
    own = pydeepl.DeepImagePredictor(**params).transform(ImageSchema.readImages(str(pictures)))
    expected = vector_matrix(own.orderBy("image.origin").select("features").toArrow()["features"])
    found = features_of(DeepImagePredictor(**params).transform(images).collect())
    np.testing.assert_allclose(found, expected, rtol=1e-4)

    # The driver alone has names of the classes: of our own.
    names = [(f"n{i:08}", f"thing {i}") for i in range(1000)]
    for module in ("pydeepl.spark.shipping", "pydeepl.deep.predictor"):
        monkeypatch.setattr(f"{module}.class_index", lambda: names)
    rows = DeepImagePredictor(**params, decodePredictions=True, topK=1).transform(images).collect()
    best = [row.features[0] for row in sorted(rows, key=lambda row: row.image.origin)]
    assert [(each["class"], each.description) for each in best] == [names[i] for i in expected.argmax(axis=1)]


def test_a_users_model_file(images, own_images, tmp_path):
    """The file is named by modelName; it goes to the workers as weights do, by its content."""
    from pyspark.ml import PipelineModel

    from pydeepl.spark import DeepImageFeaturizer

    path = tmp_path / "mine.onnx"
    shutil.copy(Path(__file__).parents[1] / "golden" / "onnx" / "keras.onnx", path)
    options = {"modelName": str(path), "preprocessing": "none", "inputCol": "image", "outputCol": "features"}
    expected = vector_matrix(pydeepl.DeepImageFeaturizer(**options).transform(own_images)["features"])
    pipeline = PipelineModel([DeepImageFeaturizer(**options)])
    pipeline.save(str(tmp_path / "saved"))
    for each in (pipeline, PipelineModel.load(str(tmp_path / "saved"))):
        assert_close(features_of(each.transform(images).select("number", "features").collect()), expected)


def test_a_file_that_spark_did_not_take_is_given_again(tmp_path):
    from types import SimpleNamespace

    from pydeepl.spark.shipping import ShippedFile, _add_file

    added = []

    def add(path):
        added.append(path)
        if len(added) == 1:
            raise OSError("no room")

    context = SimpleNamespace(master="spark://node:7077", _temp_dir=str(tmp_path), addFile=add)
    file = ShippedFile(str(tmp_path / "weights.h5"), 3, "0" * 32)
    (tmp_path / "weights.h5").write_bytes(b"abc")
    with pytest.raises(OSError, match="no room"):
        _add_file(SimpleNamespace(sparkContext=context), file)
    for _ in range(2):
        _add_file(SimpleNamespace(sparkContext=context), file)
    assert len(added) == 2


def test_a_worker_collects_no_garbage_among_what_it_has_loaded(images, featurizer):
    """Spark's daemon collects after every task: it walked through all modules each time."""
    featurizer.transform(images).select("features").collect()

    def probe(batches):
        import gc

        import pyarrow

        rows = sum(batch.num_rows for batch in batches)
        yield pyarrow.RecordBatch.from_pydict(
            {"rows": [rows], "kept": [gc.get_freeze_count()], "others": [len(gc.get_objects())]}
        )

    found = images.mapInArrow(probe, "rows long, kept long, others long").collect()
    assert sum(row.rows for row in found) == 12
    assert any(row.kept > 10 * row.others for row in found)


def test_stages_are_freed_without_a_collector(own_images):
    """So a worker that has frozen what it loaded does not hold networks for ever."""
    import gc
    import weakref

    path = str(Path(__file__).parents[1] / "golden" / "onnx" / "keras.onnx")
    stage = pydeepl.DeepImageFeaturizer(
        inputCol="image", outputCol="features", modelName=path, preprocessing="none"
    )
    gc.disable()
    try:
        stage.transform(own_images)
        network = weakref.ref(stage.featurizer()._loaded)
        assert network() is not None
        del stage
        assert network() is None
    finally:
        gc.enable()
