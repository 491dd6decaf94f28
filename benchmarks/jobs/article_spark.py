"""The article's job as it is commonly written today: PySpark, Keras in a pandas UDF, MLlib.

Run in the folder that holds the folders 0 to 9: article_spark.py WEIGHTS THREADS [cached]
With `cached` the features are computed once, by hand, and kept in memory for training and evaluation.
"""

import sys
from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pandas as pd
from PIL import Image
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, element_at, pandas_udf, split

weights, threads, cached = sys.argv[1], int(sys.argv[2]), sys.argv[3:] == ["cached"]
spark = (
    SparkSession.builder.appName("DigitRecog")
    .master(f"local[{threads}]")
    .config("spark.driver.memory", "8g")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.execution.arrow.maxRecordsPerBatch", "64")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")


@pandas_udf("array<float>")
def featurize(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
    # One load for all batches of a partition.
    from keras.applications.inception_v3 import InceptionV3, preprocess_input

    model = InceptionV3(weights=weights, include_top=False, input_shape=(299, 299, 3))

    def load(content: bytes) -> np.ndarray:
        return np.asarray(Image.open(BytesIO(content)).convert("RGB").resize((299, 299)), np.float32)

    for contents in batches:
        pixels = preprocess_input(np.stack([load(content) for content in contents]))
        features = model.predict(pixels, batch_size=8, verbose=0)
        yield pd.Series(list(features.reshape(len(pixels), -1)))


label = element_at(split(col("path"), "/"), -2).cast("int").alias("label")
files = spark.read.format("binaryFile").load([str(digit) for digit in range(10)])
# Two partitions a core: enough to balance, and few loads of the model.
images = files.select("content", label).repartition(2 * threads)
df = images.select(array_to_vector(featurize("content")).alias("features"), "label")
if cached:
    df = df.cache()
train, test = df.randomSplit([0.8, 0.2], 42)

lr = LogisticRegression(maxIter=5, regParam=0.03, elasticNetParam=0.5, labelCol="label")
predictions = lr.fit(train).transform(test)
evaluator = MulticlassClassificationEvaluator()
for name, metric in {
    "F1-Score ": "f1",
    "Precision ": "weightedPrecision",
    "Recall ": "weightedRecall",
    "Accuracy ": "accuracy",
}.items():
    print(name, evaluator.evaluate(predictions, {evaluator.metricName: metric}), flush=True)
