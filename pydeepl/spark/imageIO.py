"""sparkdl.image.imageIO on real Spark: pydeepl.imageIO, its frames and functions of columns PySpark's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark import cloudpickle
from pyspark.ml.image import ImageSchema
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, udf
from pyspark.sql.types import StructField, StructType

from pydeepl.images import imageIO as own
from pydeepl.images.files import PathLike
from pydeepl.images.imageIO import (
    PIL_decode,
    PIL_decode_and_resize,
    PIL_to_imageStruct,
    fixColorChannelOrdering,
    imageArrayToStruct,
    imageStructToArray,
    imageStructToPIL,
    imageTypeByName,
    imageTypeByOrdinal,
    resizeImage,
    supportedOcvTypes,
)
from pydeepl.spark.calls import in_worker

__all__ = [
    "PIL_decode",
    "PIL_decode_and_resize",
    "PIL_to_imageStruct",
    "createResizeImageUDF",
    "filesToDF",
    "fixColorChannelOrdering",
    "imageArrayToStruct",
    "imageStructToArray",
    "imageStructToPIL",
    "imageTypeByName",
    "imageTypeByOrdinal",
    "readImagesWithCustomFn",
    "resizeImage",
    "supportedOcvTypes",
]


def createResizeImageUDF(size: Sequence[int]) -> Any:
    """A function of a column of images that gives resized images. Parameters: see pydeepl.imageIO."""
    resize = own.image_resizer(size)
    return udf(lambda row: resize(row), ImageSchema.columnSchema)  # PySpark wonders at resize's annotations


def filesToDF(sc: Any, path: PathLike | Iterable[PathLike], numPartitions: int | None = None) -> Any:
    """A PySpark DataFrame of files: columns filePath (a URI) and fileData (the bytes).

    Parameters: sc, ignored; path, a folder, file or pattern, or several, as Spark's binaryFile source takes
    them; numPartitions, None to leave it to Spark.
    """
    paths = [str(path)] if isinstance(path, str | os.PathLike) else [str(each) for each in path]
    files = SparkSession.builder.getOrCreate().read.format("binaryFile").load(paths)
    frame = files.select(col("path").alias("filePath"), col("content").alias("fileData"))
    return frame.repartition(numPartitions) if numPartitions else frame


def readImagesWithCustomFn(
    path: PathLike | Iterable[PathLike],
    decode_f: Callable[[bytes], Any],
    numPartition: int | None = None,
) -> Any:
    """A PySpark DataFrame of images decoded by a function of one's own, which runs in the workers.

    Parameters: as pydeepl.imageIO.readImagesWithCustomFn; path and numPartition as filesToDF's. Returns: a
    frame with one column `image`, null where the function gives None or raises.
    """
    schema = StructType([StructField("image", ImageSchema.columnSchema, True)])
    run = in_worker(__name__, "decoded", cloudpickle.dumps(decode_f))
    return filesToDF(None, path, numPartition).mapInArrow(run, schema)


def decoded(batches: Iterator[pa.RecordBatch], function: bytes) -> Iterator[pa.RecordBatch]:
    """The images of batches of files; runs in the workers."""
    from pydeepl.images.custom import decoded_image
    from pydeepl.images.schema import IMAGE_TYPE

    decode = cloudpickle.loads(function)
    for batch in batches:
        for uri, data in zip(batch.column(0).to_pylist(), batch.column(1), strict=True):
            image = decoded_image(partial(decode, data.as_py()), uri)
            yield pa.RecordBatch.from_pydict({"image": pa.array([image], IMAGE_TYPE)})
