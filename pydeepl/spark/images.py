"""readImages on real Spark, which dropped it in Spark 3: its image source does the work."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

__all__ = ["readImages"]


def readImages(
    path: str,
    recursive: bool = False,
    numPartitions: int = -1,
    dropImageFailures: bool = False,
    sampleRatio: float = 1.0,
    seed: int = 0,
) -> Any:
    """A PySpark DataFrame with one column `image` of the images in a folder, as ImageSchema.readImages gave.

    Parameters: path, of a folder or of files, with patterns; recursive: folders below it too; numPartitions:
    -1 leaves it to Spark; dropImageFailures: leaves out what does not decode, else such a row has height -1;
    sampleRatio, seed: which share of the files. It uses the active session, or begins one.
    """
    reader = SparkSession.builder.getOrCreate().read.format("image").option("dropInvalid", dropImageFailures)
    if recursive:
        reader = reader.option("recursiveFileLookup", True)
    frame = reader.load(path)
    if sampleRatio < 1:
        frame = frame.sample(sampleRatio, seed)
    return frame if numPartitions <= 0 else frame.repartition(numPartitions)
