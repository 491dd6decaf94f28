"""A search over a real featurizer's pipeline: each image goes through the network once."""

import numpy as np
import pytest
from PIL import Image

from pydeepl import (
    CrossValidator,
    DeepImageFeaturizer,
    ImageSchema,
    LogisticRegression,
    MulticlassClassificationEvaluator,
    ParamGridBuilder,
    Pipeline,
    StringIndexer,
    lit,
)
from pydeepl.deep import featurizer


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """24 images in two folders, dark and light, one file of them that is no image; labels by folder."""
    frames = []
    for label, middle in enumerate((60, 180)):
        folder = tmp_path_factory.mktemp(f"class{label}")
        for index in range(12):
            rng = np.random.default_rng(100 * label + index)
            pixels = rng.integers(middle - 60, middle + 60, (40, 30 + index, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{index:02d}.png")
        (folder / "05.png").write_bytes(b"not an image")
        frames.append(
            ImageSchema.readImages(str(folder), dropImageFailures=True).withColumn("label", lit(label))
        )
    return frames[0].union(frames[1])


@pytest.fixture
def seen(monkeypatch):
    """The numbers of images that went through the network, batch by batch."""
    counts = []
    stream = featurizer.Featurizer.stream

    def counted(self, *args):
        for values in stream(self, *args):
            counts.append(len(values))
            yield values

    monkeypatch.setattr(featurizer.Featurizer, "stream", counted)
    return counts


@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_search_costs_one_featurization(images, random_weights, seen, parallelism):
    stage = DeepImageFeaturizer(
        inputCol="image", outputCol="features", modelName="ResNet50", weights=str(random_weights("ResNet50"))
    )
    lr = LogisticRegression(maxIter=10)
    pipeline = Pipeline(stages=[stage, lr])
    grid = (
        ParamGridBuilder().addGrid(lr.regParam, [0.03, 0.3]).addGrid(lr.elasticNetParam, [0.0, 0.5]).build()
    )
    evaluator = MulticlassClassificationEvaluator(metricName="logLoss")
    cv = CrossValidator(
        estimator=pipeline, estimatorParamMaps=grid, evaluator=evaluator, parallelism=parallelism, seed=4
    )
    model = cv.fit(images)
    assert sum(seen) == 22
    assert model.bestModel.stages[-1].summary.accuracy == 1.0
    assert sum(seen) == 22

    features = stage.transform(images).cache()
    parts = features.select("features", "label").randomSplit([1.0] * 3, seed=4)
    expected = []
    for fold, held_out in enumerate(parts):
        others = [part for place, part in enumerate(parts) if place != fold]
        training = others[0].union(others[1])
        expected.append([evaluator.evaluate(lr.fit(training, params).transform(held_out)) for params in grid])
    np.testing.assert_allclose(model.avgMetrics, np.mean(expected, axis=0), rtol=1e-7)


def test_a_featurizer_behind_an_indexer_of_labels_runs_once_too(images, random_weights, seen):
    """It reads the images, which the indexer leaves alone: it need not wait for each fold's indexer."""
    named = images.withColumn("name", images["label"].cast("string")).drop("label")
    indexer = StringIndexer(inputCol="name", outputCol="label")
    stage = DeepImageFeaturizer(
        inputCol="image", outputCol="features", modelName="ResNet50", weights=str(random_weights("ResNet50"))
    )
    lr = LogisticRegression(maxIter=10)
    pipeline = Pipeline(stages=[indexer, stage, lr])
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.03, 0.3]).build()
    evaluator = MulticlassClassificationEvaluator(metricName="accuracy")
    cv = CrossValidator(estimator=pipeline, estimatorParamMaps=grid, evaluator=evaluator, seed=4)
    model = cv.fit(named)
    assert sum(seen) == 22
    assert [each.uid for each in model.bestModel.stages] == [indexer.uid, stage.uid, lr.uid]
    assert model.avgMetrics == [1.0, 1.0]
    assert model.transform(named).columns[:4] == ["image", "name", "label", "features"]
