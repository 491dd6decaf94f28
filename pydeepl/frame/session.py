"""The session: SparkSession.builder, readers, SQL and temporary views."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from pydeepl.frame.column import Column
from pydeepl.frame.context import PYSPARK, Settings, SparkConf, SparkContext, check_type
from pydeepl.frame.convert import create_frame
from pydeepl.frame.dataframe import DataFrame, scan
from pydeepl.frame.errors import unknown_column
from pydeepl.frame.functions import udf
from pydeepl.frame.sharing import SparkFiles
from pydeepl.frame.types import AnyType, StringType

RANGE_ROWS = 8192


class Function(NamedTuple):
    """A function that SQL knows: its name."""

    name: str


class Functions:
    """Registers functions for SQL text (spark.udf)."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session

    def register(
        self, name: str, f: Callable[..., Any], returnType: AnyType | str | None = None
    ) -> Callable[..., Column]:
        """Makes a function usable by its name in sql(), expr(), selectExpr() and filter().

        Parameters: name, of letters, digits and _; an earlier function of the name is replaced; f, a Python
        function called row by row, or what udf() or registerKerasImageUDF() made, which has its type;
        returnType, of a Python function (an object or its SQL spelling; text without one).
        Returns the function of columns.
        """
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise ValueError(f"register: {name!r} is no name of a function: expected letters, digits and _")
        if not callable(f):
            raise TypeError(f"register: {name}: expected a function, got {type(f).__name__}")
        if not hasattr(f, "returnType"):
            f = udf(f, StringType() if returnType is None else returnType)
        elif returnType is not None:
            raise TypeError(
                f"register: {name}: the function has a type already, returnType has to be left out"
            )
        self._session._functions[name.lower()] = f
        return f


class Catalog:
    """The temporary views and registered functions (spark.catalog)."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session

    def listTables(self) -> list[str]:
        """The views' names."""
        return sorted(self._session._views)

    def tableExists(self, tableName: str) -> bool:
        """Whether there is a view of the name."""
        return tableName.lower() in self._session._views

    def listFunctions(self) -> list[Function]:
        """The registered functions."""
        return [Function(name) for name in sorted(self._session._functions)]

    def functionExists(self, functionName: str) -> bool:
        """Whether a function of the name is registered."""
        return functionName.lower() in self._session._functions

    def dropTempView(self, viewName: str) -> bool:
        """Forgets a view; returns whether there was one."""
        return self._session._views.pop(viewName.lower(), None) is not None


class Builder:
    """Makes the session: SparkSession.builder.appName("x").master("local[2]").getOrCreate()."""

    def __init__(self) -> None:
        self._settings: dict[str, Any] = {}

    def appName(self, name: str) -> Builder:
        """Names the application."""
        return self.config("spark.app.name", name)

    def master(self, master: str) -> Builder:
        """Accepted: there is one machine, this one."""
        return self.config("spark.master", master)

    def config(
        self,
        key: str | None = None,
        value: Any = None,
        conf: SparkConf | None = None,
        *,
        map: Mapping[str, Any] | None = None,
    ) -> Builder:
        """Remembers a setting, those of a SparkConf, or several by name."""
        check_type("conf", conf, SparkConf)
        check_type("map", map, Mapping)
        if key is not None:
            self._settings[key] = value
        self._settings |= dict([] if conf is None else conf.getAll()) | dict(map or {})
        return self

    def enableHiveSupport(self) -> Builder:
        """Accepted; there is no Hive."""
        return self

    def getOrCreate(self) -> SparkSession:
        """The process's session."""
        with SparkSession._lock:
            session = SparkSession._active or SparkSession()
            SparkSession._active = session
        for key, value in self._settings.items():
            session.conf.set(key, value)
        return session


class _BuilderOf:
    """SparkSession.builder: a fresh builder each time."""

    def __get__(self, instance: Any, owner: Any) -> Builder:
        return Builder()


class SparkSession:
    """The embedded session: no JVM, no cluster.

    Parameters: sparkContext, of a session whose settings, views and functions this one shares; None for a
    session of its own. Source: pyspark.sql.SparkSession.
    """

    builder: ClassVar[_BuilderOf] = _BuilderOf()
    _lock: ClassVar[Any] = threading.Lock()
    _active: ClassVar[SparkSession | None] = None

    def __init__(self, sparkContext: SparkContext | None = None) -> None:
        check_type("sparkContext", sparkContext, SparkContext)
        shared = None if sparkContext is None else sparkContext._session
        self.conf: Settings = Settings() if shared is None else shared.conf
        self._views: dict[str, DataFrame] = {} if shared is None else shared._views
        self._functions: dict[str, Callable[..., Column]] = {} if shared is None else shared._functions
        self.catalog = Catalog(self)
        self.sparkContext = SparkContext._of(self)

    @classmethod
    def getActiveSession(cls) -> SparkSession | None:
        """The session, where there is one."""
        return cls._active

    @property
    def version(self) -> str:
        """As pyspark.__version__: "4.0.0+pydeepl...", the PySpark whose behaviour this is, and pydeepl's."""
        return PYSPARK

    @property
    def udf(self) -> Functions:
        """Registers functions for SQL: udf.register(name, f, returnType)."""
        return Functions(self)

    @property
    def read(self) -> Any:
        """A reader: read.format("image").option("dropInvalid", True).load(path), read.parquet(path) ..."""
        from pydeepl.frame.files import Reader

        return Reader()

    def createDataFrame(
        self, data: Any, schema: Any = None, samplingRatio: float | None = None, verifySchema: bool = True
    ) -> DataFrame:
        """A frame of rows (tuples, Rows, dicts), a pandas, polars or Arrow table, or a numpy matrix.

        Parameters: schema, column names, a StructType or its SQL spelling ("a int, b string"); inferred
        without one.
        """
        return create_frame(data, schema)

    def range(
        self, start: int, end: int | None = None, step: int = 1, numPartitions: int | None = None
    ) -> DataFrame:
        """A frame with one column "id" of the integers start ... end - 1."""
        numbers = range(start, end, step) if end is not None else range(start)

        def batches(columns: list[str], rows: Any = None) -> Any:
            count = len(numbers)
            if rows is None:
                starts = range(0, count, RANGE_ROWS)
                rows = (np.arange(place, min(place + RANGE_ROWS, count), dtype=np.int64) for place in starts)
            for part in rows:
                made = {"id": pa.array(part * numbers.step + numbers.start), "__row__": pa.array(part)}
                yield pa.RecordBatch.from_arrays([made[name] for name in columns], names=columns)

        schema = pa.schema([pa.field("id", pa.int64(), nullable=False)])
        return scan(schema, batches, "range", slots=len(numbers), partitions=numPartitions or 1)

    def sql(self, sqlQuery: str) -> DataFrame:
        """The frame of a SELECT over temporary views, with registered functions.

        Raises AnalysisException and ParseException.
        """
        from pydeepl.frame.query import select

        return DataFrame(select(sqlQuery, self._views, self._functions))

    def table(self, tableName: str) -> DataFrame:
        """A temporary view. Raises AnalysisException where there is none of the name."""
        if tableName.lower() not in self._views:
            raise unknown_column(tableName, sorted(self._views), "table or view")
        return self._views[tableName.lower()]

    def newSession(self) -> SparkSession:
        """A session with views and settings of its own."""
        return SparkSession()

    def stop(self) -> None:
        """Ends the session: its views, functions and files are forgotten."""
        SparkFiles._clear()
        self._views.clear()
        self._functions.clear()
        if SparkSession._active is self:
            SparkSession._active = None

    def __enter__(self) -> SparkSession:
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()
