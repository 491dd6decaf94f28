"""Features of images in PySpark, by one of two ways: a process that stays, and runs a job for every line.

`python spark_features.py WAY NET WEIGHTS IMAGES SLOTS BATCH`; answers with the seconds of a job, or, to the
line `features`, with the path of an array of some images' features.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np


def keras_features(net: str, weights: str, batch: int):
    """The pandas UDF that a user of Keras writes: one model in a worker, one thread for a task's CPU."""
    import pandas as pd
    from pyspark.sql.functions import pandas_udf

    def features(images: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
        from benchmarks.spark_keras import predict

        for frame in images:
            size = (int(frame["height"].iloc[0]), int(frame["width"].iloc[0]), 3)
            pixels = np.stack([np.frombuffer(data, np.uint8).reshape(size) for data in frame["data"]])
            yield pd.Series(list(predict(net, weights, batch, pixels[..., ::-1])))

    return pandas_udf(features, "array<float>")


def transformation(way: str, net: str, weights: str, batch: int):
    """frame of images -> frame with their features"""
    if way == "pydeepl":
        from pydeepl.spark import DeepImageFeaturizer

        stage = DeepImageFeaturizer(inputCol="image", outputCol="features", modelName=net, weights=weights)
        return stage.transform
    function = keras_features(net, weights, batch)
    return lambda frame: frame.withColumn("features", function("image"))


def session(slots: int, batch: int):
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "4g",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(batch),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    builder = SparkSession.builder.master(f"local[{slots}]").appName("features")
    for name, value in settings.items():
        builder = builder.config(name, value)
    made = builder.getOrCreate()
    made.sparkContext.setLogLevel("ERROR")
    return made


def main() -> None:
    way, net, weights, images, slots, batch = sys.argv[1:]
    spark = session(int(slots), int(batch))
    frame = spark.read.parquet(images).repartition(2 * int(slots)).cache()
    frame.count()
    transform = transformation(way, net, weights, int(batch))

    def job() -> float:
        started = time.perf_counter()
        transform(frame).write.format("noop").mode("overwrite").save()
        return time.perf_counter() - started

    job()  # the workers have their network
    print("answer: ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "features":
            rows = transform(frame.filter("number < 4")).select("number", "features").collect()
            found = [np.asarray(row.features, np.float32) for row in sorted(rows, key=lambda row: row.number)]
            path = Path(tempfile.mkdtemp()) / "features.npy"
            np.save(path, np.stack(found))
            print("answer:", path, flush=True)
        else:
            print("answer:", job(), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
