"""pydeepl's stages on Spark Connect: a client without a SparkContext, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pydeepl

pytestmark = pytest.mark.spark

# A process has either a classic session, which the other tests hold, or one of Connect.
CLIENT = """
import json, sys
from pyspark.sql import SparkSession
from pyspark.sql.functions import col
import pydeepl
from pydeepl.spark import DeepImageFeaturizer, LogisticRegression, readImages, registerKerasImageUDF

folder, model = sys.argv[1:]
builder = SparkSession.builder.remote("local[2]").config("spark.ui.enabled", "false")
session = builder.config("spark.driver.memory", "1g").getOrCreate()
images = readImages(folder).withColumn("label", col("image.origin").endswith("1.png").cast("double"))
params = {"inputCol": "image", "outputCol": "features", "modelName": model, "preprocessing": "none"}
features = DeepImageFeaturizer(**params).transform(images)
own = pydeepl.DeepImageFeaturizer(**params).transform(images)
histories = []
for most in (2**30, 0):  # on the driver, on the executors
    fitted = LogisticRegression(maxIter=2, regParam=0.1, maxDriverBytes=most).fit(features)
    histories.append(list(fitted.summary.objectiveHistory))
registerKerasImageUDF("outputs_of", model, session=session)
images.createOrReplaceTempView("images")
outputs = session.sql("SELECT image.origin, outputs_of(image) AS y FROM images").orderBy("origin").collect()
found = {
    "kind": type(session).__module__,
    "features": [row.features.toArray().tolist() for row in features.orderBy("image.origin").collect()],
    "own": [row.features.toArray().tolist() for row in own.orderBy("image.origin").collect()],
    "predictions": fitted.transform(features).select("prediction").count(),
    "histories": histories,
    "outputs": [list(row.y) for row in outputs],
}
print(json.dumps(found))
session.stop()
"""


def test_stages_and_functions_run_over_spark_connect(worker_environment, tmp_path):
    pytest.importorskip("grpc_status", reason="Spark Connect wants pyspark[connect]")
    from PIL import Image

    from pydeepl.keras import load_model
    from pydeepl.linalg import vector_matrix

    model = str(Path(__file__).parents[1] / "golden" / "onnx" / "keras.onnx")
    height, width, _ = load_model(model).inputShape
    for index in range(4):
        pixels = np.random.default_rng(index).integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index:02}.png")
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, str(tmp_path), model],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["kind"].startswith("pyspark.sql.connect")
    options = {"inputCol": "image", "outputCol": "features", "modelName": model, "preprocessing": "none"}
    table = (
        pydeepl.DeepImageFeaturizer(**options)
        .transform(pydeepl.ImageSchema.readImages(str(tmp_path)))
        .orderBy("image.origin")
        .toArrow()
    )
    expected = vector_matrix(table["features"])
    for each in ("features", "own"):
        np.testing.assert_allclose(found[each], expected, rtol=1e-5, atol=1e-6)
    assert found["predictions"] == len(found["outputs"]) == 4
    np.testing.assert_allclose(*found["histories"], rtol=1e-9)
    assert len(found["histories"][0]) == 3
