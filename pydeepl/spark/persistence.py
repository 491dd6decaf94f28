"""Saving stages wherever Spark can write: its metadata, and beside it pydeepl's own stage in a file."""

from __future__ import annotations

from typing import Any

from pyspark.ml.util import (
    DefaultParamsReadable,
    DefaultParamsReader,
    DefaultParamsWritable,
    DefaultParamsWriter,
    MLReadable,
    MLWritable,
)

from pydeepl.ml.persistence import DamagedStageError
from pydeepl.spark.shipping import packed, unpacked


class SavedParams(DefaultParamsReadable, DefaultParamsWritable):  # type: ignore[misc]
    """A stage that is its params alone."""

    @classmethod
    def read(cls) -> DefaultParamsReader:
        """What loads a stage."""
        return CheckedReader(cls)


class SavedWithOwn(MLReadable, MLWritable):  # type: ignore[misc]
    """A stage that _own() gives as pydeepl's, and that _take(own) brings back after loading.

    _unsaved: names of the params that are functions, or that the own stage knows better.
    """

    _unsaved: tuple[str, ...] = ()

    def _own(self) -> Any:
        raise NotImplementedError

    def _take(self, own: Any) -> None:
        raise NotImplementedError

    def write(self) -> DefaultParamsWriter:
        """What saves the stage."""
        return _Writer(self)

    @classmethod
    def read(cls) -> DefaultParamsReader:
        """What loads a stage."""
        return _Reader(cls)


class _Writer(DefaultParamsWriter):  # type: ignore[misc]
    def saveImpl(self, path: str) -> None:
        stage, session = self.instance, self.sparkSession
        data = bytearray(packed(stage._own()))
        params = {
            param.name: value for param, value in stage._paramMap.items() if param.name not in stage._unsaved
        }
        DefaultParamsWriter.saveMetadata(stage, path, _writes_metadata(session), paramMap=params)
        session.createDataFrame([(data,)], "stage binary").coalesce(1).write.parquet(f"{path}/data")


def _writes_metadata(session: Any) -> Any:
    """PySpark 3.5 wants a context; Spark Connect has none, and PySpark 4 takes the session."""
    try:
        return session.sparkContext
    except Exception:
        return session


class CheckedReader(DefaultParamsReader):  # type: ignore[misc]
    """Loads stages of one class; PySpark's reader takes what it finds."""

    def load(self, path: str) -> Any:
        """The stage. Raises DamagedStageError where one of another class is saved at the path."""
        stage = super().load(path)
        if not isinstance(stage, self.cls):
            raise DamagedStageError(f"{path}: expected a {self.cls.__name__}, found a {type(stage).__name__}")
        return stage


class _Reader(CheckedReader):
    def load(self, path: str) -> Any:
        stage = super().load(path)
        try:
            (row,) = self.sparkSession.read.parquet(f"{path}/data").collect()
            stage._take(unpacked(bytes(row.stage)))
        except Exception as error:  # Spark has several for a file that it cannot read; unpacked() its own
            reason = str(error).rpartition("Caused by: ")[2].strip().partition("\n")[0]
            raise DamagedStageError(f"{path}: not a whole {type(stage).__name__}: {reason}") from error
        return stage
