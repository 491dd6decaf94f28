"""What scripts of image classification use of Spark's older library, under the names of pyspark.mllib."""

from pydeepl.mllib import evaluation

__all__ = ["evaluation"]
