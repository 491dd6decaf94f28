"""A Spark session of two local threads, whose workers import this process' pydeepl."""

import os
import sys
from pathlib import Path

import pytest

import pydeepl

ROOT = str(Path(pydeepl.__file__).parents[1])


@pytest.fixture(scope="session")
def worker_environment():
    """Spark's workers run this interpreter, and find pydeepl where this process has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH", "")])))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        yield


@pytest.fixture(scope="session")
def spark(worker_environment):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("pydeepl")
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "2g",
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
