"""pydeepl's stages on real PySpark (an extra: `pip install 'pydeepl[spark]'`; PySpark 3.5 or 4).

The classes of this package are pyspark.ml stages: they go into pyspark.ml's Pipeline, CrossValidator and
persistence, and run on the executors, in Python workers, by mapInArrow:

    executor      partition ──► Arrow batches ──► worker: pydeepl's stage ──► Arrow batches ──► partition
    driver        params, weights (shipped once to each node), schema

A worker prepares a network once and keeps it from task to task; it computes with spark.task.cpus threads.
pydeepl has to be installed on the workers, in the driver's version.

LogisticRegression trains on the driver where the rows fit there, else on the executors.

pydeepl's own transformers, its LogisticRegression and pipelines of these take a PySpark DataFrame too, and
then run in the same way.
"""

try:
    import pyspark
except ImportError as error:
    raise ImportError("pydeepl.spark needs PySpark 3.5 or later: pip install 'pydeepl[spark]'") from error
if "+pydeepl" in pyspark.__version__:
    raise ImportError(
        "pydeepl.spark needs PySpark itself, in whose place pydeepl's stand-ins are in this process "
        "(pydeepl.compat.install(), pydeepl run): pydeepl run --spark script.py takes the installed PySpark"
    )

from pydeepl.spark import imageIO
from pydeepl.spark.classification import LogisticRegression, LogisticRegressionModel
from pydeepl.spark.images import readImages
from pydeepl.spark.keras import KerasImageFileEstimator, KerasImageFileTransformer, KerasTransformer
from pydeepl.spark.partitions import transform_partitions
from pydeepl.spark.sparkdl import install_as_sparkdl
from pydeepl.spark.stages import DeepImageFeaturizer, DeepImagePredictor
from pydeepl.spark.tf import TFImageTransformer, TFTransformer
from pydeepl.spark.udf import makeGraphUDF, registerKerasImageUDF

__all__ = [
    "DeepImageFeaturizer",
    "DeepImagePredictor",
    "KerasImageFileEstimator",
    "KerasImageFileTransformer",
    "KerasTransformer",
    "LogisticRegression",
    "LogisticRegressionModel",
    "TFImageTransformer",
    "TFTransformer",
    "imageIO",
    "install_as_sparkdl",
    "makeGraphUDF",
    "readImages",
    "registerKerasImageUDF",
    "transform_partitions",
]
