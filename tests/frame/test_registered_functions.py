"""Functions registered by name, in SQL text of every kind. The oracle is Python over the rows."""

import pyarrow as pa
import pytest

from pydeepl.frame import AnalysisException, udf
from pydeepl.frame.functions import expr


@pytest.fixture
def spark(own_session):
    return own_session


@pytest.fixture
def calls(spark):
    """Two views t and u, functions twice and pair, and the arguments twice was called with."""
    seen = []

    def twice(number):
        seen.append(number)
        return None if number is None else 2 * number

    rows = [(number, f"p{number}", None if number == 3 else bytes([number])) for number in range(6)]
    schema = "label int, path string, data binary"
    spark.createDataFrame(rows, schema).createOrReplaceTempView("t")
    spark.createDataFrame([(1, 10), (4, 40)], "label int, score int").createOrReplaceTempView("u")
    spark.udf.register("twice", twice, "int")
    spark.udf.register("pair", lambda number, text: [number, len(text)], "array<int>")
    return seen


def rows_of(frame):
    return [tuple(row) for row in frame.collect()]


CASES = {
    "SELECT twice(label) FROM t": [(0,), (2,), (4,), (6,), (8,), (10,)],
    "select TWICE(label) as d, path from T where label > 3": [(8, "p4"), (10, "p5")],
    "SELECT twice(twice(label)) + 1 AS n FROM t WHERE twice(label) > 7": [(17,), (21,)],
    "SELECT twice(t.label % 2) AS k, count(*) AS n FROM t GROUP BY k ORDER BY k": [(0, 3), (2, 3)],
    "SELECT twice(label % 2) FROM t GROUP BY twice(label % 2) ORDER BY 1": [(0,), (2,)],
    "SELECT DISTINCT twice(label % 2) AS k FROM t ORDER BY k DESC": [(2,), (0,)],
    "SELECT twice(-label) AS d FROM t ORDER BY d LIMIT 2": [(-10,), (-8,)],
    "SELECT twice(-label) AS d FROM t ORDER BY 1 LIMIT 2": [(-10,), (-8,)],
    "SELECT pair(label, path)[0] AS a, pair(label, path)[1] FROM t WHERE label = 5": [(5, 2)],
    "SELECT pair(label, path) AS a FROM t WHERE label = 5": [([5, 2],)],
    "SELECT pair(label, 'it''s') FROM t WHERE label = 1": [([1, 4],)],
    "SELECT sum(twice(label)) AS s FROM t": [(30,)],
    "WITH x AS (SELECT twice(label) AS d FROM t) SELECT d + 1 FROM x WHERE d > 8": [(11,)],
    "SELECT d FROM (SELECT twice(label) AS d FROM t) WHERE d > 8": [(10,)],
    "SELECT a.path, twice(b.score) FROM t a JOIN u AS b ON a.label = b.label": [("p1", 20), ("p4", 80)],
    "SELECT path, twice(score) FROM t JOIN u USING (label)": [("p1", 20), ("p4", 80)],
    "SELECT twice(label) FROM u UNION ALL SELECT twice(score) FROM u": [(2,), (8,), (20,), (80,)],
    "SELECT CASE WHEN twice(label) = 2 THEN 'two' ELSE path END AS c FROM t LIMIT 2": [("p0",), ("two",)],
    "SELECT label, data, twice(label) FROM t WHERE label = 3": [(3, None, 6)],
}


@pytest.mark.parametrize("sql", CASES)
def test_sql(spark, calls, sql):
    assert rows_of(spark.sql(sql)) == CASES[sql]


def test_a_star_gives_the_views_own_columns_and_names_are_the_calls(spark, calls):
    frame = spark.sql("SELECT *, twice(label), twice(label) + 1 FROM t")
    assert frame.columns == ["label", "path", "data", "twice(label)", "(twice(label) + 1)"]
    assert rows_of(frame)[4] == (4, "p4", b"\4", 8, 9)
    assert spark.sql("SELECT t.* FROM t WHERE twice(label) = 2").columns == ["label", "path", "data"]


def test_only_rows_of_the_result_are_computed(spark, calls):
    assert rows_of(spark.sql("SELECT twice(label) FROM t WHERE label > 2 ORDER BY path DESC LIMIT 2")) == [
        (10,),
        (8,),
    ]
    assert sorted(calls) == [4, 5]


def test_text_of_columns(spark, calls):
    frame = spark.table("t")
    selected = frame.selectExpr("twice(label) AS z", "twice(label)", "twice(label) * label AS s", "path")
    assert selected.columns == ["z", "twice(label)", "s", "path"]
    assert rows_of(selected)[3] == (6, 6, 18, "p3")
    assert rows_of(frame.filter("twice(label) > 8 AND label < 9").select("label")) == [(5,)]
    assert rows_of(frame.agg(expr("sum(twice(label)) AS s"))) == [(30,)]


def test_what_register_gives_is_a_function_of_columns(spark, calls):
    again = spark.udf.register("next", udf(lambda number: number + 1, "int"))
    assert rows_of(spark.table("u").select(again("label"))) == [(2,), (5,)]
    assert rows_of(spark.sql("SELECT next(label) FROM u")) == [(2,), (5,)]
    text = spark.udf.register("text", str)
    assert rows_of(spark.table("u").select(text("label"))) == [("1",), ("4",)]


def test_the_catalog_knows_functions_and_stop_forgets_them(spark, calls):
    assert [each.name for each in spark.catalog.listFunctions()] == ["pair", "twice"]
    assert spark.catalog.functionExists("Twice") and not spark.catalog.functionExists("thrice")
    spark.stop()
    assert spark.catalog.listFunctions() == []


@pytest.mark.parametrize(
    "sql, message",
    [
        ("SELECT twice(1)", "twice: expected a column of a view"),
        ("SELECT twice(x.label) FROM (SELECT label FROM t) x", "twice: x.label is no column of a view"),
        ("WITH x AS (SELECT * FROM t) SELECT twice(label) FROM x", "call it inside"),
        ("SELECT twice(t.label + u.label) FROM t, u", "its arguments are columns of t and u"),
        (
            "SELECT twice(nothing) FROM t",
            r"nothing is no column of a view in the same FROM .t has (\w+, )*label",
        ),
        ("SELECT twice(label) FROM nowhere", "twice: there is no view 'nowhere'"),
        ("SELECT thrice(label) FROM t", "thrice"),
    ],
)
def test_calls_that_cannot_be(spark, calls, sql, message):
    with pytest.raises(AnalysisException, match=message):
        spark.sql(sql)


def test_bad_registrations(spark):
    with pytest.raises(ValueError, match="'my udf' is no name"):
        spark.udf.register("my udf", str)
    with pytest.raises(TypeError, match="f: expected a function, got int"):
        spark.udf.register("f", 3)
    with pytest.raises(TypeError, match="returnType has to be left out"):
        spark.udf.register("f", udf(str), "string")


def test_a_name_with_a_quote_and_columns_with_spaces(spark, calls):
    spark.createDataFrame(pa.table({"a b": [1, 2], 'q"': [3, 4]})).createOrReplaceTempView("odd")
    assert rows_of(spark.sql('SELECT twice(`a b`) AS x, twice(`q"`) AS y FROM odd')) == [(2, 6), (4, 8)]
