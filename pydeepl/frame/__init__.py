"""The embedded Spark-like frame: a lazy, streaming plan over Arrow, with PySpark's names.

    spark = SparkSession.builder.appName("digits").getOrCreate()
    frame = spark.createDataFrame([(0, "zero"), (1, "one")], ["label", "name"])
    frame.filter(col("label") > 0).show()

Where to read on: dataframe.py (what users call), plan.py (how rows flow), keep.py (what is computed once).
"""

from pydeepl.frame.column import Column
from pydeepl.frame.convert import adopt
from pydeepl.frame.dataframe import DataFrame, scan
from pydeepl.frame.errors import AnalysisException, ParseException
from pydeepl.frame.functions import col, expr, lit, udf, when
from pydeepl.frame.plan import ROW
from pydeepl.frame.row import Row
from pydeepl.frame.session import SparkSession

__all__ = [
    "ROW",
    "AnalysisException",
    "Column",
    "DataFrame",
    "ParseException",
    "Row",
    "SparkSession",
    "adopt",
    "col",
    "expr",
    "lit",
    "scan",
    "udf",
    "when",
]
