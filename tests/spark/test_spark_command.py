"""`pydeepl run --spark script.py` as a command: a script of sparkdl's on the PySpark that is installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.spark

# The article's script with two classes, by its own imports.
SCRIPT = """
from pyspark.sql import SparkSession
from pyspark.ml.image import ImageSchema
from pyspark.sql.functions import lit
from functools import reduce

spark = SparkSession.builder.appName('DigitRecog').getOrCreate()
zero = ImageSchema.readImages("0").withColumn("label", lit(0))
one = ImageSchema.readImages("1").withColumn("label", lit(1))
df = reduce(lambda first, second: first.union(second), [zero, one])
df = df.repartition(2).cache()

from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.classification import LogisticRegression
from pyspark.ml import Pipeline
from sparkdl import DeepImageFeaturizer

featurizer = DeepImageFeaturizer(inputCol="image", outputCol="features", modelName="ResNet50")
lr = LogisticRegression(maxIter=5, regParam=0.03, elasticNetParam=0.5, labelCol="label")
spark_model = Pipeline(stages=[featurizer, lr]).fit(df)
evaluator = MulticlassClassificationEvaluator()
tx_test = spark_model.transform(df)
print('Accuracy ', evaluator.evaluate(tx_test, {evaluator.metricName: 'accuracy'}))
print(tx_test.columns, type(df).__module__.split(".")[0], lr.__module__)
from sparkdl import GraphFunction
"""


def test_sparkdls_script_on_the_installed_pyspark(tmp_path, pictures, weights, environment):
    for picture in sorted(pictures.iterdir()):
        folder = tmp_path / str(int(picture.stem) % 2)
        folder.mkdir(exist_ok=True)
        shutil.copy(picture, folder)
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {name: value for name, value in environment.items() if name != "PYSPARK_PYTHON"}
    environment |= {
        "PYDEEPL_WEIGHTS": str(Path(weights).parent),
        "PYDEEPL_OFFLINE": "1",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_SUBMIT_ARGS": "--master local[2] --conf spark.ui.enabled=false pyspark-shell",
    }
    done = subprocess.run(
        [sys.executable, "-m", "pydeepl", "run", "--spark", "script.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    columns = ["image", "label", "features", "rawPrediction", "probability", "prediction"]
    assert done.stdout == f"Accuracy  1.0\n{columns} pyspark pyspark.ml.classification\n", done.stderr
    assert done.returncode == 1
    assert 'script.py", line 25, in <module>' in done.stderr
    error = done.stderr.rstrip().splitlines()[-1]
    assert error.startswith("ImportError: pydeepl does not provide sparkdl.GraphFunction")
