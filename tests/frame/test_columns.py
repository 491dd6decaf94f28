"""Column expressions. Oracles: Spark's rules for nulls written out, and pandas on random data."""

import numpy as np
import pandas as pd
import pytest

from pydeepl.frame import AnalysisException, ParseException, SparkSession, col, expr, lit, udf, when
from pydeepl.frame import functions as F
from pydeepl.frame.types import ArrayType, DoubleType, StructField, StructType
from pydeepl.linalg import DenseVector, VectorUDT

spark = SparkSession.builder.getOrCreate()


def values(frame, column):
    return [row[0] for row in frame.select(column).collect()]


@pytest.fixture(scope="module")
def bits():
    """Every pair of true, false and null."""
    each = [True, False, None]
    return spark.createDataFrame([(a, b) for a in each for b in each], "a boolean, b boolean")


def test_three_valued_logic(bits):
    assert values(bits, col("a") & col("b")) == [True, False, None, False, False, False, None, False, None]
    assert values(bits, col("a") | col("b")) == [True, True, True, True, False, None, True, None, None]
    assert values(bits, ~col("a")) == [False] * 3 + [True] * 3 + [None] * 3
    assert values(bits, col("a") == col("b")) == [True, False, None, False, True, None, None, None, None]
    assert values(bits, col("a").eqNullSafe(col("b"))) == [
        True,
        False,
        False,
        False,
        True,
        False,
        False,
        False,
        True,
    ]
    assert bits.filter(~(col("a") & col("b"))).count() == 5  # null is not true
    assert bits.filter(col("a").isNull() | col("b").isNotNull()).count() == 7


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "i": rng.integers(-50, 50, 500).astype(np.int32),
            "j": rng.integers(1, 9, 500),
            "x": rng.normal(size=500),
            "s": rng.choice(["alpha", "Beta", "gam_ma", "de%ta"], 500),
        }
    )
    return table, spark.createDataFrame(table)


@pytest.mark.parametrize(
    "build",
    [
        lambda c: c("i") + c("j") * 2 - 1,
        lambda c: 3 - c("i"),
        lambda c: c("i") / c("j"),
        lambda c: 1 / c("j"),
        lambda c: -c("x") * c("i"),
        lambda c: c("j") ** 2,
        lambda c: (c("i") > 3) & (c("x") <= 0.5) | ~(c("j") == 4),
        lambda c: (c("i") != c("j")) | (c("x") >= 1) & (c("x") < 2),
    ],
)
def test_arithmetic_and_comparisons_are_pandas(numbers, build):
    table, frame = numbers
    expected = build(lambda name: table[name].astype("int64") if name == "i" else table[name])
    assert np.allclose(values(frame, build(col)), expected, rtol=1e-15, atol=0)


def test_remainders_take_the_dividends_sign(numbers):
    table, frame = numbers
    assert values(frame, col("i") % col("j")) == np.fmod(table.i, table.j).tolist()


def test_text_functions_are_pythons(numbers):
    table, frame = numbers
    s = table.s.tolist()
    assert values(frame, col("s").startswith("al")) == [t.startswith("al") for t in s]
    assert values(frame, col("s").endswith("ta")) == [t.endswith("ta") for t in s]
    assert values(frame, col("s").contains("m_m")) == ["m_m" in t for t in s]
    assert values(frame, col("s").like("g_m_m_")) == [t == "gam_ma" for t in s]
    assert values(frame, col("s").like(r"de\%%")) == [t == "de%ta" for t in s]
    assert values(frame, col("s").rlike("^[A-Z]")) == [t[0].isupper() for t in s]
    assert values(frame, col("s").substr(2, 3)) == [t[1:4] for t in s]
    assert values(frame, col("s").substr(0, 3)) == [t[:3] for t in s]
    assert values(frame, F.upper("s")) == [t.upper() for t in s]
    assert values(frame, F.length("s")) == [len(t) for t in s]
    assert values(frame, F.concat("s", lit("-"), "i")) == [
        f"{t}-{i}" for t, i in zip(s, table.i, strict=True)
    ]
    assert values(frame, F.regexp_replace("s", "(.)a", "$1o")) == [
        __import__("re").sub("(.)a", r"\1o", t) for t in s
    ]
    assert values(frame, F.split("s", "[_%]")) == [__import__("re").split("[_%]", t) for t in s]


