"""The frame: PySpark's DataFrame over a lazy plan."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pydeepl.checks import is_whole
from pydeepl.frame import relational
from pydeepl.frame import show as showing
from pydeepl.frame.batches import Mask, conform_batch, first_rows, split_rows
from pydeepl.frame.bind import Bound, Passes, bind_path, passthrough, resolve
from pydeepl.frame.column import Apply, Column, Order, Reference, Text, named_column
from pydeepl.frame.errors import AnalysisException, unknown_column
from pydeepl.frame.plan import (
    ROW,
    Cached,
    Cell,
    Computation,
    Filter,
    Limit,
    Node,
    Project,
    Repartition,
    Scan,
    Stage,
    StageFunction,
    Union,
    file_of,
    hidden_field,
)
from pydeepl.frame.row import Row
from pydeepl.frame.types import StructType, schema_from_arrow
from pydeepl.frame.values import batch_rows
from pydeepl.frame.widen import union_schema

if TYPE_CHECKING:
    import pandas

    from pydeepl.frame.files import Writer
    from pydeepl.frame.grouped import GroupedData
    from pydeepl.frame.session import SparkSession

ROWS_AT_A_TIME = 1024  # of which Python objects are made


def scan(
    schema: pa.Schema,
    batches: Callable[..., Iterator[pa.RecordBatch]],
    name: str = "source",
    slots: int | Callable[[], int] | None = None,
    partitions: int | Callable[[], int] = 1,
    files: Sequence[str] = (),
) -> DataFrame:
    """A frame of a source's rows.

    Parameters
        schema      the columns, with nullability and metadata
        batches     makes the rows; called anew by every action, in row order, the same rows every time:
                    slots is None: batches(columns) yields record batches of exactly those columns (at least
                    one) else: batches(columns, rows). `columns` may name plan.ROW ("__row__"), an int64
                    column of the rows' ordinals 0 ... slots - 1 (it may be the only one asked for: then rows
                    are only counted). `rows` is None (all rows) or an iterator of ascending int64 arrays: the
                    ordinals wanted, to be pulled as the source proceeds. It yields those rows in that order,
                    in batches of any size, and leaves out ordinals that turn out to have no row (a file that
                    does not decode and is dropped).
        name        for explain()
        slots       the number of ordinals (or a function that counts them when first needed), for a source
                    that can make single rows: then splits, samples and filters on light columns are decided
                    before the heavy columns of any row are made, and those of dropped rows never are
        partitions  what rdd.getNumPartitions() says
        files       columns in whose place `columns` may also name plan.file_of(column): the paths that their
                    cells are read from (only where slots is not None)
    Returns a lazy DataFrame: nothing is read before an action.
    """
    return DataFrame(Scan(schema, batches, name, slots, partitions, files))


class DataFrame:
    """A lazy, immutable table. Source: pyspark.sql.DataFrame, whose methods these are.

    Operations make a new frame and compute nothing; actions (show, collect, count, toPandas, write, fit ...)
    run the plan batch by batch and make only the columns they need. Column names are unique in a frame.
    """

    def __init__(self, node: Node) -> None:
        names = node.schema.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise AnalysisException(
                f"column names must differ: {', '.join(twice)} would be there twice; rename one"
            )
        self._node = node

    # What it is

    @property
    def columns(self) -> list[str]:
        """The columns' names."""
        return list(self._node.schema.names)

    @property
    def schema(self) -> StructType:
        """The columns' names, types and nullability."""
        return schema_from_arrow(self._node.schema)

    @property
    def dtypes(self) -> list[tuple[str, str]]:
        """The columns' names and types as SQL spells them."""
        return [(field.name, field.dataType.simpleString()) for field in self.schema]

    @property
    def sparkSession(self) -> SparkSession:
        """The session."""
        from pydeepl.frame.session import SparkSession

        return SparkSession.builder.getOrCreate()

    @property
    def rdd(self) -> Partitions:
        """As much of an RDD as there is on one machine: getNumPartitions() and map()."""
        return Partitions(self)

    def column_field(self, name: str) -> pa.Field:
        """A column's Arrow field with its metadata. Raises AnalysisException for an unknown name."""
        return self._node.schema.field(resolve(name, self._node.schema))

    def printSchema(self) -> None:
        """Prints the schema as Spark's tree."""
        print(self.schema.treeString())

    def explain(self, *_: Any) -> None:
        """Prints the plan, the last step first."""
        print("== Plan ==\n" + _plan_text(self._node))

    def __repr__(self) -> str:
        return f"DataFrame[{', '.join(f'{name}: {kind}' for name, kind in self.dtypes)}]"

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, str):
            return self._reference(item)
        if isinstance(item, int):
            return self._reference(self.columns[item])
        if isinstance(item, Column):
            return self.filter(item)
        if isinstance(item, list | tuple):
            return self.select(*item)
        raise TypeError(f"expected a column's name, number, list of names or condition, got {item!r}")

    def __getattr__(self, name: str) -> Column:
        if name.startswith("_") or name not in self.columns:
            raise AttributeError(
                f"DataFrame has no attribute and no column {name!r}; columns: {', '.join(self.columns)}"
            )
        return self._reference(name)

    def _reference(self, name: str) -> Column:
        column = named_column(name)
        column._expression.bind(self._node.schema)  # an unknown name is an error now, as in PySpark
        return column

    # Columns

    def _bound(self, column: Any) -> list[Bound]:
        """The columns that one argument of select() stands for."""
        schema = self._node.schema
        if isinstance(column, str) and column == "*":
            return passthrough(schema)
        if isinstance(column, str) and column.endswith(".*"):
            column = Column(Reference([*column[:-2].split("."), "*"]))
        column = named_column(column)
        expression = column._expression
        if isinstance(expression, Reference) and expression.parts[-1] == "*":
            if len(expression.parts) == 1:
                return passthrough(schema)
            head = resolve(expression.parts[0], schema)
            inside = schema.field(head).type
            names = [inside.field(place).name for place in range(inside.num_fields)]
            return [bind_path((head, name), schema, name) for name in names]
        return [expression.bind(schema)]

    def select(self, *cols: Any) -> DataFrame:
        """A frame of columns. Parameters: cols, names ("label", "image.height", "*") and Columns, or one list
        of them."""
        wanted = list(cols[0]) if len(cols) == 1 and isinstance(cols[0], list | tuple) else list(cols)
        if any(isinstance(each, Column) and each._expression.aggregate for each in wanted):
            return self.agg(*wanted)
        return DataFrame(Project(self._node, [bound for each in wanted for bound in self._bound(each)]))

    def selectExpr(self, *expr: str) -> DataFrame:
        """A frame of SQL expressions, each with an optional AS name."""
        from pydeepl.frame.functions import expr as parsed

        return self.select(*("*" if text.strip() == "*" else parsed(text) for text in expr))

    def withColumn(self, colName: str, col: Column) -> DataFrame:
        """The frame with a column added, or replaced where it keeps its place."""
        return self.withColumns({colName: col})

    def withColumns(self, colsMap: Mapping[str, Column]) -> DataFrame:
        """The frame with columns added or replaced; each is computed from the frame as it was."""
        bounds = {bound.field.name: bound for bound in passthrough(self._node.schema)}
        for name, column in colsMap.items():
            if not isinstance(name, str):
                raise TypeError(f"withColumn: expected a column's name, got {name!r}")
            if not isinstance(column, Column):
                raise TypeError(f"withColumn({name!r}): expected a Column, such as lit(0), got {column!r}")
            bound = column._expression.bind(self._node.schema).named(name)
            old = next((other for other in bounds if other.lower() == name.lower()), None)
            if old is not None and old != name:
                bounds = {(name if key == old else key): value for key, value in bounds.items()}
            bounds[name] = bound
        return DataFrame(Project(self._node, list(bounds.values())))

    def withColumnRenamed(self, existing: str, new: str) -> DataFrame:
        """The frame with a column renamed (the same frame where there is no such column)."""
        return self.withColumnsRenamed({existing: new})

    def withColumnsRenamed(self, colsMap: Mapping[str, str]) -> DataFrame:
        """The frame with columns renamed; names that are not there are passed over."""
        renamed = {old.lower(): new for old, new in colsMap.items()}
        bounds = passthrough(self._node.schema)
        return DataFrame(
            Project(
                self._node,
                [bound.named(renamed.get(bound.path[0].lower(), bound.path[0])) for bound in bounds],
            )
        )

    def toDF(self, *cols: str) -> DataFrame:
        """The frame with all columns renamed."""
        if len(cols) != len(self.columns):
            raise AnalysisException(
                f"toDF: {len(self.columns)} columns, but {len(cols)} names: {', '.join(cols)}"
            )
        bounds = passthrough(self._node.schema)
        return DataFrame(
            Project(self._node, [bound.named(name) for bound, name in zip(bounds, cols, strict=True)])
        )

    def drop(self, *cols: str | Column) -> DataFrame:
        """The frame without columns; names that are not there are passed over."""
        names = {
            (named_column(each)._expression.name if isinstance(each, Column) else each).lower()
            for each in cols
        }
        return DataFrame(
            Project(self._node, [b for b in passthrough(self._node.schema) if b.path[0].lower() not in names])
        )

    def alias(self, alias: str) -> DataFrame:
        """The frame under a name."""
        return DataFrame(self._node)

    def _with_stage(
        self,
        function: StageFunction,
        inputs: Sequence[str],
        outputs: Sequence[pa.Field],
        keep: bool = False,
        rows: int | None = None,
    ) -> DataFrame:
        """The frame with columns that a function computes.

        Parameters
            function  takes an iterator of record batches of the inputs (in that order) and yields, for each
                      batch in turn, the list of the outputs' arrays, as many rows each. It may read ahead,
                      from another thread too. It is called when an action needs an output, possibly several
                      times, and may be closed early.
            inputs    columns of this frame, and what _file_column gives
            outputs   the new columns' fields; a column of the same name is replaced
            keep      whether the outputs are kept once computed (in memory within the budget, then in a
                      file), so that all frames derived from this one compute each row once
            rows      the most rows of a batch, where the outputs are much larger than the inputs
        Returns a lazy frame: where no output is asked for, the function is not called.
        """
        names = [name if hidden_field(name) else resolve(name, self._node.schema) for name in inputs]
        return DataFrame(Stage(self._node, Computation(function, names, outputs, rows), keep))

    def _file_column(self, column: str) -> str | None:
        """The hidden column of the files that a column's cells are read from; None where there are none."""
        return file_of(column) if self._node.has_files(column) else None

    def _most_rows(self) -> int | None:
        """The most rows there can be, where that is known without reading anything: for progress bars."""
        return self._node.most_rows()

    # Rows

    def filter(self, condition: Column | str) -> DataFrame:
        """The rows where a condition (a Column or SQL text) is true."""
        if not isinstance(condition, Column | str):
            raise TypeError(f"filter: expected a Column or SQL text, got {condition!r}")
        expression = Text(condition) if isinstance(condition, str) else condition._expression
        bound = expression.bind(self._node.schema)
        if not pa.types.is_boolean(bound.field.type) and not pa.types.is_null(bound.field.type):
            raise AnalysisException(
                f"filter: {expression.name} is {bound.field.type}, expected true or false"
            )
        return DataFrame(Filter(self._node, Passes(bound), expression.name))

    where = filter

    def limit(self, num: int) -> DataFrame:
        """The first rows."""
        if not is_whole(num) or num < 0:
            raise AnalysisException(f"limit: expected a number of rows from 0 on, got {num!r}")
        return DataFrame(Limit(self._node, num))

    def union(self, other: DataFrame) -> DataFrame:
        """This frame's rows, then another's: columns by position, types widened as Spark does. Keeps
        duplicates."""
        if not isinstance(other, DataFrame):
            raise TypeError(f"union: expected a DataFrame, got {type(other).__name__}")
        schema = union_schema(self._node.schema, other._node.schema)
        second = other._node
        if second.schema.names != schema.names:
            bounds = [b.named(n) for b, n in zip(passthrough(second.schema), schema.names, strict=True)]
            second = Project(second, bounds)
        return DataFrame(Union([self._node, second], schema))

    unionAll = union

    def unionByName(self, other: DataFrame, allowMissingColumns: bool = False) -> DataFrame:
        """As union, with columns matched by name. allowMissingColumns: those missing on a side are null
        there."""
        mine, theirs = self._node.schema, other._node.schema
        for one, two in ((mine, theirs), (theirs, mine)):
            for name in one.names:
                if name not in two.names and not allowMissingColumns:
                    raise unknown_column(name, two.names)
        names = [*mine.names, *(name for name in theirs.names if name not in mine.names)]
        return self._completed(names, theirs).union(other._completed(names, mine))

    def _completed(self, names: list[str], other: pa.Schema) -> DataFrame:
        """The columns named; those that are not here are null, in the type they have in another schema."""
        bounds = []
        for name in names:
            if name in self._node.schema.names:
                bounds.append(bind_path((name,), self._node.schema, name))
            else:
                bounds.append(_null_column(other.field(name)))
        return DataFrame(Project(self._node, bounds))

    def randomSplit(self, weights: Sequence[float], seed: int | None = None) -> list[DataFrame]:
        """Splits the rows at random into frames of about the weights' shares.

        Each row falls into a cell by a number in [0, 1) that depends on the seed and the row's place alone:
        the frames are disjoint and complete, and the same whatever the number of threads.
        Parameters: weights, at least 0, normalised here; seed (default: a random one).
        """
        if isinstance(weights, str) or not all(isinstance(weight, Real) for weight in weights):
            raise TypeError(f"randomSplit: weights must be numbers, got {weights!r}")
        if not weights or any(not weight >= 0 for weight in weights) or not sum(weights) > 0:
            raise ValueError(f"randomSplit: weights must be positive, got {list(weights)}")
        seed = _seed(seed)
        bounds = np.concatenate([[0.0], np.cumsum(np.asarray(weights, float) / sum(weights))])
        bounds[-1] = 1.0
        cells = zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        return [self._drawn(low, high, seed) for low, high in cells]

    def sample(
        self, withReplacement: bool | float | None = None, fraction: Any = None, seed: int | None = None
    ) -> DataFrame:
        """Each row with probability `fraction`. Sampling with replacement is not supported."""
        if isinstance(withReplacement, float | int) and not isinstance(withReplacement, bool):
            withReplacement, fraction, seed = (
                None,
                withReplacement,
                fraction if fraction is not None else seed,
            )
        if withReplacement:
            raise ValueError("sample: withReplacement=True is not supported")
        if fraction is None or not 0 <= fraction <= 1:
            raise ValueError(f"sample: fraction must be in [0, 1], got {fraction}")
        return self._drawn(0.0, float(fraction), _seed(seed))

    def _drawn(self, low: float, high: float, seed: int) -> DataFrame:
        condition = Cell(low, high, seed, self._node.draws)
        return DataFrame(
            Filter(self._node, condition, f"random in [{low:g}, {high:g}), seed {seed}", draws=True)
        )

    def orderBy(self, *cols: Any, ascending: bool | Sequence[bool] = True) -> DataFrame:
        """The rows sorted by columns (names, Columns, col("x").desc()). Parameters: ascending, one for all or
        a list.

        Nulls come first when ascending, last when descending; rows that compare equal stay in their order.
        """
        wanted = list(cols[0]) if len(cols) == 1 and isinstance(cols[0], list | tuple) else list(cols)
        if not wanted:
            raise ValueError("orderBy: expected at least one column")
        up = list(ascending) if isinstance(ascending, list | tuple) else [bool(ascending)] * len(wanted)
        orders = []
        for each, rising in zip(wanted, up, strict=True):
            column = self._reference(self.columns[each - 1]) if isinstance(each, int) else named_column(each)
            orders.append(column._order or Order(column._expression, not rising))
        return DataFrame(relational.ordered(self._node, orders))

    sort = orderBy

    def distinct(self) -> DataFrame:
        """The different rows, each where it first appears."""
        return self.dropDuplicates()

    def dropDuplicates(self, subset: Sequence[str] | None = None) -> DataFrame:
        """The first row of each different combination of the subset's columns (default: of all)."""
        if isinstance(subset, str):
            raise TypeError(f"dropDuplicates: expected a list of column names, got {subset!r}")
        return DataFrame(relational.distinct(self._node, self.columns if subset is None else list(subset)))

    drop_duplicates = dropDuplicates

    def groupBy(self, *cols: Any) -> GroupedData:
        """The rows in groups of equal values of columns, to be aggregated; groups come as they first
        appear."""
        from pydeepl.frame.grouped import GroupedData

        wanted = list(cols[0]) if len(cols) == 1 and isinstance(cols[0], list | tuple) else list(cols)
        return GroupedData(self, wanted)

    groupby = groupBy

    def agg(self, *exprs: Any) -> DataFrame:
        """Aggregates of all rows: agg(max("x")), agg({"x": "max"})."""
        return self.groupBy().agg(*exprs)

    def join(self, other: DataFrame, on: Any = None, how: str = "inner") -> DataFrame:
        """The rows combined with another frame's.

        Parameters: on, a column name or a list of them that both frames have (they come once, first), or a
        condition over columns whose names differ; how: inner, left, right, outer, semi, anti or cross. Null
        keys match nothing.
        """
        if isinstance(on, list | tuple) and on and all(isinstance(each, Column) for each in on):
            condition = on[0]
            for each in on[1:]:
                condition = condition & each
            on = condition
        if not isinstance(other, DataFrame):
            raise TypeError(f"join: expected a DataFrame, got {type(other).__name__}")
        return DataFrame(relational.joined(self._node, other._node, on, how))

    def crossJoin(self, other: DataFrame) -> DataFrame:
        """Every row with every row of another frame."""
        return self.join(other, how="cross")

    def createOrReplaceTempView(self, name: str) -> None:
        """Makes the frame a table that spark.sql() knows by the name."""
        self.sparkSession._views[name.lower()] = self

    createOrReplaceGlobalTempView = registerTempTable = createOrReplaceTempView

    def createTempView(self, name: str) -> None:
        """As createOrReplaceTempView; raises AnalysisException where the name is taken."""
        if self.sparkSession.catalog.tableExists(name):
            raise AnalysisException(
                f"the temporary view {name!r} exists already; createOrReplaceTempView replaces it"
            )
        self.createOrReplaceTempView(name)

    def transform(self, func: Callable[..., DataFrame], *args: Any, **kwargs: Any) -> DataFrame:
        """What a function makes of the frame."""
        return func(self, *args, **kwargs)

    # Missing values

    @property
    def na(self) -> MissingValues:
        """Missing values: na.drop(), na.fill(0)."""
        return MissingValues(self)

    def dropna(
        self, how: str = "any", thresh: int | None = None, subset: str | Sequence[str] | None = None
    ) -> DataFrame:
        """The rows without missing values (null, NaN) in the subset's columns (default: all).

        Parameters: how, "any" drops rows with one, "all" only rows with nothing else; thresh, keeps rows with
        at least so many values, whatever `how` says.
        """
        if how not in ("any", "all"):
            raise ValueError(f"dropna: how must be 'any' or 'all', got {how!r}")
        names = self.columns if subset is None else [subset] if isinstance(subset, str) else list(subset)
        bounds = [
            bind_path((found,), self._node.schema, found)
            for found in (resolve(n, self._node.schema) for n in names)
        ]
        needed = thresh if thresh is not None else len(bounds) if how == "any" else 1
        return DataFrame(
            Filter(self._node, Complete(bounds, needed), f"at least {needed} of {', '.join(names)}")
        )

    def fillna(self, value: Any, subset: str | Sequence[str] | None = None) -> DataFrame:
        """The frame with missing values (null, NaN) replaced.

        Parameters: value, for the columns of its kind (numbers, text or booleans), or a dict of values by
        column.
        """
        names = self.columns if subset is None else [subset] if isinstance(subset, str) else list(subset)
        wanted = value if isinstance(value, dict) else dict.fromkeys(names, value)
        columns: dict[str, Column] = {}
        for name, filler in wanted.items():
            field = self.column_field(name)
            if _same_kind(field.type, filler):
                columns[field.name] = _filled(field, filler)
            elif isinstance(value, dict):
                raise TypeError(f"fillna: {name} is {field.type} and cannot be filled with {filler!r}")
        return self.withColumns(columns) if columns else self

    def describe(self, *cols: str) -> DataFrame:
        """Count, mean, standard deviation, least and greatest value of number and text columns, as text."""
        from pydeepl.frame.grouped import described

        return described(self, list(cols))

    def repartition(self, numPartitions: int | str | Column, *_: Any) -> DataFrame:
        """The same frame. Rows keep their order; rdd.getNumPartitions() says the number."""
        if not isinstance(numPartitions, int):
            return DataFrame(self._node)
        if numPartitions < 1:
            raise ValueError(f"repartition: expected a number of partitions from 1 on, got {numPartitions}")
        return DataFrame(Repartition(self._node, numPartitions))

    def coalesce(self, numPartitions: int) -> DataFrame:
        """The same frame; rdd.getNumPartitions() says at most the number."""
        if numPartitions < 1:
            raise ValueError(f"coalesce: expected a number of partitions from 1 on, got {numPartitions}")
        return DataFrame(Repartition(self._node, min(numPartitions, self._node.partitions)))

    # Keeping

    def cache(self) -> DataFrame:
        """Keeps the frame's rows once they are computed; frames derived from it afterwards use them."""
        if isinstance(self._node, Cached):
            self._node.fill()
        else:
            self._node = Cached(self._node)
        return self

    def persist(self, *_: Any) -> DataFrame:
        """As cache(): in memory within the budget, then in a file, whatever storage level is named."""
        return self.cache()

    def unpersist(self, blocking: bool = False) -> DataFrame:
        """Forgets what cache() kept."""
        if isinstance(self._node, Cached):
            self._node.drop()
        return self

    @property
    def is_cached(self) -> bool:
        """Whether cache() is in force."""
        return isinstance(self._node, Cached) and self._node.kept is not None

    # Actions

    def _arrow(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows as Arrow record batches of exactly the columns' fields. Parameters: columns (default:
        all)."""
        schema = self._node.schema
        names = [resolve(name, schema) for name in (schema.names if columns is None else columns)]
        fields = pa.schema([schema.field(name) for name in names])
        return (conform_batch(batch, fields) for batch in self._node.stream(names))

    def toArrowBatches(self, columns: Sequence[str] | None = None) -> pa.RecordBatchReader:
        """A reader that computes the rows as they are read, in bounded memory."""
        schema = self._node.schema
        names = schema.names if columns is None else [resolve(name, schema) for name in columns]
        fields = pa.schema([schema.field(name) for name in names])
        return pa.RecordBatchReader.from_batches(fields, self._arrow(names))

    @property
    def write(self) -> Writer:
        """A writer: write.mode("overwrite").parquet(path)."""
        from pydeepl.frame.files import Writer

        return Writer(self)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.toArrowBatches().__arrow_c_stream__(requested_schema)

    def toArrow(self) -> pa.Table:
        """All rows as an Arrow table."""
        return pa.Table.from_batches(self._arrow(), self._node.schema)

    def toPandas(self) -> pandas.DataFrame:
        """All rows as a pandas frame: numbers as numpy types, vectors as DenseVector, structs as Row."""
        from pydeepl.frame.convert import to_pandas

        return to_pandas(self)

    def collect(self) -> list[Row]:
        """All rows."""
        return list(self.toLocalIterator())

    def toLocalIterator(self, prefetchPartitions: bool = False) -> Iterator[Row]:
        """The rows, computed as they are read."""
        return chain.from_iterable(batch_rows(batch) for batch in split_rows(self._arrow(), ROWS_AT_A_TIME))

    def count(self) -> int:
        """The number of rows. No column is computed that conditions do not need."""
        return sum(batch.num_rows for batch in self._node.stream([ROW]))

    def isEmpty(self) -> bool:
        """Whether there is no row."""
        return next(self._node.stream([ROW]), None) is None

    def take(self, num: int) -> list[Row]:
        """The first rows; no more are computed than their batches hold."""
        if not is_whole(num):
            raise TypeError(f"take: expected a number of rows, got {num!r}")
        return [row for batch in self._first(num) for row in batch_rows(batch)]

    def _first(self, num: int) -> list[pa.RecordBatch]:
        with contextlib.closing(self._arrow()) as batches:  # type: ignore[type-var]
            return list(first_rows(batches, num))

    def head(self, n: int | None = None) -> Any:
        """The first row (None where there is none), or the list of the first n."""
        if n is not None:
            return self.take(n)
        return next(iter(self.take(1)), None)

    def first(self) -> Row | None:
        """The first row; None where there is none."""
        return next(iter(self.take(1)), None)

    def tail(self, num: int) -> list[Row]:
        """The last rows."""
        kept: list[pa.RecordBatch] = []
        for batch in self._arrow():
            kept.append(batch)
            while kept and sum(each.num_rows for each in kept[1:]) >= num:
                kept.pop(0)
        rows = [row for batch in kept for row in batch_rows(batch.slice(max(0, batch.num_rows - num)))]
        return rows[len(rows) - min(num, len(rows)) :]

    def foreach(self, f: Callable[[Row], Any]) -> None:
        """Calls a function with every row."""
        for row in self.toLocalIterator():
            f(row)

    def show(self, n: int = 20, truncate: bool | int = True, vertical: bool = False) -> None:
        """Prints the first rows as Spark's table.

        Parameters: n, how many; truncate, True cuts cells to 20 letters, False does not, a number says the
        letters; vertical, a line for each cell.
        """
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"show: expected a number of rows, got {n!r}")
        most = 20 if truncate is True else int(truncate)
        batches, more = self._shown(max(n, 0))
        rows = showing.shown_cells(batches, self._node.schema, most)
        if vertical:
            print(showing.vertical_text(rows, self.columns, more))
        else:
            print(showing.table_text(rows, self.columns, more, most))

    def _shown(self, n: int) -> tuple[list[pa.RecordBatch], bool]:
        """The first n rows, and whether there are more."""
        found = self._first(n + 1)
        table = pa.Table.from_batches(found, self._node.schema) if found else self._node.schema.empty_table()
        return table.slice(0, n).to_batches(), table.num_rows > n

    def _repr_html_(self) -> str:
        batches, more = self._shown(20)
        return showing.html_table(batches, self._node.schema, more)


class MissingValues:
    """frame.na."""

    def __init__(self, frame: DataFrame) -> None:
        self.drop, self.fill = frame.dropna, frame.fillna


class Complete:
    """A condition: at least so many of the columns have a value (neither null nor NaN)."""

    def __init__(self, bounds: Sequence[Bound], needed: int) -> None:
        self._bounds, self._needed = bounds, needed
        self.columns: frozenset[str] = frozenset().union(*(bound.columns for bound in bounds))

    def mask(self, batch: pa.RecordBatch) -> Mask:
        """The rows that pass."""
        count = np.zeros(batch.num_rows, int)
        for bound in self._bounds:
            column = bound.evaluate(batch)
            missing = (
                column.is_null(nan_is_null=True) if pa.types.is_floating(column.type) else column.is_null()
            )
            count += ~missing.to_numpy(zero_copy_only=False)
        mask: Mask = count >= self._needed
        return mask


def _same_kind(arrow: pa.DataType, value: Any) -> bool:
    if isinstance(value, bool):
        return bool(pa.types.is_boolean(arrow))
    if isinstance(value, int | float):
        return bool(pa.types.is_integer(arrow) or pa.types.is_floating(arrow))
    return isinstance(value, str) and bool(pa.types.is_string(arrow))


def _filled(field: pa.Field, value: Any) -> Column:
    filler = pa.scalar(int(value) if pa.types.is_integer(field.type) else value, field.type)

    def filled(column: pa.Array) -> pa.Array:
        missing = column.is_null(nan_is_null=True) if pa.types.is_floating(field.type) else column.is_null()
        return pc.if_else(missing, filler, column)

    return Column(Apply(filled, [Reference([field.name])], field.name, field.type, "never"))


class Partitions:
    """A frame's rdd: the number of its partitions, and its rows under a function."""

    def __init__(self, frame: DataFrame) -> None:
        self.frame = frame

    def getNumPartitions(self) -> int:
        """The number of partitions Spark would have."""
        return self.frame._node.partitions

    def map(self, f: Callable[[Row], Any]) -> MappedRows:
        """What a function makes of each row, for mllib's metrics, which take it in PySpark."""
        return MappedRows(self.frame, f)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"rdd.{name} is not there: a frame's rdd has getNumPartitions() and map() alone; "
            "use the frame's own methods, or collect() its rows"
        )


class MappedRows:
    """What a function makes of each row of a frame, computed as it is read."""

    def __init__(self, frame: DataFrame, function: Callable[[Row], Any]) -> None:
        self._frame, self._function = frame, function

    def __iter__(self) -> Iterator[Any]:
        return map(self._function, self._frame.toLocalIterator())

    def collect(self) -> list[Any]:
        """All of them."""
        return list(self)


def _plan_text(node: Node, indent: str = "") -> str:
    line = f"{indent}{'+- ' if indent else ''}{node.describe()}\n"
    return line + "".join(_plan_text(child, indent + "   ") for child in node.children)


def _seed(seed: int | None) -> int:
    return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> 1) if seed is None else int(seed)


def _null_column(field: pa.Field) -> Bound:
    def evaluate(batch: pa.RecordBatch) -> pa.Array:
        return pa.nulls(batch.num_rows, field.type)

    return Bound(field.with_nullable(True), frozenset(), evaluate, "NULL")


__all__ = ["DataFrame", "scan"]
