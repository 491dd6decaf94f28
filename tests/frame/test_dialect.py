"""SQL text that DuckDB and Spark both read, and take for different things: it means what Spark means."""

import math

import pytest

from pydeepl.frame import SparkSession
from pydeepl.frame.dialect import with_whole_casts

spark = SparkSession.builder.getOrCreate()
ROWS = [(1, "abc", 1.5), (2, "", -2.5), (-3, None, None), (7, " x ", 2.7)]

# What PySpark 4.3 gives for the rows of ROWS.
SPARKS = {
    "cast(d as int)": [1, -2, None, 2],
    "CAST (coalesce(d, cast('4' as bigint)) AS Integer )": [1, -2, 4, 2],
    "cast(i = 1 as int)": [1, 0, 0, 0],
    "cast(2.7 as int)": [2] * 4,
    "try_cast(d as int)": [1, -2, None, 2],
    "try_cast('1.5' as int)": [None] * 4,
    "try_cast('nan' as int)": [None] * 4,
    "try_cast(cast('nan' as double) as int)": [None] * 4,
    "cast(d as double)": [1.5, -2.5, None, 2.7],
    "concat(s, 'x', i)": ["abcx1", "x2", None, " x x7"],
    "substring('abc', 0, 2)": ["ab"] * 4,
    "substr('abc', -2)": ["bc"] * 4,
    "left('abc', -1)": [""] * 4,
    "right('abc', 2)": ["bc"] * 4,
    "regexp_replace('aba', 'a', 'x')": ["xbx"] * 4,
    "regexp_replace('aba', '(b)', '[$1]')": ["a[b]a"] * 4,
    "log(10)": [math.log(10)] * 4,
    "round(log(2, i), 9)": [0.0, 1.0, None, round(math.log2(7), 9)],
    "ln(i) is null": [False, False, True, False],
    "floor(d)": [1, -3, None, 2],
    "ceil(d)": [2, -2, None, 3],
    "isnan(d)": [False] * 4,
    "5 ^ 3": [6] * 4,
    "i / 2": [0.5, 1.0, -1.5, 3.5],
    "nvl(d, 0)": [1.5, -2.5, 0.0, 2.7],
    "split('p/q', '/')[0]": ["p"] * 4,
    "element_at(split('p/q/r', '/'), -2)": ["q"] * 4,
    "array(array(i, 5), array(6))[0][1]": [5] * 4,
    "startswith(s, 'a')": [True, False, None, False],
}


@pytest.fixture(scope="module")
def frame():
    return spark.createDataFrame(ROWS, "i bigint, s string, d double")


@pytest.mark.parametrize("text", SPARKS)
def test_expressions_mean_what_they_mean_in_spark(frame, text):
    found = frame.selectExpr(f"{text} AS x").collect()
    assert [row.x for row in found] == SPARKS[text]
    assert {type(row.x) for row in found} == {type(value) for value in SPARKS[text]}


def test_queries_do_too(own_session, frame):
    frame.createOrReplaceTempView("t")
    found = own_session.sql("SELECT cast(d AS int) AS x, log(10) AS y, i / 2 AS z FROM t WHERE floor(d) = 2")
    assert found.collect() == [(2, math.log(10), 3.5)]


@pytest.mark.parametrize(
    "text, message", [("i / 0", "Division by zero"), ("cast('1.5' as int)", "string 1.5")]
)
def test_what_spark_refuses_is_refused(frame, text, message):
    with pytest.raises(ValueError, match=message):
        frame.selectExpr(text).collect()


def test_places_in_arguments_of_registered_functions(own_session):
    own_session.udf.register("twice", lambda x: 2 * x, "bigint")
    own_session.createDataFrame([([7, 8],)], ["a"]).createOrReplaceTempView("t")
    found = own_session.sql(
        "SELECT twice(a[0]) AS x, a[1] AS y, '[0]' AS z, twice(cast(a[1] / 3 AS int)) AS w FROM t"
    )
    assert found.collect() == [(14, 8, "[0]", 4)]
    assert own_session.sql("SELECT a[2] AS x, a[-1] AS y FROM t").collect() == [(None, None)]
    assert own_session.table("t").selectExpr("twice(a[1]) AS x").collect() == [(16,)]


def test_casts_are_found_outside_of_texts_and_names():
    same = """SELECT 'cast(x as int)', "cast(y as int)", cast(x AS varchar), f(cast(a as date)), y as int)"""
    assert with_whole_casts(same) == same
    nested = with_whole_casts("cast(f(cast(x as int), ')') as long)")
    assert nested == "cast(whole_number(f(cast(whole_number(x ) as int), ')') ) as long)"
