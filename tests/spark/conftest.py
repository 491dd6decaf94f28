"""Spark sessions whose workers import this process' pydeepl: two local threads, and a cluster of two nodes.

A process has one session at a time: the local one is kept from module to module, with its workers and what
they have loaded, until another is asked for or this room's tests are through.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pydeepl

ROOT = str(Path(pydeepl.__file__).parents[1])
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "2g",
    "spark.driver.host": "127.0.0.1",
    "spark.executor.memory": "640m",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1000",
    "spark.task.maxFailures": "2",
}


@pytest.fixture(scope="session")
def worker_environment():
    """Spark's workers run this interpreter, and find pydeepl where this process has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH", "")])))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        yield


_kept = []  # the local session


def stop_sessions():
    from pyspark.sql import SparkSession

    _kept.clear()
    if left := SparkSession.getActiveSession():
        left.stop()  # another room's, too


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    if _kept and (nextitem is None or nextitem.path.parent != item.path.parent):
        stop_sessions()


def start_session(master):
    from pyspark.sql import SparkSession

    stop_sessions()
    builder = SparkSession.builder.master(master).appName("pydeepl")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    assert session.sparkContext.master == master
    session.sparkContext.setLogLevel("OFF")
    return session


@pytest.fixture(scope="module")
def spark(worker_environment):
    if not _kept:
        _kept.append(start_session("local[2]"))
    yield _kept[0]
    _kept[0].catalog.clearCache()


@pytest.fixture(scope="module")
def cluster(worker_environment, tmp_path_factory):
    pytest.importorskip("pyspark")
    from spark.cluster import Cluster

    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def cluster_session(cluster):
    with start_session(cluster.url) as session:
        yield session


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of twelve pictures in two kinds, dark and light, of several sizes and channels."""
    folder = tmp_path_factory.mktemp("pictures")
    for index in range(12):
        channels = (3, 1, 4)[index % 3]
        shape = (30 + 10 * index, 60, channels)
        pixels = np.random.default_rng(index).integers(0, 60, shape, np.uint8) + np.uint8(150 * (index % 2))
        Image.fromarray(pixels if channels > 1 else pixels[:, :, 0]).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture(scope="session")
def weights(random_weights):
    return str(random_weights("ResNet50"))


def read_pictures(session, folder):
    """With their number and a label, in two partitions."""
    from pyspark.sql.functions import col, regexp_extract

    frame = session.read.format("image").load(str(folder)).repartition(2)
    number = regexp_extract("image.origin", r"(\d+)\.png$", 1).cast("int")
    return frame.withColumn("number", number).withColumn("label", (col("number") % 2).cast("double")).cache()


@pytest.fixture(scope="module")
def images(spark, pictures):
    return read_pictures(spark, pictures)


@pytest.fixture(scope="module")
def cluster_images(cluster_session, pictures):
    return read_pictures(cluster_session, pictures)


@pytest.fixture(scope="session")
def own_images(pictures):
    """The same rows on pydeepl's own engine, by their numbers."""
    frame = pydeepl.ImageSchema.readImages(str(pictures)).orderBy("image.origin").toArrow()
    numbers = np.arange(len(frame))
    return frame.append_column("number", [numbers]).append_column("label", [numbers % 2.0])


@pytest.fixture(scope="session")
def expected(own_images, weights):
    """[number, feature], by pydeepl's own engine."""
    from pydeepl.linalg import vector_matrix

    params = {"inputCol": "image", "outputCol": "features", "modelName": "ResNet50", "weights": weights}
    return vector_matrix(pydeepl.DeepImageFeaturizer(**params).transform(own_images)["features"])


@pytest.fixture
def featurizer(weights):
    from pydeepl.spark import DeepImageFeaturizer

    return DeepImageFeaturizer(inputCol="image", outputCol="features", modelName="ResNet50", weights=weights)
