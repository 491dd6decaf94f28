"""PySpark's older doors to a session: SparkConf, SparkContext, SQLContext; and StorageLevel.

There is one session in a process, and a context is a view of it: what is set through one is seen through all.
RDDs and accumulators are not here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydeepl import __version__
from pydeepl.frame.sharing import Broadcast, SparkFiles

if TYPE_CHECKING:
    from typing_extensions import Self

    from pydeepl.frame.dataframe import DataFrame
    from pydeepl.frame.session import Functions, SparkSession

T = TypeVar("T")

__all__ = ["SQLContext", "SparkConf", "SparkContext", "StorageLevel"]

# What scripts find that ask for Spark's version: the PySpark whose behaviour this is (docs/conformance.md).
PYSPARK = f"4.0.0+pydeepl.{__version__}"

_NAME, _MASTER = "spark.app.name", "spark.master"


class Settings:
    """Settings by name (spark.conf). They are remembered, and change nothing."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def set(self, key: str, value: Any) -> None:
        """Sets a value."""
        self._values[key] = str(value).lower() if isinstance(value, bool) else str(value)

    def get(self, key: str, default: str | None = None) -> str | None:
        """A value, or the default. Raises KeyError where there is neither."""
        if key not in self._values and default is None:
            raise KeyError(f"no setting {key!r}")
        return self._values.get(key, default)


class SparkConf:
    """Settings for a session that is about to begin: SparkConf().setAppName("x").set("spark.y", "z").

    They are remembered, and change nothing. Source: pyspark.SparkConf.
    """

    def __init__(self, loadDefaults: bool = True) -> None:
        self._settings = Settings()

    def set(self, key: str, value: Any) -> Self:
        """Sets a value."""
        self._settings.set(key, value)
        return self

    def setIfMissing(self, key: str, value: Any) -> Self:
        """Sets a value where there is none."""
        return self if self.contains(key) else self.set(key, value)

    def setAppName(self, value: str) -> Self:
        """Names the application."""
        return self.set(_NAME, value)

    def setMaster(self, value: str) -> Self:
        """Accepted: there is one machine, this one."""
        return self.set(_MASTER, value)

    def setAll(self, pairs: Sequence[tuple[str, Any]]) -> Self:
        """Sets several values."""
        for key, value in pairs:
            self.set(key, value)
        return self

    def get(self, key: str, defaultValue: str | None = None) -> str | None:
        """A value, or the default."""
        return self._settings._values.get(key, defaultValue)

    def getAll(self) -> list[tuple[str, str]]:
        """All that was set."""
        return list(self._settings._values.items())

    def contains(self, key: str) -> bool:
        """Whether there is a value."""
        return key in self._settings._values

    def toDebugString(self) -> str:
        """All that was set, a line each."""
        return "\n".join(f"{key}={value}" for key, value in sorted(self.getAll()))


class SparkContext:
    """As much of a SparkContext as scripts touch on one machine: a view of the process's session.

    Parameters: master, appName, conf: names and settings, which are remembered. Others of PySpark's are
    refused. Source: pyspark.SparkContext.
    """

    defaultParallelism = 1

    def __init__(
        self, master: str | None = None, appName: str | None = None, *, conf: SparkConf | None = None
    ) -> None:
        from pydeepl.frame.session import SparkSession

        builder = SparkSession.builder.config(conf=conf)
        for key, name, value in ((_MASTER, "master", master), (_NAME, "appName", appName)):
            check_type(name, value, str)
            builder.config(key if value is not None else None, value)
        self._session = builder.getOrCreate()

    @classmethod
    def _of(cls, session: SparkSession) -> SparkContext:
        context = cls.__new__(cls)
        context._session = session
        return context

    @classmethod
    def getOrCreate(cls, conf: SparkConf | None = None) -> SparkContext:
        """The context of the process's session."""
        return cls(conf=conf)

    @property
    def appName(self) -> str:
        """The application's name."""
        return self._session.conf.get(_NAME, "pydeepl") or ""

    @property
    def master(self) -> str:
        """What was given as the master; it is this machine, whatever it says."""
        return self._session.conf.get(_MASTER, "local") or ""

    @property
    def version(self) -> str:
        """The session's."""
        return self._session.version

    def getConf(self) -> SparkConf:
        """A copy of the session's settings."""
        return SparkConf().setAll(list(self._session.conf._values.items()))

    def setLogLevel(self, logLevel: str) -> None:
        """Accepted; there is no log."""

    def broadcast(self, value: T) -> Broadcast[T]:
        """A value for functions of rows, as its `value`: there is one process, and nothing is copied."""
        return Broadcast(value)

    def addFile(self, path: str | os.PathLike[str], recursive: bool = False) -> None:
        """Copies a file, or with recursive a folder, to where SparkFiles.get(name) finds it until the session
        ends.

        Raises FileNotFoundError, IsADirectoryError without recursive, ValueError for what is not on this
        machine, or has the name of another file that was added.
        """
        SparkFiles._add(path, recursive)

    def stop(self) -> None:
        """Ends the session."""
        self._session.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"pydeepl does not provide SparkContext.{name}: there is no cluster here, and there are no RDDs; "
            "SparkSession.createDataFrame makes a frame of rows, and SparkSession.read reads files"
        )