def test_choices(numbers):
    table, frame = numbers
    column = when(col("i") > 20, "high").when(col("i") > 0, lit("low")).otherwise("none")
    expected = np.select([table.i > 20, table.i > 0], ["high", "low"], "none").tolist()
    assert values(frame, column) == expected
    assert values(frame, when(col("i") > 20, 1)) == [1 if i > 20 else None for i in table.i]
    assert (
        values(frame, col("j").isin(1, 2))
        == values(frame, col("j").isin([1, 2]))
        == table.j.isin([1, 2]).tolist()
    )
    assert values(frame, col("i").between(-3, 3)) == table.i.between(-3, 3).tolist()
    assert not any(values(frame, col("j").isin([])))


def test_types_follow_sparks_rules(numbers):
    _, frame = numbers
    made = frame.select(
        (col("i") + 1).alias("a"),
        (col("i") + col("j")).alias("b"),
        (col("i") / 2).alias("c"),
        (col("i") * 1.5).alias("d"),
        col("x").cast("int").alias("e"),
        (col("i") > 1).alias("f"),
        F.length("s").alias("g"),
        lit(2**40).alias("h"),
    )
    assert [kind for _, kind in made.dtypes] == [
        "int",
        "bigint",
        "double",
        "double",
        "int",
        "boolean",
        "int",
        "bigint",
    ]


def test_names_are_sparks():
    frame = spark.createDataFrame([(1, True, "x")], "i int, b boolean, s string")
    columns = [
        col("i") + 1,
        -col("i"),
        ~col("b"),
        col("i").isin(1, 2),
        col("s").isNull(),
        col("s").like("a%"),
    ]
    columns += [
        col("i") ** 2,
        F.coalesce("s", lit("z")),
        when(col("b"), 1).otherwise(0),
        col("s").eqNullSafe("a"),
    ]
    assert frame.select(columns).columns == [
        "(i + 1)",
        "negative(i)",
        "(NOT b)",
        "(i IN (1, 2))",
        "(s IS NULL)",
        "s LIKE a%",
        "POWER(i, 2)",
        "coalesce(s, z)",
        "CASE WHEN b THEN 1 ELSE 0 END",
        "(s <=> a)",
    ]


def test_casts():
    frame = spark.createDataFrame([(1.9, "3", True), (-1.9, "7", False)], ["d", "s", "b"])
    assert values(frame, col("d").cast("int")) == [1, -1]
    assert values(frame, col("s").cast("bigint")) == [3, 7]
    assert values(frame, col("b").cast("int")) == [1, 0]
    assert values(frame, (col("d") * 1e9).cast("string")) == ["1.9E9", "-1.9E9"]
    assert values(frame, col("s").cast(DoubleType())) == [3.0, 7.0]
    bad = spark.createDataFrame([("3",), ("x",)], ["s"])
    assert values(bad, col("s").try_cast("int")) == [3, None]
    with pytest.raises(ValueError, match="Could not convert string 'x'"):
        values(bad, col("s").cast("int"))
    with pytest.raises(ValueError, match="unknown type 'integr'"):
        col("s").cast("integr")


def test_division_by_zero_is_an_error_unless_null():
    frame = spark.createDataFrame([(1, 2.0), (None, 3.0)], "i int, d double")
    assert values(frame, lit(None).cast("int") / col("d")) == [None, None]
    with pytest.raises(ValueError, match="Division by zero"):
        values(frame, col("d") / 0)


def test_structs_lists_and_maps():
    schema = "p struct<x:int,q:struct<y:string>>, a array<int>, m map<string,int>"
    frame = spark.createDataFrame([((1, ("u",)), [5, 6], {"k": 7}), (None, None, None)], schema)
    assert values(frame, "p.x") == [1, None] and frame.select("p.q.y").columns == ["y"]
    assert (
        values(frame, col("p")["q"]["y"])
        == values(frame, col("p").getField("q").getField("y"))
        == ["u", None]
    )
    assert values(frame, frame.p.x + 1) == [2, None]
    assert values(frame, col("a")[1]) == [6, None] and values(frame, col("a").getItem(9)) == [None, None]
    assert values(frame, col("m")["k"]) == [7, None]
    assert frame.select("p.*").columns == ["x", "q"]
    assert values(frame, F.size("a"))[0] == 2 and values(frame, F.struct("p.x", "a"))[0] == (1, [5, 6])
    with pytest.raises(AnalysisException, match=r"no field of p 'z'.*There are: x, q"):
        frame.select("p.z")
    with pytest.raises(AnalysisException, match=r"p\.x is int32 and has no field"):
        frame.select("p.x.y")


