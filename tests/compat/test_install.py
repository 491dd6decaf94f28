"""The stand-ins for PySpark and sparkdl: the table, and install() as a notebook uses it."""

import subprocess
import sys
import textwrap

import pytest

from pydeepl.compat.spark_names import STAND_INS
from pydeepl.compat.stand_ins import names_of


@pytest.fixture
def python(environment):
    """python(code): what an interpreter prints that runs the code."""

    def python(code):
        command = [sys.executable, "-c", textwrap.dedent(code)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return python


@pytest.mark.parametrize("module", STAND_INS)
def test_every_row_of_the_table_holds(module):
    names = {name for entry in STAND_INS[module] for name in names_of(entry)}
    assert names
    assert not any(name.startswith("_") for name in names)


def test_stars_bring_pysparks_names_alone():
    for entry in ("pydeepl.frame.functions", "pydeepl.frame.types"):
        names = names_of(entry)
        assert {type(value).__name__ for value in names.values()} <= {"function", "type", "ABCMeta"}
        assert not {"Any", "annotations", "np", "pa", "json", "is_vector"} & set(names)
    assert {"lit", "col", "udf"} <= set(names_of("pydeepl.frame.functions"))
    types = set(names_of("pydeepl.frame.types"))
    assert {"StructType", "DoubleType"} <= types
    assert all(name.endswith("Type") for name in types - {"StructField"})


def test_a_notebook_installs_them_once_and_goes_on(python):
    printed = python(
        """
        import numpy as np
        import pydeepl.compat

        pydeepl.compat.install()
        pydeepl.compat.install()
        from pyspark.ml import Pipeline
        from pyspark.ml.classification import LogisticRegression
        from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
        from pyspark.sql import SparkSession
        from pyspark.sql.dataframe import DataFrame
        from sparkdl import DeepImageFeaturizer, DeepImagePredictor
        import pydeepl
        from pydeepl.linalg import Vectors

        assert DeepImageFeaturizer is pydeepl.DeepImageFeaturizer
        assert DeepImagePredictor is pydeepl.DeepImagePredictor
        spark = SparkSession.builder.getOrCreate()
        rows = [(Vectors.dense([float(i)]), float(i > 2)) for i in range(6)]
        train = spark.createDataFrame(rows, ["features", "label"])
        model = Pipeline(stages=[LogisticRegression(regParam=0.01)]).fit(train)
        print([row.prediction for row in model.transform(train).collect()])
        """
    )
    assert printed == "[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]\n"


def test_sparkdls_own_module_paths(python):
    """The imports of sparkdl's own tests and examples."""
    printed = python(
        """
        import pydeepl.compat

        pydeepl.compat.install()
        import sparkdl.image.imageIO as imageIO
        from sparkdl import KerasTransformer, TFInputGraph, TFTransformer, imageInputPlaceholder
        from sparkdl.estimators.keras_image_file_estimator import KerasImageFileEstimator
        from sparkdl.graph.input import TFInputGraph
        from sparkdl.graph.tensorframes_udf import makeGraphUDF
        from sparkdl.horovod.runner_base import HorovodRunner
        from sparkdl.image.imageIO import imageArrayToStruct
        from sparkdl.param import CanLoadImage, HasInputCol, HasOutputMode, keyword_only
        from sparkdl.transformers.keras_image import KerasImageFileTransformer
        from sparkdl.transformers.tf_image import TFImageTransformer
        from sparkdl.udf.keras_image_model import registerKerasImageUDF
        import pydeepl

        assert registerKerasImageUDF is pydeepl.registerKerasImageUDF
        assert issubclass(KerasImageFileTransformer, CanLoadImage)
        assert imageIO.imageArrayToStruct is imageArrayToStruct
        from pyspark.sql import SparkSession

        spark = SparkSession.builder.getOrCreate()
        spark.udf.register("next", lambda x: x + 1, "int")
        print(spark.createDataFrame([(1,), (5,)], ["x"]).selectExpr("next(x) AS y").collect())
        """
    )
    assert printed == "[Row(y=2), Row(y=6)]\n"


def test_it_is_too_late_once_the_real_modules_are_there(python, tmp_path):
    (tmp_path / "sparkdl.py").write_text("")
    printed = python(
        f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import sparkdl
        import pydeepl.compat
        try:
            pydeepl.compat.install()
        except ImportError as error:
            print(error)
        """
    )
    assert printed == "sparkdl is imported already: its stand-in cannot take its place\n"


def test_a_stage_of_ones_own_as_written_for_pyspark(python, tmp_path):
    """With pyspark.ml.util's mixins; a reader of one's own is refused by its name."""
    printed = python(
        f"""
        import pydeepl.compat

        pydeepl.compat.install()
        from pyspark import SparkFiles, keyword_only
        from pyspark.ml import Pipeline, PipelineModel, Transformer
        from pyspark.ml.param import Param, Params, TypeConverters
        from pyspark.ml.param.shared import HasInputCol, HasOutputCol
        from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
        from pyspark.ml.functions import array_to_vector, vector_to_array
        from pyspark.sql import SparkSession, functions as F
        from pyspark.sql.types import *

        class Scaled(Transformer, HasInputCol, HasOutputCol, DefaultParamsReadable, DefaultParamsWritable):
            by = Param(Params._dummy(), "by", "factor", typeConverter=TypeConverters.toFloat)

            @keyword_only
            def __init__(self, inputCol=None, outputCol=None, by=2.0):
                super(Scaled, self).__init__()
                self._setDefault(by=2.0)
                kwargs = self._input_kwargs
                self._set(**kwargs)

            def _transform(self, dataset):
                scaled = F.col(self.getInputCol()) * self.getOrDefault(self.by)
                return dataset.withColumn(self.getOutputCol(), scaled)

        spark = SparkSession.builder.getOrCreate()
        frame = spark.createDataFrame([(1.0,), (5.0,)], ["x"])
        stage = Scaled(inputCol="x", outputCol="y", by=3)
        stage.write().overwrite().save({str(tmp_path / "stage")!r})
        assert Scaled.load({str(tmp_path / "stage")!r}).getOrDefault("by") == 3
        Pipeline(stages=[stage]).fit(frame).save({str(tmp_path / "model")!r})
        print(PipelineModel.load({str(tmp_path / "model")!r}).transform(frame).collect())
        assert spark.sparkContext.broadcast([1]).value == [1] and SparkFiles.getRootDirectory()
        try:
            from pyspark.ml.util import DefaultParamsReader
        except ImportError as error:
            print(str(error).partition(";")[0])
        """
    )
    assert printed == (
        "[Row(x=1.0, y=3.0), Row(x=5.0, y=15.0)]\n"
        "pydeepl does not provide pyspark.ml.util.DefaultParamsReader\n"
    )
