"""The same code on pydeepl and on a live PySpark prints the same text, to the letter."""

import contextlib
import datetime
import io
import os
import re
import sys
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def engines():
    """(pydeepl, PySpark): session, functions, types, Row and Vectors of each."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    import pyspark.ml.linalg
    import pyspark.sql

    import pydeepl.frame.functions
    import pydeepl.frame.types
    import pydeepl.linalg
    from pydeepl.frame import Row, SparkSession

    builder = pyspark.sql.SparkSession.builder.master("local[1]")
    builder = builder.config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "1")
    real = builder.getOrCreate()
    real.sparkContext.setLogLevel("OFF")
    ours = SimpleNamespace(
        spark=SparkSession.builder.getOrCreate(),
        F=pydeepl.frame.functions,
        T=pydeepl.frame.types,
        L=pydeepl.linalg,
        Row=Row,
    )
    theirs = SimpleNamespace(
        spark=real, F=pyspark.sql.functions, T=pyspark.sql.types, L=pyspark.ml.linalg, Row=pyspark.sql.Row
    )
    yield ours, theirs
    real.stop()


def frame(e):
    """A frame with a column of each kind."""
    field, kinds = e.T.StructField, e.T
    inner = kinds.StructType([field("x", kinds.IntegerType(), False), field("y", kinds.StringType())])
    schema = kinds.StructType(
        [
            field("i", kinds.IntegerType(), False),
            field("s", kinds.StringType()),
            field("d", kinds.DoubleType()),
            field("n", kinds.LongType()),
            field("b", kinds.BinaryType()),
            field("a", kinds.ArrayType(kinds.IntegerType())),
            field("m", kinds.MapType(kinds.StringType(), kinds.IntegerType())),
            field("st", inner),
            field("v", e.L.VectorUDT()),
            field("bo", kinds.BooleanType()),
            field("da", kinds.DateType()),
            field("ts", kinds.TimestampType()),
            field("f", kinds.FloatType()),
        ]
    )
    day, moment = datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3, 4, 5, 6000)
    dense, sparse = e.L.Vectors.dense([1, 2.5e-7]), e.L.Vectors.sparse(3, [0, 2], [1.0, 3.0])
    one, two = e.Row(x=1, y=None), e.Row(x=2, y="z")
    rows = [
        (1, "a", 1.5, None, b"\x89PN", [1, None], {"k": 1}, one, dense, True, day, moment, 0.1),
        (2, None, 1e10, 7, None, None, None, None, sparse, False, None, None, None),
        (-3, "long text " * 4, -0.0, -1, b"", [5], {}, two, None, None, day, None, 1e9),
    ]
    return e.spark.createDataFrame(rows, schema)


def label_frames(e):
    one = e.spark.createDataFrame([(1, "x"), (2, "y"), (None, "z")], ["k", "l"])
    two = e.spark.createDataFrame([(1, 1.0), (1, 2.0), (3, 3.0), (None, 4.0)], ["k", "r"])
    return one, two


def shown(df):
    """The schema, types and rows, printed."""
    df.printSchema()
    print(df.dtypes, df)
    df.show()
    df.show(truncate=False)


def expressions(e):
    col, lit, F = e.F.col, e.F.lit, e.F
    shown(
        frame(e).select(
            lit(None).alias("nothing"),
            lit(0),
            lit("text"),
            lit(1.5),
            lit(True),
            lit(3000000000),
            col("i") + 1,
            col("i") / 2,
            col("i") % 2,
            -col("i"),
            2 - col("n"),
            col("i") * 1.5,
            col("i") ** 2,
            col("i") == 1,
            col("i") != 1,
            ~col("bo"),
            (col("i") > 1) & col("bo"),
            (col("n") > 1) | col("bo"),
            col("n").eqNullSafe(7),
            col("i").isin(1, 2),
            col("i").between(1, 2),
            col("st.x"),
            col("st").getField("y"),
            col("a")[0],
            col("s").isNull(),
            col("s").isNotNull(),
            col("s").like("a%"),
            col("s").startswith("a"),
            col("s").contains("text"),
            col("i").cast("double").alias("as double"),
            col("d").cast("string").alias("as string"),
            col("bo").cast("int").alias("as int"),
            F.when(col("i") > 1, "more").otherwise("less"),
            F.when(col("n") > 1, col("n")),
            F.upper("s"),
            F.length("s"),
            F.abs("i"),
            F.coalesce("s", lit("none")),
            F.concat("s", lit("!")),
        )
    )


def null_semantics(e):
    col = e.F.col
    bits = e.spark.createDataFrame(
        [(a, b) for a in (True, False, None) for b in (True, False, None)], "a boolean, b boolean"
    )
    bits.select("a", "b", col("a") & col("b"), col("a") | col("b"), ~col("a"), col("a") == col("b")).show()
    for condition in ("a and b", "not a", "a is null or b", "a <=> b", "a = b", "not (a and b)"):
        print(condition, bits.filter(condition).count())
    numbers = e.spark.createDataFrame([(1.0,), (float("nan"),), (None,), (-1.0,)], "d double")
    numbers.orderBy("d").show()
    numbers.orderBy(col("d").desc()).show()
    for condition in ("d > 0", "d = d", "isnan(d)", "d < 0 or d is null"):
        print(condition, numbers.filter(condition).count())


def filters(e):
    df, col = frame(e), e.F.col
    for condition in (
        "i > 1",
        "s = 'a' and bo",
        "st.x = 2",
        "i in (1, 2)",
        "s like 'long%'",
        "n is not null",
        's = "a"',
    ):
        print(condition, [row.i for row in df.filter(condition).select("i").collect()])
    print([row.i for row in df[(col("i") < 2) & col("s").isNotNull()].collect()])
    df.select("I", "S").withColumn("i", e.F.lit(5)).printSchema()
    df.dropna(subset=["s", "n"]).select("i", "s").show()
    df.fillna(0).fillna("none").select("i", "s", "d", "n", "f").show()


def unions(e):
    df = frame(e)
    big = e.spark.createDataFrame([(3000000000,)], ["z"])
    shown(df.select("i").union(big))
    shown(df.select("i").union(df.select("d")))
    df.select("i").union(df.select("f")).printSchema()
    df.select("n").union(df.select("f")).printSchema()
    df.select("i").union(df.select("s")).printSchema()
    shown(df.select("s", "i").unionByName(df.select("i", "s")))
    shown(df.select("i").unionByName(df.select("s"), allowMissingColumns=True))
    labelled = (
        df.select("s").withColumn("label", e.F.lit(0)).union(df.select("s").withColumn("label", e.F.lit(1)))
    )
    shown(labelled)


def groups(e):
    df, F = frame(e), e.F
    df.groupBy("bo").count().printSchema()
    shown(df.groupBy("bo").agg(F.sum("i"), F.avg("i"), F.min("i"), F.max("d"), F.count("*"), F.count("n")))
    shown(df.groupBy("bo").agg(F.countDistinct("i"), F.stddev("i"), F.sum("d")).orderBy("bo"))
    df.groupBy("bo").agg({"i": "sum"}).printSchema()
    df.agg(F.max("i"), F.sum("n")).show()
    df.select("i", "s", "d").describe().show()
    df.select("bo").distinct().orderBy("bo").show()


def joins(e):
    one, two = label_frames(e)
    for how in ("inner", "left", "right", "outer", "semi", "anti"):
        joined = one.join(two, "k", how)
        joined.printSchema()
        joined.orderBy(*joined.columns).show()
    one.crossJoin(two.withColumnRenamed("k", "m")).orderBy("k", "m", "r").show()
    one.join(two.withColumnRenamed("k", "m"), e.F.col("k") < e.F.col("m")).orderBy("k", "r").show()


def views(e):
    one, two = label_frames(e)
    one.createOrReplaceTempView("one")
    two.createOrReplaceTempView("two")
    e.spark.sql("select k, count(*) as n, sum(r) as total from two group by k order by k").show()
    e.spark.sql("select l, r from one join two using (k) where r > 1 order by r desc limit 3").show()
    e.spark.sql(
        "select upper(l) as u, case when k = 1 then 'one' else 'more' end as name from one order by l"
    ).show()


def rows(e):
    df = frame(e)
    print(df.collect(), df.first(), df.head(1), df.take(2), df.tail(1), df.isEmpty(), df.count())
    row = df.first()
    print(row.asDict(True), row.st.x, row["s"], "s" in row, len(row), row)
    print(e.Row("a", "b")(1, 2), e.Row(a=1, b=e.Row(c=2)).asDict(True), e.Row("a", "b"))
    print(df.schema, df.schema.simpleString(), df.schema.json(), df.schema.fieldNames(), df.schema["i"])
    df.show(1, truncate=5)
    df.show(vertical=True)
    df.show(2, vertical=True, truncate=False)
    df.limit(0).show()
    e.spark.range(25).show()
    e.spark.range(3).printSchema()


def made_from_rows(e):
    make, Row = e.spark.createDataFrame, e.Row
    shown(make([{"a": 1, "b": "x"}, {"a": 2}]))
    shown(make([Row(a=1, b=None), Row(a=2, b=2.0)]))
    shown(make([1, 2], "int"))
    shown(make([(1, [1.0], {"a": 1}, (1, "x"), b"s")], ["a", "b", "c", "d", "e"]))
    shown(make([(1, "x")], "a int not null, b string"))
    shown(make([("a\nb\tc",), ("数字",)], ["text"]))


def python_functions(e):
    df, udf = frame(e), e.F.udf
    plus = udf(lambda x: None if x is None else x + 1, "bigint")
    shown(df.select(plus("n").alias("q"), udf(lambda s: s)("s").alias("r")))
    pair = e.T.StructType([e.T.StructField("t", e.T.StringType()), e.T.StructField("n", e.T.IntegerType())])
    shown(df.select(udf(lambda i: (str(i), i), pair)("i").alias("p")).select("p", "p.n"))


@pytest.mark.parametrize(
    "script",
    [
        expressions,
        null_semantics,
        filters,
        unions,
        groups,
        joins,
        views,
        rows,
        made_from_rows,
        python_functions,
    ],
)
def test_the_same_text(engines, script):
    printed = []
    for engine in engines:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            script(engine)
        printed.append(out.getvalue())
    ours, theirs = printed
    assert ours == theirs


def test_the_same_kinds_of_error(engines):
    attempts = [
        lambda e: frame(e).select("zz"),
        lambda e: frame(e).filter("zz > 1"),
        lambda e: frame(e)["zz"],
        lambda e: frame(e).union(frame(e).select("i")),
        lambda e: frame(e).select("i").union(frame(e).select("bo")),
    ]
    for attempt in attempts:
        for engine in engines:
            with pytest.raises(Exception) as caught:
                attempt(engine)
            assert re.search("AnalysisException", type(caught.value).__name__)
