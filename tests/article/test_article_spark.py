"""The article's script, unchanged, on real PySpark with pydeepl as sparkdl, beside the embedded engine."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from article.test_article import SCRIPT, write_digits

import pydeepl

pytestmark = pytest.mark.spark

METRICS = {
    "F1-Score": "f1",
    "Precision": "weightedPrecision",
    "Recall": "weightedRecall",
    "Accuracy": "accuracy",
}


def place(origin):
    """digit/file of an image, on either engine."""
    return "/".join(Path(origin).parts[-2:])


def own_metrics(folder, train, test):
    """The article's pipeline on pydeepl's own engine, with the same rows."""
    images = pydeepl.ImageSchema.readImages(str(folder), recursive=True).toArrow()
    places = [place(image["origin"]) for image in images["image"].to_pylist()]
    images = images.append_column("label", [np.array([int(where[0]) for where in places])])

    def rows(chosen):
        return images.filter(np.array([where in chosen for where in places]))

    features = pydeepl.DeepImageFeaturizer(inputCol="image", outputCol="features", modelName="InceptionV3")
    classifier = pydeepl.LogisticRegression(maxIter=5, regParam=0.03, elasticNetParam=0.5, labelCol="label")
    model = pydeepl.Pipeline(stages=[features, classifier]).fit(rows(train))
    predicted = model.transform(rows(test))
    evaluator = pydeepl.MulticlassClassificationEvaluator()
    return {
        name: evaluator.evaluate(predicted, {evaluator.metricName: metric})
        for name, metric in METRICS.items()
    }


@pytest.fixture
def article_folder(tmp_path, random_weights, monkeypatch):
    """A folder of digits to run the script in; Spark's workers find pydeepl and its weights."""
    folder = write_digits(tmp_path / "digits", 15)  # all digits are in both parts
    weights = random_weights("InceptionV3").parent
    root = str(Path(pydeepl.__file__).parents[1])
    settings = {
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": root,
        "PYDEEPL_WEIGHTS": str(weights),
        "PYDEEPL_OFFLINE": "1",
        "MPLBACKEND": "Agg",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    yield folder
    from pyspark.sql import SparkSession

    if session := SparkSession.getActiveSession():
        session.stop()
    for name in [name for name in sys.modules if name.partition(".")[0] == "sparkdl"]:
        del sys.modules[name]


def test_the_metrics_are_those_of_the_embedded_engine(article_folder, capsys):
    from pydeepl.spark import install_as_sparkdl

    install_as_sparkdl()
    scope = runpy.run_path(str(SCRIPT))
    printed = capsys.readouterr().out
    places = {
        name: {place(row.origin) for row in scope[name].select("image.origin").collect()}
        for name in ("train", "test")
    }
    assert len(places["train"] | places["test"]) == 150 and not places["train"] & places["test"]
    columns = "['image', 'label', 'features', 'rawPrediction', 'probability', 'prediction']"
    assert columns in printed
    for name, expected in own_metrics(article_folder, **places).items():
        (line,) = [line for line in printed.splitlines() if line.startswith(name)]
        assert float(line.split()[-1]) == pytest.approx(expected, abs=1e-12)