class SQLContext:
    """PySpark 1's door to frames and SQL: a view of the process's session. Source: pyspark.sql.SQLContext."""

    def __init__(
        self, sparkContext: SparkContext | None = None, sparkSession: SparkSession | None = None
    ) -> None:
        check_type("sparkContext", sparkContext, SparkContext)
        context = sparkContext or SparkContext.getOrCreate()
        self.sparkSession = sparkSession or context._session

    @classmethod
    def getOrCreate(cls, sc: SparkContext | None = None) -> SQLContext:
        """The process's."""
        return cls(sc)

    def setConf(self, key: str, value: Any) -> None:
        """As SparkSession.conf.set."""
        self.sparkSession.conf.set(key, value)

    def getConf(self, key: str, defaultValue: str | None = None) -> str | None:
        """As SparkSession.conf.get."""
        return self.sparkSession.conf.get(key, defaultValue)

    @property
    def read(self) -> Any:
        """As SparkSession.read."""
        return self.sparkSession.read

    @property
    def udf(self) -> Functions:
        """As SparkSession.udf."""
        return self.sparkSession.udf

    def createDataFrame(self, data: Any, schema: Any = None) -> DataFrame:
        """As SparkSession.createDataFrame."""
        return self.sparkSession.createDataFrame(data, schema)

    def range(
        self, start: int, end: int | None = None, step: int = 1, numPartitions: int | None = None
    ) -> DataFrame:
        """As SparkSession.range."""
        return self.sparkSession.range(start, end, step, numPartitions)

    def sql(self, sqlQuery: str) -> DataFrame:
        """As SparkSession.sql."""
        return self.sparkSession.sql(sqlQuery)

    def table(self, tableName: str) -> DataFrame:
        """As SparkSession.table."""
        return self.sparkSession.table(tableName)

    def registerDataFrameAsTable(self, df: DataFrame, tableName: str) -> None:
        """As DataFrame.createOrReplaceTempView."""
        df.createOrReplaceTempView(tableName)

    def tableNames(self) -> list[str]:
        """The views' names."""
        return self.sparkSession.catalog.listTables()

    def dropTempTable(self, tableName: str) -> None:
        """Forgets a view."""
        self.sparkSession.catalog.dropTempView(tableName)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"pydeepl does not provide SQLContext.{name}; SparkSession and its catalog have what there is"
        )


def check_type(name: str, value: object, wanted: type) -> None:
    """Raises TypeError, naming the parameter, where a value is neither None nor of a type."""
    if value is not None and not isinstance(value, wanted):
        raise TypeError(f"{name}: expected a {wanted.__name__}, got {type(value).__name__} {value!r}")


class StorageLevel:
    """Where Spark keeps a frame's rows; persist() takes any of them and does as cache()."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"StorageLevel.{self._name}"


for _level in ("NONE", "DISK_ONLY", "MEMORY_ONLY", "MEMORY_AND_DISK", "MEMORY_AND_DISK_DESER", "OFF_HEAP"):
    setattr(StorageLevel, _level, StorageLevel(_level))