def test_python_functions():
    frame = spark.createDataFrame([(1, "a"), (None, "b")], "i int, s string")

    @udf(returnType="int")
    def double(x):
        return None if x is None else 2 * x

    assert values(frame, double("i")) == [2, None] and frame.select(double("i")).columns == ["double(i)"]
    joined = udf(lambda s, i: f"{s}{i}")
    assert values(frame, joined(col("s"), "i")) == ["a1", "bNone"]
    assert frame.filter(double(col("i")) == 2).count() == 1
    pair = udf(lambda s: (s, len(s)), StructType([StructField("t", "string"), StructField("n", "int")]))
    assert frame.select(pair("s").alias("p")).select("p.n").collect() == [(1,), (1,)]
    assert values(frame, udf(lambda i: [1.0, 2.0], ArrayType(DoubleType()))("i")) == [[1.0, 2.0]] * 2
    assert values(frame, udf(lambda i: DenseVector([1, 2]), VectorUDT())("i")) == [DenseVector([1, 2])] * 2
    wrong = udf(lambda i: "text", "int")
    with pytest.raises(TypeError, match="row 0: expected int32, found 'text' of type str"):
        values(frame, wrong("i"))


def test_vectors_to_lists_and_back():
    frame = spark.createDataFrame([(DenseVector([1, 2]),), (None,)], ["v"])
    lists = frame.select(F.vector_to_array("v").alias("a"))
    assert lists.dtypes == [("a", "array<double>")] and values(lists, "a") == [[1.0, 2.0], None]
    assert values(lists, F.array_to_vector("a")) == [DenseVector([1, 2]), None]
    assert values(frame, col("v").isNull()) == [False, True]


def test_texts_with_fractions_are_no_whole_numbers():
    """DuckDB rounds them; Spark refuses them, and try_cast gives null."""
    frame = spark.createDataFrame([(" 12 ",), ("-3",), (None,)], ["s"])
    assert values(frame, col("s").cast("int")) == [12, -3, None]
    frame = spark.createDataFrame([("1.5",), ("1e3",), ("7",), (None,)], ["s"])
    assert values(frame, col("s").try_cast("bigint")) == [None, None, 7, None]
    assert values(frame, col("s").cast("double")) == [1.5, 1000.0, 7.0, None]
    with pytest.raises(ValueError, match=r"Could not convert string 1\.5 to a whole number"):
        values(frame, col("s").cast("int"))


def test_names_in_sql_text_with_and_without_as():
    frame = spark.createDataFrame([(1, None)], "i int, s string")
    texts = ["i AS j", "i + 1 k", "coalesce(s, 'q') `l`", "i is null", "case when i > 1 then 1 end"]
    named = frame.selectExpr(*texts)
    assert named.columns[:3] == ["j", "k", "l"] and named.first()[:4] == (1, 2, "q", False)


def test_sql_text():
    frame = spark.createDataFrame(
        [(1, "a", (5,)), (2, 'b"c', (6,)), (None, "it's", None)], "i int, s string, p struct<x:int>"
    )
    assert frame.filter("i > 1 and p.x = 6").count() == 1
    assert frame.filter('s = "a" or `i` <=> null').count() == 2
    assert frame.where("s = 'it''s'").count() == 1 and frame.filter("I IN (1, 2)").count() == 2
    assert values(frame, expr("i + 1 AS k")) == [2, 3, None] and frame.select(expr("i + 1 AS k")).columns == [
        "k"
    ]
    assert frame.selectExpr("*", "upper(s) as u").columns == ["i", "s", "p", "u"]
    assert values(frame, expr("case when i = 1 then 'one' else 'more' end")) == ["one", "more", "more"]
    with pytest.raises(ParseException):
        frame.filter("i >")
    with pytest.raises(AnalysisException, match="no column 'j'"):
        frame.filter("j > 1")
    with pytest.raises(AnalysisException, match="expected true or false"):
        frame.filter("i + 1")


def test_random_columns_are_repeatable():
    frame = spark.range(20_000)
    column = values(frame, F.rand(5))
    assert (
        column == values(frame, F.rand(5)) != values(frame, F.rand(6))
        and min(column) >= 0
        and max(column) < 1
    )
    normal = np.array(values(frame, F.randn(5)))
    assert abs(normal.mean()) < 4 / np.sqrt(20_000) and abs(normal.std() - 1) < 4 / np.sqrt(40_000)
    assert values(frame.filter("id > 19997"), F.monotonically_increasing_id()) == [19998, 19999]


def test_unknown_columns_are_named_with_near_ones():
    frame = spark.createDataFrame([(1, 2)], ["label", "features"])
    for make in (
        lambda: frame.select("lable"),
        lambda: frame["lable"],
        lambda: frame.withColumn("x", col("lable") + 1),
    ):
        with pytest.raises(
            AnalysisException, match=r"no column 'lable'. Did you mean 'label'\? There are: label, features"
        ):
            make()
    with pytest.raises(AttributeError, match="no column 'lable'; columns: label, features"):
        _ = frame.lable


def test_misuse_is_told():
    frame = spark.createDataFrame([(1,)], ["a"])
    with pytest.raises(ValueError, match="use '&' for 'and'"):
        bool(col("a") == 1)
    with pytest.raises(TypeError, match=r"expected a Column, such as lit\(0\), got 3"):
        frame.withColumn("b", 3)
    with pytest.raises(TypeError, match="expected a Column or SQL text"):
        frame.filter(3)
    with pytest.raises(AnalysisException, match="a would be there twice"):
        frame.select("a", col("a") + 1, "a")
    with pytest.raises(AnalysisException, match="needs agg"):
        frame.withColumn("b", F.max("a"))


def test_column_operations_of_frames():
    frame = spark.createDataFrame([(1, "x", True)], ["a", "b", "c"])
    assert frame.withColumn("B", lit(1)).columns == ["a", "B", "c"] and frame.select("A").columns == ["A"]
    assert frame.withColumns({"d": col("a") + 1, "a": lit(9)}).collect() == [(9, "x", True, 2)]
    assert frame.withColumnRenamed("a", "z").withColumnRenamed("none", "y").columns == ["z", "b", "c"]
    assert frame.drop("b", "none").drop(col("c")).columns == ["a"] and frame.toDF("p", "q", "r").columns == [
        "p",
        "q",
        "r",
    ]
    assert (
        frame[["a", "c"]].columns == ["a", "c"] and frame[frame.a == 1].count() == 1 and frame[0] is not None
    )
    assert frame.select("*", lit(None).alias("n")).schema["n"].dataType.simpleString() == "void"


def test_missing_values():
    frame = spark.createDataFrame(
        [(1, 1.0, "a"), (None, float("nan"), None), (3, None, "c")], "i int, d double, s string"
    )
    assert [row.i for row in frame.dropna().collect()] == [1]
    assert [row.i for row in frame.na.drop("all").collect()] == [1, 3]
    assert [row.i for row in frame.dropna(subset=["s"]).collect()] == [1, 3]
    assert [row.i for row in frame.dropna(thresh=2).collect()] == [1, 3]
    assert frame.fillna(0).collect() == [(1, 1.0, "a"), (0, 0.0, None), (3, 0.0, "c")]
    assert frame.na.fill({"s": "?", "d": 5}).collect()[1] == (None, 5.0, "?")
    with pytest.raises(TypeError, match="s is string and cannot be filled with 1"):
        frame.fillna({"s": 1})


def test_metadata_stays_with_its_column():
    frame = spark.range(2).withColumn("label", lit(1).alias("x", metadata={"ml_attr": {"vals": ["a", "b"]}}))
    kept = frame.withColumnRenamed("label", "y").filter("id = 1").union(frame).cache()
    assert kept.schema["y"].metadata == {"ml_attr": {"vals": ["a", "b"]}}
    assert kept.toArrow().schema.field("y").metadata == {b"ml_attr": b'{"vals": ["a", "b"]}'}
